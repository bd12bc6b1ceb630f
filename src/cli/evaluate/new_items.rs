//! Questions about items that training never saw: no baseline of the public tables can name them, so models are asked
//! beside what needs no behaviour.
//!
//! - `chance`: what a ranking drawn at random gives.
//! - `category`: items of the last item's category, by the training steps of each; a new one counts as the mean of its
//!   category. Ties count against it, as they do against a model.
//! - `cosine`: the core's scorer, which compares hashed content and needs no model.

use std::collections::{HashMap, HashSet};

use nearside_log::Facts;

use super::DEPTH;
use super::engine::{ModelRanker, SLATE};
use super::figures::{Draws, Figure, Figures, Sums};
use super::ranker::{Place, Played, Ranker, Worker};
use super::report::NewReport;
use super::task::{Task, TestSession};
use crate::catalogue::Prepared;
use crate::error::Error;

/// The catalogues in which new items compete.
pub(crate) struct Catalogues {
    /// All items.
    pub(crate) all: Prepared,
    /// The same, in which only the new ones can be had.
    pub(crate) new: Prepared,
}

impl Catalogues {
    /// Takes the old items out of the competition. `vocabulary` is the models'.
    pub(crate) fn new(task: &Task<'_>, all: Prepared, vocabulary: Option<&[String]>) -> Result<Catalogues, Error> {
        let own = serde_json::from_slice(&all.bytes).expect("a prepared catalogue is JSON");
        let facts = task.facts(true);
        let new = Prepared::of_items(&facts[task.items()..], vocabulary, Some(&own), None, SLATE)?;
        Ok(Catalogues { all, new })
    }
}

/// Which answers count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answers {
    /// Every new item.
    All,
    /// New items that the session has not seen yet.
    First,
}

/// The figures over new items of one ranker, which is played by `play` in a catalogue.
pub(crate) fn of_model<'a>(
    task: &'a Task<'a>,
    catalogues: &'a Catalogues,
    mut ranker: ModelRanker<'a>,
    draws: &Draws,
    play: impl Fn(&dyn Ranker, &[TestSession]) -> Result<Played, Error>,
) -> Result<Option<NewReport>, Error> {
    ranker.catalogue = &catalogues.all;
    let all = play(&ranker, &task.new.sessions)?.places;
    ranker.catalogue = &catalogues.new;
    let new = play(&ranker, &task.new.sessions)?.places;
    Ok(report(task, draws, &all, &new))
}

fn report(task: &Task<'_>, draws: &Draws, all: &[Vec<Place>], new: &[Vec<Place>]) -> Option<NewReport> {
    let figures = |places: &[Vec<Place>], answers| draws.figures(&sums(task, places, answers));
    Some(NewReport {
        among_all: figures(all, Answers::All)?,
        first_among_all: figures(all, Answers::First),
        first_among_new: figures(new, Answers::First),
    })
}

fn sums(task: &Task<'_>, places: &[Vec<Place>], answers: Answers) -> Sums {
    let mut sums = Sums::default();
    for (index, (session, places)) in task.new.sessions.iter().zip(places).enumerate() {
        for (place, step) in places.iter().zip(1..) {
            let answer = session.items[step];
            let counts = answer as usize >= task.items()
                && (answers == Answers::All || !session.items[..step].contains(&answer));
            if counts {
                sums.add(index, *place);
            }
        }
    }
    sums
}

/// What needs no engine.
pub(crate) fn without_behaviour(
    task: &Task<'_>,
    draws: &Draws,
    play: impl Fn(&dyn Ranker, &[TestSession]) -> Result<Played, Error>,
) -> Result<Vec<(String, NewReport)>, Error> {
    let all = task.facts(true).len();
    let new = all - task.items();
    let chance =
        NewReport { among_all: chance(all), first_among_all: Some(chance(all)), first_among_new: Some(chance(new)) };
    let mut category = CategoryPopularity::new(task, 0);
    let among_all = play(&category, &task.new.sessions)?.places;
    category.first = task.items() as u32;
    let among_new = play(&category, &task.new.sessions)?.places;
    let category = report(task, draws, &among_all, &among_new);
    Ok([("chance".to_owned(), chance)].into_iter().chain(category.map(|c| ("category".to_owned(), c))).collect())
}

