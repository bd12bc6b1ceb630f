//! Calibration: what a score means as a chance.
//!
//! Platt's method (1999): a line through the logit, fitted by maximum likelihood, here to the question "is this
//! item the next one?" over all pairs of query and item. Pairs that are not the next item are some tens of
//! thousands for one that is, so they are counted by score.

use crate::error::Error;
use crate::measure::scores;
use crate::network::Query;
use crate::sessions::Sessions;

/// A score as a logit: `scale * score + offset`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Calibration {
    /// Factor.
    pub scale: f32,
    /// Summand.
    pub offset: f32,
}

impl Calibration {
    /// What a score means as a chance.
    pub(crate) fn chance(self, score: f32) -> f32 {
        1.0 / (1.0 + (-(self.scale * score + self.offset)).exp())
    }
}

/// Where scores are counted, and how finely. Scores are cosines times a temperature's inverse of some tens.
const LOWEST: f32 = -64.0;
const HIGHEST: f32 = 64.0;
const BINS: usize = 4096;
/// Most queries that are looked at: two numbers need no more.
pub(crate) const QUERIES: usize = 2_000;

/// Fits the line on some sessions' queries.
pub(crate) fn fit(
    table: &[f32],
    width: usize,
    queries: &[Vec<Query>],
    sessions: &Sessions,
) -> Result<Calibration, Error> {
    let targets = sessions.iter().flat_map(|session| session.iter().skip(1).copied());
    let asked: Vec<(&Query, u32)> = queries.iter().flatten().zip(targets).collect();
    let every = asked.len().div_ceil(QUERIES).max(1);
    let asked: Vec<(&Query, u32)> = asked.into_iter().step_by(every).collect();
    let mut tally = Tally::default();
    let items = table.len() / width;
    scores(table, width, asked.iter().map(|(query, _)| *query), |first, scores| {
        scores.chunks(items).zip(&asked[first..]).for_each(|(scores, (_, target))| tally.add(scores, *target));
    })?;
    Ok(tally.line())
}

/// How often each score was the next item's, and how often another's.
pub(crate) struct Tally {
    hits: Vec<f64>,
    misses: Vec<f64>,
}

impl Default for Tally {
    fn default() -> Self {
        Tally { hits: vec![0.0; BINS], misses: vec![0.0; BINS] }
    }
}

impl Tally {
    /// Adds the scores of all items, padding's first, after some steps that `target` came after.
    pub(crate) fn add(&mut self, scores: &[f32], target: u32) {
        for (id, score) in scores.iter().enumerate().skip(1) {
            let counts = if id == target as usize { &mut self.hits } else { &mut self.misses };
            counts[bin(*score)] += 1.0;
        }
    }

    /// The line that fits best.
    pub(crate) fn line(&self) -> Calibration {
        line(&self.hits, &self.misses)
    }
}

fn bin(score: f32) -> usize {
    ((score - LOWEST) / (HIGHEST - LOWEST) * BINS as f32).clamp(0.0, (BINS - 1) as f32) as usize
}

/// Newton's method on the likelihood, which has one maximum.
fn line(hits: &[f64], misses: &[f64]) -> Calibration {
    let total: [f64; 2] = [hits, misses].map(|counts| counts.iter().sum());
    if total[0] == 0.0 || total[1] == 0.0 {
        return Calibration { scale: 1.0, offset: 0.0 };
    }
    let middle = |bin: usize| f64::from(LOWEST) + (bin as f64 + 0.5) * f64::from(HIGHEST - LOWEST) / BINS as f64;
    let mean = (0..BINS).map(|b| middle(b) * hits[b]).sum::<f64>() / total[0];
    let (mut scale, mut offset) = (0.5, (total[0] / total[1]).ln() - 0.5 * mean);
    for _ in 0..100 {
        let (mut by, mut curve) = ([0.0; 2], [1e-9, 0.0, 1e-9]);
        for bin in (0..BINS).filter(|b| hits[*b] + misses[*b] > 0.0) {
            let x = middle(bin);
            let p = 1.0 / (1.0 + (-(scale * x + offset)).exp());
            let (rest, weight) = ((hits[bin] + misses[bin]) * p - hits[bin], (hits[bin] + misses[bin]) * p * (1.0 - p));
            by = [by[0] + rest * x, by[1] + rest];
            curve = [curve[0] + weight * x * x, curve[1] + weight * x, curve[2] + weight];
        }
        let determinant = curve[0] * curve[2] - curve[1] * curve[1];
        let step =
            [(curve[2] * by[0] - curve[1] * by[1]) / determinant, (curve[0] * by[1] - curve[1] * by[0]) / determinant];
        // A full step from far away may overshoot.
        let size = (step[0].abs() / 0.5).max(step[1].abs() / 4.0).max(1.0);
        (scale, offset) = (scale - step[0] / size, offset - step[1] / size);
        if step[0].abs() + step[1].abs() < 1e-9 {
            break;
        }
    }
    Calibration { scale: scale as f32, offset: offset as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_line_is_found_again() {
        let (scale, offset) = (0.7, -9.0);
        let (mut hits, mut misses) = (vec![0.0; BINS], vec![0.0; BINS]);
        for b in bin(-5.0)..bin(25.0) {
            let x = f64::from(LOWEST) + (b as f64 + 0.5) * f64::from(HIGHEST - LOWEST) / BINS as f64;
            let (p, count) = (1.0 / (1.0 + f64::exp(-(scale * x + offset))), 1e6 * (-0.4 * x).exp());
            (hits[b], misses[b]) = (count * p, count * (1.0 - p));
        }
        let found = line(&hits, &misses);
        assert!((found.scale - 0.7).abs() < 1e-3 && (found.offset + 9.0).abs() < 1e-2, "{found:?}");
    }

    #[test]
    fn without_a_hit_nothing_is_changed() {
        assert_eq!(line(&vec![0.0; BINS], &vec![1.0; BINS]), Calibration { scale: 1.0, offset: 0.0 });
    }
}
