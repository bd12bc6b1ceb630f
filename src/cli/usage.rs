//! Command lines that cannot be used: what the parser refuses, as an error like every other.

use std::error::Error as _;
use std::fmt;
use std::num::{ParseFloatError, ParseIntError};

use clap::error::{ContextKind, ErrorKind};

use crate::range::OutOfRange;

/// A command line that cannot be used.
#[derive(Debug)]
pub(crate) struct Usage {
    fault: Fault,
    /// The option at fault as people write it, such as `--map`; a word without dashes where it belongs to no option.
    word: String,
    /// The value at fault.
    value: Option<String>,
    /// The command that was named; none where that is at fault.
    command: Option<String>,
}

/// What is wrong with it.
#[derive(Debug)]
enum Fault {
    /// No command is named. Holds those there are.
    MissingCommand(Vec<String>),
    /// A word that names no command. Holds those that are alike, or all of them.
    UnknownCommand(Vec<String>),
    /// A word that is no option of the command. Holds one that is alike.
    UnknownOption(Option<String>),
    /// Something is not given that has to be. Holds it as help writes it.
    MissingOption(String),
    /// A value that is none of the option's. Holds why.
    InvalidOption(String),
    /// A number outside the range. Holds what the option takes.
    OutOfRange(String),
    /// Two options that do not go together, as where one makes the other idle. Holds the other; none where one option is
    /// given twice.
    Conflict(Option<String>),
}

impl Usage {
    /// What clap says of a command line. `command` is the word that names the command, `commands` are those there are.
    pub(crate) fn new(error: &clap::Error, command: Option<String>, commands: Vec<String>) -> Usage {
        let told = |kind| error.get(kind).map(ToString::to_string).filter(|told| !told.is_empty());
        let word = told(ContextKind::InvalidArg).unwrap_or_default();
        let value = told(ContextKind::InvalidValue);
        let range = error.source().and_then(|source| source.downcast_ref::<OutOfRange>());
        let why = |what: Option<String>| what.unwrap_or_else(|| first_line(error));
        let fault = match error.kind() {
            // What stands before a command is at fault only where there is one.
            _ if command.is_none() => {
                return Usage { fault: Fault::MissingCommand(commands), word: String::new(), value, command: None };
            }
            ErrorKind::InvalidSubcommand => {
                let alike = told(ContextKind::SuggestedSubcommand).map_or(commands, |alike| vec![alike]);
                let fault = Fault::UnknownCommand(alike);
                return Usage {
                    fault,
                    word: String::new(),
                    value: told(ContextKind::InvalidSubcommand),
                    command: None,
                };
            }
            ErrorKind::UnknownArgument => Fault::UnknownOption(told(ContextKind::SuggestedArg)),
            ErrorKind::MissingRequiredArgument => Fault::MissingOption(missing(&word)),
            ErrorKind::ArgumentConflict => {
                Fault::Conflict(told(ContextKind::PriorArg).filter(|other| *other != word).map(|other| option(&other)))
            }
            ErrorKind::ValueValidation => match range {
                Some(OutOfRange(range)) => Fault::OutOfRange(range.clone()),
                // What the option's type cannot hold: below 0, with a fraction, or too large.
                None if value.as_ref().is_some_and(|value| value.parse::<f64>().is_ok()) && !is_told(error) => {
                    let command = command.as_deref().unwrap_or_default();
                    Fault::OutOfRange(format!("a number in the range that `nearside {command} --help` tells"))
                }
                None => Fault::InvalidOption(why(error.source().map(ToString::to_string))),
            },
            ErrorKind::InvalidValue if value.is_none() => Fault::InvalidOption("it has no value".into()),
            ErrorKind::InvalidValue => {
                Fault::InvalidOption(why(told(ContextKind::ValidValue).map(|known| format!("it is one of {known}"))))
            }
            _ => Fault::InvalidOption(first_line(error)),
        };
        // What the parser holds for the value of a missing or idle option is not what was given.
        let value = match fault {
            Fault::UnknownOption(_) => Some(word.clone()),
            Fault::InvalidOption(_) | Fault::OutOfRange(_) => value,
            _ => None,
        };
        Usage { fault, word: option(&word), value, command }
    }

