//! The log: what shoppers did, read from files and cut into sessions.
//!
//! A session is the log's own where it has one, otherwise a visitor's events
//! with no gap over 30 minutes. Sessions stand in the order of their first
//! events, their steps in time order; equal times keep the file's order.
//! Times are milliseconds since 1970.

mod columns;
mod lines;
mod objects;
mod table;
mod words;

use std::collections::HashMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use flate2::bufread::MultiGzDecoder;
use nearside_core::history::GAP_MS;
use nearside_core::{EventName, Timestamp, Value};

use crate::error::Error;

pub(crate) use columns::{Mapping, MissingColumns};

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A header, then rows; parted by comma, semicolon or bar, whichever the header has most of.
    Csv,
    /// A header, then rows; parted by tabs.
    Tsv,
    /// One JSON object a line: a GA4 event, with `session` or `visitor`.
    Jsonl,
    /// One session a line: `item` or `item:milliseconds`, parted by spaces; `#` begins a comment.
    Sessions,
}

/// How many skipped rows are told.
const SKIPPED_SHOWN: usize = 10;

/// Names as numbers. 0 is the empty name.
#[derive(Debug)]
pub(crate) struct Names {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Default for Names {
    fn default() -> Self {
        Names { names: vec![String::new()], numbers: HashMap::from([(String::new(), 0)]) }
    }
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).expect("a log of under four thousand million names");
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    /// The name with this number.
    pub(crate) fn name(&self, number: u32) -> &str {
        &self.names[number as usize]
    }

    /// How many names there are, the empty one not counted.
    pub(crate) fn len(&self) -> usize {
        self.names.len() - 1
    }
}

/// What the log tells of an item: the first value of each kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) name: String,
    pub(crate) category: String,
    pub(crate) brand: String,
    pub(crate) price: Option<f64>,
}

/// What a step was.
#[derive(Clone, Debug)]
enum Event {
    /// A row of a table.
    Row { kind: EventName, category: u32, brand: u32, price: Option<f64> },
    /// A GA4 event as the shop emitted it.
    Given(Box<Value>),
}

/// One event of a session.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// When.
    pub(crate) at: Timestamp,
    /// What the shopper went for, as a number in [`Log::items`]: what a ranking before this step has to
    /// predict. `None` for searches, lists shown, pages.
    pub(crate) target: Option<u32>,
    event: Event,
    item: u32,
}

/// One session.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// The log's own name for it, or the visitor's with a count.
    pub(crate) name: String,
    /// Whose it is; 0 where the log does not say.
    pub(crate) visitor: u32,
    /// At least one.
    pub(crate) steps: Vec<Step>,
}

impl Session {
    /// What a ranking after step `step` has to predict, where it has to.
    pub(crate) fn next_target(&self, step: usize) -> Option<u32> {
        self.steps.get(step + 1).and_then(|next| next.target)
    }
}

/// Everything that was read.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// In the order of their first events.
    pub(crate) sessions: Vec<Session>,
    /// The session of each event, in time order over the whole log.
    pub(crate) order: Vec<u32>,
    /// Every item that occurs, in order of appearance.
    pub(crate) items: Names,
    /// How many visitors the log names.
    pub(crate) visitors: usize,
    /// Rows that could not be used.
    pub(crate) skipped: usize,
    facts: Vec<Facts>,
    categories: Names,
    brands: Names,
}

impl Log {
    /// Reads files. `format` is told from each file's first line where it is not given.
    ///
    /// Rows that cannot be used are counted, and the first ten told on standard error.
    pub(crate) fn read(paths: &[PathBuf], format: Option<Format>, mappings: &[Mapping]) -> Result<Log, Error> {
        let mut builder = Builder::default();
        for path in paths {
            let mut reader = open(path)?;
            let format = match format {
                Some(format) => format,
                None => sniff(reader.as_mut(), path)?,
            };
            builder.path = path.display().to_string();
            match format {
                Format::Csv => table::read(reader, false, mappings, path, &mut builder)?,
                Format::Tsv => table::read(reader, true, mappings, path, &mut builder)?,
                Format::Jsonl => objects::read(reader, path, &mut builder)?,
                Format::Sessions => lines::read(reader, path, &mut builder)?,
            }
        }
        let skipped = builder.log.skipped;
        let unseen = skipped.saturating_sub(SKIPPED_SHOWN);
        if unseen > 0 {
            eprintln!("skipped {unseen} more rows");
        }
        if builder.rows.is_empty() {
            return Err(Error::EmptyLog { paths: paths.to_vec(), skipped });
        }
        Ok(builder.finish())
    }

