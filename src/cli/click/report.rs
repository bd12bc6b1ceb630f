//! What `nearside click` prints.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use nearside_train::Calibration;
use nearside_train::click::{Figure, Figures, Model};
use serde::Serialize;

use super::{Kind, LeftOut};

/// Widest feature whose weights are told one by one.
const SHOWN: usize = 8;

/// The report of a training.
#[derive(Debug, Serialize)]
pub(crate) struct Report<'a> {
    pub(crate) model: &'a Path,
    pub(crate) bytes: usize,
    pub(crate) data: Kind,
    pub(crate) simulated: bool,
    /// What was learnt from.
    pub(crate) examples: usize,
    pub(crate) clicks: usize,
    /// `test` or `newest`.
    pub(crate) measured_on: &'static str,
    pub(crate) figures: Figures,
    pub(crate) calibration: Calibration,
    pub(crate) weights: BTreeMap<&'static str, Vec<f64>>,
    pub(crate) left_out: LeftOut,
}

/// The weights of a model by feature.
pub(crate) fn weights(model: &Model) -> BTreeMap<&'static str, Vec<f64>> {
    model.weights().into_iter().map(|(feature, weights)| (feature.name(), weights)).collect()
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.data {
            Kind::Lists | Kind::Table => "impressions",
            Kind::NextItems => "next and drawn items",
        };
        let simulated = if self.simulated { ", simulated" } else { "" };
        writeln!(f, "{}: {} bytes", self.model.display(), self.bytes)?;
        writeln!(f, "learnt from {} {what}, {} clicks{simulated}", self.examples, self.clicks)?;
        let figures = &self.figures;
        let on = if self.measured_on == "test" { "the test files" } else { "the newest of them, which were held out" };
        writeln!(f, "measured on {on}: {} {what}, {} clicks\n", figures.examples, figures.clicks)?;
        for (name, Figure { value, low, high }) in [
            ("AUC", figures.auc),
            ("log loss", figures.log_loss),
            ("  of a constant", figures.log_loss_constant),
            ("normalised entropy", figures.normalised_entropy),
            ("calibration error", figures.calibration_error),
            ("mean chance", figures.predicted),
            ("click rate", figures.rate),
        ] {
            writeln!(f, "{name:20} {value:9.5}   {low:.5} to {high:.5}")?;
        }
        writeln!(f, "\nweights")?;
        for (feature, weights) in &self.weights {
            let told: Vec<String> = weights.iter().take(SHOWN).map(|weight| format!("{weight:.3}")).collect();
            let more = weights.len().checked_sub(SHOWN).filter(|more| *more > 0);
            let more = more.map_or(String::new(), |more| format!(" and {more} more"));
            writeln!(f, "  {feature:18} {}{more}", told.join("  "))?;
        }
        let LeftOut {
            unknown_items, unusable_lists, clicks_without_list, skipped_rows, columns, unread_values, ..
        } = &self.left_out;
        for (count, what) in [
            (unknown_items, "items that the catalogue lacks"),
            (unusable_lists, "lists that could not be used"),
            (clicks_without_list, "clicks on items of no list before them"),
            (skipped_rows, "rows that could not be used"),
        ] {
            if *count > 0 {
                writeln!(f, "left out: {count} {what}")?;
            }
        }
        for (place, count) in unread_values {
            writeln!(f, "left out: {count} values of {place} that are not understood")?;
        }
        if !columns.is_empty() {
            writeln!(f, "left out: {} columns without a place in the contract: {}", columns.len(), columns.join(", "))?;
        }
        Ok(())
    }
}
