//! Where a command's logs are and how they are read: the options that several commands share.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use nearside_core::EventName;
use nearside_log::{Format, Log, Mapping, Notice, Rules, Scratch, Source, Stream};

use crate::artefacts::artefacts;
use crate::error::{Cause, Error};
use crate::output::{apart, note};
use crate::progress::bytes;

/// How many skipped rows are told.
pub(crate) const SKIPPED_SHOWN: usize = 10;

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
    pub(crate) strict: bool,
}

impl Reading {
    /// Reads files into one log. The first ten rows that cannot be used are told on standard error.
    pub(crate) fn read(&self, paths: &[PathBuf]) -> Result<Log, Error> {
        told(|told| Log::read(&self.source(paths), told))
    }

    fn source(&self, paths: &[PathBuf]) -> Source {
        Source {
            paths: paths.to_vec(),
            format: self.format.map(Format::from),
            mappings: self.map.clone(),
            strict: self.strict,
        }
    }
}

/// How logs are read and which of their events are steps: the options of whoever learns from logs or measures on them.
#[derive(Clone, Debug, Args)]
pub(crate) struct Steps {
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// Kinds of event that are steps, such as view_item,add_to_cart; by default all that models see as steps
    #[arg(long, value_delimiter = ',', value_name = "EVENT", value_parser = step)]
    kinds: Vec<EventName>,
}

impl Steps {
    /// Which steps count, where an item needs so many.
    pub(crate) fn rules(&self, min_support: usize) -> Rules {
        Rules { kinds: self.kinds.clone(), min_support }
    }
}

/// The log that something is learnt from: the options that `train`, `rules` and `membership` share.
#[derive(Clone, Debug, Args)]
pub(crate) struct TrainingLog {
    /// Logs to learn from, plain or gzip: CSV or TSV with a header, JSON lines of GA4 events, or one session a line;
    /// or Parquet
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    events: Vec<PathBuf>,
    #[command(flatten)]
    steps: Steps,
}

impl TrainingLog {
    /// Which of its steps count, where an item needs so many.
    pub(crate) fn rules(&self, min_support: usize) -> Rules {
        self.steps.rules(min_support)
    }

    /// Refuses a folder for what is made, if the log is a file in it that would be written over or removed.
    pub(crate) fn apart_from(&self, folder: &Path) -> Result<(), Error> {
        apart(&artefacts(folder), &self.events)
    }

    pub(crate) fn read(&self) -> Result<Log, Error> {
        self.steps.reading.read(&self.events)
    }

    /// Whether enough sessions are left to learn from and to validate with; `long` tells how many had two steps or more
    /// before rare items were left out.
    pub(crate) fn enough(
        &self,
        [training, validation]: [usize; 2],
        [learnt, held_out]: [usize; 2],
        long: impl FnOnce() -> usize,
    ) -> Result<(), Error> {
        let (kept, both) = (training + validation, learnt + held_out);
        let (got, needed, cause) = if kept < both {
            match long() {
                long if long >= both => (kept, both, Cause::MinCount),
                long if self.steps.kinds.is_empty() => (long, both, Cause::Log),
                long => (long, both, Cause::Kinds),
            }
        } else if training < learnt {
            (training, learnt, Cause::Training)
        } else if validation < held_out {
            (validation, held_out, Cause::Validation)
        } else {
            return Ok(());
        };
        Err(Error::TooFewSessions { got, needed, cause })
    }

    /// Reads what the rules keep of a log that may be larger than memory.
    pub(crate) fn stream(&self, rules: &Rules, scratch: &Scratch) -> Result<Stream, Error> {
        told(|told| Stream::read(&self.steps.reading.source(&self.events), rules, scratch, told))
    }
}

fn step(text: &str) -> Result<EventName, String> {
    let kinds = || EventName::ALL.iter().filter(|kind| kind.is_step());
    let names = || kinds().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
    kinds().find(|kind| kind.name() == text).copied().ok_or_else(|| format!("it is one of {}", names()))
}

/// Reads with a bar, and tells the first ten rows that cannot be used.
pub(crate) fn told<T>(
    read: impl FnOnce(&mut dyn FnMut(Notice<'_>)) -> Result<T, nearside_log::Error>,
) -> Result<T, Error> {
    let bar = bytes("reading");
    let mut skipped = 0;
    let log = read(&mut |notice| match notice {
        Notice::Skipped(row) => {
            if skipped < SKIPPED_SHOWN {
                bar.suspend(|| note(format_args!("skipped {row}")));
            }
            skipped += 1;
        }
        Notice::Read { done, bytes } => {
            bar.set_length(bytes);
            bar.set_position(done);
        }
        Notice::Sorted { done, parts } => bar.set_message(format!("sorting {} %", 100 * done / parts)),
        _ => (),
    });
    bar.finish_and_clear();
    if skipped > SKIPPED_SHOWN {
        note(format_args!("skipped {} more rows", skipped - SKIPPED_SHOWN));
    }
    log.map_err(Error::Log)
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
