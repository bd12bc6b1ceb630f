//! The networks that turn a session's items into a query.
//!
//! All of them read items as vectors of length 1, look at no step after the query's own, and end with a vector that is
//! scaled to a learned length, the inverse of a softmax temperature: its product with an item's vector is the item's
//! score. They differ in what lies between, see [`Architecture`]. Recurrent layers have no biases, so that padding on the
//! left leaves their states at zero.

mod attention;
mod gru;
mod hybrid;
mod lstm;
mod steps;

use std::collections::BTreeMap;

use candle_core::{D, Device, Tensor, Var};

use crate::adam::Trained;
use crate::random::{Random, Stream};

pub(crate) use attention::{BLOCKS, Block, EPSILON, Norm};
pub use steps::StepInputs;
pub(crate) use steps::{KINDS, PAUSES_S};

/// How a session is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// A GRU whose states weigh the items themselves, and their repetition (after NARM, Li et al. 2017, arXiv
    /// 1711.04725; CORE, Hou et al. 2022, arXiv 2204.11067; RepeatNet, Ren et al. 2019, arXiv 1812.02646).
    #[default]
    Hybrid,
    /// A GRU, whose last state is projected to the query (GRU4Rec, Hidasi et al. 2016, arXiv 1511.06939).
    Gru,
    /// The same with an LSTM of 128 units. Its file gives a probability.
    Lstm,
    /// Two blocks of causal self-attention with learned positions (SASRec, Kang and McAuley 2018, arXiv 1808.09781).
    Attention,
}

impl Architecture {
    /// Every one.
    pub const ALL: [Architecture; 4] =
        [Architecture::Hybrid, Architecture::Gru, Architecture::Lstm, Architecture::Attention];

    /// What `--network` calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Architecture::Hybrid => "hybrid",
            Architecture::Gru => "gru",
            Architecture::Lstm => "lstm",
            Architecture::Attention => "attention",
        }
    }

    /// The proportions for item vectors of this width.
    pub fn shape(self, width: usize) -> Shape {
        let shape = Shape::of_width(width);
        match self {
            Architecture::Hybrid => shape,
            Architecture::Gru => Shape { architecture: self, ..shape },
            Architecture::Lstm => Shape { architecture: self, state: 128, ..shape },
            Architecture::Attention => {
                Shape { architecture: self, state: width, heads: 2, key: width.div_ceil(2), ..shape }
            }
        }
    }
}

/// Sizes of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Shape {
    /// How a session is read.
    #[serde(default)]
    pub architecture: Architecture,
    /// What is read of a step beside its item.
    #[serde(default)]
    pub steps: StepInputs,
    /// Width of an item vector, 1 to 1024.
    pub width: usize,
    /// Width of the recurrent state, 1 to 1024; of the feed-forward layers of [`Architecture::Attention`].
    pub state: usize,
    /// Attention heads, 1 to 64.
    pub heads: usize,
    /// Width of a head's keys, 1 to 1024.
    pub key: usize,
    /// Longest session that is read, 1 to 1000 steps.
    pub length: usize,
}

impl Shape {
    /// The proportions that measured best for [`Architecture::Hybrid`], for item vectors of this width.
    pub fn of_width(width: usize) -> Shape {
        Shape {
            architecture: Architecture::Hybrid,
            steps: StepInputs::default(),
            width,
            state: width.clamp(16, 96),
            heads: 4,
            key: 16,
            length: 20,
        }
    }

    /// The same network with item vectors of another width, and its proportions for that.
    pub fn with_width(self, width: usize) -> Shape {
        Shape { steps: self.steps, ..self.architecture.shape(width) }
    }

    /// The largest width that a budget picks: from there on, more width brings nothing.
    pub const WIDEST: usize = 128;

    fn weights(self) -> Vec<Initial> {
        let mut weights = match self.architecture {
            Architecture::Hybrid => hybrid::weights(self),
            Architecture::Gru => gru::weights(self),
            Architecture::Lstm => lstm::weights(self),
            Architecture::Attention => attention::weights(self),
        };
        if self.steps.count() > 0 {
            weights.push(Initial::other("step", &[self.steps.count(), self.width], 0.1, 0.0));
        }
        weights
    }
}

