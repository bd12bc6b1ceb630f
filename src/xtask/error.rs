//! Why a command of the build driver stopped, and what to do about it.

use std::fmt;
use std::path::PathBuf;

/// A reason to stop. Every variant says what to do next in its text.
#[derive(Debug)]
pub(crate) enum Error {
    /// Something the machine lacks and the driver could not install.
    Missing {
        /// What is lacking, and what for.
        what: String,
        /// A command to run, or a variable to set.
        remedy: String,
    },
    /// A program ran and said no. Its output has been shown already.
    Step {
        /// The step's title.
        title: String,
        /// How it ended, for example `exit status: 101`.
        status: String,
        /// Where its whole output is kept.
        log: PathBuf,
    },
    /// A program could not be started.
    Start {
        /// The program's name.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file or folder could not be read or written.
    File {
        /// The path at fault.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A build product is not what the next step can use.
    Product {
        /// The step or file at fault.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
    /// Figures are over their limits. They have been printed already.
    OverBudget {
        /// The names of the figures.
        names: Vec<String>,
    },
    /// Steps of a run failed. The table with their names has been printed already.
    Tests {
        /// Number of failed steps.
        steps: usize,
    },
}

impl Error {
    /// The usual wrapper for a file operation on `path`.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { what, remedy } => write!(f, "{what}\n  remedy: {remedy}"),
            Self::Step { title, status, log } => {
                write!(f, "{title}: {status}\n  remedy: read the output above, kept in {}", log.display())
            }
            Self::Start { program, source } => {
                write!(f, "cannot start {program}: {source}\n  remedy: install it, or put it on PATH")
            }
            Self::File { path, source } => {
                write!(f, "{}: {source}\n  remedy: check that the path exists and may be written", path.display())
            }
            Self::Product { what, detail } => {
                write!(f, "{what}: {detail}\n  remedy: run again with --verbose to see each program's output")
            }
            Self::OverBudget { names } => write!(
                f,
                "over budget: {}\n  remedy: make it smaller or faster; the limits are in src/xtask",
                names.join(", ")
            ),
            Self::Tests { steps } => {
                write!(f, "{steps} of the steps above failed\n  remedy: each failure's output stands where it happened")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start { source, .. } | Self::File { source, .. } => Some(source),
            _ => None,
        }
    }
}
