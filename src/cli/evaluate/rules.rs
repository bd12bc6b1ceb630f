//! Rules: what followed, or went along with, the last item of the session.
//!
//! Each ranking depends on one item alone, so all of them are computed once. A rule that training does
//! not support leaves its place to the popular items.

use nearside_train::Rule;

use super::DEPTH;
use super::index::Index;
use super::popularity::Popularity;
use super::ranker::{Baseline, Scores};
use super::task::Task;

/// Added to the numbers of sessions before item-KNN divides by them, so that two items seen together once are not
/// each other's nearest.
const REGULARISATION: f64 = 20.0;

/// How two items are related.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    /// By a rule that sessions are weighed by.
    Rule(Rule),
    /// Sessions that hold both, divided by the root of the product of the sessions that hold each: a cosine (item-KNN
    /// of Hidasi et al., ICLR 2016), with 20 added to each number.
    ItemKnn,
}

impl Relation {
    pub(crate) const ALL: [Relation; 4] = [
        Relation::Rule(Rule::Markov),
        Relation::Rule(Rule::Sequential),
        Relation::Rule(Rule::Association),
        Relation::ItemKnn,
    ];
}

/// The best items after each item.
#[derive(Debug)]
pub(crate) struct Rules {
    relation: Relation,
    /// By item.
    best: Vec<Vec<u32>>,
}

impl Rules {
    /// Learns the rules of every item.
    pub(crate) fn new(relation: Relation, task: &Task<'_>, index: &Index, popularity: &Popularity) -> Rules {
        let mut scores = Scores::default();
        let mut best = Vec::with_capacity(task.items());
        let damped = |item: u32| (index.holding[item as usize].len() as f64 + REGULARISATION).sqrt();
        for item in 0..task.items() as u32 {
            for session in index.holding[item as usize].iter().map(|session| *session as usize) {
                match relation {
                    Relation::Rule(rule) => rule.weigh(item, &task.training[session], |other, w| scores.add(other, w)),
                    Relation::ItemKnn => {
                        let others = index.sets[session].iter().filter(|other| **other != item);
                        others.for_each(|other| scores.add(*other, 1.0));
                    }
                }
            }
            if relation == Relation::ItemKnn {
                let own = damped(item);
                scores.scale(|other| 1.0 / (own * damped(other)));
            }
            let mut row = Vec::with_capacity(DEPTH);
            scores.take_best(&mut row);
            popularity.fill(&mut row);
            best.push(row);
        }
        Rules { relation, best }
    }
}

impl Baseline for Rules {
    fn name(&self) -> &'static str {
        match self.relation {
            Relation::Rule(Rule::Markov) => "markov",
            Relation::Rule(Rule::Sequential) => "sequential_rules",
            Relation::Rule(Rule::Association) => "association_rules",
            Relation::ItemKnn => "item_knn",
        }
    }

    fn rank(&self, session: &[u32], _: &mut Scores, best: &mut Vec<u32>) {
        if let Some(last) = session.last() {
            best.extend_from_slice(&self.best[*last as usize]);
        }
    }
}
