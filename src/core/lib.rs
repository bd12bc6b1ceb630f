//! Nearside's decision.

pub mod feature;
mod scorer;

pub use feature::{Feature, Features};
pub use scorer::{Scorer, ScorerError};
/// stub
pub struct Cosine;
