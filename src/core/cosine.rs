//! The seed formula as a scorer: how far an ad points where the shopper and the page point.
//!
//! It needs no model, so it is the first paint, the fallback and the baseline.

use crate::feature::{Feature, Features, Values};
use crate::scorer::{Scorer, ScorerError};

/// Half from the profile's cosine, half from the page's, moved to 0..1. Without either, every ad scores 0.5.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cosine;

impl Scorer for Cosine {
    fn name(&self) -> &'static str {
        "cosine"
    }

    fn model(&self) -> Option<&str> {
        None
    }

    fn inputs(&self) -> &[Feature] {
        &[Feature::PairCosine, Feature::PairContext]
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
        scores.extend(profile.iter().zip(context.iter()).map(|(p, c)| 0.5 + 0.25 * (p + c)));
        Ok(())
    }
}
