//! The seam between the decision and the engines: features in, one number per candidate out.

use std::fmt;

use crate::catalogue::Catalogue;
use crate::feature::{Feature, Features};

/// Turns features into one `f32` per candidate.
///
/// The contract: `score` is a pure function of `features`; it pushes exactly
/// [`Features::candidates`] finite numbers, in candidate order; after an error
/// the scorer can be called again. The ranker checks the count and finiteness
/// and falls back to [`Cosine`](crate::Cosine) where either is broken, so a
/// scorer that breaks its promise costs quality, never the page.
pub trait Scorer {
    /// The word that decisions and statistics carry: `cosine`, `compact` or `full`.
    fn name(&self) -> &'static str;

    /// What tells this model from another: the hash of its file. `None` where there is no file.
    fn model(&self) -> Option<&str>;

    /// The features it reads. Only these are computed.
    fn inputs(&self) -> &[Feature];

    /// The number of session positions it wants, where its file fixes one. `None`: as many as there are events.
    fn session_length(&self) -> Option<usize> {
        None
    }

    /// Whether it goes with a catalogue: the same vocabulary where it counts on one. Asked once per catalogue,
    /// before the first score.
    fn fits(&self, catalogue: &Catalogue) -> Result<(), ScorerError> {
        let _ = catalogue;
        Ok(())
    }

    /// Appends one score per candidate to `scores`.
    fn score(&mut self, features: &Features<'_>, scores: &mut Vec<f32>) -> Result<(), ScorerError>;
}

/// Why a scorer could not score, in the same three parts as every error here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScorerError {
    /// Stable kebab-case word a program can test.
    pub code: &'static str,
    /// What went wrong, with the value at fault.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for ScorerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.message, self.remedy)
    }
}

impl std::error::Error for ScorerError {}
