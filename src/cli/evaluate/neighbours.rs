//! VS-KNN: what shoppers with similar sessions went for (Ludewig and Jannach, 2018).
//!
//! It ranks by raw training sessions, which no browser may have: the measure of what a server can do.
//! Newer items of the session weigh more, recent training sessions are looked at first, and a
//! neighbour counts the more the nearer to the session's end lies the last item they share.

use super::index::Index;
use super::popularity::Popularity;
use super::ranker::{Baseline, Scores};

/// Training sessions that are compared, the newest ones.
const SAMPLE: usize = 2000;
/// Neighbours that are asked.
const NEIGHBOURS: usize = 200;
/// How much a rare item gains: 1 + this times ln(sessions / sessions with the item).
const RARITY: f64 = 0.05;

/// The training sessions, by what they hold.
#[derive(Debug)]
pub(crate) struct VsKnn<'a> {
    popularity: &'a Popularity,
    index: &'a Index,
    /// By item.
    rarity: Vec<f64>,
}

impl<'a> VsKnn<'a> {
    pub(crate) fn new(index: &'a Index, popularity: &'a Popularity) -> VsKnn<'a> {
        let sessions = index.sets.len() as f64;
        let rarity = index.holding.iter().map(|of| 1.0 + RARITY * (sessions / of.len().max(1) as f64).ln());
        VsKnn { popularity, index, rarity: rarity.collect() }
    }

    /// The newest sessions that share an item with this one.
    fn candidates(&self, own: &[Own]) -> Vec<u32> {
        let newest = |own: &Own| {
            let holding = &self.index.holding[own.item as usize];
            &holding[holding.len().saturating_sub(SAMPLE)..]
        };
        let mut candidates: Vec<u32> = own.iter().flat_map(newest).copied().collect();
        candidates.sort_unstable();
        candidates.dedup();
        let older = candidates.len().saturating_sub(SAMPLE);
        candidates.drain(..older);
        candidates
    }
}

/// An item of the session that is ranked for.
#[derive(Clone, Copy, Debug)]
struct Own {
    item: u32,
    /// Its last step, 1 the first.
    step: usize,
}

/// The session's items, each once.
fn own(session: &[u32]) -> Vec<Own> {
    let mut own: Vec<Own> = Vec::new();
    for (index, item) in session.iter().enumerate() {
        match own.iter_mut().find(|own| own.item == *item) {
            Some(own) => own.step = index + 1,
            None => own.push(Own { item: *item, step: index + 1 }),
        }
    }
    own
}

impl Baseline for VsKnn<'_> {
    fn name(&self) -> &'static str {
        "vs_knn"
    }

    fn rank(&self, session: &[u32], scores: &mut Scores, best: &mut Vec<u32>) {
        self.score(session, scores);
        scores.take_best(best);
        self.popularity.fill(best);
    }
}

impl VsKnn<'_> {
    /// Adds what the nearest sessions say of their items.
    pub(crate) fn score(&self, session: &[u32], scores: &mut Scores) {
        let (own, length) = (own(session), session.len() as f64);
        let mut neighbours: Vec<(f64, u32, usize)> = Vec::new();
        for candidate in self.candidates(&own) {
            let set = &self.index.sets[candidate as usize];
            let (mut shared, mut last) = (0.0, 0);
            for own in own.iter().filter(|own| set.contains(&own.item)) {
                shared += own.step as f64 / length;
                last = last.max(own.step);
            }
            neighbours.push((shared / ((set.len() * own.len()) as f64).sqrt(), candidate, last));
        }
        neighbours.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        neighbours.truncate(NEIGHBOURS);
        for (similarity, neighbour, last) in neighbours {
            let weight = similarity / (session.len() - last + 1) as f64;
            for item in &self.index.sets[neighbour as usize] {
                scores.add(*item, weight * self.rarity[*item as usize]);
            }
        }
    }
}
