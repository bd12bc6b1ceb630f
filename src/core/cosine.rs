//! The seed formula as a scorer: how far an ad points where the shopper and the page point.
//!
//! It needs no model, so it is the first paint, the fallback and the baseline.

use crate::feature::{Feature, Features, Values};
use crate::scorer::{Scorer, ScorerError};

/// Share of the item's own weight. Content says what is alike; that shoppers come back to the very item they
/// looked at is half of what is known of a session. At 0 returning items drown in their category; at 1 nothing
/// new is shown.
const ITEM: f32 = 0.6;
const PROFILE: f32 = 0.2;
const CONTEXT: f32 = 0.2;

/// The profile's cosine, the page's, and the interest in the item itself, moved to 0..1. Without any of them
/// every ad scores 0.5.
///
/// In the formula's terms, every item has a dimension of its own beside those of its content.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cosine;

/// What the content counts: the cosine with the profile and that with the page, weighed. Linear, so it also makes one
/// vector of the two that an ad's is compared with.
pub(crate) fn of_content(profile: f32, context: f32) -> f32 {
    PROFILE * profile + CONTEXT * context
}

impl Scorer for Cosine {
    fn name(&self) -> &'static str {
        "cosine"
    }

    fn model(&self) -> Option<&str> {
        None
    }

    fn inputs(&self) -> &[Feature] {
        &[Feature::PairCosine, Feature::PairContext, Feature::PairItem]
    }

    fn score(&mut self, features: &Features<'_>, scores: &mut Vec<f32>) -> Result<(), ScorerError> {
        let column = |feature| match features.get(feature) {
            Some(Values::Float(column)) => Ok(column),
            _ => Err(ScorerError {
                code: "engine-failed",
                message: format!("`{feature}` was not computed"),
                remedy: "Compute the scorer's `inputs` before scoring".into(),
            }),
        };
        let (profile, context) = (column(Feature::PairCosine)?, column(Feature::PairContext)?);
        let cosines = profile.iter().zip(context.iter()).map(|(p, c)| of_content(*p, *c));
        let item = column(Feature::PairItem)?;
        scores.extend(cosines.zip(item.iter()).map(|(cosines, item)| 0.5 + 0.5 * (cosines + ITEM * item)));
        Ok(())
    }
}
