//! Why training stopped, and what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use nearside_core::Feature;

/// Every failure of this crate.
#[derive(Debug)]
pub enum Error {
    /// A file cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be written.
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A checkpoint that is incomplete or no checkpoint.
    DamagedCheckpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// A checkpoint of another run.
    OtherRun {
        /// The file.
        path: PathBuf,
        /// What differs.
        difference: String,
    },
    /// Too few sessions of two steps or more.
    TooFewSessions {
        /// Where they are.
        part: Part,
        /// How many there are.
        got: usize,
        /// How many are needed.
        needed: usize,
    },
    /// Too few training sessions whose items the log tells of, for one segment.
    SmallSegment {
        /// How many there are.
        got: usize,
        /// How many a segment needs.
        needed: usize,
    },
    /// A model that scores all ads alike for everyone, so that none foretells another.
    NoAnchors {
        /// How many shoppers were asked about.
        shoppers: usize,
    },
    /// A catalogue with too little in stock to show lists of it.
    TooFewProducts {
        /// How many products are in stock.
        got: usize,
        /// How many are needed.
        needed: usize,
    },
    /// Nothing is known of any item but its id, so neither items nor sessions can be told apart by what they are.
    UnknownContent {
        /// The option that wants more.
        wanted_by: &'static str,
    },
    /// A folder or file of no sentence encoder that can be computed.
    SentenceEncoder {
        /// The file at fault.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// A file that holds no content encoder.
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// An option outside its range.
    Option {
        /// Its name.
        name: &'static str,
        /// What was given.
        got: String,
        /// What is possible.
        range: String,
    },
    /// The loss is not a number any more.
    Diverged {
        /// The step.
        step: u64,
    },
    /// A file that is larger than the budget.
    OverBudget {
        /// Bytes allowed.
        budget: u64,
        /// Bytes of the rules in it.
        rules: u64,
        /// What is over.
        over: Over,
    },
    /// A name that is no feature of the click model.
    UnknownFeature {
        /// The name.
        name: String,
        /// The features there are.
        known: Vec<Feature>,
    },
    /// Examples of which none was clicked, so there is nothing to tell apart.
    NoClicks {
        /// Where they are.
        part: Part,
        /// How many there are.
        examples: usize,
    },
    /// Examples of which every one was clicked.
    OnlyClicks {
        /// Where they are.
        part: Part,
        /// How many there are.
        examples: usize,
    },
    /// No pair of items has enough sessions, or visitors, behind it.
    NoRules {
        /// How many were needed; with differential privacy, of the noisy count.
        fewest: u32,
    },
    /// Visitors are to be counted, and there are sessions of which it is not known whose they are.
    UnknownVisitor {
        /// How many sessions have no visitor.
        lacking: usize,
        /// How many sessions there are.
        sessions: usize,
    },
    /// The system has no noise to give.
    Entropy(getrandom::Error),
    /// The arithmetic library refused an operation: a defect here.
    Arithmetic(candle_core::Error),
}

/// What is larger than a budget: the smallest file that is to be had with what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over {
    /// Bytes after brotli.
    pub size: u64,
    /// Whether that is an estimate, as before training.
    pub estimated: bool,
    /// Width of its item vectors.
    pub width: usize,
    /// The largest width that goes with the budget, where one is known.
    pub narrower: Option<usize>,
}

/// One of the parts of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What is learnt from.
    Training,
    /// What is held out of it, the newest, to choose and to calibrate.
    Validation,
    /// What is only measured on.
    Test,
}

impl Part {
    /// Its name in errors and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Part::Training => "training",
            Part::Validation => "validation",
            Part::Test => "test",
        }
    }
}

