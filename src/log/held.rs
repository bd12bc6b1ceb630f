//! Rows held in memory, and cut into sessions.

use std::collections::HashMap;

use nearside_core::history::GAP_MS;
use nearside_core::{Timestamp, Value};

use crate::builder::{Known, Row, Rows, Told};
use crate::error::Error;
use crate::log::Event;
use crate::{Log, Names, Session, Step};

/// One row; 0 where it has no session of the log's own, or no visitor.
struct HeldRow {
    session: u32,
    visitor: u32,
    step: Step,
}

/// The rows so far.
#[derive(Default)]
pub(crate) struct Held {
    rows: Vec<HeldRow>,
    sessions: Names,
    visitors: Names,
    categories: Names,
    brands: Names,
}

impl Rows for Held {
    fn add(&mut self, row: Row<'_>, item: u32) -> Result<(), Error> {
        let target = row.target(item);
        let event = match row.event {
            Told::Event(value) => Event::Given(Box::new(Value::into_owned(value))),
            Told::Cells { category, brand, price } => Event::Row {
                kind: row.kind.expect("a row of a table is of a known kind"),
                category: self.categories.number(&category),
                brand: self.brands.number(brand),
                price,
            },
        };
        let (session, visitor) = (self.sessions.number(&row.session), self.visitors.number(&row.visitor));
        self.rows.push(HeldRow { session, visitor, step: Step { at: row.at, target, event, item } });
        Ok(())
    }
}

impl Held {
    /// The log of all rows.
    pub(crate) fn finish(mut self, known: Known) -> Log {
        self.rows.sort_by_key(|row| row.step.at);
        let mut log = Log {
            items: known.items,
            facts: known.facts,
            skipped: known.skipped,
            visitors: self.visitors.len(),
            categories: self.categories,
            brands: self.brands,
            ..Log::default()
        };
        let mut named: HashMap<u32, u32> = HashMap::new();
        let mut cut: HashMap<u32, (u32, Timestamp, usize)> = HashMap::new();
        for HeldRow { session, visitor, step } in self.rows {
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
            let session = &mut log.sessions[place as usize];
            if session.visitor == 0 {
                session.visitor = visitor;
            }
            session.steps.push(step);
            log.order.push(place);
        }
        log
    }
}

#[cfg(test)]
mod tests {
    use nearside_core::EventName;

    use super::*;
    use crate::Facts;
    use crate::builder::Builder;

    fn log(rows: &[(&str, &str, u64, &str)]) -> Log {
        let mut held = Held::default();
        let mut told = |notice: crate::Notice<'_>| panic!("{notice:?}");
        let mut builder = Builder::new(0, false, &mut held, &mut told);
        for (session, visitor, at, item) in rows {
            let row = Row {
                session: (*session).into(),
                visitor: (*visitor).into(),
                at: Timestamp(*at),
                kind: Some(EventName::ViewItem),
                items: vec![((*item).into(), Facts::default())],
                event: Told::Cells { category: "".into(), brand: "", price: None },
            };
            builder.take(1, Ok(row)).unwrap();
        }
        let known = builder.finish();
        held.finish(known)
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
