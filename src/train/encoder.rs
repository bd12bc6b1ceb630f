//! The network that turns a session's items into a query.
//!
//! Position by position, over items as vectors of length 1:
//!
//! 1. a recurrent layer (GRU, Cho et al. 2014, arXiv 1406.1078, without biases, so that padding on the left
//!    leaves its state at zero) reads the session in order;
//! 2. several attention heads weigh the items seen so far, by the recurrent states, the items and how many
//!    steps ago each was, and average the item vectors themselves, so that query and items stay in one space
//!    (CORE, Hou et al. 2022, arXiv 2204.11067);
//! 3. the heads' averages, each scaled by dimension, and a projection of the state add up to the query, which
//!    is scaled to a learned length: the inverse of a softmax temperature;
//! 4. one more head gives every step a number that is added to the score of that step's item: shoppers come
//!    back to what they looked at, and how readily depends on the session.

use std::collections::BTreeMap;

use candle_core::{D, Device, Tensor, Var};

use crate::adam::Trained;
use crate::error::Error;
use crate::export::{FINEST, LEVELS};
use crate::random::{Random, Stream};

/// Sizes of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Shape {
    /// Width of an item vector.
    pub width: usize,
    /// Width of the recurrent state.
    pub state: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of a head's keys.
    pub key: usize,
    /// Longest session that is read.
    pub length: usize,
}

impl Shape {
    /// The proportions that measured best, for item vectors of this width.
    pub fn of_width(width: usize) -> Shape {
        Shape { width, state: width.clamp(16, 96), heads: 4, key: 16, length: 20 }
    }

    /// The widest shape whose file stays within `budget` bytes after compression, with whole numbers up to
    /// `levels`. From [`Shape::WIDEST`] on, more width brings nothing.
    ///
    /// Errors: `over-budget`.
    pub fn widest(items: usize, budget: u64, levels: u8) -> Result<Shape, Error> {
        let bytes = |width: usize| Shape::of_width(width).bytes(items, levels);
        let fits = (1..=Self::WIDEST / Self::STEP).rev().map(|n| n * Self::STEP).find(|width| bytes(*width) <= budget);
        fits.map(Shape::of_width).ok_or_else(|| Error::OverBudget { budget, smallest: bytes(Self::STEP) })
    }

    /// The finest item vectors with which a file of this shape stays within `budget` bytes after compression: whole
    /// numbers up to [`FINEST`], and never coarser than [`LEVELS`].
    pub fn levels(self, items: usize, budget: u64) -> u8 {
        (LEVELS..=FINEST).rev().find(|levels| self.bytes(items, *levels) <= budget).unwrap_or(LEVELS)
    }

    /// About the size of the file after compression.
    fn bytes(self, items: usize, levels: u8) -> u64 {
        // A number's share of the row's largest is close to normal, with the largest at 2.5 deviations: the
        // entropy of that is what a compressor comes to.
        let bits =
            (f64::from(levels) / 2.5 * (2.0 * std::f64::consts::PI * std::f64::consts::E).sqrt()).log2().max(1.0);
        let Shape { width, state, heads, key, length } = self;
        let encoder = 3 * state * (width + state) + (2 * state + width) * (heads + 1) * key + (state + heads) * width;
        let aged = (heads + 1) * length;
        // Metadata, names and golden cases.
        const REST: f64 = 8_000.0;
        ((items * width) as f64 * bits / 8.0 + (encoder + 4 * aged) as f64 + REST) as u64
    }

    /// The largest width that [`Shape::widest`] picks.
    pub const WIDEST: usize = 128;
    /// Widths are multiples of this: whole vector registers.
    const STEP: usize = 8;
}

/// The network's weights, by name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Weights {
    pub(crate) named: BTreeMap<&'static str, (Vec<usize>, Trained)>,
}

impl Weights {
    /// The weights before training.
    pub(crate) fn new(shape: Shape, seed: u64) -> Weights {
        let mut random = Random::new(seed, Stream::Weights, 1);
        let Shape { width, state, heads, key, length } = shape;
        let mut named = BTreeMap::new();
        let mut add = |name, dims: &[usize], deviation: f32, mean: f32| {
            let values = (0..dims.iter().product()).map(|_| mean + deviation * random.normal()).collect();
            named.insert(name, (dims.to_vec(), Trained::new(values)));
        };
        let fan = |inputs: usize| 1.0 / (inputs as f32).sqrt();
        add("gru.input", &[width, 3 * state], fan(width), 0.0);
        add("gru.state", &[state, 3 * state], fan(state), 0.0);
        add("head.query", &[state, heads * key], fan(state), 0.0);
        add("head.key", &[state + width, heads * key], fan(state + width), 0.0);
        add("head.age", &[heads, length], 0.1, 0.0);
        add("head.scale", &[heads, width], 0.1 / heads as f32, 1.0 / heads as f32);
        add("output", &[state, width], 0.1 * fan(state), 0.0);
        add("temperature", &[1], 0.0, 12.0f32.ln());
        add("repeat.query", &[state, key], 0.5 * fan(state), 0.0);
        add("repeat.key", &[state + width, key], 0.5 * fan(state + width), 0.0);
        add("repeat.age", &[1, length], 0.0, 0.0);
        Weights { named }
    }

