//! Rows parted by session, so that one part after the other fits into memory. What is too much for memory waits on
//! the disk.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Read as _;
use std::ops::Range;

use nearside_core::Timestamp;
use nearside_core::history::GAP_MS;

use crate::builder::{Row, Rows};
use crate::error::Error;
use crate::spool::Spool;
use crate::{Rules, Scratch};

/// How many parts there are: a log may be about so many times as large as the memory for one part.
const PARTS: usize = 256;

/// A row as it is kept: what sessions are cut and steps are told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Record {
    /// The session's, or the visitor's where the log has no session of its own; 96 bits.
    key: u128,
    pub(crate) at: Timestamp,
    /// Its number in the log. With the fields before it, this is the order in which records are sorted.
    pub(crate) row: u64,
    /// 0 where it is no step.
    pub(crate) item: u32,
    /// Its place in [`EventName::ALL`](nearside_core::EventName::ALL), where it is a step.
    pub(crate) kind: u8,
    /// A number for its visitor; 0 where the log does not say.
    pub(crate) visitor: u32,
}

impl Record {
    const BYTES: usize = 37;
    /// Bytes of the key.
    const KEY: usize = 12;

    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.key.to_le_bytes()[..Record::KEY]);
        bytes.extend_from_slice(&self.visitor.to_le_bytes());
        bytes.extend_from_slice(&self.at.0.to_le_bytes());
        bytes.extend_from_slice(&self.row.to_le_bytes());
        bytes.extend_from_slice(&self.item.to_le_bytes());
        bytes.push(self.kind);
    }

    fn decode(bytes: &[u8]) -> Record {
        let (low, rest) = bytes.split_first_chunk::<{ Record::KEY }>().expect("records are whole");
        let mut key = [0; 16];
        key[..Record::KEY].copy_from_slice(low);
        let (visitor, rest) = rest.split_first_chunk().expect("records are whole");
        let (at, rest) = rest.split_first_chunk().expect("records are whole");
        let (row, rest) = rest.split_first_chunk().expect("records are whole");
        let (item, rest) = rest.split_first_chunk().expect("records are whole");
        Record {
            key: u128::from_le_bytes(key),
            at: Timestamp(u64::from_le_bytes(*at)),
            row: u64::from_le_bytes(*row),
            item: u32::from_le_bytes(*item),
            kind: rest[0],
            visitor: u32::from_le_bytes(*visitor),
        }
    }

    /// Whether the record after this one is of the same session.
    fn goes_on(&self, next: &Record) -> bool {
        self.key == next.key && (named(self.key) || next.at.since(self.at) <= GAP_MS)
    }
}

fn hash(salt: u8, name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (salt, name).hash(&mut hasher);
    hasher.finish()
}

/// A number for a row's session, or for its visitor. Hashes of 95 bits: among a thousand million names, two have one in
/// common once in 10^10 logs. The lowest bit says whether it is a session's.
fn key(row: &Row<'_>) -> u128 {
    let own = !row.session.is_empty();
    let name = if own { &row.session } else { &row.visitor };
    let high = u128::from(hash(0, name) >> 32);
    (high << 64 | u128::from(hash(1, name))) & !1 | u128::from(own)
}

/// A number for a row's visitor, 1 and up; 0 where there is none. A hash, as a table of all names could outgrow memory.
fn visitor(row: &Row<'_>) -> u32 {
    if row.visitor.is_empty() { 0 } else { ((hash(2, &row.visitor) >> 32) as u32).max(1) }
}

/// Whether the key is that of a session of the log's own.
fn named(key: u128) -> bool {
    key & 1 == 1
}

/// One part.
#[derive(Clone, Default)]
struct Part {
    held: Vec<u8>,
    spooled: Vec<Range<u64>>,
}

/// All rows so far.
pub(crate) struct Partitions<'a> {
    rules: &'a Rules,
    scratch: &'a Scratch,
    parts: Vec<Part>,
    spool: Option<Spool>,
    /// Most bytes of a part that are held.
    limit: usize,
    rows: u64,
}

impl Rows for Partitions<'_> {
    fn add(&mut self, row: Row<'_>, item: u32) -> Result<(), Error> {
        let kind = row.kind.filter(|kind| self.rules.takes(*kind));
        let record = Record {
            key: key(&row),
            at: row.at,
            row: self.rows,
            item: kind.and_then(|_| row.target(item)).unwrap_or_default(),
            kind: kind.map_or(0, |kind| kind as u8),
            visitor: visitor(&row),
        };
        self.rows += 1;
        let part = &mut self.parts[(record.key >> 1) as usize % PARTS];
        if part.held.len() + Record::BYTES > self.limit && !part.held.is_empty() {
            let spool = match &mut self.spool {
                Some(spool) => spool,
                None => self.spool.insert(Spool::new(&self.scratch.folder)?),
            };
            part.spooled.push(spool.append(&part.held)?);
            part.held.clear();
        }
        record.encode(&mut part.held);
        Ok(())
    }
}

impl<'a> Partitions<'a> {
    /// Parts that hold at most half of the memory together.
    pub(crate) fn new(rules: &'a Rules, scratch: &'a Scratch) -> Partitions<'a> {
        let parts = vec![Part::default(); PARTS];
        Partitions { rules, scratch, parts, spool: None, limit: scratch.memory / 2 / PARTS, rows: 0 }
    }

    /// Hands over every session: its records in time order, those of one time in the order of the log. The sessions
    /// themselves come in no order.
    pub(crate) fn sessions(
        self,
        take: &mut dyn FnMut(&[Record]) -> Result<(), Error>,
        done: &mut dyn FnMut(u64, u64),
    ) -> Result<(), Error> {
        let (mut bytes, mut records) = (Vec::new(), Vec::new());
        for (number, part) in self.parts.into_iter().enumerate() {
            records.clear();
            for range in part.spooled {
                let spool = self.spool.as_ref().expect("what is spooled lies in a spool");
                bytes.clear();
                spool.reader(range).read_to_end(&mut bytes).map_err(spool.reading())?;
                records.extend(bytes.chunks_exact(Record::BYTES).map(Record::decode));
            }
            records.extend(part.held.chunks_exact(Record::BYTES).map(Record::decode));
            records.sort_unstable();
            records.chunk_by(Record::goes_on).try_for_each(&mut *take)?;
            done(number as u64 + 1, PARTS as u64);
        }
        Ok(())
    }
}
