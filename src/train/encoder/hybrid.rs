//! A recurrent layer whose states weigh the items themselves.
//!
//! Position by position:
//!
//! 1. a recurrent layer ([`gru`]) reads the session in order;
//! 2. several attention heads weigh the items seen so far, by the recurrent states, the items and how many
//!    steps ago each was, and average the item vectors themselves, so that query and items stay in one space
//!    (CORE, Hou et al. 2022, arXiv 2204.11067);
//! 3. the heads' averages, each scaled by dimension, and a projection of the state add up to the query;
//! 4. one more head gives every step a number that is added to the score of that step's item: shoppers come
//!    back to what they looked at, and how readily depends on the session.

use candle_core::{Device, Tensor};

use super::{Encoded, Encoder, Initial, Read, Shape, fan, gru, past, softmax};

pub(super) fn weights(shape: Shape) -> Vec<Initial> {
    let Shape { width, state, heads, key, length, .. } = shape;
    let [input, recurrent] = gru::recurrent(shape);
    vec![
        input,
        recurrent,
        Initial::matrix("head.query", [state, heads * key], fan(state)),
        Initial::matrix("head.key", [state + width, heads * key], fan(state + width)),
        Initial::other("head.age", &[heads, length], 0.1, 0.0),
        Initial::other("head.scale", &[heads, width], 0.1 / heads as f32, 1.0 / heads as f32),
        Initial::matrix("output", [state, width], 0.1 * fan(state)),
        Initial::temperature(),
        Initial::matrix("repeat.query", [state, key], 0.5 * fan(state)),
        Initial::matrix("repeat.key", [state + width, key], 0.5 * fan(state + width)),
        Initial::other("repeat.age", &[1, length], 0.0, 0.0),
    ]
}

pub(super) fn encode(encoder: &Encoder, shape: Shape, read: &Read<'_>, seen: &Tensor) -> candle_core::Result<Encoded> {
    let Shape { heads, key, state, .. } = shape;
    let (b, t, width) = seen.dims3()?;
    let mut states = gru::states(encoder, seen, state)?;
    if let Some(kept) = read.kept {
        states = (states * kept)?;
    }
    let both = Tensor::cat(&[&states, seen], 2)?;
    let split = |x: Tensor| x.reshape((b, t, heads, key))?.transpose(1, 2)?.contiguous();
    let scale = 1.0 / (key as f64).sqrt();

    let q = split(encoder.product(&states, "head.query")?)?;
    let k = split(encoder.product(&both, "head.key")?)?;
    let near = (q.matmul(&k.t()?)? * scale)?;
    let near = near.broadcast_add(&by_age(encoder, "head.age", t)?)?.broadcast_add(&past(t)?)?;
    let shares = softmax(&near)?;
    let averages = shares.matmul(&read.items.unsqueeze(1)?.expand((b, heads, t, width))?.contiguous()?)?;
    let averages = averages.broadcast_mul(&encoder.get("head.scale").reshape((1, heads, 1, width))?)?.sum(1)?;
    let queries = encoder.query(&(averages + encoder.product(&states, "output")?)?)?;

    let q = encoder.product(&states, "repeat.query")?;
    let k = encoder.product(&both, "repeat.key")?;
    let repeats = (q.matmul(&k.t()?)? * scale)?.broadcast_add(&by_age(encoder, "repeat.age", t)?)?;
    Ok(Encoded { queries, repeats: Some(repeats) })
}

/// A learned number for how many steps ago a position was: `[heads, T, T]`.
fn by_age(encoder: &Encoder, name: &str, t: usize) -> candle_core::Result<Tensor> {
    let table = encoder.get(name);
    let (heads, length) = table.dims2()?;
    let ages: Vec<u32> = (0..t * t).map(|i| (i / t).saturating_sub(i % t).min(length - 1) as u32).collect();
    table.index_select(&Tensor::from_vec(ages, t * t, &Device::Cpu)?, 1)?.reshape((heads, t, t))
}
