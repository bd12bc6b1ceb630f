//! Cross entropy over candidates, with its gradients.
//!
//! Of a step's time nearly all goes here, so the gradients are written out: the logits become their own
//! gradient in place, and two products carry it on to queries and candidates. Drawn candidates count as often
//! as they stand for (importance weights, Bengio and Senécal 2008): the sum over them estimates the sum over all.

use std::sync::{Mutex, PoisonError};

use candle_core::{CpuStorage, InplaceOp1, Layout, Tensor};
use rayon::prelude::*;

use crate::batch::Batch;

/// The loss and its gradients.
pub(crate) struct Loss {
    /// Weighted mean over the queries.
    pub(crate) value: f32,
    /// By query, `[queries, width]`.
    pub(crate) queries: Tensor,
    /// By candidate, `[candidates, width]`.
    pub(crate) candidates: Tensor,
    /// By repeat, `[queries * length]`.
    pub(crate) repeats: Vec<f32>,
}

/// What a query should predict.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aim<'a> {
    /// Share of the probability that goes to what the session held after the next item, 0 to below 1.
    pub(crate) later: f32,
    /// What teachers predict, `[Q, C]`, and the share of the probability that follows them, 0 to 1.
    pub(crate) taught: Option<(&'a [f32], f32)>,
}

/// The cross entropy of `queries` `[Q, width]` against `candidates` `[C, width]`. `repeats` is `[Q, length]`: what
/// is added to the logits of the session's own items, one number for each position up to the query's.
pub(crate) fn cross_entropy(
    batch: &Batch,
    queries: &Tensor,
    candidates: &Tensor,
    repeats: &[f32],
    aim: Aim<'_>,
) -> candle_core::Result<Loss> {
    let logits = queries.matmul(&candidates.t()?)?;
    let op = Gradient { batch, repeats, aim: Some(aim), result: Mutex::default() };
    logits.inplace_op1(&op)?;
    let (value, repeats) = op.result.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Loss { value, queries: logits.matmul(candidates)?, candidates: logits.t()?.matmul(queries)?, repeats })
}

/// The probabilities of the candidates, `[Q, C]`.
pub(crate) fn probabilities(
    batch: &Batch,
    queries: &Tensor,
    candidates: &Tensor,
    repeats: &[f32],
) -> candle_core::Result<Vec<f32>> {
    let logits = queries.matmul(&candidates.t()?)?;
    logits.inplace_op1(&Gradient { batch, repeats, aim: None, result: Mutex::default() })?;
    logits.flatten_all()?.to_vec1()
}

/// Turns logits into the gradient by them; without an aim, into probabilities.
struct Gradient<'a> {
    batch: &'a Batch,
    repeats: &'a [f32],
    aim: Option<Aim<'a>>,
    result: Mutex<(f32, Vec<f32>)>,
}

/// By how much an item counts less as a later target than the one before it.
const LATER_DECAY: f32 = 0.6;

impl Gradient<'_> {
    /// One query's logits become their gradient. Returns the loss.
    #[inline(always)]
    fn row(&self, query: usize, logits: &mut [f32], repeats: &mut [f32], total: f32) -> f32 {
        let batch = self.batch;
        let place = batch.queries[query] as usize;
        let (row, column) = (place / batch.length, place % batch.length);
        let own = &batch.inputs[row * batch.length..][..=column];
        let target = batch.targets[query] as usize;
        for (logit, correction) in logits.iter_mut().zip(&batch.correction) {
            *logit += correction;
        }
        // A query's own items and its target are always among its candidates: they stand for themselves alone.
        logits[target] -= batch.correction[target];
        for (position, item) in own.iter().enumerate() {
            let item = *item as usize;
            if item != target && !own[..position].contains(&(item as u32)) {
                logits[item] -= batch.correction[item];
            }
            logits[item] += self.repeats[query * batch.length + position];
        }
        let highest = highest(logits);
        let at_target = logits[target] - highest;
        logits.iter_mut().for_each(|logit| *logit = exp(*logit - highest));
        let sum = sum(logits);
        let Some(aim) = self.aim else {
            let scale = 1.0 / sum;
            logits.iter_mut().for_each(|logit| *logit *= scale);
            return 0.0;
        };
        let weight = batch.weights[query] / total;
        let scale = weight / sum;
        let mut given = weight;
        match aim.taught {
            Some((taught, share)) => {
                let taught = &taught[query * logits.len()..][..logits.len()];
                let follow = weight * share;
                logits.iter_mut().zip(taught).for_each(|(logit, taught)| *logit = *logit * scale - taught * follow);
                given -= follow;
            }
            None => logits.iter_mut().for_each(|logit| *logit *= scale),
        }
        // The targets of the queries behind this one, as long as they are of the same session.
        let behind = (query + 1..batch.queries.len()).take_while(|q| batch.queries[*q] as usize / batch.length == row);
        let behind = behind.map(|q| batch.targets[q] as usize);
        let spread: f32 = behind.clone().zip(0..).map(|(_, k)| LATER_DECAY.powi(k)).sum();
        let later = if spread > 0.0 { given * aim.later } else { 0.0 };
        logits[target] -= given - later;
        for (item, k) in behind.zip(0..) {
            logits[item] -= later * LATER_DECAY.powi(k) / spread;
        }
        for (repeat, item) in repeats.iter_mut().zip(own) {
            *repeat = logits[*item as usize];
        }
        weight * (sum.ln() - at_target)
    }
}

