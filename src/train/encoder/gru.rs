//! A recurrent layer (GRU, Cho et al. 2014, arXiv 1406.1078, without biases), whose last state is projected to the
//! space of the items.

use candle_core::Tensor;

use super::{Encoder, Initial, Shape, fan, gate, sigmoid};

pub(super) fn weights(shape: Shape) -> Vec<Initial> {
    let Shape { width, state, .. } = shape;
    let [input, recurrent] = recurrent(shape);
    vec![input, recurrent, Initial::matrix("output", [state, width], fan(state)), Initial::temperature()]
}

/// The layer's own weights.
pub(super) fn recurrent(Shape { width, state, .. }: Shape) -> [Initial; 2] {
    [
        Initial::matrix("gru.input", [width, 3 * state], fan(width)),
        Initial::matrix("gru.state", [state, 3 * state], fan(state)),
    ]
}

/// The state after every step, `[B, T, state]`.
pub(super) fn states(encoder: &Encoder, seen: &Tensor, state: usize) -> candle_core::Result<Tensor> {
    let inputs = encoder.product(seen, "gru.input")?;
    let mut h: Option<Tensor> = None;
    let mut states = Vec::with_capacity(seen.dim(1)?);
    for step in 0..seen.dim(1)? {
        let x = inputs.narrow(1, step, 1)?.squeeze(1)?;
        let part = |x: &Tensor, index: usize| gate(x, index, state);
        let next = match h {
            None => {
                let z = sigmoid(&part(&x, 0)?)?;
                ((1.0 - z)? * part(&x, 2)?.tanh()?)?
            }
            Some(h) => {
                let r = h.matmul(encoder.get("gru.state"))?;
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
