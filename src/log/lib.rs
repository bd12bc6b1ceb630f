//! Logs of what shoppers did, read from files and cut into sessions.
//!
//! A session is the log's own where it has one, otherwise a visitor's events
//! with no gap over 30 minutes. Sessions stand in the order of their first
//! events, their steps in time order; equal times keep the file's order.
//! Times are milliseconds since 1970.
//!
//! ```
//! use nearside_log::{Log, Source};
//!
//! let folder = std::env::temp_dir();
//! let path = folder.join(format!("nearside-log-{}.csv", std::process::id()));
//! std::fs::write(&path, "session,time,item\n1,1700000000,kettle\n1,1700000060,toaster\n")?;
//! let source = Source { paths: vec![path], ..Source::default() };
//! let log = Log::read(&source, &mut |notice| eprintln!("{notice:?}"))?;
//! let steps = &log.sessions()[0].steps;
//! let items: Vec<&str> = steps.iter().filter_map(|step| step.target).map(|item| log.items().name(item)).collect();
//! assert_eq!(items, ["kettle", "toaster"]);
//! # std::fs::remove_file(&source.paths[0])?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Map
//!
//! - [`Source`]: which files, how they are written, which columns hold what ([`Format`], [`Mapping`], [`Role`]).
//! - [`Log`]: what was read: [`Session`]s of [`Step`]s, items as numbers ([`Names`]) and what is known of them
//!   ([`Facts`]).
//! - [`Rules`] and [`Split`]: which [`Sequence`]s to learn from, and which to be measured on.
//! - [`Impressions`]: another kind of log, of ads that were shown ([`ImpressionSource`], [`Place`], [`PlaceMapping`]).
//! - [`Stream`]: what the rules keep of a log larger than memory: sessions of [`Action`]s, with [`Scratch`] to work in.
//! - [`Notice`]: what is told while a log is read, such as a row that could not be used ([`Skipped`]). [`Error`]: why
//!   there is no log.
//!
//! # Limits
//!
//! A [`Log`] is held in memory, some 200 bytes an event of a table. A [`Stream`] holds the items with what is known of
//! them and works on the rest in [`Scratch`], 37 bytes an event on the disk and then 13 a step; a single session has
//! to fit into memory. Remedies name the options of the command line (`--map`, `--format`, `--memory`). Of a Parquet
//! file the flat columns are read, compressed with snappy or gzip.

mod builder;
mod columns;
mod error;
mod held;
mod impressions;
mod lines;
mod log;
mod names;
mod objects;
mod parquet;
mod partitions;
mod runs;
mod source;
mod split;
mod spool;
mod stream;
mod table;
mod words;

pub use columns::{Mapping, MissingColumns, Role};
pub use error::Error;
pub use impressions::{Impression, ImpressionSource, Impressions, Place, PlaceMapping};
pub use log::{Facts, Log, Session, Step};
pub use names::Names;
pub use objects::{event_field, event_items};
pub use source::{Format, Notice, Skipped, Source};
pub use split::{Kept, Rules, Sequence, Split};
pub use stream::{Action, Scratch, Stream};