impl InplaceOp1 for Gradient<'_> {
    fn name(&self) -> &'static str {
        "cross-entropy-gradient"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        let CpuStorage::F32(logits) = storage else { candle_core::bail!("logits are f32") };
        let Some((start, end)) = layout.contiguous_offsets() else { candle_core::bail!("logits are contiguous") };
        let width = self.batch.items.len();
        let total = self.batch.queries.len() as f32;
        let length = self.batch.length;
        let arch = pulp::Arch::new();
        let mut repeats = vec![0.0; self.batch.queries.len() * length];
        // Summed in order, so that the number of threads does not show in the last bit.
        let losses: Vec<f32> = logits[start..end]
            .par_chunks_mut(width)
            .zip(repeats.par_chunks_mut(length))
            .enumerate()
            .map(|(query, (logits, repeats))| arch.dispatch(|| self.row(query, logits, repeats, total)))
            .collect();
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = (losses.iter().sum(), repeats);
        Ok(())
    }
}

/// How many numbers are added side by side: one vector register of the widest kind.
const LANES: usize = 16;

#[inline(always)]
fn highest(numbers: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (whole, rest) = numbers.as_chunks::<LANES>();
    for chunk in whole {
        // `f32::max` minds NaN, which costs a branch; a NaN shows in the loss anyway.
        lanes.iter_mut().zip(chunk).for_each(|(lane, x)| *lane = if *x > *lane { *x } else { *lane });
    }
    lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
}

#[inline(always)]
fn sum(numbers: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let (whole, rest) = numbers.as_chunks::<LANES>();
    for chunk in whole {
        lanes.iter_mut().zip(chunk).for_each(|(lane, x)| *lane += x);
    }
    lanes.iter().chain(rest).sum()
}

