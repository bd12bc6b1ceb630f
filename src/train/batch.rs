//! Batches: sessions of similar length, with the items they are scored against.
//!
//! All prefixes of a session are trained in one pass: the input is the session without its last step, and
//! every position has the next step as its target. Every session of a batch is scored against the same
//! candidates, the batch's own items and some drawn ones, or all items.

use crate::random::{Random, Stream};
use crate::sessions::{Detail, Sessions};

/// One step's worth of sessions. Items are local: positions in `items`.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    /// Item ids of the candidates, none twice.
    pub(crate) items: Vec<u32>,
    /// Added to a candidate's logit: minus the logarithm of its chance to be among the candidates.
    pub(crate) correction: Vec<f32>,
    /// Sessions in this batch.
    pub(crate) sessions: usize,
    /// Positions per session.
    pub(crate) length: usize,
    /// `[sessions, length]`, filled on the right with 0.
    pub(crate) inputs: Vec<u32>,
    /// What the inputs were; empty where the sessions do not say.
    pub(crate) details: Vec<Detail>,
    /// Places in `inputs` that have a target.
    pub(crate) queries: Vec<u32>,
    /// The target of each query.
    pub(crate) targets: Vec<u32>,
    /// The weight of each query; they average 1 over an epoch.
    pub(crate) weights: Vec<f32>,
}

/// The candidates of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Candidates {
    /// All items.
    All,
    /// The batch's own, and this many drawn uniformly, with repetition.
    Drawn(usize),
}

/// Cuts sessions into batches.
#[derive(Debug)]
pub(crate) struct Batches<'a> {
    sessions: &'a Sessions,
    /// Longest input; of a longer session the last steps count.
    limit: usize,
    items: usize,
    /// Each item's share of the clicks, index 0 for padding.
    shares: Vec<f32>,
    weights: Vec<f32>,
    seed: u64,
}

/// How many batches' sessions are sorted by length together. More waste less on padding, but make a batch less
/// of a random draw.
const SORTED_TOGETHER: usize = 16;

impl<'a> Batches<'a> {
    /// `half_life` is the age, in sessions, at which a session counts half as much as the newest; infinite
    /// where age does not matter.
    pub(crate) fn new(sessions: &'a Sessions, items: usize, limit: usize, half_life: f64, seed: u64) -> Self {
        let counts = sessions.counts(items);
        let total: u32 = counts.iter().sum();
        let shares = counts.iter().map(|count| *count as f32 / total.max(1) as f32).collect();
        let last = sessions.len().saturating_sub(1);
        let mut weights: Vec<f32> =
            (0..sessions.len()).map(|i| (-((last - i) as f64) / half_life).exp2() as f32).collect();
        let pairs = sessions.pairs() as f32;
        let sum: f32 = sessions.iter().zip(&weights).map(|(s, w)| w * s.len().saturating_sub(1) as f32).sum();
        weights.iter_mut().for_each(|weight| *weight *= pairs / sum.max(f32::MIN_POSITIVE));
        Self { sessions, limit, items, shares, weights, seed }
    }

    /// The sessions of one epoch, batch by batch: each in one batch, of about `queries` targets.
    pub(crate) fn epoch(&self, epoch: u64, queries: usize) -> Vec<Vec<u32>> {
        let mut order: Vec<u32> = (0..self.sessions.len() as u32).filter(|i| self.inputs(*i) > 0).collect();
        let mut random = Random::new(self.seed, Stream::Order, epoch);
        random.shuffle(&mut order);
        let mean = order.iter().map(|i| self.inputs(*i)).sum::<usize>() as f64 / order.len().max(1) as f64;
        let together = ((queries * SORTED_TOGETHER) as f64 / mean.max(1.0)).ceil() as usize;
        let mut batches = Vec::new();
        for chunk in order.chunks_mut(together.max(1)) {
            chunk.sort_by_key(|i| self.inputs(*i));
            let (mut batch, mut filled) = (Vec::new(), 0);
            for session in chunk {
                batch.push(*session);
                filled += self.inputs(*session);
                if filled >= queries {
                    batches.push(std::mem::take(&mut batch));
                    filled = 0;
                }
            }
            if !batch.is_empty() {
                batches.push(batch);
            }
        }
        random.shuffle(&mut batches);
        batches
    }

    fn inputs(&self, session: u32) -> usize {
        self.sessions.get(session as usize).len().saturating_sub(1).min(self.limit)
    }

