//! A file loaded into an engine: named tensors in, scores out, no contract.
//!
//! This is the level of conformance tests and of `nearside check`. [`Model`](crate::Model) adds the
//! feature contract and the metadata.

use std::panic::{AssertUnwindSafe, catch_unwind};

use nearside_core::feature::{Edition, Values};
use serde::Serialize;

use crate::file::{Dim, ModelFile, shape_text};
use crate::{Error, limits};

/// Which engine runs a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// Our own, with the operators that rankers use: small, what a shop ships.
    #[cfg(feature = "compact")]
    Compact,
    /// tract-onnx: large, runs what the compact one does not.
    #[cfg(feature = "full")]
    Full,
}

impl Engine {
    /// Every engine in this build.
    pub const ALL: &'static [Engine] = &[
        #[cfg(feature = "compact")]
        Engine::Compact,
        #[cfg(feature = "full")]
        Engine::Full,
    ];

    /// `compact` or `full`.
    pub const fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "compact")]
            Engine::Compact => "compact",
            #[cfg(feature = "full")]
            Engine::Full => "full",
        }
    }

    /// Whether this engine runs an operator, named as in [`ModelFile::operators`](crate::ModelFile::operators).
    pub fn runs(self, operator: &str) -> bool {
        match self {
            #[cfg(feature = "compact")]
            Engine::Compact => crate::compact::runs(operator),
            #[cfg(feature = "full")]
            Engine::Full => crate::full::runs(operator),
        }
    }
}

/// A named tensor handed to [`Network::run`].
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// The input's name in the file.
    pub name: &'a str,
    /// The dimensions; their product is the number of values.
    pub shape: &'a [usize],
    /// The values, row-major. Ids stand for `int64`.
    pub values: Values<'a>,
}

/// The output `score`, flattened.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// The dimensions the engine returned.
    pub shape: Vec<usize>,
    /// The values, row-major.
    pub values: Vec<f32>,
}

/// Why an engine did not load a file.
pub(crate) enum Loaded {
    /// It knows the operator, but not this form of it. tract does not tell that from other failures.
    #[cfg(feature = "compact")]
    Unsupported(String),
    Failed(String),
}

enum Running {
    #[cfg(feature = "compact")]
    Compact(Box<crate::compact::Compact>),
    #[cfg(feature = "full")]
    Full(Box<crate::full::Full>),
}

/// A file that passed [`ModelFile::read`], loaded into one engine.
pub struct Network {
    file: ModelFile,
    engine: Engine,
    running: Running,
}

impl Network {
    /// Checks `bytes` and loads them. The inputs' names, types and shapes are the file's own business here;
    /// the output `score` must be there.
    ///
    /// Errors: those of [`ModelFile::read`], `missing-output`, `output-shape` (for another type than `float`),
    /// `input-type` (for another type than `float` and `int64`), `unsupported-operator`, `engine-failed`.
    pub fn load(bytes: &[u8], engine: Engine) -> Result<Self, Error> {
        let file = ModelFile::read(bytes)?;
        Self::from_file(file, bytes, engine)
    }

    /// Loads a file that was read already; `bytes` are those it was read from.
    pub(crate) fn from_file(file: ModelFile, bytes: &[u8], engine: Engine) -> Result<Self, Error> {
        let score =
            file.outputs.iter().find(|o| o.name == "score").ok_or_else(|| Error::MissingOutput {
                outputs: file.outputs.iter().map(|o| o.name.clone()).collect(),
            })?;
        if score.dtype != "float" && score.dtype != "undefined" {
            return Err(Error::OutputShape { expected: "float [N] or [N, 1]".into(), got: score.dtype.into() });
        }
        if let Some(input) = file.inputs.iter().find(|i| !matches!(i.dtype, "float" | "int64")) {
            let (input, got) = (input.name.clone(), input.dtype.into());
            return Err(Error::InputType { input, expected: "float or int64", got });
        }
        let missing: Vec<_> = file.operators.iter().filter(|o| !engine.runs(o)).cloned().collect();
        if !missing.is_empty() {
            return Err(Error::UnsupportedOperator { operators: missing, engine: Some(engine) });
        }
        let running = guarded(engine, || match engine {
            #[cfg(feature = "compact")]
            Engine::Compact => {
                crate::compact::Compact::load(bytes, &file).map(|compact| Running::Compact(Box::new(compact)))
            }
            #[cfg(feature = "full")]
            Engine::Full => crate::full::Full::load(bytes, &file).map(|full| Running::Full(Box::new(full))),
        })?
        .map_err(|e| match e {
            #[cfg(feature = "compact")]
            Loaded::Unsupported(what) => Error::UnsupportedOperator { operators: vec![what], engine: Some(engine) },
            Loaded::Failed(message) => Error::EngineFailed { engine, message },
        })?;
        Ok(Self { file, engine, running })
    }

