//! Takes the rows of every format: notes items and what is known of them, counts what cannot be used, and hands the
//! rest on.

use std::borrow::Cow;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nearside_core::{EventName, Timestamp, Value};

use crate::error::Error;
use crate::{Facts, Names, Notice, Skipped};

/// One usable row.
pub(crate) struct Row<'r> {
    /// The log's own name for its session; empty where it has none.
    pub(crate) session: Cow<'r, str>,
    /// Whose it is; empty where the log does not say.
    pub(crate) visitor: Cow<'r, str>,
    pub(crate) at: Timestamp,
    /// `None` for an event that GA4's e-commerce does not know.
    pub(crate) kind: Option<EventName>,
    /// What it names, with what it tells of each.
    pub(crate) items: Vec<(Cow<'r, str>, Facts)>,
    pub(crate) event: Told<'r>,
}

impl Row<'_> {
    /// What the shopper went for, where the row's first item has this number.
    pub(crate) fn target(&self, item: u32) -> Option<u32> {
        (item != 0 && self.kind.is_some_and(EventName::needs_item)).then_some(item)
    }
}

/// The rest of a row, for those who replay it.
pub(crate) enum Told<'r> {
    /// Of a table.
    Cells { category: Cow<'r, str>, brand: &'r str, price: Option<f64> },
    /// A GA4 event as the shop emitted it.
    Event(Value<'r>),
}

/// Where rows go.
pub(crate) trait Rows {
    /// Takes the next row, whose first item has the number `item`; 0 where it names none.
    fn add(&mut self, row: Row<'_>, item: u32) -> Result<(), Error>;
}

/// What is known of a log beside its rows.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) items: Names,
    /// By number of the item.
    pub(crate) facts: Vec<Facts>,
    pub(crate) skipped: usize,
}

/// The log so far.
pub(crate) struct Builder<'a> {
    known: Known,
    rows: &'a mut dyn Rows,
    added: u64,
    end: Option<Timestamp>,
    path: PathBuf,
    strict: bool,
    told: &'a mut dyn FnMut(Notice<'_>),
    /// Bytes of all files, and of those before this one.
    bytes: u64,
    before: u64,
    /// How far into the file its reader is, in bytes.
    place: Rc<Cell<u64>>,
}

/// Rows between two notices of how far the reading is.
const ROWS_TOLD: u64 = 1 << 12;

impl<'a> Builder<'a> {
    /// `bytes` is the size of all files together.
    pub(crate) fn new(
        bytes: u64,
        strict: bool,
        rows: &'a mut dyn Rows,
        told: &'a mut dyn FnMut(Notice<'_>),
    ) -> Builder<'a> {
        let (known, path, place) = (Known::default(), PathBuf::new(), Rc::default());
        Builder { known, rows, added: 0, end: None, path, strict, told, bytes, before: 0, place }
    }

    /// Begins a file. The reader of its bytes keeps `place` up to date.
    pub(crate) fn file(&mut self, path: &Path, place: Rc<Cell<u64>>) {
        self.before += self.place.replace(0);
        self.path = path.to_owned();
        self.place = place;
    }

    /// Says how far into the file it is, where its reader does not count bytes.
    pub(crate) fn place(&self, bytes: u64) {
        self.place.set(bytes);
    }

    /// Takes what became of a row, or counts it where it cannot be used.
    pub(crate) fn take(&mut self, line: u64, row: Result<Row<'_>, String>) -> Result<(), Error> {
        match row {
            Ok(row) => self.add(row),
            Err(why) => self.skip(line, why),
        }
    }

    fn add(&mut self, mut row: Row<'_>) -> Result<(), Error> {
        let mut first = 0;
        for (id, told) in std::mem::take(&mut row.items) {
            let number = self.item(&id, told);
            first = if first == 0 { number } else { first };
        }
        self.added += 1;
        self.end = self.end.max(Some(row.at));
        if self.added.is_multiple_of(ROWS_TOLD) {
            let done = self.before + self.place.get();
            (self.told)(Notice::Read { done, bytes: self.bytes.max(done) });
        }
        self.rows.add(row, first)
    }

    fn skip(&mut self, line: u64, why: String) -> Result<(), Error> {
        let skipped = Skipped { path: self.path.clone(), line, why };
        if self.strict {
            return Err(Error::UnusableRow(skipped));
        }
        (self.told)(Notice::Skipped(&skipped));
        self.known.skipped += 1;
        Ok(())
    }

    /// Notes an item and what a row tells of it.
    fn item(&mut self, id: &str, told: Facts) -> u32 {
        let number = self.known.items.number(id);
        if self.known.facts.len() <= number as usize {
            self.known.facts.resize_with(number as usize + 1, Facts::default);
        }
        let known = &mut self.known.facts[number as usize];
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

    /// How many rows there are so far.
    pub(crate) fn rows(&self) -> u64 {
        self.added
    }

    /// The latest time so far.
    pub(crate) fn end(&self) -> Option<Timestamp> {
        self.end
    }

    /// What is known in the end.
    pub(crate) fn finish(self) -> Known {
        self.known
    }
}
