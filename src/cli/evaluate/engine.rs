//! A model, or the scorer that needs none, in the engine a shop ships, asked what the baselines are asked.

use nearside_core::history::GAP_MS;
use nearside_core::{Engine, Request, Retrieve};
use nearside_log::Step;

use super::DEPTH;
use super::ranker::{Oddities, Place, Ranker, Worker};
use super::task::{Task, TestSession};
use crate::catalogue::{PLACEMENT, Prepared};
use crate::engine::{self, ModelSource, page};
use crate::error::Error;

/// How long the slates are: one place more than is looked at tells whether the last score is shared.
pub(crate) const SLATE: usize = DEPTH + 1;

/// A model with the catalogue it ranks.
#[derive(Clone)]
pub(crate) struct ModelRanker<'a> {
    pub(crate) name: String,
    pub(crate) task: &'a Task<'a>,
    pub(crate) catalogue: &'a Prepared,
    /// Without one, the core's own scorer ranks.
    pub(crate) model: Option<ModelSource<'a>>,
}

impl Ranker for ModelRanker<'_> {
    fn name(&self) -> &str {
        &self.name
    }

    fn worker(&self) -> Result<Box<dyn Worker + '_>, Error> {
        let start = self.task.test_log().sessions()[0].steps[0].at;
        let engine = engine::ready(self.catalogue, self.model, start)?;
        Ok(Box::new(ModelWorker { task: self.task, engine, oddities: Oddities::default() }))
    }
}

struct ModelWorker<'a> {
    task: &'a Task<'a>,
    engine: Engine,
    oddities: Oddities,
}

impl ModelWorker<'_> {
    fn observe(&mut self, step: &Step) -> Result<(), Error> {
        let event = self.task.test_log().event(step);
        let observed = self.engine.observe(&event, step.at).map_err(Error::Ranking)?;
        self.oddities.ignored += u64::from(!observed.accepted);
        Ok(())
    }

    fn place(&mut self, step: &Step, next: u32) -> Result<Place, Error> {
        let request = Request {
            placement: PLACEMENT.into(),
            page: page(self.task.test_log(), step),
            retrieve: Retrieve::All,
            ..Request::default()
        };
        let decision = self.engine.rank(&request, step.at).map_err(Error::Ranking)?;
        self.oddities.fallbacks += u64::from(decision.fallback.is_some());
        let ranked = |index: usize| decision.slate.get(index).map(|filled| filled.score);
        let name = self.task.name(next);
        let Some(index) = decision.slate.iter().position(|filled| filled.item_id == name) else { return Ok(0) };
        // Ties count against us: whoever has the same score stands before.
        let last = (index..decision.slate.len()).rev().find(|other| ranked(*other) == ranked(index)).unwrap_or(index);
        self.oddities.ties += u64::from(last > index);
        Ok(if last < DEPTH { last as Place + 1 } else { 0 })
    }
}

impl Worker for ModelWorker<'_> {
    fn play(&mut self, session: &TestSession, places: &mut Vec<Place>) -> Result<(), Error> {
        self.engine.forget();
        let (mut before, mut paused) = (None, false);
        let task = self.task;
        for (step, next) in task.steps(session).zip(session.items.iter().skip(1)) {
            self.observe(step)?;
            paused |= before.is_some_and(|before| step.at.since(before) > GAP_MS);
            before = Some(step.at);
            self.oddities.pauses += u64::from(paused);
            places.push(self.place(step, *next)?);
        }
        Ok(())
    }

    fn oddities(&self) -> Oddities {
        self.oddities
    }
}
