//! The decision: what is shown, and all that is needed to make it again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::event::Timestamp;
use crate::rank::Retrieval;

/// One filled position.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Filled {
    /// Place inside the slate, from 0.
    pub position: usize,
    /// The ad.
    pub ad: String,
    /// The product it is about.
    pub item_id: String,
    /// The campaign that pays for it, where one does.
    pub campaign: Option<String>,
    /// Whether someone pays for it.
    pub sponsored: bool,
    /// The scorer's value, 0 to 1.
    pub score: f32,
    /// The chance the policy gave to putting this ad here. 1 while the policy is the plain order of scores.
    pub propensity: f32,
}

/// What a slate rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// What the shopper did or told.
    Profile,
    /// The page and the catalogue alone.
    Contextual,
}

/// Which scorer gave the scores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScoredBy {
    /// `cosine`, `compact` or `full`.
    pub name: &'static str,
    /// Hash of the model file; none for `cosine`.
    pub model: Option<String>,
}

/// Why the model in force did not score and the cosine scorer stood in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fallback {
    /// The error's code.
    pub code: &'static str,
    /// What went wrong.
    pub message: String,
}

impl From<&Error> for Fallback {
    fn from(error: &Error) -> Self {
        Fallback { code: error.code(), message: error.to_string() }
    }
}

/// The slate with everything that led to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decision {
    /// Identifies this decision; feedback names it.
    pub decision: String,
    /// The placement filled.
    pub placement: String,
    /// When it was made.
    pub at: Timestamp,
    /// The seed it was made with.
    pub seed: u64,
    /// The ads, best first. May be empty.
    pub slate: Vec<Filled>,
    /// What it rests on.
    pub basis: Basis,
    /// What scored.
    pub scorer: ScoredBy,
    /// Set where the model failed and the cosine scorer stood in.
    pub fallback: Option<Fallback>,
    /// How the ads that were scored were found.
    pub retrieval: Retrieval,
    /// The catalogue it was made from.
    pub catalogue_version: String,
    /// How many ads competed.
    pub candidates: usize,
    /// How many ads did not, by reason. The first reason that holds counts.
    pub removed: BTreeMap<&'static str, usize>,
}

/// What is remembered of a decision, so that feedback can be joined to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// The decision.
    pub decision: String,
    /// Each ad shown, and its product.
    pub ads: Vec<(String, String)>,
}

impl From<&Decision> for DecisionRecord {
    fn from(decision: &Decision) -> Self {
        let ads = decision.slate.iter().map(|f| (f.ad.clone(), f.item_id.clone())).collect();
        Self { decision: decision.decision.clone(), ads }
    }
}
