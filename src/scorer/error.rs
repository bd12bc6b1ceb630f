//! Why a model file is refused, or why it could not score.
//!
//! Each variant carries the values at fault. [`Error::code`] is the word a program tests;
//! `Display` is one sentence for people; [`Error::remedy`] says what to do.

use std::fmt;

use nearside_core::{Failure, Feature, ScorerError};

use crate::Engine;
use crate::file::Port;

/// Everything that can go wrong with a model file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not an ONNX file, or parts of it contradict each other.
    ///
    /// Export the file again, and compare its size or hash with the original.
    Damaged {
        /// Which part: `model`, `graph`, `node "x"`, `initializer "w"`, `nearside.golden`.
        part: String,
        /// What is wrong with it.
        fault: String,
    },
    /// A limit on size is exceeded. The limits are constants of this crate's [`limits`](crate::limits).
    TooLarge {
        /// What is too large: `bytes`, `nodes`, `rank of "w"`, ...
        what: String,
        /// The most that is accepted.
        limit: u64,
        /// What the file has.
        got: u64,
    },
    /// The file wants inputs that Nearside does not compute.
    ///
    /// Rename them to names of [`Feature::ALL`], or compute them inside the model.
    UnknownInput {
        /// The names at fault.
        inputs: Vec<String>,
    },
    /// An input has another element type than the feature of its name.
    InputType {
        /// The input.
        input: String,
        /// `int64` or `float`.
        expected: &'static str,
        /// What the file declares or the caller passed.
        got: String,
    },
    /// An input has another shape than the feature of its name, or a value does not fit the file's shape.
    InputShape {
        /// The input.
        input: String,
        /// The shape that would do, like `[N] or [N, 1]`.
        expected: String,
        /// What the file declares or the caller passed.
        got: String,
    },
    /// No output is called `score`.
    MissingOutput {
        /// The outputs there are.
        outputs: Vec<String>,
    },
    /// The output `score` is not one `float` per candidate.
    OutputShape {
        /// What was expected, like `float [N] or [N, 1]`.
        expected: String,
        /// What the file declares or the engine returned.
        got: String,
    },
    /// The file uses something this engine does not run.
    ///
    /// Load it with the full engine, or export without these operators.
    UnsupportedOperator {
        /// The operators, with their domain where it is not ONNX's own; or other constructs, in words.
        operators: Vec<String>,
        /// The engine that was asked. `None`: neither runs it.
        engine: Option<Engine>,
    },
    /// A golden case of the file's metadata gave another score.
    ///
    /// The file was changed after its golden cases were written, or the engine computes it differently:
    /// compare with the framework that wrote it, and do not ship it before they agree.
    GoldenMismatch {
        /// Which golden case, from 0.
        case: usize,
        /// Which candidate of the case, from 0.
        candidate: usize,
        /// The score in the metadata.
        expected: f32,
        /// The score computed.
        got: f32,
    },
    /// The golden cases of the file's metadata cannot be run: not JSON, or values that do not fit their shapes.
    ///
    /// Write them as `[{"inputs": {name: {"shape": [..], "data": [..]}}, "score": [..]}]`.
    GoldenUnusable {
        /// What is wrong, with the case.
        fault: String,
    },
    /// The file was made for another layout of the features.
    SchemaMismatch {
        /// The schema of this build, see [`SCHEMA`](crate::SCHEMA).
        expected: u32,
        /// `nearside.schema` of the file.
        got: String,
    },
    /// The file was trained with another item vocabulary than the catalogue has.
    VocabularyMismatch {
        /// The catalogue's vocabulary hash.
        expected: String,
        /// `nearside.vocabulary` of the file.
        got: String,
    },
    /// A score is infinite or not a number.
    NonFiniteScore {
        /// The candidate's index.
        candidate: usize,
        /// The score.
        got: f32,
    },
    /// The engine gave up, in its own words.
    EngineFailed {
        /// Which engine.
        engine: Engine,
        /// The engine's message.
        message: String,
    },
}

impl Error {
    pub(crate) fn damaged(part: impl Into<String>, fault: impl Into<String>) -> Self {
        Self::Damaged { part: part.into(), fault: fault.into() }
    }

    pub(crate) fn input_shape(port: &Port, got: String) -> Self {
        Self::InputShape { input: port.name.clone(), expected: port.shape_text(), got }
    }

