//! Metrics: how high the item that came next stood, counted over all rankings.
//!
//! One item is right in every ranking. Places beyond [`DEPTH`] count as
//! misses. Counts per place are kept and the figures computed from them, so
//! that the number of threads cannot change a digit.

use std::time::Duration;

use serde::Serialize;

/// How deep a ranking is looked at: the 20 of Recall@20.
pub(crate) const DEPTH: usize = 20;

/// What one ranker did.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    hits: [u64; DEPTH],
    predictions: u64,
    /// By product of the catalogue: whether it stood in a top 20.
    shown: Vec<bool>,
    events: u64,
    observing: Duration,
    ranking: Duration,
    /// Events the engine did not learn from, by its reason.
    pub(crate) ignored: std::collections::BTreeMap<&'static str, u64>,
    /// Rankings in which the model failed and the cosine scorer stood in.
    pub(crate) fallbacks: u64,
}

impl Tally {
    /// Nothing yet, for a catalogue of `products`.
    pub(crate) fn new(products: usize) -> Tally {
        Tally {
            hits: [0; DEPTH],
            predictions: 0,
            shown: vec![false; products],
            events: 0,
            observing: Duration::ZERO,
            ranking: Duration::ZERO,
            ignored: Default::default(),
            fallbacks: 0,
        }
    }

    /// Counts an event and the time it took to learn from it.
    pub(crate) fn event(&mut self, time: Duration) {
        self.events += 1;
        self.observing += time;
    }

    /// Counts a ranking: products best first, and the one that came next, where the catalogue has it.
    pub(crate) fn ranking(&mut self, slate: impl Iterator<Item = usize>, next: Option<usize>, time: Duration) {
        self.predictions += 1;
        self.ranking += time;
        for (place, product) in slate.take(DEPTH).enumerate() {
            self.shown[product] = true;
            if next == Some(product) {
                self.hits[place] += 1;
            }
        }
    }

    /// Adds what another thread counted.
    pub(crate) fn add(&mut self, other: &Tally) {
        self.hits.iter_mut().zip(other.hits).for_each(|(a, b)| *a += b);
        self.shown.iter_mut().zip(&other.shown).for_each(|(a, b)| *a |= *b);
        self.predictions += other.predictions;
        self.events += other.events;
        self.observing += other.observing;
        self.ranking += other.ranking;
        self.fallbacks += other.fallbacks;
        for (reason, count) in &other.ignored {
            *self.ignored.entry(reason).or_insert(0) += count;
        }
    }

    /// The figures.
    pub(crate) fn figures(&self) -> Figures {
        let mean = |depth: usize, gain: &dyn Fn(f64) -> f64| {
            let hits = self.hits[..depth].iter().enumerate();
            let sum: f64 = hits.map(|(index, count)| *count as f64 * gain(index as f64 + 1.0)).sum();
            100.0 * sum / self.predictions as f64
        };
        let each = |time: Duration, count: u64| time.as_secs_f64() * 1e6 / count.max(1) as f64;
        let shown = self.shown.iter().filter(|shown| **shown).count();
        Figures {
            recall_10: mean(10, &|_| 1.0),
            recall_20: mean(20, &|_| 1.0),
            mrr_10: mean(10, &|place| 1.0 / place),
            mrr_20: mean(20, &|place| 1.0 / place),
            ndcg_20: mean(20, &|place| 1.0 / (place + 1.0).log2()),
            coverage_20: 100.0 * shown as f64 / self.shown.len() as f64,
            events: self.events,
            predictions: self.predictions,
            us_per_event: each(self.observing, self.events),
            us_per_rank: each(self.ranking, self.predictions),
            fallbacks: self.fallbacks,
        }
    }
}

/// One ranker's figures. All but counts and times are percentages, 0 to 100.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    /// Share of rankings with the next item among the first 10.
    pub(crate) recall_10: f64,
    /// The same among the first 20.
    pub(crate) recall_20: f64,
    /// Mean of 1 / place over all rankings, 0 beyond place 10.
    pub(crate) mrr_10: f64,
    /// The same, 0 beyond place 20.
    pub(crate) mrr_20: f64,
    /// Mean of 1 / log2(place + 1), 0 beyond place 20.
    pub(crate) ndcg_20: f64,
    /// Share of the catalogue that stood in a top 20 at least once.
    pub(crate) coverage_20: f64,
    /// Events observed.
    pub(crate) events: u64,
    /// Rankings made.
    pub(crate) predictions: u64,
    /// Mean time to learn from an event, in microseconds.
    pub(crate) us_per_event: f64,
    /// Mean time of a ranking, in microseconds.
    pub(crate) us_per_rank: f64,
    /// Rankings in which the model failed and the cosine scorer stood in.
    pub(crate) fallbacks: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(tally: &mut Tally, slate: &[usize], next: Option<usize>) {
        tally.ranking(slate.iter().copied(), next, Duration::from_micros(3));
    }

    #[test]
    fn the_figures_are_those_of_a_calculation_by_hand() {
        // Places 1, 3, 12, and one miss.
        let mut tally = Tally::new(40);
        let order: Vec<usize> = (0..30).collect();
        for next in [Some(0), Some(2), Some(11), Some(25)] {
            ranked(&mut tally, &order, next);
        }
        let figures = tally.figures();
        assert_eq!((figures.recall_10, figures.recall_20), (50.0, 75.0));
        assert!((figures.mrr_10 - 100.0 * (1.0 + 1.0 / 3.0) / 4.0).abs() < 1e-12);
        assert!((figures.mrr_20 - 100.0 * (1.0 + 1.0 / 3.0 + 1.0 / 12.0) / 4.0).abs() < 1e-12);
        // log2(2) = 1, log2(4) = 2, log2(13) = 3.700439718...
        assert!((figures.ndcg_20 - 100.0 * (1.0 + 0.5 + 1.0 / 3.700_439_718_141_092) / 4.0).abs() < 1e-9);
        assert_eq!(figures.coverage_20, 50.0);
        assert!((figures.us_per_rank - 3.0).abs() < 1e-9);
    }

    #[test]
    fn an_item_the_catalogue_lacks_is_a_miss() {
        let mut tally = Tally::new(2);
        ranked(&mut tally, &[0, 1], None);
        assert_eq!((tally.figures().recall_20, tally.figures().predictions), (0.0, 1));
    }

    #[test]
    fn two_halves_added_are_the_whole() {
        let (mut whole, mut left, mut right) = (Tally::new(9), Tally::new(9), Tally::new(9));
        for next in 0..9 {
            ranked(&mut whole, &[3, 1, 4, 5, 2], Some(next));
            ranked(if next % 2 == 0 { &mut left } else { &mut right }, &[3, 1, 4, 5, 2], Some(next));
        }
        left.add(&right);
        assert_eq!(format!("{:?}", left.figures()), format!("{:?}", whole.figures()));
    }
}