/// e^x for x of 0 and below, to 3 units in the last place; written so that compilers turn it into vector code.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Below this the result is less than f32's smallest normal number, and would need another way to be built.
    let x = x.max(-87.0);
    // Adding 1.5 * 2^23 leaves the nearest integer in the low bits.
    let shifted = x * std::f32::consts::LOG2_E + 12_582_912.0;
    let whole = shifted - 12_582_912.0;
    // ln 2 in two parts, so that the product with `whole` loses nothing.
    let rest = x - whole * 0.693_359_4 + whole * 2.121_944_4e-4;
    let series = 1.0
        + rest
            * (1.0
                + rest
                    * (0.5
                        + rest * (0.166_665_46 + rest * (0.041_657_96 + rest * (8.333_452e-3 + rest * 1.393_38e-3)))));
    let power = f32::from_bits(((shifted.to_bits() as i32 - 0x4b40_0000 + 127) << 23) as u32);
    series * power
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::batch::{Batches, Candidates};
    use crate::random::{Random, Stream};
    use crate::sessions::Sessions;

    const WIDTH: usize = 4;
    const PLAIN: Aim<'_> = Aim { later: 0.0, taught: None };

    struct Sums {
        batch: Batch,
        queries: Vec<f32>,
        candidates: Vec<f32>,
        repeats: Vec<f32>,
    }

    fn sums(candidates: Candidates) -> Sums {
        let sessions: Sessions = [&[1, 2, 1, 3][..], &[4, 5, 6, 5]].into_iter().collect();
        let batch = Batches::new(&sessions, 9, 10, f64::INFINITY, 1).batch(&[0, 1], candidates, 1);
        let mut random = Random::new(3, Stream::Weights, 0);
        let mut drawn = |count: usize| -> Vec<f32> { (0..count).map(|_| random.normal()).collect() };
        let queries = drawn(batch.queries.len() * WIDTH);
        let candidates = drawn(batch.items.len() * WIDTH);
        let repeats = drawn(batch.queries.len() * batch.length);
        Sums { batch, queries, candidates, repeats }
    }

    fn loss(sums: &Sums, aim: Aim<'_>) -> Loss {
        let tensor = |values: &[f32]| Tensor::from_slice(values, (values.len() / WIDTH, WIDTH), &Device::Cpu).unwrap();
        cross_entropy(&sums.batch, &tensor(&sums.queries), &tensor(&sums.candidates), &sums.repeats, aim).unwrap()
    }

    fn numbers(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    /// Compares a gradient with what the loss does when one number is moved.
    fn agrees(sums: &mut Sums, gradient: &[f32], numbers: fn(&mut Sums) -> &mut Vec<f32>) {
        const STEP: f32 = 1e-2;
        for (place, gradient) in gradient.iter().enumerate() {
            let mut at = |moved: f32| {
                numbers(sums)[place] += moved;
                let value = loss(sums, PLAIN).value;
                numbers(sums)[place] -= moved;
                value
            };
            let slope = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            // The third derivative is below 1 here, so the slope is off by less than STEP^2, and by f32's rounding.
            assert!((slope - gradient).abs() < 1e-3, "{place}: {slope} {gradient}");
        }
    }

    #[test]
    fn the_gradients_are_the_slopes_of_the_loss() {
        for candidates in [Candidates::All, Candidates::Drawn(5)] {
            let mut sums = sums(candidates);
            let found = loss(&sums, PLAIN);
            agrees(&mut sums, &numbers(&found.queries), |s| &mut s.queries);
            agrees(&mut sums, &numbers(&found.candidates), |s| &mut s.candidates);
            agrees(&mut sums, &found.repeats.clone(), |s| &mut s.repeats);
        }
    }

    #[test]
    fn over_all_items_it_is_the_logarithm_of_the_targets_share() {
        let sums = sums(Candidates::All);
        let dot = |q: usize, c: usize| -> f32 {
            (0..WIDTH).map(|i| sums.queries[q * WIDTH + i] * sums.candidates[c * WIDTH + i]).sum()
        };
        let mut expected = 0.0;
        for (q, place) in sums.batch.queries.iter().enumerate() {
            let (row, column) = (*place as usize / 3, *place as usize % 3);
            let mut logits: Vec<f32> = (0..9).map(|c| dot(q, c)).collect();
            for position in 0..=column {
                logits[sums.batch.inputs[row * 3 + position] as usize] += sums.repeats[q * 3 + position];
            }
            let sum: f32 = logits.iter().map(|x| x.exp()).sum();
            expected += (sum.ln() - logits[sums.batch.targets[q] as usize]) / 6.0;
        }
        let got = loss(&sums, PLAIN).value;
        assert!((got - expected).abs() < 1e-5, "{got} {expected}");
    }

    #[test]
    fn a_drawn_loss_is_on_average_that_of_all_items() {
        let sessions: Sessions = [&[1, 2][..]].into_iter().collect();
        let batches = Batches::new(&sessions, 200, 10, f64::INFINITY, 1);
        let mut random = Random::new(3, Stream::Weights, 0);
        let rows: Vec<f32> = (0..201 * WIDTH).map(|_| 0.5 * random.normal()).collect();
        let queries = Tensor::from_slice(&[0.5f32, -0.2, 0.1, 0.3], (1, WIDTH), &Device::Cpu).unwrap();
        let value = |candidates, place| {
            let batch = batches.batch(&[0], candidates, place);
            let rows: Vec<f32> =
                batch.items.iter().flat_map(|id| rows[*id as usize * WIDTH..][..WIDTH].to_vec()).collect();
            let candidates = Tensor::from_vec(rows, (batch.items.len(), WIDTH), &Device::Cpu).unwrap();
            f64::from(cross_entropy(&batch, &queries, &candidates, &[0.0], PLAIN).unwrap().value)
        };
        let exact = value(Candidates::All, 0);
        let mean = (0..400).map(|place| value(Candidates::Drawn(50), place)).sum::<f64>() / 400.0;
        // The logarithm of an estimate is a little low; one estimate varies by some 0.05.
        assert!((mean - exact).abs() < 0.02, "{mean} {exact}");
    }

    #[test]
    fn what_is_aimed_at_always_sums_to_one() {
        let mut sums = sums(Candidates::All);
        let count = sums.batch.queries.len();
        // With equal candidates the query's gradient is the sum of the logits' gradients.
        sums.candidates.fill(1.0);
        let taught = vec![1.0 / 9.0; count * 9];
        for aim in [PLAIN, Aim { later: 0.3, taught: None }, Aim { later: 0.3, taught: Some((&taught, 0.6)) }] {
            assert!(numbers(&loss(&sums, aim).queries).iter().all(|sum| sum.abs() < 1e-6), "{aim:?}");
        }
    }

    #[test]
    fn a_query_that_predicts_what_its_teacher_does_has_nothing_to_learn_from_it() {
        let sums = sums(Candidates::All);
        let tensor = |values: &[f32]| Tensor::from_slice(values, (values.len() / WIDTH, WIDTH), &Device::Cpu).unwrap();
        let (queries, candidates) = (tensor(&sums.queries), tensor(&sums.candidates));
        let own = probabilities(&sums.batch, &queries, &candidates, &sums.repeats).unwrap();
        let gradient = numbers(&loss(&sums, Aim { later: 0.0, taught: Some((&own, 1.0)) }).queries);
        assert!(gradient.iter().all(|g| g.abs() < 1e-6), "{gradient:?}");
    }

    #[test]
    fn the_fast_exponential_is_within_three_units_in_the_last_place() {
        for i in 0..=8_700 {
            let x = -i as f32 / 100.0;
            let exact = f64::from(x).exp();
            let off = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(off < 3.6e-7, "{x}: {off}");
        }
        assert_eq!(exp(0.0), 1.0);
    }
}
