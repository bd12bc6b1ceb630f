//! Rankers: whoever orders all items after a session's steps, and how one is played through a test.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use super::DEPTH;
use super::task::TestSession;
use crate::error::Error;
use crate::threads;

/// Where the next item stood: 1 the best, 0 where it was not among the first [`DEPTH`].
pub(crate) type Place = u8;

/// A way to order all items. Shared by all threads.
pub(crate) trait Ranker: Sync {
    /// Its name in the report.
    fn name(&self) -> &str;

    /// What one thread needs to rank.
    fn worker(&self) -> Result<Box<dyn Worker + '_>, Error>;
}

/// One thread's ranker.
pub(crate) trait Worker {
    /// Plays a session from its beginning: adds the place of each item but the first, ranked by the steps before it.
    fn play(&mut self, session: &TestSession, places: &mut Vec<Place>) -> Result<(), Error>;

    /// What was odd about it, to be told.
    fn oddities(&self) -> Oddities {
        Oddities::default()
    }
}

/// What a ranker of ours met that a reader of its figures should know.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Oddities {
    /// Rankings in which the model failed and the cosine scorer stood in.
    pub(crate) fallbacks: u64,
    /// Steps the engine did not learn from.
    pub(crate) ignored: u64,
    /// Questions after a pause over 30 minutes, where the engine has begun a new session and the log has not.
    pub(crate) pauses: u64,
    /// Questions in which the next item shared its score with others, which were placed before it.
    pub(crate) ties: u64,
}

/// What a ranker did with every session.
#[derive(Clone, Debug)]
pub(crate) struct Played {
    /// By session, by question.
    pub(crate) places: Vec<Vec<Place>>,
    /// Processor-independent: the sum of what each thread took.
    pub(crate) time: Duration,
    pub(crate) oddities: Oddities,
}

impl Played {
    /// How many questions were asked.
    pub(crate) fn pairs(&self) -> usize {
        self.places.iter().map(Vec::len).sum()
    }

    /// Mean time of a question, in microseconds.
    pub(crate) fn us_per_query(&self) -> f64 {
        self.time.as_secs_f64() * 1e6 / self.pairs().max(1) as f64
    }
}

/// Plays every session, each in one thread.
pub(crate) fn play(
    ranker: &dyn Ranker,
    sessions: &[TestSession],
    threads: usize,
    progress: &ProgressBar,
) -> Result<Played, Error> {
    type Part = (Vec<(usize, Vec<Place>)>, Duration, Oddities);
    let next = AtomicUsize::new(0);
    let work = || -> Result<Part, Error> {
        let mut worker = ranker.worker()?;
        let (mut played, mut time) = (Vec::new(), Duration::ZERO);
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(session) = sessions.get(index) else { return Ok((played, time, worker.oddities())) };
            let mut places = Vec::with_capacity(session.items.len() - 1);
            let start = Instant::now();
            worker.play(session, &mut places)?;
            time += start.elapsed();
            played.push((index, places));
            progress.inc(1);
        }
    };
    let parts = threads::each(threads.min(sessions.len()), work);
    progress.finish_and_clear();
    let mut all =
        Played { places: vec![Vec::new(); sessions.len()], time: Duration::ZERO, oddities: Oddities::default() };
    for (played, time, oddities) in parts? {
        for (session, places) in played {
            all.places[session] = places;
        }
        all.time += time;
        all.oddities.fallbacks += oddities.fallbacks;
        all.oddities.ignored += oddities.ignored;
        all.oddities.pauses += oddities.pauses;
        all.oddities.ties += oddities.ties;
    }
    Ok(all)
}

/// A ranker that learned from the training sessions and looks at item numbers alone.
pub(crate) trait Baseline: Sync {
    /// Its name in the report.
    fn name(&self) -> &'static str;

    /// Puts the best items for a session so far into `best`, at most [`DEPTH`], none twice. `session` has one item at least.
    fn rank(&self, session: &[u32], scores: &mut Scores, best: &mut Vec<u32>);
}

impl<B: Baseline> Ranker for B {
    fn name(&self) -> &str {
        Baseline::name(self)
    }

    fn worker(&self) -> Result<Box<dyn Worker + '_>, Error> {
        Ok(Box::new(BaselineWorker { baseline: self, scores: Scores::default(), best: Vec::new() }))
    }
}

struct BaselineWorker<'a> {
    baseline: &'a dyn Baseline,
    scores: Scores,
    best: Vec<u32>,
}

impl Worker for BaselineWorker<'_> {
    fn play(&mut self, session: &TestSession, places: &mut Vec<Place>) -> Result<(), Error> {
        for (length, next) in session.items.iter().enumerate().skip(1) {
            self.best.clear();
            self.baseline.rank(&session.items[..length], &mut self.scores, &mut self.best);
            let place = self.best.iter().take(DEPTH).position(|item| item == next);
            places.push(place.map_or(0, |index| index as Place + 1));
        }
        Ok(())
    }
}

/// Positive scores of few items among many.
#[derive(Debug, Default)]
pub(crate) struct Scores {
    of: Vec<f64>,
    scored: Vec<u32>,
}

impl Scores {
    /// Adds to an item's score, which was 0. `score` is positive.
    pub(crate) fn add(&mut self, item: u32, score: f64) {
        let index = item as usize;
        if self.of.len() <= index {
            self.of.resize(index + 1, 0.0);
        }
        if self.of[index] == 0.0 {
            self.scored.push(item);
        }
        self.of[index] += score;
    }

    /// Multiplies each score by what `factor` says of its item. The factors are positive.
    pub(crate) fn scale(&mut self, factor: impl Fn(u32) -> f64) {
        for item in &self.scored {
            self.of[*item as usize] *= factor(*item);
        }
    }

    /// What share of all scores an item has; forgets them. `None` where there are none.
    pub(crate) fn take_share(&mut self, item: u32) -> Option<f64> {
        let sum: f64 = self.scored.iter().map(|item| self.of[*item as usize]).sum();
        let share = (sum > 0.0).then(|| self.of.get(item as usize).copied().unwrap_or(0.0) / sum);
        self.scored.drain(..).for_each(|item| self.of[item as usize] = 0.0);
        share
    }

    /// Moves the best items into `best`, of equal scores the lower number first, and forgets all scores.
    pub(crate) fn take_best(&mut self, best: &mut Vec<u32>) {
        let of = &self.of;
        let better = |a: &u32, b: &u32| of[*b as usize].total_cmp(&of[*a as usize]).then(a.cmp(b));
        let mut scored = std::mem::take(&mut self.scored);
        let all = scored.clone();
        if scored.len() > DEPTH {
            scored.select_nth_unstable_by(DEPTH - 1, better);
            scored.truncate(DEPTH);
        }
        scored.sort_unstable_by(better);
        best.extend_from_slice(&scored);
        all.iter().for_each(|item| self.of[*item as usize] = 0.0);
        self.scored = all;
        self.scored.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_come_first_and_of_equals_the_lower_number_and_nothing_stays_behind() {
        let mut scores = Scores::default();
        for item in (0..40).rev() {
            scores.add(item, if item < 10 { 1.0 } else { 2.0 });
        }
        scores.add(3, 5.0);
        let mut best = Vec::new();
        scores.take_best(&mut best);
        assert_eq!(best, [3].into_iter().chain(10..29).collect::<Vec<u32>>());
        best.clear();
        scores.add(7, 1.0);
        scores.take_best(&mut best);
        assert_eq!(best, [7]);
    }
}
