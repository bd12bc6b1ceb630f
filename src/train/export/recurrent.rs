//! Recurrent layers as ONNX's own operators.

use super::writer::{Asked, Session, Writer};
use crate::encoder::Shape;
use crate::onnx::Attribute;

/// A recurrent layer.
pub(super) struct Layer {
    operator: &'static str,
    input: &'static str,
    state: &'static str,
    attributes: &'static [Attribute<'static>],
}

pub(super) const GRU: Layer = Layer {
    operator: "GRU",
    input: "gru.input",
    state: "gru.state",
    attributes: &[Attribute::Int("linear_before_reset", 1)],
};

pub(super) const LSTM: Layer = Layer { operator: "LSTM", input: "lstm.input", state: "lstm.state", attributes: &[] };

/// The query of a network that is a recurrent layer.
pub(super) fn asked(w: &mut Writer<'_>, session: &Session, layer: Layer) -> Asked {
    let [_, last] = states(w, session, layer);
    let direction = w.product(&last, "output");
    Asked { query: w.query(session, &direction), repeats: None }
}

/// The state after every step, `[L, state]`, and the last, `[1, state]`.
pub(super) fn states(w: &mut Writer<'_>, session: &Session, layer: Layer) -> [String; 2] {
    let Shape { width, state, length, .. } = w.shape;
    let sequence = w.reshaped(&session.seen, &[length as i64, 1, width as i64]);
    let by_input = w.recurrent(layer.input);
    let by_state = w.recurrent(layer.state);
    let attributes = [&[Attribute::Int("hidden_size", state as i64)], layer.attributes].concat();
    let [states, last] = w.graph.second_output(layer.operator, &[&sequence, &by_input, &by_state], &attributes);
    [w.reshaped(&states, &[length as i64, state as i64]), w.reshaped(&last, &[1, state as i64])]
}