    /// Puts a batch together. `place` keys its random draw.
    pub(crate) fn batch(&self, sessions: &[u32], candidates: Candidates, place: u64) -> Batch {
        let length = sessions.iter().map(|s| self.inputs(*s)).max().unwrap_or(0);
        let mut local = Locals::new(self.items);
        if candidates == Candidates::All {
            (1..=self.items as u32).for_each(|id| local.note(id));
        }
        let mut batch = Batch {
            items: Vec::new(),
            correction: Vec::new(),
            sessions: sessions.len(),
            length,
            inputs: vec![0; sessions.len() * length],
            details: Vec::new(),
            queries: Vec::new(),
            targets: Vec::new(),
            weights: Vec::new(),
        };
        let mut clicks = 0;
        for (row, index) in sessions.iter().enumerate() {
            let session = self.sessions.get(*index as usize);
            let first = session.len() - 1 - self.inputs(*index);
            let steps = &session[first..];
            let details = self.sessions.details(*index as usize);
            if !details.is_empty() {
                batch.details.resize(batch.inputs.len(), Detail::default());
                place_details(&details[first..details.len() - 1], &mut batch.details[row * length..]);
            }
            clicks += steps.len();
            for (column, pair) in steps.windows(2).enumerate() {
                let place = row * length + column;
                batch.inputs[place] = local.of(pair[0]);
                batch.queries.push(place as u32);
                batch.targets.push(local.of(pair[1]));
                batch.weights.push(self.weights[*index as usize]);
            }
        }
        let mut drawn = 0;
        if let Candidates::Drawn(count) = candidates {
            let mut random = Random::new(self.seed, Stream::Negatives, place);
            (0..count).for_each(|_| local.note(random.below(self.items) as u32 + 1));
            drawn = count;
        }
        batch.items = local.items;
        let uniform = drawn as f32 / self.items as f32;
        batch.correction = match candidates {
            Candidates::All => vec![0.0; batch.items.len()],
            Candidates::Drawn(_) => {
                let chance = |id: &u32| 1.0 - (-(clicks as f32 * self.shares[*id as usize] + uniform)).exp();
                batch.items.iter().map(|id| -chance(id).max(1e-6).ln()).collect()
            }
        };
        batch
    }
}

/// Puts the details of a session's steps, or of its last ones, in their places.
pub(crate) fn place_details(details: &[Detail], places: &mut [Detail]) {
    places[..details.len()].copy_from_slice(details);
    if let Some(first) = places.first_mut() {
        // A file is not told when the step before the first that it reads was.
        first.pause_s = 0;
    }
}

/// Numbers items in the order in which they are asked for.
struct Locals {
    items: Vec<u32>,
    places: Vec<u32>,
}

impl Locals {
    const NONE: u32 = u32::MAX;

    fn new(items: usize) -> Locals {
        Locals { items: Vec::new(), places: vec![Self::NONE; items + 1] }
    }

    fn note(&mut self, id: u32) {
        self.of(id);
    }

    fn of(&mut self, id: u32) -> u32 {
        let place = &mut self.places[id as usize];
        if *place == Self::NONE {
            *place = self.items.len() as u32;
            self.items.push(id);
        }
        *place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions() -> Sessions {
        (0..100u32).map(|s| (0..2 + s % 5).map(|step| (s * 3 + step) % 30 + 1).collect::<Vec<_>>()).fold(
            Sessions::default(),
            |mut all, session| {
                all.push(&session);
                all
            },
        )
    }

    #[test]
    fn every_session_is_in_one_batch_of_an_epoch_and_the_order_changes_with_it() {
        let sessions = sessions();
        let batches = Batches::new(&sessions, 30, 10, f64::INFINITY, 1);
        let [first, second] = [0, 1].map(|epoch| batches.epoch(epoch, 32));
        let mut all: Vec<u32> = first.iter().flatten().copied().collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..100));
        assert!(first != second && first == batches.epoch(0, 32));
    }

    #[test]
    fn a_batch_pairs_every_step_with_the_next_and_names_no_candidate_twice() {
        let sessions: Sessions = [&[7, 8, 7, 9][..], &[8, 9]].into_iter().collect();
        let batch = Batches::new(&sessions, 30, 10, f64::INFINITY, 1).batch(&[0, 1], Candidates::Drawn(10), 1);
        let item = |local: &u32| batch.items[*local as usize];
        let seen: Vec<u32> = batch.queries.iter().map(|place| item(&batch.inputs[*place as usize])).collect();
        assert_eq!(seen, [7, 8, 7, 8]);
        assert_eq!(batch.targets.iter().map(item).collect::<Vec<_>>(), [8, 7, 9, 9]);
        let mut unique = batch.items.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), batch.items.len());
        assert!(batch.correction.iter().all(|c| *c >= 0.0));
    }

    #[test]
    fn of_a_long_session_the_last_steps_are_read() {
        let sessions: Sessions = [&[1, 2, 3, 4, 5][..]].into_iter().collect();
        let batch = Batches::new(&sessions, 5, 2, f64::INFINITY, 1).batch(&[0], Candidates::All, 1);
        assert_eq!(batch.inputs.iter().map(|local| batch.items[*local as usize]).collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn a_batch_holds_what_its_inputs_were_but_no_pause_before_the_first() {
        let detail = |kind| Detail { kind, pause_s: u16::from(10 * kind) };
        let mut sessions = Sessions::default();
        sessions.push_detailed(&[(1, detail(1)), (2, detail(2)), (3, detail(3)), (4, detail(4))]);
        sessions.push_detailed(&[(5, detail(5)), (6, detail(6))]);
        let batch = Batches::new(&sessions, 6, 2, f64::INFINITY, 1).batch(&[0, 1], Candidates::All, 1);
        let shown: Vec<(u8, u16)> = batch.details.iter().map(|detail| (detail.kind, detail.pause_s)).collect();
        assert_eq!(shown, [(2, 0), (3, 30), (5, 0), (0, 0)]);
    }

    #[test]
    fn older_sessions_weigh_less_and_the_mean_stays_one() {
        let sessions = sessions();
        let batches = Batches::new(&sessions, 30, 10, 10.0, 1);
        let batch = batches.batch(&(0..100).collect::<Vec<_>>(), Candidates::All, 1);
        let mean = batch.weights.iter().sum::<f32>() / batch.weights.len() as f32;
        assert!((mean - 1.0).abs() < 1e-4, "{mean}");
        let (last, before) = (batches.weights[99], batches.weights[89]);
        assert!((last / before - 2.0).abs() < 1e-4, "{last} {before}");
    }
}
