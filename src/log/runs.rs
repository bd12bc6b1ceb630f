//! Sequences sorted by their beginnings, however many there are: an external merge sort.
//!
//! Sequences are collected until memory is full, sorted and written to the disk as one run. In the end the runs are
//! read side by side.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{BufReader, Read};
use std::ops::Range;

use nearside_core::{EventName, Timestamp};

use crate::error::Error;
use crate::spool::{Spool, Window};
use crate::{Action, Scratch};

/// When a session began, and with which row of the log: no two have both in common.
pub(crate) type Start = (Timestamp, u64);

/// A sequence begins with its start, 8 bytes for each part, its visitor and the number of its actions.
const HEAD: usize = 24;
/// Bytes of an action: item, kind and time.
const ACTION: usize = 13;
/// Bytes that are written at a time.
const WRITTEN: usize = 1 << 20;
/// Bytes of a run that are read at a time, at least and at most.
const READ: Range<usize> = 1 << 14..1 << 20;

/// All sequences so far.
#[derive(Debug)]
pub(crate) struct Runs {
    scratch: Scratch,
    /// Most bytes that are held.
    limit: usize,
    held: Vec<u8>,
    /// Starts of what is held, and where each lies; sorted once it is finished.
    places: Vec<(Start, usize)>,
    spool: Option<Spool>,
    runs: Vec<Range<u64>>,
}

impl Runs {
    /// Holds at most half of the memory.
    pub(crate) fn new(scratch: &Scratch) -> Runs {
        let (held, places, runs) = (Vec::new(), Vec::new(), Vec::new());
        Runs { scratch: scratch.clone(), limit: scratch.memory / 2, held, places, spool: None, runs }
    }

    /// Adds a sequence.
    pub(crate) fn push(&mut self, start: Start, visitor: u32, actions: &[Action]) -> Result<(), Error> {
        let bytes = self.held.len() + HEAD + actions.len() * ACTION;
        if bytes + (self.places.len() + 1) * size_of::<(Start, usize)>() > self.limit && !self.places.is_empty() {
            self.spill()?;
        }
        self.places.push((start, self.held.len()));
        self.held.extend_from_slice(&start.0.0.to_le_bytes());
        self.held.extend_from_slice(&start.1.to_le_bytes());
        self.held.extend_from_slice(&visitor.to_le_bytes());
        self.held.extend_from_slice(&(actions.len() as u32).to_le_bytes());
        for Action { item, kind, at } in actions {
            self.held.extend_from_slice(&item.to_le_bytes());
            self.held.push(*kind as u8);
            self.held.extend_from_slice(&at.0.to_le_bytes());
        }
        Ok(())
    }

    /// Writes what is held to the disk.
    fn spill(&mut self) -> Result<(), Error> {
        let spool = match &mut self.spool {
            Some(spool) => spool,
            None => self.spool.insert(Spool::new(&self.scratch.folder)?),
        };
        self.places.sort_unstable();
        let (mut bytes, mut run) = (Vec::with_capacity(WRITTEN), None);
        let mut write = |bytes: &mut Vec<u8>| -> Result<(), Error> {
            let range = spool.append(bytes)?;
            run.get_or_insert(range.clone()).end = range.end;
            bytes.clear();
            Ok(())
        };
        for (_, place) in &self.places {
            bytes.extend_from_slice(sequence(&self.held[*place..]));
            if bytes.len() >= WRITTEN {
                write(&mut bytes)?;
            }
        }
        write(&mut bytes)?;
        self.runs.extend(run);
        self.held.clear();
        self.places.clear();
        Ok(())
    }

    /// Ends the collecting.
    pub(crate) fn finish(&mut self) {
        self.places.sort_unstable();
    }

