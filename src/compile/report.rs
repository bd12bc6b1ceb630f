//! What was done to a file, in numbers.

use serde::Serialize;

use crate::cost::Cost;

/// How often one pass changed something.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PassReport {
    /// Its name, such as `fold` or `linear`.
    pub name: &'static str,
    /// Nodes, stored tensors or names it changed.
    pub changes: usize,
}

/// What of the original's file is in the compiled one no longer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dropped {
    /// In words.
    pub what: &'static str,
    /// How many.
    pub count: usize,
    /// Their bytes, where they are not shared with what stays.
    pub bytes: u64,
}

/// The size and cost of one file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// The file's bytes.
    pub bytes: usize,
    /// After gzip.
    pub bytes_gzip: usize,
    /// Nodes of the graph.
    pub nodes: usize,
    /// Operations, for the sizes asked for.
    pub cost: Cost,
}

/// How far the compiled file's scores are from the original's in one engine, on golden cases and samples.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// `compact` or `full`.
    pub engine: &'static str,
    /// The largest difference before anything was rounded to whole numbers, relative to the score's size where that is
    /// above 1.
    pub float: f32,
    /// The same in the file that is given; `None` where nothing was rounded.
    pub rounded: Option<f32>,
}

/// What became of the golden cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Golden {
    /// The original's, which the compiled file meets.
    Kept,
    /// The original has none: written from samples, with the original's scores.
    Made,
    /// The original's inputs, with the scores of the compiled file, which rounds.
    Rewritten,
    /// There are none and no samples to make them from.
    None,
}

/// The whole result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// What each pass did, in alphabetical order; those that did nothing are left out.
    pub passes: Vec<PassReport>,
    /// What was left behind of the original's file.
    pub dropped: Vec<Dropped>,
    /// The original.
    pub before: Figures,
    /// The compiled file.
    pub after: Figures,
    /// The engines that ran the original.
    pub agreement: Vec<Agreement>,
    /// The golden cases.
    pub golden: Golden,
}
