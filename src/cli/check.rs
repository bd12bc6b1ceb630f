//! `nearside check`: may this ONNX file rank, and in which engine?
//!
//! Both engines load the file and run its golden cases; then both are given
//! the same random inputs. Two independent engines that agree are the best test of a
//! file there is.

pub(crate) mod inputs;
mod report;

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use nearside_scorer::{Engine, Model, ModelFile, ModelReport};

use crate::error::Error;
use crate::output;
use inputs::{Case, Generator};
use report::{Agreement, EngineRow, Report};

/// How far the engines may differ, relative to the score's size where that is above 1: the tolerance of the
/// conformance tests.
pub(crate) const TOLERANCE: f32 = 1e-5;

/// Candidates in the ranking that is timed.
const TIMED: Case = Case { candidates: 1000, session: 10, seed: 0 };
/// Rankings that are timed; their median is told.
const RUNS: usize = 15;

/// What `--help` says below the options.
pub(crate) const HELP: &str = "\
Checked are: size limits, graph order, finite weights; input names, types and shapes against the feature table; the
output `score`; the metadata nearside.schema, .output, .vocabulary, .calibration, .description, .golden, .segments; the
operators of each engine; golden cases on each engine; the same random inputs (fixed seed, several numbers of candidates
and events) on both engines, which may differ by 1e-5, relative to the score's size where that is above 1.

A model that only the full engine runs is accepted, with what that costs a visitor. Refused are a file that breaks the
contract, one that neither engine runs, and one on which the engines differ.

With --json: {model, bytes, opset, parameters, description, vocabulary, output, calibration, inputs, operators,
golden, segments: [{name, share}], engines: [{engine, runs, load_ms, us_per_1000, error}], agreement: {cases,
largest_difference, tolerance}, warnings, verdict: compact | full}.";

/// Which file, and how to tell.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The ONNX file
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Print one JSON object, and nothing else, on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs the command and prints its report.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let path = &options.model;
    let refused = |source| Error::Model { path: path.clone(), source };
    let bytes = std::fs::read(path).map_err(Error::reading(path))?;
    let file = ModelFile::read(&bytes).map_err(refused)?;
    let mut loaded: Vec<(EngineRow, Option<Model>)> = Vec::new();
    for engine in [Engine::Compact, Engine::Full] {
        loaded.push(quietly(|| load(&bytes, engine, path))?);
    }
    let Some(known) = loaded.iter().find_map(|(_, model)| model.as_ref().map(Model::report)) else {
        let (row, _) = loaded.pop().expect("two engines");
        return Err(refused(row.error.expect("an engine that did not load says why")));
    };

    let agreement = quietly(|| compare(&known, &mut loaded)).map_err(refused)?;
    let rows = loaded.into_iter().map(|(row, _)| row).collect();
    let report = Report::new(&file, rows, agreement);
    let differ = agreement.filter(Agreement::is_broken);
    // As JSON, the error is the one object that is printed where there is one.
    if !options.json || differ.is_none() {
        output::print(&report, options.json)?;
    }
    match differ {
        Some(Agreement { largest_difference, tolerance, .. }) => {
            Err(Error::EnginesDiffer { largest: largest_difference, tolerance })
        }
        None => Ok(()),
    }
}

/// Loads the file in one engine, golden cases included. What one engine lacks the other may have; what
/// breaks the contract breaks it in both.
fn load(bytes: &[u8], engine: Engine, path: &Path) -> Result<(EngineRow, Option<Model>), Error> {
    let start = Instant::now();
    match Model::load(bytes, engine) {
        Ok(model) => Ok((EngineRow::loaded(engine, start.elapsed()), Some(model))),
        Err(source) if matches!(source.code(), "unsupported-operator" | "engine-failed") => {
            Ok((EngineRow::refused(engine, source), None))
        }
        Err(source) => Err(Error::Model { path: path.to_owned(), source }),
    }
}

/// Runs the engines without a word about their panics, which the scorer catches and turns into errors.
pub(crate) fn quietly<T>(work: impl FnOnce() -> T) -> T {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = work();
    std::panic::set_hook(hook);
    result
}

/// Gives every engine that loaded the file the same inputs. An engine that fails on them is no longer one that runs it.
fn compare(
    known: &ModelReport,
    loaded: &mut [(EngineRow, Option<Model>)],
) -> Result<Option<Agreement>, nearside_scorer::Error> {
    let mut generator = Generator::new(&known.inputs);
    if let Some(model) = loaded.iter_mut().find_map(|(_, model)| model.as_mut()) {
        generator.find_limits(|tensors| inputs::run(model, tensors).is_ok());
    }
    let mut largest: Option<f32> = None;
    let mut cases = 0;
    for case in inputs::CASES {
        let tensors = generator.tensors(case);
        let mut scores: Vec<Vec<f32>> = Vec::new();
        for (row, model) in loaded.iter_mut() {
            let Some(running) = model else { continue };
            match inputs::run(running, &tensors) {
                Ok(values) if values.len() == case.candidates => scores.push(values),
                Ok(values) => {
                    let expected = format!("one score for each of {} candidates", case.candidates);
                    return Err(nearside_scorer::Error::OutputShape { expected, got: values.len().to_string() });
                }
                Err(source) if source.code() == "engine-failed" => {
                    *row = EngineRow::refused(row.engine, source);
                    *model = None;
                }
                Err(source) => return Err(source),
            }
        }
        if let [compact, full] = scores.as_slice() {
            cases += 1;
            let differences = compact.iter().zip(full).map(|(a, b)| (a - b).abs() / a.abs().max(1.0));
            largest = Some(differences.fold(largest.unwrap_or(0.0), f32::max));
        }
    }
    for (row, model) in loaded.iter_mut() {
        if let Some(model) = model {
            row.us_per_1000 = Some(median(&mut generator, model)?);
        }
    }
    if let [(EngineRow { error: Some(_), .. }, _), (EngineRow { error: Some(error), .. }, _)] = loaded {
        return Err(error.clone());
    }
    Ok(largest.map(|largest_difference| Agreement { cases, largest_difference, tolerance: TOLERANCE }))
}

/// The median time of a ranking, in microseconds.
fn median(generator: &mut Generator, model: &mut Model) -> Result<f64, nearside_scorer::Error> {
    let tensors = generator.tensors(TIMED);
    // The full engine compiles a plan for a new size.
    inputs::run(model, &tensors)?;
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let start = Instant::now();
        inputs::run(model, &tensors)?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[RUNS / 2])
}
