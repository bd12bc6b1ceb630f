//! A model that may rank: contract checked, golden cases run, metadata applied.

use std::borrow::Cow;

use nearside_core::feature::{Shape, Source, Values};
use nearside_core::{Catalogue, Feature, Features, Scorer, ScorerError};
use serde::Serialize;

use crate::Error;
use crate::contract::{self, Contract, Slot};
use crate::file::{Calibration, Golden, ModelFile, Output, Port};
use crate::network::{Engine, Input, Network, Scores};
use crate::segments::Segment;

/// How far a golden score may be off, relative to its size where that is above 1. Two frameworks that sum
/// a thousand `f32` products in another order differ by some 1e-5; a wrong weight shows in the third digit.
pub const GOLDEN_TOLERANCE: f32 = 1e-4;

/// What a loaded model is, for people and programs.
#[derive(Clone, Debug, Serialize)]
pub struct ModelReport {
    /// `compact` or `full`.
    pub engine: &'static str,
    /// The hash of the file: what decisions carry.
    pub model: String,
    /// The inputs as the file declares them.
    pub inputs: Vec<Port>,
    /// The operators, sorted.
    pub operators: Vec<String>,
    /// Stored numbers: weights and constants.
    pub parameters: u64,
    /// The size of the file.
    pub bytes: usize,
    /// What the file says about itself.
    pub description: Option<String>,
    /// The item vocabulary the file was trained with, where it says so.
    pub vocabulary: Option<String>,
    /// What the output means.
    pub output: Output,
    /// How many golden cases were run.
    pub golden: usize,
    /// The kinds of shoppers the file tells; empty where it tells none.
    pub segments: Vec<SegmentReport>,
    /// What is odd but works.
    pub warnings: Vec<String>,
}

/// One kind of shopper, as the file's metadata tells it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SegmentReport {
    /// What leads in it, for people.
    pub name: String,
    /// Its share of the sessions that were trained on, 0 to 1.
    pub share: f32,
}

impl From<&Segment> for SegmentReport {
    fn from(Segment { name, share, .. }: &Segment) -> Self {
        Self { name: name.clone(), share: *share }
    }
}

/// An ONNX model that keeps the contract, in one engine. Implements [`Scorer`].
pub struct Model {
    network: Network,
    contract: Contract,
    features: Vec<Feature>,
}

impl Model {
    /// Checks a file, loads it and runs its golden cases.
    ///
    /// Errors: every code of [`Error`] but `vocabulary-mismatch`. Nothing is kept after an error, so a
    /// caller that holds another model goes on with it.
    pub fn load(bytes: &[u8], engine: Engine) -> Result<Model, Error> {
        let file = ModelFile::read(bytes)?;
        let contract = contract::check(&file)?;
        let network = Network::from_file(file, bytes, engine)?;
        let features = contract.slots.iter().map(|s| s.feature).collect();
        let mut model = Model { network, contract, features };
        model.run_golden()?;
        Ok(model)
    }

    /// Refuses to go on with a catalogue whose item vocabulary is not the one the file was trained with.
    /// A file that names none is accepted.
    pub fn check_vocabulary(&self, catalogue: &str) -> Result<(), Error> {
        match &self.network.file().vocabulary {
            Some(got) if got != catalogue => {
                Err(Error::VocabularyMismatch { expected: catalogue.into(), got: got.clone() })
            }
            _ => Ok(()),
        }
    }

    /// What was loaded.
    pub fn report(&self) -> ModelReport {
        let file = self.network.file();
        ModelReport {
            engine: self.network.engine().name(),
            model: file.hash.clone(),
            inputs: file.inputs.clone(),
            operators: file.operators.clone(),
            parameters: file.parameters,
            bytes: file.bytes,
            description: file.description.clone(),
            vocabulary: file.vocabulary.clone(),
            output: file.output,
            golden: file.golden.len(),
            segments: file.segments.iter().map(SegmentReport::from).collect(),
            warnings: file.warnings.clone(),
        }
    }

