//! Why there is no log to work with.
//!
//! Each variant carries the values at fault. [`Error::code`] is the word a program tests; `Display` is one
//! sentence for people; [`Error::remedy`] says what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::{MissingColumns, Place, Skipped};

/// Everything that can go wrong with the files of a log.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be opened, or breaks off while it is read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system, or the decompressor, said.
        source: io::Error,
    },
    /// A file for what does not fit into memory cannot be written.
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file in none of the formats that are read, such as one that is no text.
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// The formats that are read, in words.
        known: &'static str,
    },
    /// A Parquet file compressed in a way that is not read.
    UnknownCompression {
        /// The file.
        path: PathBuf,
        /// What it is compressed with.
        name: String,
    },
    /// A table without a column that is needed.
    MissingColumns(MissingColumns),
    /// Impressions without a column that is needed, or without one that a mapping names.
    NoColumn {
        /// The file.
        path: PathBuf,
        /// What it would hold.
        place: Place,
        /// The column that a mapping names for it; `None` where no header is taken for it.
        column: Option<String>,
        /// The columns there are.
        columns: Vec<String>,
    },
    /// A label that is neither 0 nor 1, where no other is.
    InvalidLabel {
        /// The file.
        path: PathBuf,
        /// The line of the first label, 1 the first of the file.
        line: u64,
        /// What stands there.
        value: String,
    },
    /// Numbers without names: a libfm file without its index, or an index without a name.
    MissingIndex {
        /// The file.
        path: PathBuf,
    },
    /// A row that cannot be used, where every row has to be.
    UnusableRow(Skipped),
    /// A log without one usable row.
    Empty {
        /// The files.
        paths: Vec<PathBuf>,
        /// Rows that were there but could not be used.
        skipped: usize,
    },
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
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "unreadable-file",
            Self::Unwritable { .. } => "unwritable-file",
            Self::UnknownFormat { .. } => "unknown-format",
            Self::UnknownCompression { .. } => "unknown-compression",
            Self::MissingColumns(_) => "missing-column",
            Self::NoColumn { .. } => "missing-column",
            Self::InvalidLabel { .. } => "invalid-label",
            Self::MissingIndex { .. } => "missing-index",
            Self::UnusableRow(_) => "unusable-row",
            Self::Empty { .. } => "empty-log",
        }
    }

    /// The column at fault, where it is one.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::MissingColumns(missing) => Some(missing.first()),
            Self::NoColumn { place, column, .. } => Some(column.as_deref().unwrap_or(place.word())),
            Self::InvalidLabel { .. } => Some("clicked"),
            _ => None,
        }
    }

    /// The value at fault.
    pub fn value(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable { path, .. } | Self::Unwritable { path, .. } | Self::UnknownFormat { path, .. } => {
                path.display().to_string()
            }
            Self::UnknownCompression { name, .. } => name.clone(),
            Self::MissingColumns(missing) => missing.columns(),
            Self::NoColumn { columns, .. } => columns.join(", "),
            Self::InvalidLabel { value, .. } => value.clone(),
            Self::MissingIndex { path } => path.display().to_string(),
            Self::UnusableRow(row) => format!("{}:{}", row.path.display(), row.line),
            Self::Empty { skipped, .. } => skipped.to_string(),
        })
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "Check the path; a relative one starts at the folder the command runs in".into()
            }
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::IsADirectory => {
                "Give the files in the folder one by one, such as FOLDER/*".into()
            }
            Self::Unreadable { .. } => "Check that the file is complete and may be read".into(),
            Self::Unwritable { .. } => {
                "Check that the folder may be written and has space for about 40 bytes an event, or raise --memory"
                    .into()
            }
            Self::UnknownFormat { known, .. } => format!("Give {known}"),
            Self::UnknownCompression { .. } => "Write the file with snappy, gzip or no compression".into(),
            Self::MissingColumns(missing) => missing.remedy(),
            Self::NoColumn { column: Some(_), columns, .. } => {
                format!("Use columns that are there in --columns: {}", columns.join(", "))
            }
            Self::NoColumn { place, columns, .. } => {
                let columns = columns.join(", ");
                format!("Say which column holds it, such as --columns {}=COLUMN; there are {columns}", place.word())
            }
            Self::InvalidLabel { .. } => {
                "Name another column with --columns clicked=COLUMN, or write 1 for a click and 0 for none".into()
            }
            Self::MissingIndex { .. } => {
                "Give with --index the file that names the numbers: lines of `column:value`, a tab and the number"
                    .into()
            }
            Self::UnusableRow(_) => "Correct the row, or read without --strict, which skips and counts it".into(),
            Self::Empty { skipped: 0, .. } => {
                "Give a file with a row for every event, below a header where it is a table, or a session on every line"
                    .into()
            }
            Self::Empty { .. } => {
                "Read the skipped rows above; --format and --map say how the file is to be read".into()
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, source } => write!(f, "cannot read {}: {source}", path.display()),
            Self::Unwritable { path, source } => write!(f, "cannot write {}: {source}", path.display()),
            Self::UnknownFormat { path, .. } => write!(f, "{} is in no known format", path.display()),
            Self::UnknownCompression { path, name } => {
                write!(f, "{} is compressed with {name}, which is not read", path.display())
            }
            Self::MissingColumns(missing) => missing.fmt(f),
            Self::NoColumn { path, place, column, columns } => {
                let (path, columns) = (path.display(), columns.join(", "));
                match column {
                    Some(column) => write!(f, "{path} has no column {column} for {}, only {columns}", place.word()),
                    None => write!(f, "{path} has no column for {}, only {columns}", place.word()),
                }
            }
            Self::InvalidLabel { path, line, value } => {
                write!(f, "{}:{line}: no label is 0 or 1, the first is `{value}`", path.display())
            }
            Self::MissingIndex { path } => write!(f, "{} has numbers without names", path.display()),
            Self::UnusableRow(row) => row.fmt(f),
            Self::Empty { paths, skipped } => {
                let names: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
                write!(f, "{} holds no usable row ({skipped} skipped)", names.join(", "))
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } | Self::Unwritable { source, .. } => Some(source),
            _ => None,
        }
    }
}