    /// The stable kebab-case word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Damaged { .. } => "model-damaged",
            Self::TooLarge { .. } => "model-too-large",
            Self::UnknownInput { .. } => "unknown-input",
            Self::InputType { .. } => "input-type",
            Self::InputShape { .. } => "input-shape",
            Self::MissingOutput { .. } => "missing-output",
            Self::OutputShape { .. } => "output-shape",
            Self::UnsupportedOperator { .. } => "unsupported-operator",
            Self::GoldenMismatch { .. } | Self::GoldenUnusable { .. } => "golden-mismatch",
            Self::SchemaMismatch { .. } => "schema-mismatch",
            Self::VocabularyMismatch { .. } => "vocabulary-mismatch",
            Self::NonFiniteScore { .. } => "non-finite-score",
            Self::EngineFailed { .. } => "engine-failed",
        }
    }

    /// The part of the file at fault: an input's name, a metadata key, `score`.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Damaged { part, .. } => Some(part),
            Self::TooLarge { what, .. } => Some(what),
            Self::UnknownInput { inputs } => inputs.first().map(String::as_str),
            Self::InputType { input, .. } | Self::InputShape { input, .. } => Some(input),
            Self::MissingOutput { .. } | Self::OutputShape { .. } | Self::NonFiniteScore { .. } => Some("score"),
            Self::UnsupportedOperator { .. } => Some("op_type"),
            Self::GoldenMismatch { .. } | Self::GoldenUnusable { .. } => Some("nearside.golden"),
            Self::SchemaMismatch { .. } => Some("nearside.schema"),
            Self::VocabularyMismatch { .. } => Some("nearside.vocabulary"),
            Self::EngineFailed { .. } => None,
        }
    }

    /// The offending value, as text.
    pub fn value(&self) -> Option<String> {
        match self {
            Self::Damaged { .. } | Self::GoldenUnusable { .. } => None,
            Self::TooLarge { got, .. } => Some(got.to_string()),
            Self::UnknownInput { inputs } => Some(inputs.join(", ")),
            Self::InputType { got, .. }
            | Self::InputShape { got, .. }
            | Self::OutputShape { got, .. }
            | Self::SchemaMismatch { got, .. }
            | Self::VocabularyMismatch { got, .. } => Some(got.clone()),
            Self::MissingOutput { outputs } => Some(outputs.join(", ")),
            Self::UnsupportedOperator { operators, .. } => Some(operators.join(", ")),
            Self::GoldenMismatch { got, .. } | Self::NonFiniteScore { got, .. } => Some(got.to_string()),
            Self::EngineFailed { message, .. } => Some(message.clone()),
        }
    }

    /// What to do about it, as a sentence.
    pub fn remedy(&self) -> String {
        match self {
            Self::Damaged { .. } => "Export the model again and compare its hash with the original".into(),
            Self::TooLarge { .. } => "Make the model smaller: fewer or quantised embeddings, folded constants".into(),
            Self::UnknownInput { .. } => {
                let names: Vec<_> = Feature::ALL.iter().map(|f| f.name()).collect();
                format!("Use only these inputs: {}", names.join(", "))
            }
            Self::InputType { expected, .. } => format!("Export the input as {expected}"),
            Self::InputShape { .. } => {
                "Export with a symbolic N (dynamic_axes or dynamic_shapes) and the expected dimensions".into()
            }
            Self::MissingOutput { .. } => "Name the output `score` when exporting".into(),
            Self::OutputShape { .. } => "Make the model return one float per candidate, with a symbolic N".into(),
            Self::UnsupportedOperator { engine: Some(engine), .. } if engine.name() == "compact" => {
                "Load the model with the full engine, or export it without these operators".into()
            }
            Self::UnsupportedOperator { .. } => "Export the model without these operators".into(),
            Self::GoldenMismatch { .. } => {
                "Write the golden cases again after the last change to the file, and compare with its framework".into()
            }
            Self::GoldenUnusable { .. } => {
                "Write them as [{\"inputs\": {name: {\"shape\": [..], \"data\": [..]}}, \"score\": [..]}]".into()
            }
            Self::SchemaMismatch { expected, .. } => format!("Export the model for schema {expected}"),
            Self::VocabularyMismatch { .. } => "Load the catalogue the model was trained with, or retrain".into(),
            Self::NonFiniteScore { .. } => "Guard the model's logarithms, divisions and exponentials".into(),
            Self::EngineFailed { .. } => {
                "Compare both engines with `nearside check`, and export with other options".into()
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged { part, fault } => write!(f, "the model file is damaged: {part} {fault}"),
            Self::TooLarge { what, limit, got } => {
                write!(f, "the model file is too large: {what} is {got}, at most {limit}")
            }
            Self::UnknownInput { inputs } => write!(f, "there is no feature called {}", inputs.join(", ")),
            Self::InputType { input, expected, got } => write!(f, "{input} is {got}, it should be {expected}"),
            Self::InputShape { input, expected, got } => {
                write!(f, "{input} has the shape {got}, it should be {expected}")
            }
            Self::MissingOutput { outputs } => {
                let there = if outputs.is_empty() { "none" } else { &outputs.join(", ") };
                write!(f, "the model has no output called score; there is {there}")
            }
            Self::OutputShape { expected, got } => write!(f, "score is {got}, it should be {expected}"),
            Self::UnsupportedOperator { operators, engine } => {
                let operators = operators.join(", ");
                match engine {
                    Some(engine) => write!(f, "the {} engine does not run {operators}", engine.name()),
                    None => write!(f, "no engine here runs {operators}"),
                }
            }
            Self::GoldenMismatch { case, candidate, expected, got } => {
                write!(f, "golden case {case} expects {expected} for candidate {candidate}, the engine says {got}")
            }
            Self::GoldenUnusable { fault } => write!(f, "the golden cases cannot be run: {fault}"),
            Self::SchemaMismatch { expected, got } => {
                write!(f, "the model wants feature schema {got}, this build computes {expected}")
            }
            Self::VocabularyMismatch { expected, got } => {
                write!(f, "the model was trained with vocabulary {got}, the catalogue has {expected}")
            }
            Self::NonFiniteScore { candidate, got } => write!(f, "the score of candidate {candidate} is {got}"),
            Self::EngineFailed { engine, message } => write!(f, "the {} engine failed: {message}", engine.name()),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
            field: error.field().map(str::to_owned),
            value: error.value(),
            remedy: error.remedy(),
        }
    }
}

impl From<Error> for ScorerError {
    fn from(error: Error) -> Self {
        Self { code: error.code(), message: error.to_string(), remedy: error.remedy() }
    }
}
