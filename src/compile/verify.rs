//! The compiled file against the original, in every engine that runs the original.

use nearside_core::Feature;
use nearside_core::feature::{Element, Values};
use nearside_scorer::{Engine, Golden, GoldenInput, Input, Model};

use crate::error::Error;

/// How far a compiled file's score may be off before anything is rounded to whole numbers, relative to the score's size
/// where that is above 1: as far as a golden case may be.
pub const TOLERANCE: f32 = nearside_scorer::GOLDEN_TOLERANCE;

/// The metadata's key.
pub(crate) const GOLDEN: &str = "nearside.golden";

/// Most numbers in the inputs of a golden case that is made here: they travel with the file.
const GOLDEN_VALUES: usize = 2_000;
/// Most golden cases that are made.
const GOLDEN_CASES: usize = 2;

/// One set of inputs.
pub(crate) type Sample<'a> = Vec<Input<'a>>;

/// The original in the engines that run it, with its scores.
pub(crate) struct Original<'a> {
    samples: Vec<Sample<'a>>,
    runs: Vec<(Engine, Vec<Vec<f32>>)>,
}

impl<'a> Original<'a> {
    /// Loads the file in every engine and runs it on all samples.
    ///
    /// Errors: those of [`Model::load`]; where one engine lacks what the file needs, only if the other does too.
    pub(crate) fn run(bytes: &[u8], samples: Vec<Sample<'a>>) -> Result<Original<'a>, Error> {
        let mut runs = Vec::new();
        let mut refusal = None;
        for engine in Engine::ALL {
            let scores = Model::load(bytes, *engine).and_then(|mut model| scores(&mut model, &samples));
            match scores {
                Ok(scores) => runs.push((*engine, scores)),
                Err(source) if matches!(source.code(), "unsupported-operator" | "engine-failed") => {
                    refusal = refusal.or(Some(source));
                }
                Err(source) => return Err(Error::Original(source)),
            }
        }
        match (runs.is_empty(), refusal) {
            (true, Some(source)) => Err(Error::Original(source)),
            _ => Ok(Original { samples, runs }),
        }
    }

    /// The largest difference of another file's scores in each engine.
    ///
    /// Errors: `compiled-refused`; `scores-differ` for golden cases.
    pub(crate) fn differences(&self, compiled: &[u8]) -> Result<Vec<(Engine, f32)>, Error> {
        let mut differences = Vec::with_capacity(self.runs.len());
        for (engine, expected) in &self.runs {
            let got = Model::load(compiled, *engine).and_then(|mut model| scores(&mut model, &self.samples));
            let got = got.map_err(|source| refused(*engine, source))?;
            let all = expected.iter().flatten().zip(got.iter().flatten());
            let largest = all.fold(0.0f32, |largest, (e, g)| largest.max(difference(*e, *g)));
            differences.push((*engine, largest));
        }
        Ok(differences)
    }

    /// The first engine that runs it.
    pub(crate) fn engine(&self) -> Engine {
        self.runs[0].0
    }

    /// A few small samples as golden cases, with the original's scores.
    pub(crate) fn golden(&self) -> Vec<Golden> {
        let Some((_, scores)) = self.runs.first() else { return Vec::new() };
        let small = |sample: &Sample<'_>| sample.iter().map(|input| input.values.len()).sum::<usize>() <= GOLDEN_VALUES;
        let cases = self.samples.iter().zip(scores).filter(|(sample, _)| small(sample)).take(GOLDEN_CASES);
        cases
            .map(|(sample, score)| Golden { inputs: sample.iter().map(golden_input).collect(), score: score.clone() })
            .collect()
    }
}

/// What an engine's refusal of a compiled file means.
fn refused(engine: Engine, source: nearside_scorer::Error) -> Error {
    match source {
        nearside_scorer::Error::GoldenMismatch { expected, got, .. } => {
            Error::ScoresDiffer { engine, largest: difference(expected, got), tolerance: TOLERANCE }
        }
        source => Error::Refused { engine, source },
    }
}

/// Relative to the score's size where that is above 1.
fn difference(expected: f32, got: f32) -> f32 {
    (expected - got).abs() / expected.abs().max(1.0)
}

fn scores(model: &mut Model, samples: &[Sample<'_>]) -> Result<Vec<Vec<f32>>, nearside_scorer::Error> {
    samples.iter().map(|sample| Ok(model.run(sample)?.values)).collect()
}

fn golden_input(input: &Input<'_>) -> (String, GoldenInput) {
    let data = match &input.values {
        Values::Id(ids) => ids.iter().map(|id| f64::from(*id)).collect(),
        // As its own digits say it: f64 would write twice as many for the same number.
        Values::Float(numbers) => {
            numbers.iter().map(|x| x.to_string().parse().expect("a number's own digits are a number")).collect()
        }
    };
    (input.name.into(), GoldenInput { shape: input.shape.to_vec(), data })
}

/// The inputs of a golden case.
pub(crate) fn sample(golden: &Golden) -> Sample<'_> {
    let element = |name: &str| Feature::from_name(name).map_or(Element::Float, Feature::element);
    let inputs = golden.inputs.iter();
    inputs.map(|(name, input)| Input { name, shape: &input.shape, values: input.values(element(name)) }).collect()
}

/// The scores that a file without golden cases gives to their inputs in an engine.
pub(crate) fn rescored(bytes: &[u8], engine: Engine, golden: &[Golden]) -> Result<Vec<Golden>, Error> {
    let refused = |source| refused(engine, source);
    let mut model = Model::load(bytes, engine).map_err(refused)?;
    let rescore = |case: &Golden| {
        let score = model.run(&sample(case)).map_err(refused)?.values;
        Ok(Golden { inputs: case.inputs.clone(), score })
    };
    golden.iter().map(rescore).collect()
}

/// Golden cases as the metadata holds them.
pub(crate) fn written(golden: &[Golden]) -> String {
    serde_json::to_string(golden).expect("numbers and words are JSON")
}