    /// Hands over every sequence with its visitor, sorted by their starts.
    pub(crate) fn each(&self, take: &mut dyn FnMut(u32, &[Action])) -> Result<(), Error> {
        let capacity = (self.limit / (self.runs.len() + 1)).clamp(READ.start, READ.end);
        let spooled = self.spool.iter().flat_map(|spool| self.runs.iter().map(move |run| (spool, run)));
        let mut sources: Vec<Source<'_>> = spooled
            .map(|(spool, run)| Source::Spooled {
                spool,
                left: run.end - run.start,
                reader: BufReader::with_capacity(capacity, spool.reader(run.clone())),
            })
            .collect();
        sources.push(Source::Held { bytes: &self.held, places: self.places.iter() });
        let mut next: Vec<Vec<Action>> = vec![Vec::new(); sources.len()];
        let mut first = BinaryHeap::with_capacity(sources.len());
        for (number, (source, actions)) in sources.iter_mut().zip(&mut next).enumerate() {
            first.extend(source.next(actions)?.map(|(start, visitor)| Reverse((start, number, visitor))));
        }
        while let Some(Reverse((_, number, visitor))) = first.pop() {
            take(visitor, &next[number]);
            let after = sources[number].next(&mut next[number])?;
            first.extend(after.map(|(start, visitor)| Reverse((start, number, visitor))));
        }
        Ok(())
    }
}

/// One of the runs that are read side by side.
enum Source<'a> {
    Spooled { spool: &'a Spool, left: u64, reader: BufReader<Window<'a>> },
    Held { bytes: &'a [u8], places: std::slice::Iter<'a, (Start, usize)> },
}

impl Source<'_> {
    /// The start and the visitor of the next sequence, and its actions in place of those in `actions`.
    fn next(&mut self, actions: &mut Vec<Action>) -> Result<Option<(Start, u32)>, Error> {
        actions.clear();
        match self {
            Source::Held { bytes, places } => {
                let Some((_, place)) = places.next() else { return Ok(None) };
                let sequence = sequence(&bytes[*place..]);
                actions.extend(sequence[HEAD..].chunks_exact(ACTION).map(action));
                let Head { start, visitor, .. } = Head::read(sequence);
                Ok(Some((start, visitor)))
            }
            Source::Spooled { left: 0, .. } => Ok(None),
            Source::Spooled { spool, left, reader } => {
                let mut head = [0; HEAD];
                reader.read_exact(&mut head).map_err(spool.reading())?;
                let Head { start, visitor, count } = Head::read(&head);
                *left -= (HEAD + count * ACTION) as u64;
                let mut bytes = [0; ACTION];
                for _ in 0..count {
                    reader.read_exact(&mut bytes).map_err(spool.reading())?;
                    actions.push(action(&bytes));
                }
                Ok(Some((start, visitor)))
            }
        }
    }
}

/// What a sequence begins with.
struct Head {
    start: Start,
    visitor: u32,
    /// How many actions it has.
    count: usize,
}

impl Head {
    fn read(bytes: &[u8]) -> Head {
        let (at, rest) = bytes.split_first_chunk().expect("sequences are whole");
        let (row, rest) = rest.split_first_chunk().expect("sequences are whole");
        let (visitor, rest) = rest.split_first_chunk().expect("sequences are whole");
        let (count, _) = rest.split_first_chunk().expect("sequences are whole");
        Head {
            start: (Timestamp(u64::from_le_bytes(*at)), u64::from_le_bytes(*row)),
            visitor: u32::from_le_bytes(*visitor),
            count: u32::from_le_bytes(*count) as usize,
        }
    }
}

/// The first sequence of these bytes.
fn sequence(bytes: &[u8]) -> &[u8] {
    &bytes[..HEAD + Head::read(bytes).count * ACTION]
}

fn action(bytes: &[u8]) -> Action {
    let (item, rest) = bytes.split_first_chunk().expect("actions are whole");
    let (kind, rest) = rest.split_first().expect("actions are whole");
    let (at, _) = rest.split_first_chunk().expect("actions are whole");
    Action {
        item: u32::from_le_bytes(*item),
        kind: EventName::ALL[usize::from(*kind)],
        at: Timestamp(u64::from_le_bytes(*at)),
    }
}
