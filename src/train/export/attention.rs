//! The graph of [`Architecture::Attention`](crate::encoder::Architecture::Attention).
//!
//! Of the last block the newest step alone is computed: it is the query.

use super::writer::{Asked, Session, Writer};
use crate::encoder::{BLOCKS, Block, EPSILON, Norm, Shape};
use crate::onnx::{Attribute, Element};

pub(super) fn asked(w: &mut Writer<'_>, session: &Session) -> Asked {
    let length = w.shape.length;
    let positions = positions(w, session);
    let mut x = w.graph.node("Add", &[&session.seen, &positions], &[]);
    let padding = w.padding(&session.ids);
    let (mask, _) = w.mask(&padding);
    let padded = w.reshaped(&mask, &[1, length as i64]);
    let later: Vec<f32> = (0..length * length).map(|i| if i % length > i / length { -1e9 } else { 0.0 }).collect();
    let later = w.graph.floats("later", &[length, length], &later);
    let mask = w.graph.node("Add", &[&later, &padded], &[]);
    let newest = w.graph.ints("newest", &[1], &[length as i64 - 1]);
    for (index, names) in BLOCKS.iter().enumerate() {
        let asking = if index + 1 < BLOCKS.len() {
            Asking { rows: length, x: x.clone(), mask: mask.clone() }
        } else {
            let x = w.graph.node("Gather", &[&x, &newest], &[Attribute::Int("axis", 0)]);
            Asking { rows: 1, x, mask: padded.clone() }
        };
        x = block(w, names, &x, &asking);
    }
    Asked { query: w.query(session, &x), repeats: None }
}

/// The vector of every step's position, `[L, width]`. Positions count known items from the first one on.
fn positions(w: &mut Writer<'_>, session: &Session) -> String {
    let Shape { width, length, .. } = w.shape;
    let known = w.known(&session.ids);
    let up_to: Vec<f32> = (0..length * length).map(|i| if i % length > i / length { 0.0 } else { 1.0 }).collect();
    let up_to = w.graph.floats("up-to", &[length, length], &up_to);
    let counts = w.graph.node("MatMul", &[&up_to, &known], &[]);
    let counts = w.reshaped(&counts, &[length as i64]);
    let counts = w.graph.node("Cast", &[&counts], &[Attribute::Int("to", Element::Int64 as i64)]);
    // Row 0 is for padding.
    let table = [&vec![0.0; width], w.weight("position")].concat();
    let table = w.graph.floats("position", &[length + 1, width], &table);
    w.graph.node("Gather", &[&table, &counts], &[Attribute::Int("axis", 0)])
}

/// The steps that look at the others.
struct Asking {
    rows: usize,
    /// `[rows, width]`.
    x: String,
    /// `[rows, L]`: far below zero where a step may not be looked at.
    mask: String,
}

fn block(w: &mut Writer<'_>, names: &Block, x: &str, asking: &Asking) -> String {
    let Shape { heads, key, length, .. } = w.shape;
    let split = |w: &mut Writer<'_>, value: &str, rows: usize, perm: &[i64]| {
        let parts = w.reshaped(value, &[rows as i64, heads as i64, key as i64]);
        w.graph.node("Transpose", &[&parts], &[Attribute::Ints("perm", perm)])
    };
    let all = normalised(w, x, &names.norm);
    let own = if asking.x == x { all.clone() } else { normalised(w, &asking.x, &names.norm) };
    let to_query = w.matrix(names.query, 1.0 / (key as f32).sqrt());
    let query = w.graph.node("MatMul", &[&own, &to_query], &[]);
    let query = split(w, &query, asking.rows, &[1, 0, 2]);
    let keys = w.product(&all, names.key);
    let keys = split(w, &keys, length, &[1, 2, 0]);
    let values = w.product(&all, names.value);
    let values = split(w, &values, length, &[1, 0, 2]);
    let near = w.graph.node("MatMul", &[&query, &keys], &[]);
    let near = w.graph.node("Add", &[&near, &asking.mask], &[]);
    let shares = w.graph.node("Softmax", &[&near], &[Attribute::Int("axis", -1)]);
    let mixed = w.graph.node("MatMul", &[&shares, &values], &[]);
    let mixed = w.graph.node("Transpose", &[&mixed], &[Attribute::Ints("perm", &[1, 0, 2])]);
    let mixed = w.reshaped(&mixed, &[asking.rows as i64, (heads * key) as i64]);
    let mixed = w.product(&mixed, names.mix);
    let x = w.graph.node("Add", &[&asking.x, &mixed], &[]);
    let inner = normalised(w, &x, &names.inner_norm);
    let inner = w.product(&inner, names.inner);
    let inner = w.graph.node("Relu", &[&inner], &[]);
    let outer = w.product(&inner, names.outer);
    w.graph.node("Add", &[&x, &outer], &[])
}

fn normalised(w: &mut Writer<'_>, x: &str, names: &Norm) -> String {
    let width = w.shape.width;
    let [scale, shift] = [names.scale, names.shift].map(|name| w.graph.floats(name, &[width], w.weight(name)));
    let attributes = [Attribute::Int("axis", -1), Attribute::Float("epsilon", EPSILON)];
    w.graph.node("LayerNormalization", &[x, &scale, &shift], &attributes)
}