impl Error {
    /// A stable word a program can test.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "unreadable-file",
            Self::Unwritable { .. } => "unwritable-file",
            Self::DamagedCheckpoint { .. } => "damaged-checkpoint",
            Self::OtherRun { .. } => "other-run",
            Self::TooFewSessions { .. } | Self::SmallSegment { .. } => "too-few-sessions",
            Self::TooFewProducts { .. } => "too-few-products",
            Self::NoAnchors { .. } => "no-anchors",
            Self::UnknownContent { .. } => "unknown-content",
            Self::Content { .. } => "invalid-content",
            Self::SentenceEncoder { .. } => "invalid-sentence-encoder",
            Self::Option { .. } => "option-out-of-range",
            Self::Diverged { .. } => "diverged",
            Self::OverBudget { .. } => "over-budget",
            Self::UnknownFeature { .. } => "unknown-feature",
            Self::NoClicks { .. } => "no-clicks",
            Self::OnlyClicks { .. } => "only-clicks",
            Self::NoRules { .. } => "no-rules",
            Self::UnknownVisitor { .. } => "unknown-visitor",
            Self::Entropy(_) => "no-entropy",
            Self::Arithmetic(_) => "arithmetic-failed",
        }
    }

    /// The part at fault, where there is one.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Option { name, .. } => Some(name),
            Self::OverBudget { .. } => Some("budget"),
            Self::UnknownContent { wanted_by } => Some(wanted_by),
            Self::NoRules { .. } => Some("fewest"),
            Self::UnknownVisitor { .. } => Some("visitor"),
            Self::TooFewSessions { part, .. } => Some(part.word()),
            Self::SmallSegment { .. } => Some("segment-min"),
            Self::UnknownFeature { .. } => Some("features"),
            Self::NoClicks { part, .. } | Self::OnlyClicks { part, .. } => Some(part.word()),
            _ => None,
        }
    }

    /// The value at fault, where there is one.
    pub fn value(&self) -> Option<String> {
        match self {
            Self::Unreadable { path, .. }
            | Self::Unwritable { path, .. }
            | Self::DamagedCheckpoint { path, .. }
            | Self::OtherRun { path, .. }
            | Self::Content { path, .. }
            | Self::SentenceEncoder { path, .. } => Some(path.display().to_string()),
            Self::TooFewSessions { got, .. } | Self::SmallSegment { got, .. } | Self::TooFewProducts { got, .. } => {
                Some(got.to_string())
            }
            Self::NoAnchors { shoppers } => Some(shoppers.to_string()),
            Self::Option { got, .. } => Some(got.clone()),
            Self::Diverged { step } => Some(step.to_string()),
            Self::OverBudget { budget, .. } => Some(budget.to_string()),
            Self::UnknownFeature { name, .. } => Some(name.clone()),
            Self::NoClicks { examples, .. } | Self::OnlyClicks { examples, .. } => Some(examples.to_string()),
            Self::NoRules { fewest } => Some(fewest.to_string()),
            Self::UnknownVisitor { lacking, .. } => Some(lacking.to_string()),
            Self::UnknownContent { .. } | Self::Entropy(_) | Self::Arithmetic(_) => None,
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Unreadable { .. } => "Check that the file exists, is complete and may be read".into(),
            Self::Unwritable { .. } => {
                "Check that the folder exists, may be written and has space; then run again with --resume".into()
            }
            Self::DamagedCheckpoint { .. } => "Delete the file and train again from the start".into(),
            Self::OtherRun { .. } => {
                "Resume with the log and options the run began with, or train into another folder".into()
            }
            Self::TooFewSessions { part: Part::Training, .. } => {
                "Give a longer log in which sessions have two steps or more, or lower --min-count".into()
            }
            Self::TooFewSessions { .. } => "Hold out more of the log, or give a longer one".into(),
            Self::SmallSegment { .. } => "Lower --segment-min, or give a longer log".into(),
            Self::TooFewProducts { .. } => "Give a catalogue with more products in stock".into(),
            Self::NoAnchors { .. } => "Check the model with `nearside check`, or build without --model".into(),
            Self::UnknownContent { wanted_by } => format!(
                "Say with --map which columns hold the category, brand, name or price, or leave --{wanted_by} out"
            ),
            Self::SentenceEncoder { .. } => {
                "Give the folder of a sentence-transformers model of BERT's kind, with modules.json, config.json, \
                 tokenizer.json and model.safetensors"
                    .into()
            }
            Self::Content { .. } => "Give the content.safetensors that `nearside train --content` wrote".into(),
            Self::Option { range, .. } => format!("Give {range}"),
            Self::Diverged { .. } => "Lower --rate".into(),
            Self::OverBudget { rules, over, .. } => {
                let narrower = match over.narrower {
                    Some(width) => format!("give --width {width}, "),
                    None if over.width > 1 && !over.estimated => "give a smaller --width, ".into(),
                    None => String::new(),
                };
                let rules = if *rules > 0 { ", or leave --rules out" } else { "" };
                // What training makes of an estimate is some percent more or less.
                let size = if over.estimated { over.size + over.size / 16 } else { over.size };
                format!(
                    "Allow {size} bytes with --budget, {narrower}or raise --min-count so that fewer items are known{rules}"
                )
            }
            Self::UnknownFeature { known, .. } => {
                let names: Vec<&str> = known.iter().map(|feature| feature.name()).collect();
                format!("Name features among {}", names.join(", "))
            }
            Self::NoClicks { .. } => {
                "Give a longer log, hold out more of it, or learn from sampled items with --negatives".into()
            }
            Self::OnlyClicks { .. } => "Give what was shown and not clicked too".into(),
            Self::NoRules { .. } => {
                "Give a longer log, or lower --fewest; with --epsilon, raise that or lower --pairs".into()
            }
            Self::UnknownVisitor { .. } => {
                "Count sessions with --unit session, or say with --map visitor=COLUMN which column holds the visitor"
                    .into()
            }
            Self::Entropy(_) => "Run it where the operating system has a random number generator".into(),
            Self::Arithmetic(_) => "Report this with the command that led to it".into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, source } => write!(f, "cannot read {}: {source}", path.display()),
            Self::Unwritable { path, source } => write!(f, "cannot write {}: {source}", path.display()),
            Self::DamagedCheckpoint { path, fault } => {
                write!(f, "{} is no checkpoint to go on from: {fault}", path.display())
            }
            Self::OtherRun { path, difference } => write!(f, "{} is of another run: {difference}", path.display()),
            Self::TooFewSessions { part, got, needed } => {
                let part = part.word();
                write!(f, "there are {got} sessions of two steps or more in the {part} part, {needed} are needed")
            }
            Self::SmallSegment { got, needed } => {
                write!(f, "there are {got} sessions of items that the log tells of, a segment needs {needed}")
            }
            Self::NoAnchors { shoppers } => {
                write!(f, "the model scores all ads alike for each of {shoppers} shoppers")
            }
            Self::TooFewProducts { got, needed } => {
                write!(f, "the catalogue has {got} products in stock, {needed} are needed")
            }
            Self::UnknownContent { .. } => {
                f.write_str("nothing is told of the items, no category, brand, name or price")
            }
            Self::SentenceEncoder { path, fault } => {
                write!(f, "{} is of no sentence encoder that can be computed: {fault}", path.display())
            }
            Self::Content { path, fault } => write!(f, "{} is no content encoder: {fault}", path.display()),
            Self::Option { name, got, range } => write!(f, "{name} is {got}, it should be {range}"),
            Self::Diverged { step } => write!(f, "the loss is not a number any more at step {step}"),
            Self::OverBudget { budget, rules, over: Over { size, estimated, width, .. } } => {
                let about = if *estimated { "by an estimate " } else { "" };
                let rules = if *rules > 0 { format!(", {rules} of them rules") } else { String::new() };
                write!(
                    f,
                    "the smallest file with item vectors of {width} numbers has {about}{size} bytes after brotli{rules}, more \
                     than the {budget} allowed"
                )
            }
            Self::UnknownFeature { name, .. } => write!(f, "`{name}` is no feature that a click model reads"),
            Self::NoClicks { part, examples } => {
                write!(f, "none of the {examples} examples in the {} part was clicked", part.word())
            }
            Self::OnlyClicks { part, examples } => {
                write!(f, "each of the {examples} examples in the {} part was clicked", part.word())
            }
            Self::NoRules { fewest } => write!(f, "no pair of items has {fewest} sessions or visitors behind it"),
            Self::UnknownVisitor { lacking, sessions } => {
                write!(f, "{lacking} of {sessions} sessions have no visitor, so visitors cannot be counted")
            }
            Self::Entropy(source) => write!(f, "no random numbers: {source}"),
            Self::Arithmetic(source) => write!(f, "the arithmetic failed: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } | Self::Unwritable { source, .. } => Some(source),
            Self::Arithmetic(source) => Some(source),
            _ => None,
        }
    }
}

impl From<candle_core::Error> for Error {
    fn from(source: candle_core::Error) -> Self {
        Self::Arithmetic(source)
    }
}
