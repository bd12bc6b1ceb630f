//! BERT's encoder (Devlin et al. 2019, arXiv 1810.04805), for one text at a time: no padding, so no mask.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{D, DType, Device, Tensor};

use super::config::Config;
use crate::encoder::softmax;
use crate::error::Error;

/// A product with a matrix and a sum with a row.
#[derive(Clone, Debug)]
struct Linear {
    /// `[inputs, outputs]`.
    matrix: Tensor,
    bias: Tensor,
}

impl Linear {
    fn apply(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        x.matmul(&self.matrix)?.broadcast_add(&self.bias)
    }
}

/// Rows with mean 0 and variance 1, scaled and shifted.
#[derive(Clone, Debug)]
struct Norm {
    scale: Tensor,
    shift: Tensor,
    epsilon: f64,
}

impl Norm {
    fn apply(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let deviation = (centred.sqr()?.mean_keepdim(D::Minus1)? + self.epsilon)?.sqrt()?;
        centred.broadcast_div(&deviation)?.broadcast_mul(&self.scale)?.broadcast_add(&self.shift)
    }
}

#[derive(Clone, Debug)]
struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    attended: Linear,
    attended_norm: Norm,
    wider: Linear,
    narrower: Linear,
    norm: Norm,
}

/// The network.
#[derive(Clone, Debug)]
pub(super) struct Bert {
    words: Tensor,
    positions: Tensor,
    kinds: Tensor,
    norm: Norm,
    layers: Vec<Layer>,
    heads: usize,
}

impl Bert {
    /// Reads the weights that `config` speaks of.
    pub(super) fn read(path: &Path, config: &Config) -> Result<Bert, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::Unreadable { path: path.to_owned(), source })?;
        let fault = |fault: String| Error::SentenceEncoder { path: path.to_owned(), fault };
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).map_err(|e| fault(e.to_string()))?;
        let weights = Weights { tensors, fault: &fault };
        let width = config.hidden_size;
        let wider = weights.get("encoder.layer.0.intermediate.dense.bias", None)?.elem_count();
        let linear = |name: &str, [inputs, outputs]: [usize; 2]| -> Result<Linear, Error> {
            let matrix = weights.get(&format!("{name}.weight"), Some(&[outputs, inputs]))?;
            let matrix = matrix.t()?.contiguous()?;
            Ok(Linear { matrix, bias: weights.get(&format!("{name}.bias"), Some(&[outputs]))? })
        };
        let norm = |name: &str| -> Result<Norm, Error> {
            let scale = weights.get(&format!("{name}.weight"), Some(&[width]))?;
            let shift = weights.get(&format!("{name}.bias"), Some(&[width]))?;
            Ok(Norm { scale, shift, epsilon: config.layer_norm_eps })
        };
        let table = |name: &str| -> Result<Tensor, Error> {
            let table = weights.get(&format!("embeddings.{name}_embeddings.weight"), None)?;
            match table.dims() {
                [_, columns] if *columns == width => Ok(table),
                dims => {
                    Err(fault(format!("the {name} embeddings are {dims:?}, their rows should have {width} numbers")))
                }
            }
        };
        let layer = |number: usize| -> Result<Layer, Error> {
            let name = |part: &str| format!("encoder.layer.{number}.{part}");
            let square = |part: &str| linear(&name(part), [width, width]);
            Ok(Layer {
                query: square("attention.self.query")?,
                key: square("attention.self.key")?,
                value: square("attention.self.value")?,
                attended: square("attention.output.dense")?,
                attended_norm: norm(&name("attention.output.LayerNorm"))?,
                wider: linear(&name("intermediate.dense"), [width, wider])?,
                narrower: linear(&name("output.dense"), [wider, width])?,
                norm: norm(&name("output.LayerNorm"))?,
            })
        };
        let positions = table("position")?;
        if positions.dim(0)? < config.max_position_embeddings {
            return Err(fault(format!("it has {} positions of {}", positions.dim(0)?, config.max_position_embeddings)));
        }
        Ok(Bert {
            words: table("word")?,
            positions,
            kinds: table("token_type")?,
            norm: norm("embeddings.LayerNorm")?,
            layers: (0..config.num_hidden_layers).map(layer).collect::<Result<_, _>>()?,
            heads: config.num_attention_heads,
        })
    }

    /// How many tokens it knows.
    pub(super) fn words(&self) -> usize {
        self.words.dims()[0]
    }

    /// How many numbers a state has.
    pub(super) fn width(&self) -> usize {
        self.words.dims()[1]
    }

    /// The last layer's states of a text's tokens, `[T, width]`.
    pub(super) fn encode(&self, ids: &[u32], kinds: &[u32]) -> candle_core::Result<Tensor> {
        let rows = |table: &Tensor, ids: &[u32]| table.index_select(&Tensor::new(ids, &Device::Cpu)?, 0);
        let positions: Vec<u32> = (0..ids.len() as u32).collect();
        let sum = (rows(&self.words, ids)? + rows(&self.kinds, kinds)? + rows(&self.positions, &positions)?)?;
        self.layers.iter().try_fold(self.norm.apply(&sum)?, |x, layer| layer.apply(&x, self.heads))
    }
}

impl Layer {
    fn apply(&self, x: &Tensor, heads: usize) -> candle_core::Result<Tensor> {
        let (tokens, width) = x.dims2()?;
        let by_head =
            |part: &Linear| part.apply(x)?.reshape((tokens, heads, width / heads))?.transpose(0, 1)?.contiguous();
        let (query, key, value) = (by_head(&self.query)?, by_head(&self.key)?, by_head(&self.value)?);
        let near = (query.matmul(&key.t()?.contiguous()?)? / ((width / heads) as f64).sqrt())?;
        let means = softmax(&near)?.matmul(&value)?.transpose(0, 1)?.reshape((tokens, width))?;
        let x = self.attended_norm.apply(&(self.attended.apply(&means)? + x)?)?;
        let more = self.narrower.apply(&self.wider.apply(&x)?.gelu_erf()?)?;
        self.norm.apply(&(more + x)?)
    }
}

/// The tensors of a file, named as BERT alone or as a part of another model names them.
struct Weights<'a> {
    tensors: HashMap<String, Tensor>,
    fault: &'a dyn Fn(String) -> Error,
}

impl Weights<'_> {
    fn get(&self, name: &str, dims: Option<&[usize]>) -> Result<Tensor, Error> {
        let found = self.tensors.get(name).or_else(|| self.tensors.get(&format!("bert.{name}")));
        let tensor = found.ok_or_else(|| (self.fault)(format!("it has no {name}")))?.to_dtype(DType::F32)?;
        match dims {
            Some(dims) if tensor.dims() != dims => {
                Err((self.fault)(format!("{name} is {:?}, it should be {dims:?}", tensor.dims())))
            }
            _ => Ok(tensor),
        }
    }
}
