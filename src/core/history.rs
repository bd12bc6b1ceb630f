//! History and session: the newest events, and those of them that belong to now.
//!
//! A session ends when the next event comes more than [`GAP_MS`] after the
//! last one. Events are kept in time order whatever order they came in, so a
//! late one lands where it belongs. Nothing here reads a clock.

use serde::{Deserialize, Serialize};

use crate::clean::HORIZON_MS;
use crate::event::{Event, EventName, Timestamp};

/// Longest pause inside one session, in milliseconds. The training logs were
/// cut with the same limit; changing one without the other skews features.
pub const GAP_MS: u64 = 30 * 60 * 1000;

/// Most records that are kept; the oldest go first.
pub const RECORD_LIMIT: usize = 500;

/// One step of the shopper: an event and, where it has one, one of its items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub name: EventName,
    /// What to; empty for events without an item.
    pub item: String,
    /// The item's category path, or empty.
    pub category: String,
    /// The item's brand, or empty.
    pub brand: String,
    /// Unit price, where known.
    pub price: Option<f32>,
}

/// The newest events, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    records: Vec<Record>,
}

impl History {
    /// Adds an event: one record per item where it is a step of the session, one for the event otherwise.
    pub fn add(&mut self, event: &Event) {
        let blank = |item: String| Record {
            at: event.at,
            name: event.name,
            item,
            category: String::new(),
            brand: String::new(),
            price: None,
        };
        if event.name.is_step() {
            for item in &event.items {
                self.insert(Record {
                    category: item.category.clone().unwrap_or_default(),
                    brand: item.brand.clone().unwrap_or_default(),
                    price: item.price,
                    ..blank(item.id.clone())
                });
            }
        } else {
            self.insert(blank(String::new()));
        }
    }

    fn insert(&mut self, record: Record) {
        // Equal times keep the order of arrival.
        let place = self.records.partition_point(|r| r.at <= record.at);
        self.records.insert(place, record);
        let newest = self.records.last().map_or(Timestamp(0), |r| r.at);
        let expired = self.records.partition_point(|r| newest.since(r.at) > HORIZON_MS);
        let excess = self.records.len().saturating_sub(RECORD_LIMIT);
        self.records.drain(..expired.max(excess));
    }

    /// Every record kept, oldest first.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// When the newest event happened.
    pub fn newest(&self) -> Option<Timestamp> {
        self.records.last().map(|r| r.at)
    }

    /// The records of the session that is open at `now`; none once the shopper has been away too long.
    pub fn session(&self, now: Timestamp) -> &[Record] {
        let mut later = now;
        let start = self.records.iter().rposition(|r| {
            let ended = later.since(r.at) > GAP_MS;
            later = r.at;
            ended
        });
        &self.records[start.map_or(0, |last_of_before| last_of_before + 1)..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Item;
    use proptest::prelude::*;

    fn view(at: u64, item: &str) -> Event {
        Event {
            name: EventName::ViewItem,
            at: Timestamp(at),
            items: vec![Item { id: item.into(), quantity: 1, ..Item::default() }],
            terms: vec![],
            decision: None,
            ad: None,
            identity: None,
        }
    }

    fn history(events: &[(u64, &str)]) -> History {
        let mut history = History::default();
        events.iter().for_each(|(at, item)| history.add(&view(*at, item)));
        history
    }

    #[test]
    fn a_pause_of_exactly_the_gap_keeps_the_session_open() {
        let history = history(&[(0, "a"), (GAP_MS, "b")]);
        assert_eq!(history.session(Timestamp(2 * GAP_MS)).len(), 2);
    }

    #[test]
    fn a_longer_pause_begins_a_new_session() {
        let history = history(&[(0, "a"), (GAP_MS + 1, "b")]);
        let session = history.session(Timestamp(GAP_MS + 2));
        assert_eq!(session.len(), 1);
        assert_eq!(session[0].item, "b");
    }

    #[test]
    fn a_shopper_who_was_away_has_no_session() {
        assert!(history(&[(0, "a")]).session(Timestamp(GAP_MS + 1)).is_empty());
    }

    #[test]
    fn a_late_event_lands_in_its_place() {
        let history = history(&[(10, "a"), (30, "c"), (20, "b")]);
        let items: Vec<&str> = history.records().iter().map(|r| r.item.as_str()).collect();
        assert_eq!(items, ["a", "b", "c"]);
    }

    proptest! {
        #[test]
        fn the_session_is_the_longest_suffix_without_a_gap(times in prop::collection::vec(0u64..20 * GAP_MS, 0..60), now in 0u64..25 * GAP_MS) {
            let now = Timestamp(now.max(times.iter().copied().max().unwrap_or(0)));
            let mut history = History::default();
            times.iter().for_each(|t| history.add(&view(*t, "x")));
            let session = history.session(now);
            let all = history.records();
            let mut chain: Vec<u64> = session.iter().map(|r| r.at.0).collect();
            chain.push(now.0);
            prop_assert!(chain.windows(2).all(|w| w[1] - w[0] <= GAP_MS));
            if let Some(before) = all.len().checked_sub(session.len() + 1) {
                prop_assert!(chain[0] - all[before].at.0 > GAP_MS);
            }
        }
    }
}