    /// Runs the file on named tensors, without calibration. See [`Network::run`].
    pub fn run(&mut self, inputs: &[Input<'_>]) -> Result<Scores, Error> {
        self.network.run(inputs)
    }

    /// The probability for every candidate, appended to `scores`.
    fn probabilities(&mut self, features: &Features<'_>, scores: &mut Vec<f32>) -> Result<(), Error> {
        let candidates = features.candidates();
        // An engine may refuse an empty dimension, and there is nothing to compute.
        if candidates == 0 {
            return Ok(());
        }
        let shapes = self.contract.slots.iter().map(|slot| shape(slot, features)).collect::<Result<Vec<_>, _>>()?;
        let inputs: Vec<_> = shapes
            .iter()
            .zip(&self.features)
            .filter_map(|(shape, feature)| {
                let chosen = features.rows().filter(|_| feature.source() == Source::Ad);
                let values = match (features.get(*feature)?, chosen) {
                    (Values::Id(ids), None) => Values::Id(Cow::Borrowed(ids)),
                    (Values::Float(numbers), None) => Values::Float(Cow::Borrowed(numbers)),
                    (Values::Id(ids), Some(rows)) => Values::Id(picked(ids, rows, features.ads()).into()),
                    (Values::Float(numbers), Some(rows)) => Values::Float(picked(numbers, rows, features.ads()).into()),
                };
                Some(Input { name: feature.name(), shape, values })
            })
            .collect();
        // What an engine keeps of an edition is that of all its ads.
        let edition = features.edition().filter(|_| features.rows().is_none());
        let got = self.network.run_edition(&inputs, edition)?;
        if got.values.len() != candidates || got.shape.first() != Some(&candidates) {
            let expected = format!("[{candidates}] or [{candidates}, 1]");
            return Err(Error::OutputShape { expected, got: format!("{:?}", got.shape) });
        }
        let file = self.network.file();
        scores.extend(got.values.iter().map(|score| probability(*score, file.output, file.calibration)));
        Ok(())
    }

    fn run_golden(&mut self) -> Result<(), Error> {
        for case in 0..self.network.file().golden.len() {
            let golden = self.network.file().golden[case].clone();
            self.run_case(case, &golden)?;
        }
        Ok(())
    }

    fn run_case(&mut self, case: usize, golden: &Golden) -> Result<(), Error> {
        let unusable = |fault: String| Error::GoldenUnusable { fault: format!("case {case} {fault}") };
        let mut inputs = Vec::with_capacity(golden.inputs.len());
        for (name, input) in &golden.inputs {
            let feature = Feature::from_name(name).ok_or_else(|| unusable(format!("has no feature {name}")))?;
            inputs.push(Input { name, shape: &input.shape, values: input.values(feature.element()) });
        }
        let got = self.network.run(&inputs).map_err(|e| match e {
            Error::UnknownInput { .. } | Error::InputShape { .. } => unusable(format!("does not fit the model: {e}")),
            e => e,
        })?;
        let got = got.values;
        if got.len() != golden.score.len() {
            return Err(unusable(format!("has {} scores, the model gives {}", golden.score.len(), got.len())));
        }
        for (candidate, (got, expected)) in got.iter().zip(&golden.score).enumerate() {
            let within = (got - expected).abs() <= GOLDEN_TOLERANCE * expected.abs().max(1.0);
            if !within {
                return Err(Error::GoldenMismatch { case, candidate, expected: *expected, got: *got });
            }
        }
        Ok(())
    }
}

/// The dimensions in which one feature is handed over: those the file declares.
fn shape(slot: &Slot, features: &Features<'_>) -> Result<Vec<usize>, Error> {
    let feature = slot.feature;
    let refused = |expected: String, got: String| Error::InputShape { input: feature.name().into(), expected, got };
    let len = features.get(feature).map(Values::len).ok_or_else(|| refused("computed".into(), "nothing".into()))?;
    let candidates = features.candidates();
    let described = if feature.source() == Source::Ad { features.ads() } else { candidates };
    match feature.shape() {
        Shape::PerAd if len == described => Ok(if slot.rank == 2 { vec![candidates, 1] } else { vec![candidates] }),
        Shape::PerAd => Err(refused(format!("[{described}]"), format!("[{len}]"))),
        Shape::AdEmbedding => {
            let width = len / described.max(1);
            match slot.width {
                Some(fixed) if fixed != width => {
                    Err(refused(format!("[N, {fixed}]"), format!("[N, {width}] with this catalogue")))
                }
                _ => Ok(vec![candidates, width]),
            }
        }
        Shape::PerEvent | Shape::Row(_) | Shape::Embedding => match slot.width {
            Some(fixed) if fixed != len => Err(refused(format!("[1, {fixed}]"), format!("[1, {len}]"))),
            _ => Ok(vec![1, len]),
        },
    }
}

/// The chosen rows of a feature of so many ads.
fn picked<T: Copy>(values: &[T], rows: &[usize], ads: usize) -> Vec<T> {
    let width = values.len() / ads.max(1);
    rows.iter().flat_map(|row| &values[row * width..][..width]).copied().collect()
}

/// What the file's number means as a probability.
fn probability(score: f32, output: Output, calibration: Option<Calibration>) -> f32 {
    let logit = match (output, calibration) {
        (Output::Probability, None) => return score,
        (Output::Probability, Some(_)) => {
            // The smallest step below 1 that `f32` has; a certain model stays within 16 logits.
            let p = score.clamp(f32::EPSILON, 1.0 - f32::EPSILON);
            libm::logf(p / (1.0 - p))
        }
        (Output::Logit, _) => score,
    };
    let Calibration { scale, offset } = calibration.unwrap_or(Calibration { scale: 1.0, offset: 0.0 });
    1.0 / (1.0 + libm::expf(-(scale * logit + offset)))
}

impl Scorer for Model {
    fn name(&self) -> &'static str {
        self.network.engine().name()
    }

    fn model(&self) -> Option<&str> {
        Some(&self.network.file().hash)
    }

    fn inputs(&self) -> &[Feature] {
        &self.features
    }

    fn session_length(&self) -> Option<usize> {
        self.contract.session_length
    }

    fn fits(&self, catalogue: &Catalogue) -> Result<(), ScorerError> {
        Ok(self.check_vocabulary(catalogue.vocabulary().item_hash())?)
    }

    fn score(&mut self, features: &Features<'_>, scores: &mut Vec<f32>) -> Result<(), ScorerError> {
        self.probabilities(features, scores).map_err(ScorerError::from)
    }
}
