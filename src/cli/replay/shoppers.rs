//! Our own rankers: one engine per thread, which forgets between shoppers.
//!
//! Loading a catalogue costs far more than forgetting a profile, and the
//! engine promises that nothing else of a shopper stays.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use indicatif::ProgressBar;
use nearside_core::{Engine, Request, Retrieve, Timestamp};
use nearside_log::{Log, Session};
use serde::Serialize;

use super::metrics::Tally;
use crate::catalogue::{PLACEMENT, Prepared};
use crate::engine::{self, ModelSource, page};
use crate::error::Error;
use crate::threads;

/// The sessions that one engine remembers together.
pub(crate) type Shopper = Vec<usize>;

/// One ranking as `--slates` writes it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Slate {
    ranker: &'static str,
    session: String,
    /// How many events of the session came before.
    step: usize,
    at: Timestamp,
    slate: Vec<String>,
    scores: Vec<f32>,
    #[serde(skip)]
    place: (usize, usize),
}

/// Groups sessions into shoppers: each on its own, or all of one visitor.
pub(crate) fn shoppers(log: &Log, by_visitor: bool) -> Vec<Shopper> {
    let mut shoppers: Vec<Shopper> = Vec::new();
    let mut known: HashMap<u32, usize> = HashMap::new();
    for (index, session) in log.sessions().iter().enumerate() {
        // 0 is no visitor, not the same one.
        if by_visitor && session.visitor != 0 {
            let place = *known.entry(session.visitor).or_insert(shoppers.len());
            if place < shoppers.len() {
                shoppers[place].push(index);
                continue;
            }
        }
        shoppers.push(vec![index]);
    }
    shoppers
}

/// One ranker's pass over the log.
#[derive(Clone, Copy)]
pub(crate) struct Replay<'a> {
    pub(crate) log: &'a Log,
    pub(crate) catalogue: &'a Prepared,
    pub(crate) shoppers: &'a [Shopper],
    /// The model's path, bytes and engine; the cosine scorer without.
    pub(crate) model: Option<ModelSource<'a>>,
    pub(crate) threads: usize,
    /// Whether slates are kept.
    pub(crate) slates: bool,
}

impl Replay<'_> {
    /// The ranker's name in the report.
    pub(crate) fn name(&self) -> &'static str {
        self.model.map_or("cosine", |(.., engine)| engine.name())
    }

    /// Plays every shopper.
    pub(crate) fn run(&self, progress: &ProgressBar) -> Result<(Tally, Vec<Slate>), Error> {
        let next = AtomicUsize::new(0);
        let work = || Player::new(*self).and_then(|player| player.play(&next, progress));
        let parts = threads::each(self.threads.min(self.shoppers.len()), work);
        progress.finish_and_clear();
        let (mut tally, mut slates) = (Tally::new(self.catalogue.len()), Vec::new());
        for (counted, lines) in parts? {
            tally.add(&counted);
            slates.extend(lines);
        }
        slates.sort_by_key(|slate| slate.place);
        Ok((tally, slates))
    }
}

/// One thread's engine.
struct Player<'a> {
    replay: Replay<'a>,
    engine: Engine,
    tally: Tally,
    slates: Vec<Slate>,
}

impl<'a> Player<'a> {
    fn new(replay: Replay<'a>) -> Result<Player<'a>, Error> {
        let start = replay.log.sessions()[0].steps[0].at;
        let engine = engine::ready(replay.catalogue, replay.model, start)?;
        Ok(Player { replay, engine, tally: Tally::new(replay.catalogue.len()), slates: Vec::new() })
    }

    fn play(mut self, next: &AtomicUsize, progress: &ProgressBar) -> Result<(Tally, Vec<Slate>), Error> {
        while let Some(shopper) = self.replay.shoppers.get(next.fetch_add(1, Ordering::Relaxed)) {
            self.engine.forget();
            for session in shopper {
                self.session(*session, &self.replay.log.sessions()[*session])?;
            }
            progress.inc(1);
        }
        Ok((self.tally, self.slates))
    }

    fn session(&mut self, index: usize, session: &Session) -> Result<(), Error> {
        let log = self.replay.log;
        for (position, step) in session.steps.iter().enumerate() {
            let event = log.event(step);
            let start = Instant::now();
            let observed = self.engine.observe(&event, step.at).map_err(Error::Ranking)?;
            self.tally.event(start.elapsed());
            if let Some(reason) = observed.reason {
                *self.tally.ignored.entry(reason).or_insert(0) += 1;
            }
            let Some(target) = session.next_target(position) else { continue };

            let request = Request {
                placement: PLACEMENT.into(),
                page: page(log, step),
                retrieve: Retrieve::All,
                ..Request::default()
            };
            let start = Instant::now();
            let decision = self.engine.rank(&request, step.at).map_err(Error::Ranking)?;
            let time = start.elapsed();
            let product = |id: &str| self.replay.catalogue.product(id);
            let places = decision.slate.iter().filter_map(|filled| product(&filled.item_id));
            self.tally.ranking(places, product(log.items().name(target)), time);
            self.tally.fallbacks += u64::from(decision.fallback.is_some());
            if self.replay.slates {
                self.slates.push(Slate {
                    ranker: self.replay.name(),
                    session: session.name.clone(),
                    step: position + 1,
                    at: step.at,
                    scores: decision.slate.iter().map(|filled| filled.score).collect(),
                    slate: decision.slate.into_iter().map(|filled| filled.item_id).collect(),
                    place: (index, position),
                });
            }
        }
        Ok(())
    }
}
