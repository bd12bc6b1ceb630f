//! A recurrent layer (LSTM, Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000, without biases),
//! whose last state is projected to the space of the items.

use candle_core::Tensor;

use super::{Encoder, Initial, Shape, fan, gate, sigmoid};

pub(super) fn weights(Shape { width, state, .. }: Shape) -> Vec<Initial> {
    vec![
        Initial::matrix("lstm.input", [width, 4 * state], fan(width)),
        Initial::matrix("lstm.state", [state, 4 * state], fan(state)),
        Initial::matrix("output", [state, width], fan(state)),
        Initial::temperature(),
    ]
}

/// The state after every step, `[B, T, state]`.
pub(super) fn states(encoder: &Encoder, seen: &Tensor, state: usize) -> candle_core::Result<Tensor> {
    let inputs = encoder.product(seen, "lstm.input")?;
    let mut before: Option<(Tensor, Tensor)> = None;
    let mut states = Vec::with_capacity(seen.dim(1)?);
    for step in 0..seen.dim(1)? {
        let mut x = inputs.narrow(1, step, 1)?.squeeze(1)?;
        if let Some((h, _)) = &before {
            x = (x + h.matmul(encoder.get("lstm.state"))?)?;
        }
        // ONNX's order of the gates: input, output, forget, cell.
        let input = sigmoid(&gate(&x, 0, state)?)?;
        let output = sigmoid(&gate(&x, 1, state)?)?;
        let mut cell = (input * gate(&x, 3, state)?.tanh()?)?;
        if let Some((_, c)) = &before {
            cell = (cell + (sigmoid(&gate(&x, 2, state)?)? * c)?)?;
        }
        let h = (output * cell.tanh()?)?;
        states.push(h.unsqueeze(1)?);
        before = Some((h, cell));
    }
    Tensor::cat(&states, 1)
}