/// The figures of a ranking drawn at random, which need no drawing.
fn chance(items: usize) -> Figures {
    let figure = |share: f64| Figure { value: share, low: share, high: share };
    let places = |depth: usize| 1..=depth.min(items);
    let recall = |depth: usize| figure(100.0 * places(depth).count() as f64 / items as f64);
    let mrr = |depth: usize| figure(100.0 * places(depth).map(|place| 1.0 / place as f64).sum::<f64>() / items as f64);
    Figures { recall_10: recall(10), recall_20: recall(DEPTH), mrr_10: mrr(10), mrr_20: mrr(DEPTH) }
}

/// Ranks by what its category is worth.
struct CategoryPopularity {
    /// By item.
    category: Vec<usize>,
    /// By item: its training steps, or the mean of its category's items for a new one.
    steps: Vec<f64>,
    /// Items before this one do not compete.
    first: u32,
}

impl CategoryPopularity {
    fn new(task: &Task<'_>, first: u32) -> CategoryPopularity {
        let facts: Vec<&Facts> = task.facts(true).into_iter().map(|(_, facts)| facts).collect();
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let category: Vec<usize> = facts
            .iter()
            .map(|facts| {
                let next = numbers.len();
                *numbers.entry(&facts.category).or_insert(next)
            })
            .collect();
        let mut steps: Vec<f64> = task.support.iter().map(|steps| f64::from(*steps)).collect();
        let mut sums = vec![(0.0, 0.0); numbers.len()];
        for (item, steps) in steps.iter().enumerate() {
            let sum = &mut sums[category[item]];
            *sum = (sum.0 + steps, sum.1 + 1.0);
        }
        let mean = |(steps, items): (f64, f64)| if items > 0.0 { steps / items } else { 0.0 };
        steps.extend(category[task.items()..].iter().map(|category| mean(sums[*category])));
        CategoryPopularity { category, steps, first }
    }

    fn place(&self, last: u32, next: u32) -> Place {
        let own = self.category[last as usize];
        let key = |item: usize| (self.category[item] == own, self.steps[item]);
        let answer = key(next as usize);
        let place = (self.first as usize..self.steps.len()).filter(|item| key(*item) >= answer).count();
        if place <= DEPTH { place as Place } else { 0 }
    }
}

impl Ranker for CategoryPopularity {
    fn name(&self) -> &str {
        "category"
    }

    fn worker(&self) -> Result<Box<dyn Worker + '_>, Error> {
        Ok(Box::new(CategoryWorker(self)))
    }
}

struct CategoryWorker<'a>(&'a CategoryPopularity);

impl Worker for CategoryWorker<'_> {
    fn play(&mut self, session: &TestSession, places: &mut Vec<Place>) -> Result<(), Error> {
        places.extend(session.items.windows(2).map(|pair| self.0.place(pair[0], pair[1])));
        Ok(())
    }
}

/// A share of the items of some steps, chosen by hash, so that it depends on the seed and the names alone.
pub(crate) fn held_out<'a>(names: impl Iterator<Item = &'a str>, share: f64, seed: u64) -> HashSet<&'a str> {
    let beginning = nearside_core::Fnv::new().with(&seed.to_le_bytes());
    let chosen = |name: &&str| {
        let hash = beginning.with(name.as_bytes()).value();
        // Names that differ in their last character differ in FNV's low bits most.
        let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 11) as f64 / (1u64 << 53) as f64 <= share
    };
    names.filter(chosen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_items_is_held_out_and_another_for_another_seed() {
        let names: Vec<String> = (0..2000).map(|number| format!("sku-{number}")).collect();
        let out = |seed| held_out(names.iter().map(String::as_str), 0.1, seed);
        // Four standard errors of a binomial: 4 * sqrt(2000 * 0.1 * 0.9) = 54.
        assert!((146..=254).contains(&out(1).len()), "{}", out(1).len());
        assert!(out(1) == out(1) && out(1) != out(2));
    }

    #[test]
    fn chance_finds_every_item_among_few_and_one_of_many_seldom() {
        assert_eq!((chance(20).recall_20.value, chance(10).recall_10.value), (100.0, 100.0));
        assert_eq!(chance(2000).recall_20.value, 1.0);
        assert!((chance(1).mrr_20.value - 100.0).abs() < 1e-9);
    }
}
