//! What a replay prints: a table for people, one object for programs.

use std::collections::BTreeMap;
use std::fmt;

use nearside_log::Log;
use serde::Serialize;

use super::metrics::{Figures, Tally};
use crate::catalogue::Prepared;

/// The whole result.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    events: usize,
    sessions: usize,
    visitors: usize,
    /// Products of the catalogue that was ranked.
    items: usize,
    predictions: usize,
    /// Predictions of an item that the catalogue does not have: a miss for every ranker.
    unknown_targets: usize,
    /// Rows of the log that could not be used.
    skipped_rows: usize,
    /// Events that our engine did not learn from, by its reason.
    ignored: BTreeMap<&'static str, u64>,
    catalogue: Source,
    rankers: BTreeMap<&'static str, Figures>,
}

/// Where the catalogue came from.
#[derive(Debug, Serialize)]
struct Source {
    version: String,
    /// What the log told of its items; `null` where the catalogue is the shop's own.
    derived_from: Option<Vec<&'static str>>,
    /// Rows and fields of the shop's own that were left out.
    problems: usize,
}

impl Report {
    pub(crate) fn new(log: &Log, catalogue: &Prepared, tallies: &[(&'static str, Tally)]) -> Report {
        let targets = log.sessions().iter().flat_map(|s| s.steps.iter().skip(1)).filter_map(|step| step.target);
        let unknown = targets.filter(|item| catalogue.product(log.items().name(*item)).is_none()).count();
        Report {
            events: log.events(),
            sessions: log.sessions().len(),
            visitors: log.visitors(),
            items: catalogue.len(),
            predictions: log.predictions(),
            unknown_targets: unknown,
            skipped_rows: log.skipped(),
            ignored: tallies.first().map(|(_, tally)| tally.ignored.clone()).unwrap_or_default(),
            catalogue: Source {
                version: catalogue.report.version.clone(),
                derived_from: catalogue.derived.clone(),
                problems: catalogue.report.problems_total,
            },
            rankers: tallies.iter().map(|(name, tally)| (*name, tally.figures())).collect(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} events in {} sessions, {} rows skipped", self.events, self.sessions, self.skipped_rows)?;
        match &self.catalogue.derived_from {
            Some(told) => writeln!(f, "{} items; catalogue derived from the log: {}", self.items, told.join(", "))?,
            None => {
                let (version, problems) = (&self.catalogue.version, self.catalogue.problems);
                writeln!(f, "{} items; catalogue {version}, {problems} problems in it", self.items)?;
            }
        }
        write!(f, "{} predictions, each over all items", self.predictions)?;
        if self.unknown_targets > 0 {
            write!(f, "; {} of items the catalogue lacks", self.unknown_targets)?;
        }
        writeln!(f)?;
        for (reason, count) in &self.ignored {
            writeln!(f, "{count} events ignored: {reason}")?;
        }
        writeln!(
            f,
            "\n{:18}  {:>9}  {:>9}  {:>6}  {:>6}  {:>7}  {:>11}  {:>8}  {:>8}",
            "percent", "Recall@10", "Recall@20", "MRR@10", "MRR@20", "NDCG@20", "coverage@20", "us/event", "us/rank"
        )?;
        for (name, figures) in &self.rankers {
            let Figures { recall_10, recall_20, mrr_10, mrr_20, ndcg_20, coverage_20, .. } = figures;
            let (event, rank) = (figures.us_per_event, figures.us_per_rank);
            writeln!(
                f,
                "{name:18}  {recall_10:9.2}  {recall_20:9.2}  {mrr_10:6.2}  {mrr_20:6.2}  {ndcg_20:7.2}  \
                 {coverage_20:11.2}  {event:8.2}  {rank:8.1}"
            )?;
            if figures.fallbacks > 0 {
                writeln!(f, "  the model failed in {} of them; the cosine scorer stood in", figures.fallbacks)?;
            }
        }
        Ok(())
    }
}