    /// The weights as variables of one step's graph.
    pub(crate) fn variables(&self) -> candle_core::Result<Encoder> {
        self.tensors(|tensor| Ok(Var::from_tensor(&tensor)?.into_inner()))
    }

    /// The weights for predictions, without gradients.
    pub(crate) fn constants(&self) -> candle_core::Result<Encoder> {
        self.tensors(Ok)
    }

    fn tensors(&self, kind: impl Fn(Tensor) -> candle_core::Result<Tensor>) -> candle_core::Result<Encoder> {
        let tensor = |(name, (dims, trained)): (&&'static str, &(Vec<usize>, Trained))| {
            Ok((*name, kind(Tensor::from_slice(&trained.values, dims.as_slice(), &Device::Cpu)?)?))
        };
        Ok(Encoder { named: self.named.iter().map(tensor).collect::<candle_core::Result<_>>()? })
    }
}

/// The weights inside one graph.
pub(crate) struct Encoder {
    pub(crate) named: BTreeMap<&'static str, Tensor>,
}

/// What the network makes of a batch.
pub(crate) struct Encoded {
    /// `[B, T, width]`.
    pub(crate) queries: Tensor,
    /// `[B, T, T]`: what a query (second axis) adds to the score of the item at a position (third axis).
    pub(crate) repeats: Tensor,
}

impl Encoder {
    fn get(&self, name: &str) -> &Tensor {
        self.named.get(name).expect("every name is one of `Weights::new`")
    }

    /// `items`: `[B, T, width]`, of length 1 each. `kept`: dropout on the recurrent state, `[B, T, state]`.
    pub(crate) fn encode(&self, shape: Shape, items: &Tensor, kept: Option<&Tensor>) -> candle_core::Result<Encoded> {
        let (b, t, width) = items.dims3()?;
        let Shape { heads, key, state, .. } = shape;
        let scaled = (items * (width as f64).sqrt())?;
        let mut states = self.recur(&scaled, state)?;
        if let Some(kept) = kept {
            states = (states * kept)?;
        }
        let both = Tensor::cat(&[&states, &scaled], 2)?;
        let flat = |x: &Tensor, name: &str| -> candle_core::Result<Tensor> {
            x.reshape((b * t, x.dim(2)?))?.matmul(self.get(name))
        };
        let split = |x: Tensor| x.reshape((b, t, heads, key))?.transpose(1, 2)?.contiguous();
        let past = past(t)?;
        let scale = 1.0 / (key as f64).sqrt();

        let (q, k) = (split(flat(&states, "head.query")?)?, split(flat(&both, "head.key")?)?);
        let near = (q.matmul(&k.t()?)? * scale)?;
        let near = near.broadcast_add(&self.by_age("head.age", t)?)?.broadcast_add(&past)?;
        let weights = softmax(&near)?;
        let averages = weights.matmul(&items.unsqueeze(1)?.expand((b, heads, t, width))?.contiguous()?)?;
        let averages = averages.broadcast_mul(&self.get("head.scale").reshape((1, heads, 1, width))?)?.sum(1)?;
        let queries = (averages + flat(&states, "output")?.reshape((b, t, width))?)?;
        let queries = unit(&queries)?.broadcast_mul(&self.get("temperature").exp()?)?;

        let q = flat(&states, "repeat.query")?.reshape((b, t, key))?;
        let k = flat(&both, "repeat.key")?.reshape((b, t, key))?;
        let repeats = (q.matmul(&k.t()?)? * scale)?.broadcast_add(&self.by_age("repeat.age", t)?)?;
        Ok(Encoded { queries, repeats })
    }

