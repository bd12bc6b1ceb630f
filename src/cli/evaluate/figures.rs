//! Figures: Recall and MRR with the interval in which they lie.
//!
//! Questions of one session are not independent, so the interval comes from drawing whole sessions with
//! replacement (bootstrap; Efron and Tibshirani, 1993): the middle 95 % of what the redrawn tests give. Every ranker sees
//! the same draws, so that a difference between two of them has an interval of its own.

use nearside_train::Random;
use serde::Serialize;

use super::ranker::Place;

/// How many tests are drawn.
pub(crate) const DRAWS: usize = 1000;
/// Share of the draws outside the interval, at each end.
const TAIL: f64 = 0.025;
/// How many figures there are.
const FIGURES: usize = 4;

/// Sums over one session's questions: of each figure's gain, and of questions.
type Gains = ([f64; FIGURES], f64);

/// What each session adds to the figures. Sessions without a question are left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums(Vec<(u32, Gains)>);

impl Sums {
    /// Adds a question of a session; sessions come in order.
    pub(crate) fn add(&mut self, session: usize, place: Place) {
        let session = session as u32;
        if self.0.last().is_none_or(|(last, _)| *last != session) {
            self.0.push((session, Default::default()));
        }
        let Some((_, (gains, pairs))) = self.0.last_mut() else { return };
        gains.iter_mut().zip(gain(place)).for_each(|(sum, gain)| *sum += gain);
        *pairs += 1.0;
    }

    /// How many questions there are.
    pub(crate) fn pairs(&self) -> usize {
        self.0.iter().map(|(_, (_, pairs))| *pairs as usize).sum()
    }

    /// The figures of a test that holds each session so many times, in percent; `None` where that leaves no question.
    fn mean(&self, times: &[u8]) -> Option<[f64; FIGURES]> {
        let (mut sums, mut all) = ([0.0; FIGURES], 0.0);
        for (session, (gains, pairs)) in &self.0 {
            let times = f64::from(times[*session as usize]);
            sums.iter_mut().zip(gains).for_each(|(sum, gain)| *sum += times * gain);
            all += times * pairs;
        }
        (all > 0.0).then(|| sums.map(|sum| 100.0 * sum / all))
    }
}

/// Recall at 10 and 20, and MRR at 10 and 20, of one question.
fn gain(place: Place) -> [f64; FIGURES] {
    let within = |depth: Place| place != 0 && place <= depth;
    let hit = |depth| f64::from(u8::from(within(depth)));
    let reciprocal = |depth| if within(depth) { 1.0 / f64::from(place) } else { 0.0 };
    [hit(10), hit(20), reciprocal(10), reciprocal(20)]
}

/// A figure with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Figure {
    pub(crate) value: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// The figures of one ranker on one group of questions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Figures {
    /// Share of questions with the next item among the first 10.
    pub(crate) recall_10: Figure,
    /// The same among the first 20.
    pub(crate) recall_20: Figure,
    /// Mean of 1 / place over all questions, 0 beyond place 10.
    pub(crate) mrr_10: Figure,
    /// The same, 0 beyond place 20.
    pub(crate) mrr_20: Figure,
}

impl From<[Figure; FIGURES]> for Figures {
    fn from([recall_10, recall_20, mrr_10, mrr_20]: [Figure; FIGURES]) -> Figures {
        Figures { recall_10, recall_20, mrr_10, mrr_20 }
    }
}

/// The tests that are drawn: how often each holds each session.
#[derive(Debug)]
pub(crate) struct Draws {
    /// The test as it is: each session once.
    whole: Vec<u8>,
    drawn: Vec<Vec<u8>>,
}

impl Draws {
    /// Draws as many sessions as there are, again and again.
    pub(crate) fn new(sessions: usize, seed: u64) -> Draws {
        let mut random = Random::of_seed(seed);
        let drawn = (0..DRAWS).map(|_| {
            let mut times = vec![0u8; sessions];
            for _ in 0..sessions {
                let drawn = &mut times[random.below(sessions)];
                *drawn = drawn.saturating_add(1);
            }
            times
        });
        Draws { whole: vec![1; sessions], drawn: drawn.collect() }
    }

    /// The figures of these questions; `None` where there are none.
    pub(crate) fn figures(&self, sums: &Sums) -> Option<Figures> {
        self.spread(|times| sums.mean(times)).map(Figures::from)
    }