/// A weight before training: normal numbers.
struct Initial {
    name: &'static str,
    dims: Vec<usize>,
    deviation: f32,
    mean: f32,
    matrix: bool,
}

impl Initial {
    /// A matrix by input and output.
    fn matrix(name: &'static str, dims: [usize; 2], deviation: f32) -> Initial {
        Initial { name, dims: dims.to_vec(), deviation, mean: 0.0, matrix: true }
    }

    fn other(name: &'static str, dims: &[usize], deviation: f32, mean: f32) -> Initial {
        Initial { name, dims: dims.to_vec(), deviation, mean, matrix: false }
    }

    /// The inverse of a softmax temperature, as a logarithm.
    fn temperature() -> Initial {
        Initial::other("temperature", &[1], 0.0, 12.0f32.ln())
    }
}

/// The deviation that keeps sums of `inputs` products as large as the inputs are.
fn fan(inputs: usize) -> f32 {
    1.0 / (inputs as f32).sqrt()
}

/// One of the network's weights.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Weight {
    pub(crate) dims: Vec<usize>,
    pub(crate) trained: Trained,
    /// Whether a file holds it as whole numbers of eight bits, with a factor for each column; the rest is small.
    pub(crate) matrix: bool,
}

/// The network's weights, by name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Weights {
    pub(crate) named: BTreeMap<&'static str, Weight>,
}

impl Weights {
    /// The weights before training.
    pub(crate) fn new(shape: Shape, seed: u64) -> Weights {
        let mut random = Random::new(seed, Stream::Weights, 1);
        let weight = |Initial { name, dims, deviation, mean, matrix }| {
            let count = dims.iter().product();
            let trained = Trained::new((0..count).map(|_| mean + deviation * random.normal()).collect());
            (name, Weight { dims, trained, matrix })
        };
        Weights { named: shape.weights().into_iter().map(weight).collect() }
    }

    /// The numbers of one weight.
    pub(crate) fn get(&self, name: &str) -> &[f32] {
        &self.named.get(name).expect("every name is one of `Shape::weights`").trained.values
    }

    /// The length of a query.
    pub(crate) fn temperature(&self) -> f32 {
        self.get("temperature")[0].exp()
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
        let tensor = |(name, weight): (&&'static str, &Weight)| {
            let tensor = Tensor::from_slice(&weight.trained.values, weight.dims.as_slice(), &Device::Cpu)?;
            Ok((*name, kind(tensor)?))
        };
        Ok(Encoder { named: self.named.iter().map(tensor).collect::<candle_core::Result<_>>()? })
    }
}

/// The weights inside one graph.
pub(crate) struct Encoder {
    pub(crate) named: BTreeMap<&'static str, Tensor>,
}

/// What the network is given of a batch.
pub(crate) struct Read<'a> {
    /// `[B, T, width]`, of length 1 each.
    pub(crate) items: &'a Tensor,
    /// `[B, T, count]`, as [`StepInputs::features`] gives them; absent where nothing is known.
    pub(crate) steps: Option<&'a Tensor>,
    /// Dropout, `[B, T, state]`.
    pub(crate) kept: Option<&'a Tensor>,
}

/// What the network makes of a batch.
pub(crate) struct Encoded {
    /// `[B, T, width]`.
    pub(crate) queries: Tensor,
    /// `[B, T, T]`: what a query (second axis) adds to the score of the item at a position (third axis), where the
    /// network minds repetition.
    pub(crate) repeats: Option<Tensor>,
}

impl Encoder {
    pub(crate) fn encode(&self, shape: Shape, read: &Read<'_>) -> candle_core::Result<Encoded> {
        let mut seen = (read.items * (shape.width as f64).sqrt())?;
        if let Some(steps) = read.steps {
            seen = (seen + self.product(steps, "step")?)?;
        }
        let queries = match shape.architecture {
            Architecture::Hybrid => return hybrid::encode(self, shape, read, &seen),
            Architecture::Gru => self.projected(gru::states(self, &seen, shape.state)?, read)?,
            Architecture::Lstm => self.projected(lstm::states(self, &seen, shape.state)?, read)?,
            Architecture::Attention => attention::encode(self, shape, read, &seen)?,
        };
        Ok(Encoded { queries, repeats: None })
    }

