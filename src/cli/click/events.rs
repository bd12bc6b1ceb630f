//! Examples from a log of events: lists that were shown and clicked in, or next items beside sampled ones.
//!
//! Every session is played through the core, and an example has the features that a ranking at that moment would have.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use indicatif::ProgressBar;
use nearside_core::{Engine, EventName, Request, Timestamp, Value};
use nearside_log::{Log, Session, event_field, event_items};
use nearside_train::Random;
use nearside_train::click::{Example, Examples, Outcome, Recorder, Terms};

use super::LeftOut;
use crate::catalogue::{PLACEMENT, Prepared};
use crate::engine::{self, page};
use crate::error::Error;
use crate::output::note;
use crate::source::SKIPPED_SHOWN;
use crate::threads;

/// Where examples come from.
#[derive(Clone, Copy)]
pub(crate) struct Playing<'a> {
    pub(crate) log: &'a Log,
    pub(crate) catalogue: &'a Prepared,
    pub(crate) terms: &'a Terms,
    /// How many items are sampled beside each next item; `None` where what was shown is learnt from.
    pub(crate) negatives: Option<usize>,
    pub(crate) seed: u64,
    pub(crate) threads: usize,
    /// Whether the first list that cannot be used is the end.
    pub(crate) strict: bool,
}

/// A list that cannot be used, as its event says something that no shop can ask for.
#[derive(Debug)]
pub(crate) struct UnusableList {
    /// The session's name.
    session: String,
    /// Which of its events, 1 the first.
    event: usize,
    /// What is wrong with it.
    pub(crate) source: nearside_core::Error,
}

impl fmt::Display for UnusableList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the list of session {}, event {}: {}", self.session, self.event, self.source)
    }
}

type Noted = Vec<(Example, Outcome)>;

impl Playing<'_> {
    /// The examples of all sessions, each a group, in the log's order.
    pub(crate) fn examples(&self, progress: &ProgressBar) -> Result<(Examples, LeftOut), Error> {
        let next = AtomicUsize::new(0);
        let parts = threads::each(self.threads.min(self.log.sessions().len()), || self.play(&next, progress));
        progress.finish_and_clear();
        let (mut sessions, mut left_out, mut unusable) = (Vec::new(), LeftOut::default(), Vec::new());
        for player in parts? {
            sessions.extend(player.sessions);
            left_out.add(&player.left_out);
            unusable.extend(player.unusable);
        }
        // Each thread has met its first ones in the log's order, so the first of all are among them.
        unusable.sort_by_key(|(index, list)| (*index, list.event));
        if self.strict && !unusable.is_empty() {
            return Err(Error::UnusableList(unusable.swap_remove(0).1));
        }
        unusable.iter().take(SKIPPED_SHOWN).for_each(|(_, list)| note(format_args!("skipped {list}")));
        if left_out.unusable_lists > SKIPPED_SHOWN {
            note(format_args!("skipped {} more lists", left_out.unusable_lists - SKIPPED_SHOWN));
        }
        sessions.sort_by_key(|(index, _)| *index);
        let mut examples = Examples::default();
        for (index, noted) in &sessions {
            noted.iter().for_each(|(example, outcome)| examples.push(self.terms, *index as u32, example, *outcome));
        }
        Ok((examples, left_out))
    }

    fn play(&self, next: &AtomicUsize, progress: &ProgressBar) -> Result<Played, Error> {
        let start = self.log.sessions().first().map_or(Timestamp(0), |session| session.steps[0].at);
        let mut engine = engine::ready(self.catalogue, None, start)?;
        let recorder = Recorder::new(&mut engine, self.terms, start).map_err(Error::Ranking)?;
        let mut player = Player { of: *self, engine, recorder, noted: Vec::new(), played: Played::default() };
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(session) = self.log.sessions().get(index) else { return Ok(player.played) };
            player.engine.forget();
            match self.negatives {
                Some(count) => player.next_items(index, session, count)?,
                None => player.lists(index, session)?,
            }
            player.played.sessions.push((index, std::mem::take(&mut player.noted)));
            if self.strict && !player.played.unusable.is_empty() {
                // The sessions before this one are all played or in other threads' hands; nobody needs those after it.
                next.store(self.log.sessions().len(), Ordering::Relaxed);
            }
            progress.inc(1);
        }
    }
}

/// What one thread made of its sessions.
#[derive(Default)]
struct Played {
    sessions: Vec<(usize, Noted)>,
    left_out: LeftOut,
    /// The first lists that cannot be used, with the numbers of their sessions.
    unusable: Vec<(usize, UnusableList)>,
}

/// One thread's engine.
struct Player<'a> {
    of: Playing<'a>,
    engine: Engine,
    recorder: Recorder,
    /// The examples of the session that is played.
    noted: Noted,
    played: Played,
}

