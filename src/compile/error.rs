//! Why a file is not compiled.

use std::fmt;

use nearside_scorer::Engine;

/// Every failure of a compilation. Nothing is written after one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The original file is refused: it breaks the contract, no engine runs it, or it holds what cannot be written again.
    Original(nearside_scorer::Error),
    /// An engine runs the original file and refuses the compiled one.
    ///
    /// Ship the original file. The engine cannot take one of the steps that a pass wrote.
    Refused {
        /// The engine.
        engine: Engine,
        /// Its refusal.
        source: nearside_scorer::Error,
    },
    /// Before any rounding to whole numbers, the compiled file scores otherwise than the original.
    ///
    /// Ship the original file. Sums in another order do not differ by that much unless the model amplifies rounding:
    /// very large weights that cancel each other.
    ScoresDiffer {
        /// The engine that computed both.
        engine: Engine,
        /// The largest difference, relative to the score's size where that is above 1.
        largest: f32,
        /// What is accepted.
        tolerance: f32,
    },
}

impl Error {
    /// The stable kebab-case word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Original(source) => source.code(),
            Self::Refused { .. } => "compiled-refused",
            Self::ScoresDiffer { .. } => "scores-differ",
        }
    }

    /// The part of the file at fault.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Original(source) | Self::Refused { source, .. } => source.field(),
            Self::ScoresDiffer { .. } => Some("score"),
        }
    }

    /// The offending value, as text.
    pub fn value(&self) -> Option<String> {
        match self {
            Self::Original(source) | Self::Refused { source, .. } => source.value(),
            Self::ScoresDiffer { largest, .. } => Some(largest.to_string()),
        }
    }

    /// What to do about it, as a sentence.
    pub fn remedy(&self) -> String {
        match self {
            Self::Original(source) => source.remedy(),
            Self::Refused { .. } => "Ship the original file; it runs as it is".into(),
            Self::ScoresDiffer { .. } => {
                "Ship the original file, and look for large weights that cancel each other in it".into()
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Original(source) => source.fmt(f),
            Self::Refused { engine, source } => {
                write!(f, "the {} engine runs the original file and refuses the compiled one: {source}", engine.name())
            }
            Self::ScoresDiffer { engine, largest, tolerance } => write!(
                f,
                "in the {} engine the compiled file's scores differ by {largest:e}, more than {tolerance:e}",
                engine.name()
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Original(source) | Self::Refused { source, .. } => Some(source),
            Self::ScoresDiffer { .. } => None,
        }
    }
}

impl From<nearside_scorer::Error> for Error {
    fn from(source: nearside_scorer::Error) -> Self {
        Self::Original(source)
    }
}
