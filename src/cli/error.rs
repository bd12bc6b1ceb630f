//! Why a command stopped, and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use nearside_core::Failure;
pub(crate) use nearside_train::Part;
use serde::Serialize;

use crate::click::{NoClicks, UnusableList};
use crate::usage::Usage;

/// Every failure of a command.
#[derive(Debug)]
pub(crate) enum Error {
    /// A command line that cannot be used.
    Usage(Usage),
    /// A file cannot be opened, or breaks off while it is read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system, or the decompressor, said.
        source: io::Error,
    },
    /// A file cannot be written.
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that would be written over what is read.
    OutputIsInput {
        /// The file.
        path: PathBuf,
    },
    /// A file that two outputs of one command would be written to.
    OutputTwice {
        /// The file.
        path: PathBuf,
    },
    /// A log that cannot be read.
    Log(nearside_log::Error),
    /// A list in a log that cannot be used, where every one has to be.
    UnusableList(UnusableList),
    /// A log in which no session has a second step.
    NothingToPredict {
        /// How many sessions there are.
        sessions: usize,
    },
    /// A training or a test part without a session of two steps.
    EmptySplit {
        /// Which part.
        part: Part,
        /// Sessions there were before those too short, and the items too rare, were left out.
        sessions: usize,
    },
    /// Too few sessions are left of a log to learn from and to validate with.
    TooFewSessions {
        /// How many are left.
        got: usize,
        /// How many are needed.
        needed: usize,
        /// What leaves no more.
        cause: Cause,
    },
    /// The two engines compute different scores from the same numbers.
    EnginesDiffer {
        /// The largest difference found.
        largest: f32,
        /// What is accepted.
        tolerance: f32,
    },
    /// A catalogue that the core refuses.
    Catalogue {
        /// The file; none where the catalogue came from the log.
        path: Option<PathBuf>,
        /// The refusal.
        source: nearside_core::Error,
    },
    /// A model that no engine asked for accepts.
    Model {
        /// The file.
        path: PathBuf,
        /// The refusal.
        source: nearside_scorer::Error,
    },
    /// A model beside vectors that another model's content encoder made.
    OtherEncoder {
        /// The model.
        model: PathBuf,
        /// The encoder, or the catalogue with its vectors.
        vectors: PathBuf,
    },
    /// A model that keeps the contract and cannot be compiled.
    Compile {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: nearside_compile::Error,
    },
    /// A file that is no list of items.
    Vocabulary {
        /// The file.
        path: PathBuf,
    },
    /// A model that keeps the contract but does not rank this catalogue.
    Unfit {
        /// The file.
        path: PathBuf,
        /// The refusal.
        source: nearside_core::Error,
    },
    /// Something that the core does not observe or rank.
    Ranking(nearside_core::Error),
    /// Data to learn clicks from, of which a part has none.
    NoClicks(NoClicks),
    /// A training run that cannot begin or go on.
    Training(nearside_train::Error),
}

/// What leaves too few sessions of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The log has no more.
    Log,
    /// The kinds of event that are steps.
    Kinds,
    /// The number of steps that an item needs.
    MinCount,
    /// So many are held out that too few remain.
    Training,
    /// Too few are held out.
    Validation,
}

/// An error as `--json` prints it.
#[derive(Serialize)]
struct Printed {
    error: Failure,
}

