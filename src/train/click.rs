//! The click head: the chance that a shopper clicks an ad, learnt from what was shown and clicked.
//!
//! A logistic model over the contract's features ([`Terms`]). Examples come from the core itself ([`Recorder`]), as
//! impressions or as items that could have come next; where non-clicks were sampled, the chance is told for all of
//! them. The newest sessions are not learnt from: they calibrate the chance (Platt 1999) and tell how good it is.

mod examples;
mod graph;
mod logistic;
mod measure;
mod terms;

use nearside_core::Feature;

pub use examples::{Example, Examples, Outcome, Recorder};
pub use measure::{BINS, DRAWS, Figure, Figures};
pub use terms::Terms;

use crate::calibration::Calibration;
use crate::error::{Error, Part};
use logistic::{Line, dot, fit, sigmoid};
use measure::Judged;
use terms::BIAS;

/// How a click model is trained.
#[derive(Clone, Debug)]
pub struct Options {
    /// Share of the groups, the newest, that are held out to calibrate and to measure: above 0, at most 0.5.
    pub validation: f64,
    /// Strength of the pull of every weight towards 0, as so many examples of it: above 0. At 1 it shows only where a
    /// weight has little data; at 1,000 rare features keep no weight.
    pub ridge: f64,
    /// Where the draws of the intervals start.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { validation: 0.1, ridge: 1.0, seed: 1 }
    }
}

/// Pull of a calibration towards none at all: with a few clicks it moves the chances little.
const CALIBRATION_RIDGE: f64 = 1.0;

/// A trained click model.
#[derive(Clone, Debug)]
pub struct Model {
    terms: Terms,
    /// By column, with the calibration in them.
    weights: Vec<f64>,
    /// What was corrected in the logit on the held-out groups; the weights have it already.
    pub calibration: Calibration,
    /// How good it is on examples it did not learn from.
    pub figures: Figures,
    /// Examples that were learnt from.
    pub examples: usize,
    /// Clicks among them.
    pub clicks: usize,
}

impl Model {
    /// Trains on `examples`. It is measured on `test` where that is given, otherwise on the newest groups: half of
    /// them with the calibration of the other half, so that no example is judged by a calibration that saw it.
    ///
    /// Errors: `option-out-of-range`; `no-clicks` and `only-clicks` where a part has nothing to tell apart.
    pub fn train(
        terms: &Terms,
        examples: &Examples,
        test: Option<&Examples>,
        options: &Options,
    ) -> Result<Model, Error> {
        let option =
            |name, got: f64, range: &str| Err(Error::Option { name, got: got.to_string(), range: range.into() });
        if !(options.validation > 0.0 && options.validation <= 0.5) {
            return option("validation", options.validation, "above 0 and at most 0.5");
        }
        if !(options.ridge > 0.0 && options.ridge.is_finite()) {
            return option("ridge", options.ridge, "above 0");
        }
        let (training, held_out) = examples.split(options.validation);
        let measured = test.map_or((Part::Validation, &held_out), |test| (Part::Test, test));
        for (part, examples) in [(Part::Training, &training), measured] {
            match examples.clicks() {
                0 => return Err(Error::NoClicks { part, examples: examples.len() }),
                clicks if clicks == examples.len() => return Err(Error::OnlyClicks { part, examples: clicks }),
                _ => {}
            }
        }
        let lines: Vec<Line<'_>> = training.lines().collect();
        let mut weights = fit(&lines, &terms.ridge(options.ridge));
        // Nobody knows where an ad will stand when it is scored: it is taken to stand where ads stood on average.
        for place in terms.positions() {
            let seen = lines.iter().filter(|line| line.entries.iter().any(|(column, _)| usize::from(*column) == place));
            weights[BIAS] += weights[place] * seen.count() as f64 / lines.len() as f64;
        }
        weights[terms.positions()].fill(0.0);

        let logits = |examples: &Examples| examples.lines().map(|line| dot(line.entries, &weights)).collect::<Vec<_>>();
        let held_out_logits = logits(&held_out);
        let calibrated_on = |wanted: &dyn Fn(u32) -> bool| calibration(&held_out, &held_out_logits, wanted);
        let all = calibrated_on(&|_| true);
        let judged = match test {
            Some(test) => judge(test, &logits(test), |_| all),
            None => {
                let halves = [calibrated_on(&|group| group % 2 == 1), calibrated_on(&|group| group % 2 == 0)];
                judge(&held_out, &held_out_logits, |group| halves[(group % 2) as usize])
            }
        };
        let figures = Figures::of(judged, options.seed).expect("every part has clicks and other examples");

        let (scale, offset) = all;
        weights.iter_mut().for_each(|weight| *weight *= scale);
        weights[BIAS] += offset;
        let calibration = Calibration { scale: scale as f32, offset: offset as f32 };
        Ok(Model {
            terms: terms.clone(),
            weights,
            calibration,
            figures,
            examples: training.len(),
            clicks: training.clicks(),
        })
    }