    fn get(&self, name: &str) -> &Tensor {
        self.named.get(name).expect("every name is one of `Shape::weights`")
    }

    /// `[B, T, n]` by the matrix `name`, `[n, m]`.
    fn product(&self, x: &Tensor, name: &str) -> candle_core::Result<Tensor> {
        let (b, t, inputs) = x.dims3()?;
        let matrix = self.get(name);
        x.reshape((b * t, inputs))?.matmul(matrix)?.reshape((b, t, matrix.dim(1)?))
    }

    /// The queries of a recurrent layer.
    fn projected(&self, mut states: Tensor, read: &Read<'_>) -> candle_core::Result<Tensor> {
        if let Some(kept) = read.kept {
            states = (states * kept)?;
        }
        self.query(&self.product(&states, "output")?)
    }

    /// A direction with its length: a query.
    fn query(&self, direction: &Tensor) -> candle_core::Result<Tensor> {
        unit(direction)?.broadcast_mul(&self.get("temperature").exp()?)
    }
}

/// Columns `index * width` and on of `[B, n * width]`: one gate.
fn gate(x: &Tensor, index: usize, width: usize) -> candle_core::Result<Tensor> {
    x.narrow(1, index * width, width)
}

/// 0 where a query may look, far below zero where it may not: what comes later. `[T, T]`.
fn past(t: usize) -> candle_core::Result<Tensor> {
    let mask: Vec<f32> = (0..t * t).map(|i| if i % t > i / t { -1e9 } else { 0.0 }).collect();
    Tensor::from_vec(mask, (t, t), &Device::Cpu)
}

fn sigmoid(x: &Tensor) -> candle_core::Result<Tensor> {
    (x * 0.5)?.tanh()?.affine(0.5, 0.5)
}

pub(crate) fn softmax(x: &Tensor) -> candle_core::Result<Tensor> {
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
    use crate::sessions::Detail;

    #[test]
    fn a_checkpoint_that_names_no_architecture_is_of_the_hybrid() {
        let text = r#"{"width": 32, "state": 32, "heads": 4, "key": 16, "length": 20}"#;
        assert_eq!(serde_json::from_str::<Shape>(text).unwrap(), Shape::of_width(32));
    }

    #[test]
    fn what_comes_later_changes_no_earlier_query() {
        for architecture in Architecture::ALL {
            let steps = StepInputs { kind: true, pause: true };
            let shape = Shape { length: 5, steps, ..architecture.shape(8) };
            let encoder = Weights::new(shape, 1).constants().unwrap();
            let mut random = Random::new(2, Stream::Weights, 0);
            let mut items: Vec<f32> = (0..4 * 8).map(|_| random.normal()).collect();
            let mut details = [Detail { kind: 1, pause_s: 30 }; 4];
            let queries = |items: &[f32], details: &[Detail]| -> Vec<f32> {
                let items = Tensor::from_slice(items, (1, 4, 8), &Device::Cpu).unwrap();
                let steps = Tensor::from_vec(steps.features(details), (1, 4, steps.count()), &Device::Cpu).unwrap();
                let read = Read { items: &items, steps: Some(&steps), kept: None };
                encoder.encode(shape, &read).unwrap().queries.flatten_all().unwrap().to_vec1().unwrap()
            };
            let before = queries(&items, &details);
            items[3 * 8..].fill(0.7);
            let other_item = queries(&items, &details);
            details[3] = Detail { kind: 7, pause_s: 600 };
            let other_step = queries(&items, &details);
            assert_eq!((&before[..24], &before[..24]), (&other_item[..24], &other_step[..24]), "{architecture:?}");
            assert!(before[24..] != other_item[24..] && other_item[24..] != other_step[24..], "{architecture:?}");
        }
    }
}
