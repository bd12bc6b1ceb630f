//! The graph of [`Architecture::Hybrid`](crate::encoder::Architecture::Hybrid).

use super::recurrent;
use super::writer::{Asked, Session, Writer};
use crate::encoder::Shape;
use crate::onnx::Attribute;

pub(super) fn asked(w: &mut Writer<'_>, session: &Session) -> Asked {
    let Shape { width, heads, length, .. } = w.shape;
    let l = length as i64;
    let [states, last] = recurrent::states(w, session, recurrent::GRU);
    let both = w.graph.node("Concat", &[&states, &session.seen], &[Attribute::Int("axis", 1)]);
    let read = Read { last, both };

    let padding = w.padding(&session.ids);
    let (mask, none) = w.mask(&padding);
    let mask = w.reshaped(&mask, &[1, 1, l]);
    let near = read.scores(w, heads, &HEAD);
    let near = w.graph.node("Add", &[&near, &mask], &[]);
    let shares = w.graph.node("Softmax", &[&near], &[Attribute::Int("axis", -1)]);
    let shares = w.reshaped(&shares, &[heads as i64, l]);
    let averages = w.graph.node("MatMul", &[&shares, &session.items], &[]);
    let by_head = w.graph.floats("head.scale", &[heads, width], w.weight("head.scale"));
    let averages = w.graph.node("Mul", &[&averages, &by_head], &[]);
    let first_axis = w.graph.ints("axis", &[1], &[0]);
    let average = w.graph.node("ReduceSum", &[&averages, &first_axis], &[Attribute::Int("keepdims", 1)]);
    let projected = w.product(&read.last, "output");
    let direction = w.graph.node("Add", &[&average, &projected], &[]);
    let query = w.query(session, &direction);

    let added = read.scores(w, 1, &REPEAT);
    let added = w.reshaped(&added, &[l]);
    let added = w.graph.node("Where", &[&padding, &none, &added], &[]);
    Asked { query, repeats: Some(added) }
}

/// The names of the weights of some heads.
struct Heads {
    query: &'static str,
    key: &'static str,
    age: &'static str,
}

const HEAD: Heads = Heads { query: "head.query", key: "head.key", age: "head.age" };
const REPEAT: Heads = Heads { query: "repeat.query", key: "repeat.key", age: "repeat.age" };

/// What the heads look at.
struct Read {
    /// The last state, `[1, state]`.
    last: String,
    /// States beside what was read, `[L, state + width]`.
    both: String,
}

impl Read {
    /// How the last state and every step fit together: `[heads, 1, L]`.
    fn scores(&self, w: &mut Writer<'_>, heads: usize, names: &Heads) -> String {
        let Shape { key, length, .. } = w.shape;
        let (h, k, l) = (heads as i64, key as i64, length as i64);
        let to_query = w.matrix(names.query, 1.0 / (key as f32).sqrt());
        let query = w.graph.node("MatMul", &[&self.last, &to_query], &[]);
        let query = w.reshaped(&query, &[h, 1, k]);
        let keys = w.product(&self.both, names.key);
        let keys = w.reshaped(&keys, &[l, h, k]);
        let keys = w.graph.node("Transpose", &[&keys], &[Attribute::Ints("perm", &[1, 2, 0])]);
        let near = w.graph.node("MatMul", &[&query, &keys], &[]);
        // Position `length - 1` is the newest; tables of age start with it.
        let ages = w.weight(names.age).chunks(length).flat_map(|ages| ages.iter().rev().copied()).collect::<Vec<_>>();
        let ages = w.graph.floats(names.age, &[heads, 1, length], &ages);
        w.graph.node("Add", &[&near, &ages], &[])
    }
}
