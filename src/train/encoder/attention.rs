//! Causal self-attention over the session's items, each with its learned position (SASRec, Kang and McAuley 2018,
//! arXiv 1808.09781), normalised before every layer (Xiong et al. 2020, arXiv 2002.04745).
//!
//! Positions count from the first step that is read, so that all prefixes of a session are read in one pass.

use candle_core::{D, Device, Tensor};

use super::{Encoder, Initial, Read, Shape, fan, past, softmax};

/// The names of a block's weights.
pub(crate) struct Block {
    pub(crate) norm: Norm,
    pub(crate) query: &'static str,
    pub(crate) key: &'static str,
    pub(crate) value: &'static str,
    pub(crate) mix: &'static str,
    pub(crate) inner_norm: Norm,
    pub(crate) inner: &'static str,
    pub(crate) outer: &'static str,
}

/// The names of a normalisation's weights.
pub(crate) struct Norm {
    pub(crate) scale: &'static str,
    pub(crate) shift: &'static str,
}

macro_rules! block {
    ($name:literal) => {
        Block {
            norm: Norm { scale: concat!($name, ".norm.scale"), shift: concat!($name, ".norm.shift") },
            query: concat!($name, ".query"),
            key: concat!($name, ".key"),
            value: concat!($name, ".value"),
            mix: concat!($name, ".mix"),
            inner_norm: Norm { scale: concat!($name, ".inner.norm.scale"), shift: concat!($name, ".inner.norm.shift") },
            inner: concat!($name, ".inner"),
            outer: concat!($name, ".outer"),
        }
    };
}

/// The blocks, in their order.
pub(crate) const BLOCKS: [Block; 2] = [block!("first"), block!("second")];

/// Added to the variance before its root is divided by.
pub(crate) const EPSILON: f32 = 1e-5;

pub(super) fn weights(Shape { width, state, heads, key, length, .. }: Shape) -> Vec<Initial> {
    let mut weights = vec![Initial::other("position", &[length, width], 0.1, 0.0), Initial::temperature()];
    let norm = |Norm { scale, shift }: Norm| {
        [Initial::other(scale, &[width], 0.0, 1.0), Initial::other(shift, &[width], 0.0, 0.0)]
    };
    for Block { norm: outer_norm, query, key: keys, value, mix, inner_norm, inner, outer } in BLOCKS {
        weights.extend(norm(outer_norm));
        weights.extend([query, keys, value].map(|name| Initial::matrix(name, [width, heads * key], fan(width))));
        // What a block adds begins small, so that the newest item leads the query at first.
        weights.push(Initial::matrix(mix, [heads * key, width], 0.5 * fan(heads * key)));
        weights.extend(norm(inner_norm));
        weights.push(Initial::matrix(inner, [width, state], fan(width)));
        weights.push(Initial::matrix(outer, [state, width], 0.5 * fan(state)));
    }
    weights
}

pub(super) fn encode(encoder: &Encoder, shape: Shape, read: &Read<'_>, seen: &Tensor) -> candle_core::Result<Tensor> {
    let Shape { heads, key, length, .. } = shape;
    let (b, t, _) = seen.dims3()?;
    let places: Vec<u32> = (0..t).map(|place| place.min(length - 1) as u32).collect();
    let positions = encoder.get("position").index_select(&Tensor::from_vec(places, t, &Device::Cpu)?, 0)?;
    let mut x = seen.broadcast_add(&positions)?;
    let past = past(t)?;
    let split = |x: Tensor| x.reshape((b, t, heads, key))?.transpose(1, 2)?.contiguous();
    for block in BLOCKS {
        let normal = normalised(encoder, &x, &block.norm)?;
        let [q, k, v] = [block.query, block.key, block.value].map(|name| split(encoder.product(&normal, name)?));
        let near = (q?.matmul(&k?.t()?)? * (1.0 / (key as f64).sqrt()))?.broadcast_add(&past)?;
        let mixed = softmax(&near)?.matmul(&v?)?.transpose(1, 2)?.reshape((b, t, heads * key))?;
        x = (x + encoder.product(&mixed, block.mix)?)?;
        let mut inner = encoder.product(&normalised(encoder, &x, &block.inner_norm)?, block.inner)?.relu()?;
        if let Some(kept) = read.kept {
            inner = (inner * kept)?;
        }
        x = (x + encoder.product(&inner, block.outer)?)?;
    }
    encoder.query(&x)
}

/// Layer normalisation (Ba et al. 2016, arXiv 1607.06450).
fn normalised(encoder: &Encoder, x: &Tensor, norm: &Norm) -> candle_core::Result<Tensor> {
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let deviation = (centred.sqr()?.mean_keepdim(D::Minus1)? + f64::from(EPSILON))?.sqrt()?;
    centred.broadcast_div(&deviation)?.broadcast_mul(encoder.get(norm.scale))?.broadcast_add(encoder.get(norm.shift))
}