    /// The engine that runs it.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// What the file says.
    pub fn file(&self) -> &ModelFile {
        &self.file
    }

    /// Runs the file once on named tensors, every input exactly once. No calibration is applied.
    ///
    /// Errors: `unknown-input`, `input-type`, `input-shape`, `engine-failed`, `non-finite-score`. The
    /// network can be run again after each of them.
    pub fn run(&mut self, inputs: &[Input<'_>]) -> Result<Scores, Error> {
        self.run_edition(inputs, None)
    }

    /// The same, where it may be known that the `ad.` inputs are those of an earlier run.
    #[cfg_attr(
        not(feature = "compact"),
        expect(unused_variables, reason = "the full engine keeps nothing from one run to the next")
    )]
    pub(crate) fn run_edition(&mut self, inputs: &[Input<'_>], edition: Option<&Edition>) -> Result<Scores, Error> {
        self.check(inputs)?;
        let engine = self.engine;
        let running = &mut self.running;
        let scores = guarded(engine, || match running {
            #[cfg(feature = "compact")]
            Running::Compact(compact) => compact.run(inputs, edition),
            #[cfg(feature = "full")]
            Running::Full(full) => full.run(inputs),
        })?
        .map_err(|message| Error::EngineFailed { engine, message })?;
        match scores.values.iter().position(|s| !s.is_finite()) {
            Some(candidate) => Err(Error::NonFiniteScore { candidate, got: scores.values[candidate] }),
            None => Ok(scores),
        }
    }

    fn check(&self, inputs: &[Input<'_>]) -> Result<(), Error> {
        let ports = &self.file.inputs;
        let in_order = ports.len() == inputs.len() && ports.iter().zip(inputs).all(|(p, i)| p.name == i.name);
        if !in_order {
            self.check_names(inputs)?;
        }
        for (index, port) in ports.iter().enumerate() {
            let shape_error = |got: String| Error::input_shape(port, got);
            let by_name = || inputs.iter().find(|i| i.name == port.name);
            let input = if in_order { inputs.get(index) } else { by_name() };
            let input = input.ok_or_else(|| shape_error("nothing".into()))?;
            let (expected, got) = match input.values {
                Values::Id(_) => ("int64", "float"),
                Values::Float(_) => ("float", "int64"),
            };
            if port.dtype != expected {
                return Err(Error::InputType { input: port.name.clone(), expected: got, got: expected.into() });
            }
            let elements = input.shape.iter().fold(1u64, |n, d| n.saturating_mul(*d as u64));
            let fits = port.shape.as_deref().is_none_or(|dims| fits(dims, input.shape));
            if !fits || elements != input.values.len() as u64 || elements > limits::ELEMENTS {
                return Err(shape_error(format!("{} for {} values", shape_text(input.shape), input.values.len())));
            }
        }
        Ok(())
    }

    /// Whether every input is there, once, and nothing else.
    fn check_names(&self, inputs: &[Input<'_>]) -> Result<(), Error> {
        let ports = &self.file.inputs;
        let unknown: Vec<_> =
            inputs.iter().map(|i| i.name).filter(|name| ports.iter().all(|port| port.name != *name)).collect();
        if !unknown.is_empty() {
            return Err(Error::UnknownInput { inputs: unknown.into_iter().map(String::from).collect() });
        }
        for port in ports {
            let got = match inputs.iter().filter(|i| i.name == port.name).count() {
                0 => "nothing",
                1 => continue,
                _ => "two values",
            };
            return Err(Error::input_shape(port, got.into()));
        }
        Ok(())
    }
}

fn fits(dims: &[Dim], shape: &[usize]) -> bool {
    dims.len() == shape.len() && dims.iter().zip(shape).all(|(dim, size)| dim.allows(*size))
}

/// Turns an engine's panic into an error. In wasm a panic is a trap, which the package's facade answers
/// with a new instance; [`ModelFile::read`] is there so that it stays rare.
fn guarded<T>(engine: Engine, run: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Error::EngineFailed { engine, message: words.unwrap_or("it panicked").into() }
    })
}