    /// How much one ranker's figures lie above another's on the same questions; `None` where there are none.
    pub(crate) fn difference(&self, ours: &Sums, theirs: &Sums) -> Option<Figures> {
        let spread = self.spread(|times| {
            let (ours, theirs) = (ours.mean(times)?, theirs.mean(times)?);
            Some(std::array::from_fn(|figure| ours[figure] - theirs[figure]))
        });
        spread.map(Figures::from)
    }

    /// Any figures with their intervals, from how often a test holds each session; `None` where the whole has none.
    pub(crate) fn spread<const N: usize>(&self, figures: impl Fn(&[u8]) -> Option<[f64; N]>) -> Option<[Figure; N]> {
        let value = figures(&self.whole)?;
        let mut drawn: Vec<[f64; N]> = self.drawn.iter().filter_map(|times| figures(times)).collect();
        let last = drawn.len().saturating_sub(1) as f64;
        Some(std::array::from_fn(|figure| {
            drawn.sort_unstable_by(|a, b| a[figure].total_cmp(&b[figure]));
            let at = |share: f64| drawn.get((share * last).round() as usize).map_or(value[figure], |draw| draw[figure]);
            Figure { value: value[figure], low: at(TAIL), high: at(1.0 - TAIL) }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(places: &[&[Place]]) -> Sums {
        let mut sums = Sums::default();
        for (session, places) in places.iter().enumerate() {
            places.iter().for_each(|place| sums.add(session, *place));
        }
        sums
    }

    #[test]
    fn the_figures_are_those_of_a_calculation_by_hand() {
        // Places 1, 3, 12, and one miss.
        let sums = sums(&[&[1, 3], &[12], &[0]]);
        let figures = Draws::new(3, 0).figures(&sums).unwrap();
        assert_eq!(sums.pairs(), 4);
        assert_eq!((figures.recall_10.value, figures.recall_20.value), (50.0, 75.0));
        assert!((figures.mrr_10.value - 100.0 * (1.0 + 1.0 / 3.0) / 4.0).abs() < 1e-12);
        assert!((figures.mrr_20.value - 100.0 * (1.0 + 1.0 / 3.0 + 1.0 / 12.0) / 4.0).abs() < 1e-12);
    }

    #[test]
    fn the_interval_of_a_share_is_as_wide_as_the_binomial_says() {
        // 400 sessions of one question, 100 of them hits: the standard error is 100 sqrt(0.25 * 0.75 / 400) = 2.165.
        let places: Vec<&[Place]> = (0..400).map(|i| if i % 4 == 0 { &[1][..] } else { &[0] }).collect();
        let recall = Draws::new(400, 7).figures(&sums(&places)).unwrap().recall_20;
        let expected = 1.96 * 2.165;
        // A thousand draws place the ends within a tenth of the width.
        assert!((recall.value - recall.low - expected).abs() < 0.2 * expected, "{recall:?}");
        assert!((recall.high - recall.value - expected).abs() < 0.2 * expected, "{recall:?}");
    }

    #[test]
    fn questions_of_one_session_are_drawn_together() {
        // 40 sessions, each all hits or all misses: ten times the questions say no more than one each.
        let of = |questions: usize| {
            let (hits, misses) = (vec![1; questions], vec![0; questions]);
            let places: Vec<&[Place]> = (0..40).map(|i| if i % 2 == 0 { &hits[..] } else { &misses }).collect();
            Draws::new(40, 3).figures(&sums(&places)).unwrap().recall_20
        };
        let (one, ten) = (of(1), of(10));
        assert!((one.low - ten.low).abs() < 1e-9 && (one.high - ten.high).abs() < 1e-9, "{one:?} {ten:?}");
    }

    #[test]
    fn a_ranker_differs_from_itself_by_nothing_and_from_a_better_one_by_less_than_both_intervals() {
        let worse = sums(&[&[2], &[0], &[5], &[0], &[1], &[9]]);
        let better = sums(&[&[1], &[0], &[4], &[0], &[1], &[8]]);
        let draws = Draws::new(6, 1);
        let none = draws.difference(&worse, &worse).unwrap();
        assert_eq!((none.mrr_20.low, none.mrr_20.high), (0.0, 0.0));
        let some = draws.difference(&better, &worse).unwrap().mrr_20;
        assert!(some.value > 0.0 && some.low >= 0.0, "{some:?}");
    }

    #[test]
    fn no_questions_have_no_figures() {
        assert_eq!(Draws::new(5, 0).figures(&Sums::default()), None);
    }
}