    /// Keeps the first sessions. Items and their facts stay.
    pub(crate) fn truncate(&mut self, sessions: usize) {
        self.sessions.truncate(sessions);
        self.order.retain(|session| (*session as usize) < sessions);
    }

    /// How many events there are.
    pub(crate) fn events(&self) -> usize {
        self.order.len()
    }

    /// How many rankings a replay makes.
    pub(crate) fn predictions(&self) -> usize {
        let of = |session: &Session| session.steps.iter().skip(1).filter(|step| step.target.is_some()).count();
        self.sessions.iter().map(of).sum()
    }

    /// What the log tells of an item.
    pub(crate) fn facts(&self, item: u32) -> &Facts {
        &self.facts[item as usize]
    }

    /// A step as a shop hands it to `observe`.
    pub(crate) fn event(&self, step: &Step) -> Value {
        let (kind, category, brand, price) = match &step.event {
            Event::Given(value) => return (**value).clone(),
            Event::Row { kind, category, brand, price } => (kind, *category, *brand, *price),
        };
        let text = |text: &str| Value::Text(text.to_owned());
        let mut item = vec![("item_id".to_owned(), text(self.items.name(step.item)))];
        if category != 0 {
            item.push(("item_category".to_owned(), text(self.categories.name(category))));
        }
        if brand != 0 {
            item.push(("item_brand".to_owned(), text(self.brands.name(brand))));
        }
        if let Some(price) = price {
            item.push(("price".to_owned(), Value::Number(price)));
        }
        Value::Map(vec![
            ("event".to_owned(), text(kind.name())),
            ("ts".to_owned(), Value::Number(step.at.0 as f64)),
            ("items".to_owned(), Value::List(vec![Value::Map(item)])),
        ])
    }
}

/// One usable row.
struct Row {
    session: u32,
    visitor: u32,
    step: Step,
}

/// Collects rows of every format.
#[derive(Default)]
struct Builder {
    log: Log,
    rows: Vec<Row>,
    sessions: Names,
    visitors: Names,
    path: String,
}

impl Builder {
    /// Counts a row that cannot be used.
    fn skip(&mut self, line: u64, why: impl Display) {
        if self.log.skipped < SKIPPED_SHOWN {
            eprintln!("skipped {}:{line}: {why}", self.path);
        }
        self.log.skipped += 1;
    }

    /// Notes an item and what a row tells of it.
    fn item(&mut self, id: &str, told: Facts) -> u32 {
        let number = self.log.items.number(id);
        self.log.facts.resize_with(self.log.items.names.len(), Facts::default);
        let known = &mut self.log.facts[number as usize];
        let fill = |known: &mut String, told: String| {
            if known.is_empty() {
                *known = told;
            }
        };
        fill(&mut known.name, told.name);
        fill(&mut known.category, told.category);
        fill(&mut known.brand, told.brand);
        known.price = known.price.or(told.price);
        number
    }

    fn push(&mut self, session: &str, visitor: &str, step: Step) {
        let (session, visitor) = (self.sessions.number(session), self.visitors.number(visitor));
        self.rows.push(Row { session, visitor, step });
    }

    fn finish(mut self) -> Log {
        self.rows.sort_by_key(|row| row.step.at);
        let mut log = self.log;
        log.visitors = self.visitors.len();
        let mut named: HashMap<u32, u32> = HashMap::new();
        let mut cut: HashMap<u32, (u32, Timestamp, usize)> = HashMap::new();
        for Row { session, visitor, step } in self.rows {
            let next = log.sessions.len() as u32;
            let at = step.at;
            let (place, name) = if session != 0 {
                (*named.entry(session).or_insert(next), self.sessions.name(session).to_owned())
            } else {
                let (place, last, count) = cut.entry(visitor).or_insert((next, at, 1));
                if at.since(*last) > GAP_MS {
                    (*place, *count) = (next, *count + 1);
                }
                *last = at;
                (*place, format!("{}#{count}", self.visitors.name(visitor)))
            };
            if place == next {
                log.sessions.push(Session { name, visitor, steps: Vec::new() });
            }
            log.sessions[place as usize].steps.push(step);
            log.order.push(place);
        }
        log
    }
}