    /// The ONNX file of the contract: the features in, `score` out, a probability; what the examples never varied is
    /// left out. `about` says what it was learnt from.
    pub fn file(&self, about: &str) -> Vec<u8> {
        let (terms, weights) = self.terms.without_idle(&self.weights);
        graph::file(&terms, &weights, about)
    }

    /// The chance of a click, for an example of the terms that were trained.
    pub fn chance(&self, example: &Example) -> f64 {
        sigmoid(dot(example.row(), &self.weights))
    }

    /// The features it reads, with their weights: of `profile.interest` and `context.interest` one for every page type
    /// where `context.page` is read, of the others one a number.
    pub fn weights(&self) -> Vec<(Feature, Vec<f64>)> {
        let own = |feature| Some((feature, self.terms.weights_of(feature, &self.weights)?));
        self.terms.features().filter_map(own).collect()
    }
}

/// Platt's line through the logit: factor and summand.
type LogitLine = (f64, f64);

/// The line that suits the groups that are wanted best; no change where they have no click, or nothing else. The scale
/// stays positive, so that the order is the model's.
fn calibration(examples: &Examples, logits: &[f64], wanted: &dyn Fn(u32) -> bool) -> LogitLine {
    let rows: Vec<[(u16, f32); 2]> = logits.iter().map(|logit| [(0, 1.0), (1, *logit as f32)]).collect();
    let lines = examples.lines().zip(examples.counts()).zip(logits).zip(&rows);
    let lines = lines.filter(|(((_, (group, _)), _), _)| wanted(*group));
    // Sampled non-clicks count for all they stand for, not by their odds: a model that is a little wrong then still
    // tells the right chance on average.
    let lines: Vec<Line<'_>> = lines
        .map(|(((line, (_, weight)), logit), row)| Line { entries: row, base: *logit, clicked: line.clicked, weight })
        .collect();
    let clicks = lines.iter().filter(|line| line.clicked).count();
    if clicks == 0 || clicks == lines.len() {
        return (1.0, 0.0);
    }
    let [offset, scale] = fit(&lines, &[CALIBRATION_RIDGE; 2])[..] else {
        unreachable!("two columns have two weights")
    };
    if scale > -1.0 { (1.0 + scale, offset) } else { (1.0, 0.0) }
}

fn judge(examples: &Examples, logits: &[f64], line: impl Fn(u32) -> LogitLine) -> Vec<Judged> {
    /// A chance that its logarithm can bear.
    const CERTAIN: f64 = 1e-12;
    let judged = |((known, (group, weight)), logit): ((Line<'_>, (u32, f64)), &f64)| {
        let (scale, offset) = line(group);
        let chance = sigmoid(scale * logit + offset).clamp(CERTAIN, 1.0 - CERTAIN);
        Judged { chance, clicked: known.clicked, weight, group }
    };
    examples.lines().zip(examples.counts()).zip(logits).map(judged).collect()
}