    /// A stable word a program can test.
    pub(crate) fn code(&self) -> &'static str {
        match self.fault {
            Fault::MissingCommand(_) => "missing-command",
            Fault::UnknownCommand(_) => "unknown-command",
            Fault::UnknownOption(_) => "unknown-option",
            Fault::MissingOption(_) => "missing-option",
            Fault::InvalidOption(_) => "invalid-option",
            Fault::OutOfRange(_) => "option-out-of-range",
            Fault::Conflict(_) => "conflicting-options",
        }
    }

    /// The option at fault, without its dashes.
    pub(crate) fn field(&self) -> Option<&str> {
        match self.fault {
            Fault::MissingCommand(_) | Fault::UnknownCommand(_) => Some("command"),
            _ => Some(self.word.trim_start_matches('-')).filter(|word| !word.is_empty()),
        }
    }

    /// The value at fault, where there is one.
    pub(crate) fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// What to do about it.
    pub(crate) fn remedy(&self) -> String {
        let help =
            self.command.as_ref().map_or("nearside --help".into(), |command| format!("nearside {command} --help"));
        let word = &self.word;
        match &self.fault {
            Fault::MissingCommand(commands) => {
                format!("Name one of {}; `{help}` tells what each does", commands.join(", "))
            }
            Fault::UnknownCommand(alike) => format!("Name {}; `{help}` tells what each does", alike.join(", ")),
            Fault::UnknownOption(Some(alike)) => format!("Write {alike}, if that is meant; `{help}` tells the options"),
            Fault::UnknownOption(None) => format!("Leave it out; `{help}` tells the options"),
            Fault::MissingOption(missing) => format!("Add {missing}; `{help}` tells what it is"),
            Fault::InvalidOption(_) => format!("Give {word} another value; `{help}` tells what it takes"),
            Fault::OutOfRange(range) => format!("Give {range}"),
            Fault::Conflict(Some(other)) => format!("Leave out {word} or {other}"),
            Fault::Conflict(None) => format!("Give {word} once"),
        }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, value) = (&self.word, self.value.as_deref().unwrap_or_default());
        match &self.fault {
            Fault::MissingCommand(_) => f.write_str("no command is named"),
            Fault::UnknownCommand(_) => write!(f, "`{value}` is no command"),
            Fault::UnknownOption(_) => write!(f, "`{value}` is no option of this command"),
            Fault::MissingOption(missing) => write!(f, "{missing} is missing"),
            Fault::InvalidOption(why) if value.is_empty() => write!(f, "{word} cannot be used: {why}"),
            Fault::InvalidOption(why) => write!(f, "{word} cannot be `{value}`: {why}"),
            Fault::OutOfRange(range) => write!(f, "{word} is {value}, it should be {range}"),
            Fault::Conflict(Some(other)) => write!(f, "{word} does not go with {other}"),
            Fault::Conflict(None) => write!(f, "{word} is given twice"),
        }
    }
}

/// The option alone of what help writes, such as `--map` of `--map <ROLE=COLUMN>`; of a choice, the first.
fn option(written: &str) -> String {
    let from = written.find("--").unwrap_or(0);
    written[from..].trim_start_matches('<').split([' ', ',', '=', '|', '>']).next().unwrap_or_default().to_owned()
}

/// Whether an option's own parser says why it refuses a value.
fn is_told(error: &clap::Error) -> bool {
    error.source().is_some_and(|source| !source.is::<ParseIntError>() && !source.is::<ParseFloatError>())
}

/// What is missing, with the choices there are: `<--a <A>|--b <B>>` is how help writes them.
fn missing(written: &str) -> String {
    let one = |written: &str| match written.strip_prefix("<--").and_then(|choice| choice.strip_suffix('>')) {
        Some(choice) => format!("--{}", choice.replace('|', " or ")),
        None => written.to_owned(),
    };
    written.split(", ").map(one).collect::<Vec<_>>().join(" and ")
}

/// What clap says, in one line and without its own `error: `.
fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