/// Whether the disk, or what this user may put on it, is full.
fn full(source: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

impl Error {
    /// The usual wrapper for reading `path`.
    pub(crate) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Unreadable { path, source }
    }

    /// The usual wrapper for writing `path`.
    pub(crate) fn writing(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Unwritable { path, source }
    }

    /// A stable word a program can test.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Usage(usage) => usage.code(),
            Self::Unreadable { .. } => "unreadable-file",
            Self::Unwritable { .. } => "unwritable-file",
            Self::OutputIsInput { .. } => "output-is-input",
            Self::OutputTwice { .. } => "output-twice",
            Self::Log(source) => source.code(),
            Self::UnusableList(_) => "unusable-row",
            Self::NothingToPredict { .. } => "nothing-to-predict",
            Self::EmptySplit { .. } => "empty-split",
            Self::TooFewSessions { .. } => "too-few-sessions",
            Self::EnginesDiffer { .. } => "engines-differ",
            Self::OtherEncoder { .. } => "encoder-mismatch",
            Self::Vocabulary { .. } => "invalid-vocabulary",
            Self::Catalogue { source, .. } | Self::Unfit { source, .. } | Self::Ranking(source) => source.code(),
            Self::NoClicks(_) => "no-clicks",
            Self::Model { source, .. } => source.code(),
            Self::Compile { source, .. } => source.code(),
            Self::Training(source) => source.code(),
        }
    }

    /// The field, column or part at fault, where there is one.
    pub(crate) fn field(&self) -> Option<&str> {
        match self {
            Self::Usage(usage) => usage.field(),
            Self::Log(source) => source.field(),
            Self::UnusableList(list) => list.source.field(),
            Self::EnginesDiffer { .. } => Some("score"),
            Self::OtherEncoder { .. } => Some("embedding"),
            Self::EmptySplit { part, .. } => Some(part.word()),
            Self::Catalogue { source, .. } | Self::Unfit { source, .. } | Self::Ranking(source) => source.field(),
            Self::TooFewSessions { cause, .. } => Some(match cause {
                Cause::Log => "events",
                Cause::Kinds => "kinds",
                Cause::MinCount => "min-count",
                Cause::Training | Cause::Validation => "validation",
            }),
            Self::NoClicks(no_clicks) => Some(no_clicks.part.word()),
            Self::Model { source, .. } => source.field(),
            Self::Compile { source, .. } => source.field(),
            Self::Training(source) => source.field(),
            _ => None,
        }
    }

    /// The value at fault, where there is one.
    pub(crate) fn value(&self) -> Option<String> {
        match self {
            Self::Usage(usage) => usage.value().map(str::to_owned),
            Self::Unreadable { path, .. }
            | Self::Unwritable { path, .. }
            | Self::OutputIsInput { path }
            | Self::OutputTwice { path }
            | Self::Vocabulary { path } => Some(path.display().to_string()),
            Self::OtherEncoder { vectors, .. } => Some(vectors.display().to_string()),
            Self::Log(source) => source.value(),
            Self::UnusableList(list) => list.source.value(),
            Self::NothingToPredict { sessions } | Self::EmptySplit { sessions, .. } => Some(sessions.to_string()),
            Self::TooFewSessions { got, .. } => Some(got.to_string()),
            Self::EnginesDiffer { largest, .. } => Some(largest.to_string()),
            Self::Catalogue { source, .. } | Self::Unfit { source, .. } | Self::Ranking(source) => source.value(),
            Self::NoClicks(no_clicks) => Some(no_clicks.examples.to_string()),
            Self::Model { source, .. } => source.value(),
            Self::Compile { source, .. } => source.value(),
            Self::Training(source) => source.value(),
        }
    }

    /// What to do about it.
    pub(crate) fn remedy(&self) -> String {
        match self {
            Self::Usage(usage) => usage.remedy(),
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "Check the path; a relative one starts at the folder the command runs in".into()
            }
            Self::Unreadable { .. } => "Check that the file is complete and may be read".into(),
            Self::Unwritable { source, .. } if full(source) => "Free space on the disk and run again".into(),
            Self::Unwritable { .. } => "Check that the folder exists and may be written".into(),
            Self::OutputIsInput { .. } => "Write to another file, or into another folder".into(),
            Self::OutputTwice { .. } => "Give each output a file of its own".into(),
            Self::Log(source) => source.remedy(),
            Self::UnusableList(_) => {
                "Correct the event, or read without --strict, which skips and counts its list".into()
            }
            Self::NothingToPredict { .. } => "Give a log in which shoppers do two things or more in one session".into(),
            Self::EmptySplit { part: Part::Training, .. } => {
                "Give a longer log, split off less of it, or lower --min-count".into()
            }
            Self::EmptySplit { .. } => {
                "Split off more of the log, or test on sessions of items that the training log has".into()
            }
            Self::TooFewSessions { cause, .. } => match cause {
                Cause::Log => "Give a longer log in which sessions have two steps or more".into(),
                Cause::Kinds => "Name more kinds of event with --kinds, or leave it out".into(),
                Cause::MinCount => "Lower --min-count, or give a longer log".into(),
                Cause::Training => "Lower --validation, or give a longer log".into(),
                Cause::Validation => "Raise --validation, or give a longer log".into(),
            },
            Self::EnginesDiffer { .. } => {
                "Export with other options and check again; until they agree, trust neither engine with it".into()
            }
            Self::OtherEncoder { .. } => {
                "Give the content.safetensors that `nearside train` wrote beside the model, or give the \
                catalogue the vectors of it with `nearside embed --content`"
                    .into()
            }
            Self::Vocabulary { .. } => "Give the vocabulary.json that `nearside train` wrote beside the model".into(),
            Self::Unfit { source, .. } if source.code() == "vocabulary-mismatch" => {
                format!(
                    "{} (--vocabulary takes the vocabulary.json that `nearside train` wrote beside the model, in `nearside embed` \
                     too; evaluate also takes --catalogue)",
                    source.remedy()
                )
            }
            Self::Unfit { source, .. } if source.code() == "input-shape" => {
                format!(
                    "{}; or, for a model that was trained with --content, give --content here too, or a catalogue that \
                     `nearside embed` wrote",
                    source.remedy()
                )
            }
            Self::Catalogue { source, .. } | Self::Unfit { source, .. } | Self::Ranking(source) => source.remedy(),
            Self::NoClicks(no_clicks) => no_clicks.remedy(),
            Self::Model { source, .. } if source.code() == "unsupported-operator" => {
                format!("{} (`nearside check` lists them; replay and evaluate take --engine full)", source.remedy())
            }
            Self::Model { source, .. } => source.remedy(),
            Self::Compile { source, .. } => source.remedy(),
            Self::Training(source) => source.remedy(),
        }
    }

    /// The error as one JSON object.
    pub(crate) fn to_json(&self) -> String {
        let fields = Failure {
            code: self.code(),
            message: self.to_string(),
            field: self.field().map(str::to_owned),
            value: self.value(),
            remedy: self.remedy(),
        };
        serde_json::to_string(&Printed { error: fields }).expect("strings are JSON")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(usage) => usage.fmt(f),
            Self::Unreadable { path, source } => write!(f, "cannot read {}: {source}", path.display()),
            Self::Unwritable { path, source } => write!(f, "cannot write {}: {source}", path.display()),
            Self::OutputIsInput { path } => {
                write!(f, "{} is read, and would be written over", path.display())
            }
            Self::OutputTwice { path } => write!(f, "{} is asked for twice, as two outputs", path.display()),
            Self::Log(source) => source.fmt(f),
            Self::UnusableList(list) => list.fmt(f),
            Self::NothingToPredict { sessions } => {
                write!(f, "none of the {sessions} sessions has a second step that names an item")
            }
            Self::EmptySplit { part, sessions } => {
                let part = part.word();
                write!(f, "none of {sessions} sessions is left in the {part} part with two steps or more")
            }
            Self::TooFewSessions { got, needed, cause } => {
                let of = match cause {
                    Cause::Log => "have two steps or more",
                    Cause::Kinds => "have two steps or more of the kinds asked for",
                    Cause::MinCount => "have two steps or more without the items that are too rare",
                    Cause::Training => "are left to learn from",
                    Cause::Validation => "are left to validate with",
                };
                write!(f, "{got} sessions {of}, {needed} are needed")
            }
            Self::EnginesDiffer { largest, tolerance } => {
                write!(f, "the two engines differ by {largest:e}, more than {tolerance:e}")
            }
            Self::Catalogue { path: Some(path), source } | Self::Unfit { path, source } => {
                write!(f, "{}: {source}", path.display())
            }
            Self::Catalogue { path: None, source } => write!(f, "the catalogue derived from the log: {source}"),
            Self::Model { path, source } => write!(f, "{}: {source}", path.display()),
            Self::OtherEncoder { model, vectors } => {
                write!(f, "{} is of another model's content encoder than {}", vectors.display(), model.display())
            }
            Self::Compile { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Vocabulary { path } => write!(f, "{} is no JSON list of items", path.display()),
            Self::Ranking(source) => source.fmt(f),
            Self::NoClicks(no_clicks) => no_clicks.fmt(f),
            Self::Training(source) => source.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } | Self::Unwritable { source, .. } => Some(source),
            Self::Log(source) => Some(source),
            Self::UnusableList(list) => Some(&list.source),
            Self::Catalogue { source, .. } | Self::Unfit { source, .. } | Self::Ranking(source) => Some(source),
            Self::Model { source, .. } => Some(source),
            Self::Compile { source, .. } => Some(source),
            Self::Training(source) => Some(source),
            _ => None,
        }
    }
}
