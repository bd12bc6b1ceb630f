//! Popularity: what training shoppers went for most, and what this one did.

use std::cmp::Reverse;

use super::DEPTH;
use super::ranker::{Baseline, Scores};
use super::task::Task;

/// The items by training steps, the most first; of equals the lower number.
#[derive(Debug)]
pub(crate) struct Popularity {
    /// As many as can be needed: one ranking, and what of it a session may have placed already.
    first: Vec<u32>,
}

impl Popularity {
    pub(crate) fn new(task: &Task<'_>) -> Popularity {
        let mut items: Vec<u32> = (0..task.items() as u32).collect();
        items.sort_by_key(|item| Reverse(task.support[*item as usize]));
        items.truncate(2 * DEPTH);
        Popularity { first: items }
    }

    /// Fills a ranking up with popular items that are not in it.
    pub(crate) fn fill(&self, best: &mut Vec<u32>) {
        for item in &self.first {
            if best.len() >= DEPTH {
                return;
            }
            if !best.contains(item) {
                best.push(*item);
            }
        }
    }
}

impl Baseline for Popularity {
    fn name(&self) -> &'static str {
        "popularity"
    }

    fn rank(&self, _: &[u32], _: &mut Scores, best: &mut Vec<u32>) {
        self.fill(best);
    }
}

/// S-POP: the session's items by how often they occurred in it, of equals the more popular; then the popular ones.
#[derive(Debug)]
pub(crate) struct SessionPopularity<'a> {
    pub(crate) support: &'a [u32],
    pub(crate) popularity: &'a Popularity,
}

impl Baseline for SessionPopularity<'_> {
    fn name(&self) -> &'static str {
        "s_pop"
    }

    fn rank(&self, session: &[u32], _: &mut Scores, best: &mut Vec<u32>) {
        let mut items = session.to_vec();
        items.sort_unstable();
        let mut own: Vec<(u32, usize)> = items.chunk_by(|a, b| a == b).map(|same| (same[0], same.len())).collect();
        own.sort_by_key(|(item, times)| (Reverse(*times), Reverse(self.support[*item as usize])));
        best.extend(own.into_iter().map(|(item, _)| item).take(DEPTH));
        self.popularity.fill(best);
    }
}