/// Opens a file, decompressing it where it is gzip whatever its name.
fn open(path: &Path) -> Result<Box<dyn BufRead>, Error> {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    let mut reader = BufReader::new(File::open(path).map_err(Error::reading(path))?);
    let zipped = reader.fill_buf().map_err(Error::reading(path))?.starts_with(&GZIP);
    Ok(if zipped { Box::new(BufReader::new(MultiGzDecoder::new(reader))) } else { Box::new(reader) })
}

/// Tells a file's format from its first line that is no comment.
fn sniff(reader: &mut dyn BufRead, path: &Path) -> Result<Format, Error> {
    let head = reader.fill_buf().map_err(Error::reading(path))?;
    // The head may end inside a character, so only what comes before the fault counts.
    let valid = std::str::from_utf8(head).map_or_else(|e| e.valid_up_to(), str::len);
    let text = String::from_utf8_lossy(&head[..valid]);
    let unknown = || Error::UnknownFormat { path: path.to_owned() };
    if head.len() - valid > 3 || text.contains('\0') {
        return Err(unknown());
    }
    let lines = || text.trim_start_matches('\u{feff}').lines().map(str::trim).filter(|line| !line.is_empty());
    let Some(line) = lines().find(|line| !line.starts_with('#')).or_else(|| lines().next()) else {
        return Err(Error::EmptyLog { paths: vec![path.to_owned()], skipped: 0 });
    };
    Ok(match line {
        line if line.starts_with('{') => Format::Jsonl,
        line if line.contains('\t') => Format::Tsv,
        line if line.contains([',', ';', '|']) => Format::Csv,
        _ => Format::Sessions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder(rows: &[(&str, &str, u64, &str)]) -> Log {
        let mut builder = Builder::default();
        for (session, visitor, at, item) in rows {
            let item = builder.item(item, Facts::default());
            let event = Event::Row { kind: EventName::ViewItem, category: 0, brand: 0, price: None };
            builder.push(session, visitor, Step { at: Timestamp(*at), target: Some(item), event, item });
        }
        builder.finish()
    }

    fn shown(log: &Log) -> Vec<(String, Vec<&str>)> {
        let items = |s: &Session| s.steps.iter().map(|step| log.items.name(step.item)).collect();
        log.sessions.iter().map(|s| (s.name.clone(), items(s))).collect()
    }

    #[test]
    fn visitors_without_sessions_are_cut_after_thirty_minutes() {
        let log =
            builder(&[("", "v", 0, "a"), ("", "v", GAP_MS, "b"), ("", "v", 2 * GAP_MS + 1, "c"), ("", "w", 5, "d")]);
        assert_eq!(shown(&log), [("v#1".into(), vec!["a", "b"]), ("w#1".into(), vec!["d"]), ("v#2".into(), vec!["c"])]);
        assert_eq!(log.order, [0, 1, 0, 2]);
    }

    #[test]
    fn a_session_of_the_logs_own_lasts_as_long_as_it_says() {
        let log = builder(&[("s", "v", 10 * GAP_MS, "b"), ("s", "v", 0, "a")]);
        assert_eq!(shown(&log), [("s".into(), vec!["a", "b"])]);
    }

    #[test]
    fn equal_times_keep_the_order_of_the_file() {
        let log = builder(&[("s", "", 7, "b"), ("s", "", 7, "a"), ("s", "", 7, "c")]);
        assert_eq!(shown(&log), [("s".into(), vec!["b", "a", "c"])]);
    }

    #[test]
    fn truncating_keeps_the_first_sessions_and_every_item() {
        let mut log = builder(&[("s", "", 1, "a"), ("t", "", 2, "b"), ("s", "", 3, "c")]);
        log.truncate(1);
        assert_eq!((log.sessions.len(), log.events(), log.items.len()), (1, 2, 3));
    }

    #[test]
    fn the_format_is_told_from_the_first_line_that_is_no_comment() {
        for (text, format) in [
            ("{\"event\":\"view_item\"}\n", Format::Jsonl),
            ("session\ttime\titem\n", Format::Tsv),
            ("session;time;item\n", Format::Csv),
            ("# item:ms\n\n12:5 13:9\n", Format::Sessions),
            ("1 2 3\n", Format::Sessions),
        ] {
            assert_eq!(sniff(&mut text.as_bytes(), Path::new("log")).unwrap(), format, "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_no_log() {
        for bytes in [&b"\x08\x07\x12\x00onnx"[..], &[0xff, 0xfe, 0x41, 0x42, 0x43]] {
            assert_eq!(sniff(&mut &*bytes, Path::new("log")).unwrap_err().code(), "unknown-format");
        }
    }
}
