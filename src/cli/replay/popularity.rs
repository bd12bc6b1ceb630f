//! What every ranker has to beat: what all shoppers looked at most, and what this one did.
//!
//! Both know the log up to the event before the one they predict. They run in
//! one thread and in the order of time over all sessions, because each
//! event changes what the next ranking sees.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Instant;

use indicatif::ProgressBar;
use nearside_log::Log;

use super::metrics::{DEPTH, Tally};
use crate::catalogue::Prepared;

/// Products by how often they occurred so far; of equals, the catalogue's order. What never occurred is not ranked.
#[derive(Debug, Default)]
struct Popularity {
    counts: Vec<u32>,
    order: BTreeSet<(Reverse<u32>, usize)>,
}

impl Popularity {
    fn count(&mut self, product: usize) {
        if self.counts.len() <= product {
            self.counts.resize(product + 1, 0);
        }
        let count = &mut self.counts[product];
        self.order.remove(&(Reverse(*count), product));
        *count += 1;
        self.order.insert((Reverse(*count), product));
    }

    fn best(&self) -> impl Iterator<Item = usize> {
        self.order.iter().map(|(_, product)| *product)
    }
}

/// The products of one session: how often, and when last.
#[derive(Clone, Debug, Default)]
struct Seen(Vec<(usize, u32, usize)>);

impl Seen {
    fn count(&mut self, product: usize, step: usize) {
        match self.0.iter_mut().find(|(p, ..)| *p == product) {
            Some((_, count, last)) => (*count, *last) = (*count + 1, step),
            None => self.0.push((product, 1, step)),
        }
    }

    /// The session's products, the most frequent first, of equals the newest; then the popular ones.
    fn best(&self, popularity: &Popularity) -> Vec<usize> {
        let mut own = self.0.clone();
        own.sort_unstable_by_key(|(product, count, last)| (Reverse(*count), Reverse(*last), *product));
        let mut best: Vec<usize> = own.into_iter().map(|(product, ..)| product).take(DEPTH).collect();
        let more = popularity.best().filter(|product| self.0.iter().all(|(p, ..)| p != product));
        best.extend(more.take(DEPTH - best.len()));
        best
    }
}

/// Replays the log through both.
pub(crate) fn run(log: &Log, catalogue: &Prepared, progress: &ProgressBar) -> [(&'static str, Tally); 2] {
    let product = |item: Option<u32>| item.and_then(|item| catalogue.product(log.items().name(item)));
    let mut popularity = Popularity::default();
    let mut seen = vec![Seen::default(); log.sessions().len()];
    let mut steps = vec![0; log.sessions().len()];
    let (mut by_all, mut by_session) = (Tally::new(catalogue.len()), Tally::new(catalogue.len()));
    for session in log.order().iter().map(|session| *session as usize) {
        let step = steps[session];
        steps[session] += 1;
        let target = log.sessions()[session].steps[step].target;
        let next = product(target);
        if step > 0 && target.is_some() {
            let start = Instant::now();
            let best: Vec<usize> = popularity.best().take(DEPTH).collect();
            by_all.ranking(best.into_iter(), next, start.elapsed());
            let start = Instant::now();
            let best = seen[session].best(&popularity);
            by_session.ranking(best.into_iter(), next, start.elapsed());
        }
        let start = Instant::now();
        if let Some(product) = next {
            popularity.count(product);
        }
        let counted = start.elapsed();
        by_all.event(counted);
        let start = Instant::now();
        if let Some(product) = next {
            seen[session].count(product, step);
        }
        by_session.event(counted + start.elapsed());
        progress.inc(1);
    }
    progress.finish_and_clear();
    [("popularity", by_all), ("session_popularity", by_session)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_come_first_and_what_never_occurred_does_not_come() {
        let mut popularity = Popularity::default();
        [4, 1, 4, 2, 1, 4].into_iter().for_each(|p| popularity.count(p));
        assert_eq!(popularity.best().collect::<Vec<_>>(), [4, 1, 2]);
    }

    #[test]
    fn a_session_ranks_its_own_by_count_then_the_newest_then_what_is_popular() {
        let mut popularity = Popularity::default();
        [9, 9, 8, 7, 7, 7, 3].into_iter().for_each(|p| popularity.count(p));
        let mut seen = Seen::default();
        [1, 9, 1, 2].into_iter().enumerate().for_each(|(step, p)| seen.count(p, step));
        assert_eq!(seen.best(&popularity), [1, 2, 9, 7, 3, 8]);
    }
}
