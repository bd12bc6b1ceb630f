//! Where a command's logs are and how they are read: the options that `replay` and `evaluate` share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use nearside_log::{Format, Log, Mapping, Source};

use crate::error::Error;

/// How many skipped rows are told.
const SKIPPED_SHOWN: usize = 10;

/// How logs are to be read.
#[derive(Clone, Debug, Args)]
pub(crate) struct Reading {
    /// How the log is written; told from its first line where not given
    #[arg(long, value_enum)]
    format: Option<FormatName>,
    /// Columns of a CSV, TSV or Parquet file, such as item=itemid,time=timestamp; the roles are session, visitor, time,
    /// offset (milliseconds added to the time), event, item, name, category, brand, price
    #[arg(long, value_delimiter = ',', value_name = "ROLE=COLUMN")]
    map: Vec<Mapping>,
    /// Stop at the first row that cannot be used, instead of counting it
    #[arg(long)]
    strict: bool,
}

impl Reading {
    /// Reads files into one log. The first ten rows that cannot be used are told on standard error.
    pub(crate) fn read(&self, paths: &[PathBuf]) -> Result<Log, Error> {
        let source = Source {
            paths: paths.to_vec(),
            format: self.format.map(Format::from),
            mappings: self.map.clone(),
            strict: self.strict,
        };
        let mut skipped = 0;
        let log = Log::read(&source, &mut |row| {
            if skipped < SKIPPED_SHOWN {
                eprintln!("skipped {row}");
            }
            skipped += 1;
        });
        if skipped > SKIPPED_SHOWN {
            eprintln!("skipped {} more rows", skipped - SKIPPED_SHOWN);
        }
        log.map_err(Error::Log)
    }
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// A header, then rows; parted by comma, semicolon or bar, whichever the header has most of.
    Csv,
    /// A header, then rows; parted by tabs.
    Tsv,
    /// One JSON object a line: a GA4 event, with `session` or `visitor`.
    Jsonl,
    /// The columns of a table, flat, plain or compressed with snappy or gzip.
    Parquet,
    /// One session a line: `item` or `item:milliseconds`, parted by spaces; `#` begins a comment.
    Sessions,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Format {
        match name {
            FormatName::Csv => Format::Csv,
            FormatName::Tsv => Format::Tsv,
            FormatName::Jsonl => Format::Jsonl,
            FormatName::Parquet => Format::Parquet,
            FormatName::Sessions => Format::Sessions,
        }
    }
}