impl Player<'_> {
    /// Notes every list that was shown, as it stood before it was seen.
    fn lists(&mut self, number: usize, session: &Session) -> Result<(), Error> {
        let log = self.of.log;
        let lists = lists(log, session, &mut self.played.left_out);
        self.played.left_out.lists += lists.len();
        for (index, step) in session.steps.iter().enumerate() {
            let event = log.event(step);
            if let Some(list) = lists.iter().find(|list| list.step == index) {
                match request(&event) {
                    Ok(request) => self.list(list, &request, step.at)?,
                    Err(source) => {
                        self.played.left_out.unusable_lists += 1;
                        if self.played.unusable.len() < SKIPPED_SHOWN {
                            let (session, event) = (session.name.clone(), index + 1);
                            self.played.unusable.push((number, UnusableList { session, event, source }));
                        }
                    }
                }
            }
            self.engine.observe(&event, step.at).map_err(Error::Ranking)?;
        }
        Ok(())
    }

    /// Notes a list's items that the catalogue has.
    fn list(&mut self, list: &List, request: &Request, now: Timestamp) -> Result<(), Error> {
        let mut shown = Vec::with_capacity(list.items.len());
        for (position, (item, clicked)) in list.items.iter().enumerate() {
            match self.of.catalogue.product(item) {
                Some(product) => {
                    shown.push((product, Outcome { clicked: *clicked, position: Some(position), rate: 1.0 }));
                }
                None => {
                    self.played.left_out.unknown_items += 1;
                    self.played.left_out.unknown_clicked += usize::from(*clicked);
                }
            }
        }
        self.note(request, now, &shown)
    }

    /// Notes every next item, and `count` others of the catalogue.
    fn next_items(&mut self, index: usize, session: &Session, count: usize) -> Result<(), Error> {
        let (log, products) = (self.of.log, self.of.catalogue.len());
        let mut random = Random::of_seed(self.of.seed ^ ((index as u64) << 20));
        for (position, step) in session.steps.iter().enumerate() {
            self.engine.observe(&log.event(step), step.at).map_err(Error::Ranking)?;
            let Some(target) = session.next_target(position) else { continue };
            let Some(next) = self.of.catalogue.product(log.items().name(target)) else {
                self.played.left_out.unknown_items += 1;
                self.played.left_out.unknown_clicked += 1;
                continue;
            };
            let others = others(next, products, count, &mut random);
            let rate = others.len() as f64 / (products - 1).max(1) as f64;
            let outcome = |clicked| Outcome { clicked, position: None, rate };
            let mut shown = vec![(next, outcome(true))];
            shown.extend(others.into_iter().map(|product| (product, outcome(false))));
            let request = Request { placement: PLACEMENT.into(), page: page(log, step), ..Request::default() };
            self.note(&request, step.at, &shown)?;
        }
        Ok(())
    }

    fn note(&mut self, request: &Request, now: Timestamp, shown: &[(usize, Outcome)]) -> Result<(), Error> {
        let ads: Vec<usize> = shown.iter().map(|(product, _)| self.of.catalogue.row(*product)).collect();
        let examples = self.recorder.examples(&mut self.engine, request, now, &ads).map_err(Error::Ranking)?;
        self.noted.extend(examples.into_iter().zip(shown.iter().map(|(_, outcome)| *outcome)));
        Ok(())
    }
}

/// `count` products but one, none twice; all others where there are no more.
fn others(but: usize, products: usize, count: usize, random: &mut Random) -> Vec<usize> {
    if count + 1 >= products {
        return (0..products).filter(|product| *product != but).collect();
    }
    let mut drawn = Vec::with_capacity(count);
    while drawn.len() < count {
        let product = random.below(products);
        if product != but && !drawn.contains(&product) {
            drawn.push(product);
        }
    }
    drawn
}

/// A list that was shown.
struct List {
    step: usize,
    kind: EventName,
    /// What joins clicks to it: the list's id, or the decision that filled it.
    name: Option<String>,
    /// In the order they stood, with whether each was clicked.
    items: Vec<(String, bool)>,
}

/// The lists of a session. A click is in the newest list before it, of the same name, that holds its item.
fn lists(log: &Log, session: &Session, left_out: &mut LeftOut) -> Vec<List> {
    let mut lists: Vec<List> = Vec::new();
    for (index, step) in session.steps.iter().enumerate() {
        let event = log.event(step);
        match step.kind() {
            Some(kind @ (EventName::ViewItemList | EventName::AdImpression)) => {
                let items = event_items(&event).into_iter().map(|item| (item, false)).collect();
                lists.push(List { step: index, kind, name: name(&event), items });
            }
            Some(kind @ (EventName::SelectItem | EventName::AdClick)) => {
                let of = if kind == EventName::SelectItem { EventName::ViewItemList } else { EventName::AdImpression };
                let name = name(&event);
                for item in event_items(&event) {
                    let mut of = lists.iter_mut().rev().filter(|list| list.kind == of && list.name == name);
                    match of.find_map(|list| list.items.iter_mut().find(|(shown, _)| *shown == item)) {
                        Some((_, clicked)) => *clicked = true,
                        None => left_out.clicks_without_list += 1,
                    }
                }
            }
            _ => {}
        }
    }
    lists
}

fn name(event: &Value<'_>) -> Option<String> {
    ["item_list_id", "item_list_name", "decision"].iter().find_map(|key| event_field(event, key).and_then(Value::id))
}

/// Where a list was shown: what its event says of page and device, as a request for a slate says it.
fn request(event: &Value<'_>) -> Result<Request, nearside_core::Error> {
    let mut told = vec![("placement".into(), Value::Text(PLACEMENT.into()))];
    for key in ["page", "device"] {
        told.extend(event.get(key).map(|value| (key.into(), value.clone())));
    }
    Request::read(&Value::Map(told), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sampled_items_are_others_and_none_comes_twice() {
        let mut random = Random::of_seed(1);
        for count in [0, 1, 8, 9, 20] {
            let mut drawn = others(3, 10, count, &mut random);
            drawn.sort_unstable();
            drawn.dedup();
            assert_eq!(drawn.len(), count.min(9));
            assert!(!drawn.contains(&3));
        }
    }
}