    fn recur(&self, items: &Tensor, state: usize) -> candle_core::Result<Tensor> {
        let (b, t, width) = items.dims3()?;
        let inputs = items.reshape((b * t, width))?.matmul(self.get("gru.input"))?.reshape((b, t, 3 * state))?;
        let mut h: Option<Tensor> = None;
        let mut states = Vec::with_capacity(t);
        for step in 0..t {
            let x = inputs.narrow(1, step, 1)?.squeeze(1)?;
            let part = |x: &Tensor, index: usize| x.narrow(1, index * state, state);
            let next = match h {
                None => {
                    let z = sigmoid(&part(&x, 0)?)?;
                    ((1.0 - z)? * part(&x, 2)?.tanh()?)?
                }
                Some(h) => {
                    let r = h.matmul(self.get("gru.state"))?;
                    let z = sigmoid(&(part(&x, 0)? + part(&r, 0)?)?)?;
                    let reset = sigmoid(&(part(&x, 1)? + part(&r, 1)?)?)?;
                    let n = (part(&x, 2)? + (reset * part(&r, 2)?)?)?.tanh()?;
                    (&n + (z * (h - &n)?)?)?
                }
            };
            states.push(next.unsqueeze(1)?);
            h = Some(next);
        }
        Tensor::cat(&states, 1)
    }

    /// A learned number for how many steps ago a position was: `[heads, T, T]`.
    fn by_age(&self, name: &str, t: usize) -> candle_core::Result<Tensor> {
        let table = self.get(name);
        let (heads, length) = table.dims2()?;
        let ages: Vec<u32> = (0..t * t).map(|i| (i / t).saturating_sub(i % t).min(length - 1) as u32).collect();
        table.index_select(&Tensor::from_vec(ages, t * t, &Device::Cpu)?, 1)?.reshape((heads, t, t))
    }
}

/// 0 where a query may look, far below zero where it may not: what comes later. `[T, T]`.
fn past(t: usize) -> candle_core::Result<Tensor> {
    let mask: Vec<f32> = (0..t * t).map(|i| if i % t > i / t { -1e9 } else { 0.0 }).collect();
    Tensor::from_vec(mask, (t, t), &Device::Cpu)
}

fn sigmoid(x: &Tensor) -> candle_core::Result<Tensor> {
    (x * 0.5)?.tanh()?.affine(0.5, 0.5)
}

fn softmax(x: &Tensor) -> candle_core::Result<Tensor> {
    let highest = x.max_keepdim(D::Minus1)?.detach();
    let e = x.broadcast_sub(&highest)?.exp()?;
    e.broadcast_div(&e.sum_keepdim(D::Minus1)?)
}

/// Scaled to length 1 along the last axis.
fn unit(x: &Tensor) -> candle_core::Result<Tensor> {
    let length = (x.sqr()?.sum_keepdim(D::Minus1)? + 1e-12)?.sqrt()?;
    x.broadcast_div(&length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_budget_never_gives_a_narrower_shape() {
        let width = |budget| Shape::widest(43_097, budget, 7).map(|shape| shape.width).ok();
        let widths: Vec<Option<usize>> = (1..=40).map(|n| width(n * 100_000)).collect();
        assert!(widths.windows(2).all(|pair| pair[0] <= pair[1]), "{widths:?}");
        assert_eq!((widths[0], widths[39]), (None, Some(Shape::WIDEST)));
        assert_eq!(Shape::widest(43_097, 1_000, 7).unwrap_err().code(), "over-budget");
    }

    #[test]
    fn what_a_budget_leaves_after_the_width_goes_into_finer_item_vectors() {
        let levels = |budget| Shape::of_width(128).levels(43_097, budget);
        assert_eq!([2_000_000, 2_600_000, 3_000_000, 9_000_000].map(levels), [LEVELS, LEVELS, FINEST, FINEST]);
        let between = levels(2_800_000);
        assert!(LEVELS < between && between < FINEST, "{between}");
    }

    #[test]
    fn what_comes_later_changes_no_earlier_query() {
        let shape = Shape { width: 8, state: 6, heads: 2, key: 4, length: 5 };
        let encoder = Weights::new(shape, 1).constants().unwrap();
        let mut random = Random::new(2, Stream::Weights, 0);
        let mut items: Vec<f32> = (0..4 * 8).map(|_| random.normal()).collect();
        let first_three = |items: &[f32]| -> Vec<f32> {
            let items = Tensor::from_slice(items, (1, 4, 8), &Device::Cpu).unwrap();
            let queries = encoder.encode(shape, &items, None).unwrap().queries;
            queries.narrow(1, 0, 3).unwrap().flatten_all().unwrap().to_vec1().unwrap()
        };
        let before = first_three(&items);
        items[3 * 8..].fill(0.7);
        let after = first_three(&items);
        assert_eq!(before, after);
    }
}
