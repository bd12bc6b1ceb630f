//! Collects the rows of every format, and cuts them into sessions.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use nearside_core::Timestamp;
use nearside_core::history::GAP_MS;

use crate::error::Error;
use crate::{Facts, Log, Names, Session, Skipped, Step};

/// One usable row.
struct Row {
    session: u32,
    visitor: u32,
    step: Step,
}

/// The log so far.
pub(crate) struct Builder<'a> {
    pub(crate) log: Log,
    rows: Vec<Row>,
    sessions: Names,
    visitors: Names,
    path: PathBuf,
    strict: bool,
    told: &'a mut dyn FnMut(&Skipped),
}

impl<'a> Builder<'a> {
    pub(crate) fn new(strict: bool, told: &'a mut dyn FnMut(&Skipped)) -> Builder<'a> {
        Builder {
            log: Log::default(),
            rows: Vec::new(),
            sessions: Names::default(),
            visitors: Names::default(),
            path: PathBuf::new(),
            strict,
            told,
        }
    }

    /// Begins a file.
    pub(crate) fn file(&mut self, path: &Path) {
        self.path = path.to_owned();
    }

    /// Counts a row that cannot be used.
    pub(crate) fn skip(&mut self, line: u64, why: String) -> Result<(), Error> {
        let skipped = Skipped { path: self.path.clone(), line, why };
        if self.strict {
            return Err(Error::UnusableRow(skipped));
        }
        (self.told)(&skipped);
        self.log.skipped += 1;
        Ok(())
    }

    /// Notes an item and what a row tells of it.
    pub(crate) fn item(&mut self, id: &str, told: Facts) -> u32 {
        let number = self.log.items.number(id);
        self.log.facts.resize_with(self.log.items.len() + 1, Facts::default);
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

    /// Adds a step; the session's name is empty where the log has none of its own.
    pub(crate) fn push(&mut self, session: &str, visitor: &str, step: Step) {
        let (session, visitor) = (self.sessions.number(session), self.visitors.number(visitor));
        self.rows.push(Row { session, visitor, step });
    }

    /// How many sessions of the log's own there are so far.
    pub(crate) fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// The latest time so far.
    pub(crate) fn end(&self) -> Option<Timestamp> {
        self.rows.iter().map(|row| row.step.at).max()
    }

    /// The log of all rows.
    pub(crate) fn finish(mut self) -> Log {
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

#[cfg(test)]
mod tests {
    use nearside_core::EventName;

    use super::*;
    use crate::log::Event;

    fn log(rows: &[(&str, &str, u64, &str)]) -> Log {
        let mut told = |skipped: &Skipped| panic!("{skipped}");
        let mut builder = Builder::new(false, &mut told);
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
        let log = log(&[("", "v", 0, "a"), ("", "v", GAP_MS, "b"), ("", "v", 2 * GAP_MS + 1, "c"), ("", "w", 5, "d")]);
        assert_eq!(shown(&log), [("v#1".into(), vec!["a", "b"]), ("w#1".into(), vec!["d"]), ("v#2".into(), vec!["c"])]);
        assert_eq!(log.order, [0, 1, 0, 2]);
    }

    #[test]
    fn a_session_of_the_logs_own_lasts_as_long_as_it_says() {
        let log = log(&[("s", "v", 10 * GAP_MS, "b"), ("s", "v", 0, "a")]);
        assert_eq!(shown(&log), [("s".into(), vec!["a", "b"])]);
    }

    #[test]
    fn equal_times_keep_the_order_of_the_file() {
        let log = log(&[("s", "", 7, "b"), ("s", "", 7, "a"), ("s", "", 7, "c")]);
        assert_eq!(shown(&log), [("s".into(), vec!["b", "a", "c"])]);
    }

    #[test]
    fn truncating_keeps_the_first_sessions_and_every_item() {
        let mut log = log(&[("s", "", 1, "a"), ("t", "", 2, "b"), ("s", "", 3, "c")]);
        log.truncate(1);
        assert_eq!((log.sessions.len(), log.events(), log.items.len()), (1, 2, 3));
    }
}
