//! Streams: what the rules keep of a log that may be larger than memory.
//!
//! The rows are read once and parted by session; each part is sorted and cut into sessions; the sessions that have
//! steps enough are sorted by their beginnings. What is too much for memory waits on the disk. In the end stands what
//! [`Rules::keep`] gives of a [`Log`](crate::Log), session for session.

use std::path::PathBuf;

use nearside_core::{EventName, Timestamp};

use crate::builder::Known;
use crate::error::Error;
use crate::partitions::Partitions;
use crate::runs::Runs;
use crate::{Facts, Names, Notice, Rules, Source};

/// Room to work in.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// The folder for what does not fit into memory; made when it is needed. Nothing is left in it.
    pub folder: PathBuf,
    /// Bytes of memory for rows and sessions. Less makes more and smaller files: at 1 GB, logs of over 10 million rows
    /// go to the disk, and memory stays within it up to some 2,500 million rows. Items and what is known of them come
    /// on top.
    pub memory: usize,
}

/// One step that the rules keep: what was done to which item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// As a number of [`Stream::items`].
    pub item: u32,
    /// What was done.
    pub kind: EventName,
    /// When.
    pub at: Timestamp,
}

/// What the rules keep of a log.
#[derive(Debug)]
pub struct Stream {
    known: Known,
    sessions: usize,
    long: usize,
    /// Steps that name an item, by its number, and how many it needs to be kept.
    support: Vec<u64>,
    fewest: u64,
    runs: Runs,
}

impl Stream {
    /// Reads files and applies the rules. What happens meanwhile is told.
    ///
    /// # Errors
    ///
    /// Those of [`Log::read`](crate::Log::read), and [`Error::Unwritable`] where what does not fit into memory cannot
    /// be put down.
    pub fn read(
        source: &Source,
        rules: &Rules,
        scratch: &Scratch,
        told: &mut dyn FnMut(Notice<'_>),
    ) -> Result<Stream, Error> {
        let mut partitions = Partitions::new(rules, scratch);
        let known = source.rows(&mut partitions, told)?;
        let (mut sessions, mut long, mut support) = (0, 0, vec![0; known.items.len() + 1]);
        let (mut runs, mut actions) = (Runs::new(scratch), Vec::new());
        partitions.sessions(
            &mut |records| {
                sessions += 1;
                actions.clear();
                actions.extend(records.iter().filter(|record| record.item != 0).map(|record| Action {
                    item: record.item,
                    kind: EventName::ALL[usize::from(record.kind)],
                    at: record.at,
                }));
                if actions.len() < 2 {
                    return Ok(());
                }
                long += 1;
                actions.iter().for_each(|action| support[action.item as usize] += 1);
                // As a session in memory: that of the first row that names one.
                let visitor = records.iter().map(|record| record.visitor).find(|visitor| *visitor != 0);
                runs.push((records[0].at, records[0].row), visitor.unwrap_or(0), &actions)
            },
            &mut |done, parts| told(Notice::Sorted { done, parts }),
        )?;
        runs.finish();
        Ok(Stream { known, sessions, long, support, fewest: rules.min_support as u64, runs })
    }

    /// Hands over the visitor and the steps of every session that is kept, two at least, in the order of the sessions'
    /// first events.
    ///
    /// A visitor is a number of 32 bits, hashed from the log's name for them; 0 where the log names none. Among a million
    /// visitors some hundred pairs share a number: who counts visitors by it never counts too many.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] where the disk does not give back what was put down.
    pub fn each(&self, take: &mut dyn FnMut(u32, &[Action])) -> Result<(), Error> {
        let mut kept = Vec::new();
        self.runs.each(&mut |visitor, actions| {
            kept.clear();
            kept.extend(actions.iter().filter(|action| self.support[action.item as usize] >= self.fewest));
            if kept.len() > 1 {
                take(visitor, &kept);
            }
        })
    }

    /// Every item that occurs, in order of appearance.
    pub fn items(&self) -> &Names {
        &self.known.items
    }

    /// What the log tells of an item, by its number in [`items`](Stream::items).
    pub fn facts(&self, item: u32) -> &Facts {
        &self.known.facts[item as usize]
    }

    /// How many rows could not be used.
    pub fn skipped(&self) -> usize {
        self.known.skipped
    }

    /// How many sessions the log has, those that are not kept included.
    pub fn sessions(&self) -> usize {
        self.sessions
    }

    /// How many sessions have two steps or more, those included that are too short without rare items.
    pub fn long_sessions(&self) -> usize {
        self.long
    }

    /// How many items are left out because too few steps name them.
    pub fn rare_items(&self) -> usize {
        self.support.iter().filter(|steps| (1..self.fewest).contains(*steps)).count()
    }
}
