//! Rules: what followed, or went along with, the last item of the session.
//!
//! Each ranking depends on one item alone, so all of them are computed once. A rule that training does
//! not support leaves its place to the popular items.

use super::DEPTH;
use super::index::Index;
use super::popularity::Popularity;
use super::ranker::{Baseline, Scores};
use super::task::Task;

/// How far apart two steps may be for a sequential rule.
const REACH: usize = 10;
/// Added to the numbers of sessions before item-KNN divides by them, so that two items seen together once are not
/// each other's nearest.
const REGULARISATION: f64 = 20.0;

/// How a rule between two items of a training session is weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Times the second came right after the first (Markov chain).
    Markov,
    /// Sum of 1 / distance over the times the second came up to ten steps after the first (Ludewig and Jannach,
    /// User Modeling and User-Adapted Interaction, 2018).
    Sequential,
    /// Pairs of steps of one session, in any order, that the items stand on. An item goes along with itself where
    /// it is repeated (AR of Ludewig and Jannach, 2018).
    Association,
    /// Sessions that hold both, divided by the root of the product of the sessions that hold each: a cosine (item-KNN
    /// of Hidasi et al., ICLR 2016), with 20 added to each number.
    ItemKnn,
}

impl Rule {
    pub(crate) const ALL: [Rule; 4] = [Rule::Markov, Rule::Sequential, Rule::Association, Rule::ItemKnn];
}

/// The best items after each item.
#[derive(Debug)]
pub(crate) struct Rules {
    rule: Rule,
    /// By item.
    best: Vec<Vec<u32>>,
}

impl Rules {
    /// Learns the rules of every item.
    pub(crate) fn new(rule: Rule, task: &Task<'_>, index: &Index, popularity: &Popularity) -> Rules {
        let mut scores = Scores::default();
        let mut best = Vec::with_capacity(task.items());
        let damped = |item: u32| (index.holding[item as usize].len() as f64 + REGULARISATION).sqrt();
        for item in 0..task.items() as u32 {
            for session in index.holding[item as usize].iter().map(|session| *session as usize) {
                let (steps, set) = (&task.training[session], &index.sets[session]);
                weigh(rule, item, steps, set, &mut scores);
            }
            if rule == Rule::ItemKnn {
                let own = damped(item);
                scores.scale(|other| 1.0 / (own * damped(other)));
            }
            let mut row = Vec::with_capacity(DEPTH);
            scores.take_best(&mut row);
            popularity.fill(&mut row);
            best.push(row);
        }
        Rules { rule, best }
    }
}

/// Adds what one session says of the items beside `item`. `set` holds each item of `steps` once.
fn weigh(rule: Rule, item: u32, steps: &[u32], set: &[u32], scores: &mut Scores) {
    match rule {
        Rule::Markov => {
            steps.windows(2).filter(|pair| pair[0] == item).for_each(|pair| scores.add(pair[1], 1.0));
        }
        Rule::Sequential => {
            for (place, other) in steps.iter().enumerate().filter(|(_, other)| **other != item) {
                let before = steps[place.saturating_sub(REACH)..place].iter().rev().enumerate();
                for (between, _) in before.filter(|(_, earlier)| **earlier == item) {
                    scores.add(*other, 1.0 / (between + 1) as f64);
                }
            }
        }
        Rule::Association => {
            let times = steps.iter().filter(|step| **step == item).count() as f64;
            steps.iter().filter(|other| **other != item).for_each(|other| scores.add(*other, times));
            if times > 1.0 {
                scores.add(item, times * (times - 1.0));
            }
        }
        Rule::ItemKnn => {
            set.iter().filter(|other| **other != item).for_each(|other| scores.add(*other, 1.0));
        }
    }
}

impl Baseline for Rules {
    fn name(&self) -> &'static str {
        match self.rule {
            Rule::Markov => "markov",
            Rule::Sequential => "sequential_rules",
            Rule::Association => "association_rules",
            Rule::ItemKnn => "item_knn",
        }
    }

    fn rank(&self, session: &[u32], _: &mut Scores, best: &mut Vec<u32>) {
        if let Some(last) = session.last() {
            best.extend_from_slice(&self.best[*last as usize]);
        }
    }
}
