//! What the graphs of all networks have in common.

use super::Columns;
use crate::content::NewItems;
use crate::encoder::{KINDS, PAUSES_S, Shape, Weights};
use crate::network::Network;
use crate::onnx::{Attribute, Element, Graph};

/// A graph under construction, with the network it is of.
pub(super) struct Writer<'a> {
    pub(super) graph: Graph,
    pub(super) shape: Shape,
    weights: &'a Weights,
    new_items: Option<NewItems>,
    /// The item vectors.
    table: String,
    tiny: String,
    one: String,
}

/// The session as values of the graph.
pub(super) struct Session {
    /// Item ids, `[L]`.
    pub(super) ids: String,
    /// Item vectors of length 1, zeros for padding and unknown items: `[L, width]`.
    pub(super) items: String,
    /// What the network reads: item vectors, scaled, with what the steps were, `[L, width]`.
    pub(super) seen: String,
}

/// What a network makes of a session.
pub(super) struct Asked {
    /// A column, to be multiplied with the ads' rows: `[width, 1]`, and longer with content vectors.
    pub(super) query: String,
    /// `[L]`: what is added to the score of each step's item, where the network minds repetition.
    pub(super) repeats: Option<String>,
}

impl<'a> Writer<'a> {
    /// Begins a graph with the inputs and the item vectors.
    pub(super) fn new(network: &'a Network, numbers: &[i8], new_items: Option<NewItems>) -> Writer<'a> {
        let shape = network.shape;
        let mut graph = Graph::default();
        let per_step = [Ok(1), Ok(shape.length as u64)];
        graph.input("session.item", Element::Int64, &per_step);
        if shape.steps.kind {
            graph.input("session.kind", Element::Int64, &per_step);
        }
        if shape.steps.pause {
            graph.input("session.age_s", Element::Float, &per_step);
        }
        graph.input("ad.item", Element::Int64, &[Err("N")]);
        let table = graph.bytes("items", &[numbers.len() / shape.width, shape.width], numbers);
        let tiny = graph.floats("tiny", &[1], &[1e-6]);
        let one = graph.floats("one", &[], &[1.0]);
        Writer { graph, shape, weights: &network.weights, new_items, table, tiny, one }
    }

    /// The numbers of a weight.
    pub(super) fn weight(&self, name: &str) -> &'a [f32] {
        self.weights.get(name)
    }

    pub(super) fn reshaped(&mut self, value: &str, dims: &[i64]) -> String {
        let dims = self.graph.ints("dims", &[dims.len()], dims);
        self.graph.node("Reshape", &[value, &dims], &[])
    }

    /// Rows scaled to length 1.
    fn unit(&mut self, rows: &str) -> String {
        let attributes = [Attribute::Ints("axes", &[-1]), Attribute::Int("keepdims", 1)];
        let length = self.graph.node("ReduceL2", &[rows], &attributes);
        let length = self.graph.node("Max", &[&length, &self.tiny], &[]);
        self.graph.node("Div", &[rows, &length], &[])
    }

    /// The vectors of some items.
    pub(super) fn rows(&mut self, ids: &str) -> String {
        let rows = self.graph.node("Gather", &[&self.table, ids], &[Attribute::Int("axis", 0)]);
        let rows = self.graph.node("DequantizeLinear", &[&rows, &self.one], &[]);
        self.unit(&rows)
    }

    /// A matrix by input and output, `times` as large.
    pub(super) fn matrix(&mut self, name: &str, times: f32) -> String {
        let dims = &self.weights.named[name].dims;
        let Columns { numbers, mut factors } = Columns::new(self.weight(name), dims[1]);
        factors.iter_mut().for_each(|factor| *factor *= times);
        let numbers = self.graph.bytes(name, dims, &numbers);
        let factors = self.graph.floats(name, &[dims[1]], &factors);
        self.graph.node("DequantizeLinear", &[&numbers, &factors], &[Attribute::Int("axis", 1)])
    }

    /// Rows by a matrix.
    pub(super) fn product(&mut self, rows: &str, name: &str) -> String {
        let matrix = self.matrix(name, 1.0);
        self.graph.node("MatMul", &[rows, &matrix], &[])
    }

    /// A matrix of a recurrent layer: ONNX has it by output and input, we by input and output.
    pub(super) fn recurrent(&mut self, name: &str) -> String {
        let [inputs, outputs] = self.weights.named[name].dims[..] else { unreachable!("a matrix has two dimensions") };
        let Columns { numbers, factors } = Columns::new(self.weight(name), outputs);
        let transposed: Vec<i8> = (0..outputs).flat_map(|o| numbers.iter().skip(o).step_by(outputs).copied()).collect();
        let numbers = self.graph.bytes(name, &[outputs, inputs], &transposed);
        let factors = self.graph.floats(name, &[outputs], &factors);
        let matrix = self.graph.node("DequantizeLinear", &[&numbers, &factors], &[Attribute::Int("axis", 0)]);
        self.reshaped(&matrix, &[1, outputs as i64, inputs as i64])
    }

    /// The session's part of the inputs.
    pub(super) fn session(&mut self) -> Session {
        let Shape { width, length, .. } = self.shape;
        let ids = self.reshaped("session.item", &[length as i64]);
        let items = self.rows(&ids);
        let root = self.graph.floats("root", &[1], &[(width as f32).sqrt()]);
        let mut seen = self.graph.node("Mul", &[&items, &root], &[]);
        if let Some(steps) = self.steps() {
            // Where the item is not known, nothing is.
            let known = self.known(&ids);
            let steps = self.graph.node("Mul", &[&steps, &known], &[]);
            seen = self.graph.node("Add", &[&seen, &steps], &[]);
        }
        Session { ids, items, seen }
    }

    /// What the steps were, `[L, width]`, where the network reads it.
    fn steps(&mut self) -> Option<String> {
        let Shape { width, length, steps, .. } = self.shape;
        if steps.count() == 0 {
            return None;
        }
        let (by_kind, by_pause) = self.weight("step").split_at(if steps.kind { KINDS * width } else { 0 });
        let kind = steps.kind.then(|| {
            let kinds = self.reshaped("session.kind", &[length as i64]);
            // Row 0 is padding.
            let table = [&vec![0.0; width], by_kind].concat();
            let table = self.graph.floats("step.kind", &[KINDS + 1, width], &table);
            self.graph.node("Gather", &[&table, &kinds], &[Attribute::Int("axis", 0)])
        });
        let pause = steps.pause.then(|| {
            let ages = self.reshaped("session.age_s", &[length as i64, 1]);
            let ages = self.graph.node("Exp", &[&ages], &[]);
            let mut part = |from: usize, to: usize| {
                let [from, to, axis] = [from, to, 0].map(|number| self.graph.ints("part", &[1], &[number as i64]));
                self.graph.node("Slice", &[&ages, &from, &to, &axis], &[])
            };
            let (before, after) = (part(0, length - 1), part(1, length));
            // Padding has the age 0, so that the pause of the first step comes out below 0: it reaches nothing.
            let pauses = self.graph.node("Sub", &[&before, &after], &[]);
            let first = self.graph.floats("first", &[1, 1], &[0.0]);
            let pauses = self.graph.node("Concat", &[&first, &pauses], &[Attribute::Int("axis", 0)]);
            // The trainer rounds to whole seconds.
            let from: Vec<f32> = PAUSES_S.iter().map(|from| f32::from(*from) - 0.5).collect();
            let from = self.graph.floats("step.from", &[1, PAUSES_S.len()], &from);
            let reached = self.graph.node("Greater", &[&pauses, &from], &[]);
            let reached = self.graph.node("Cast", &[&reached], &[Attribute::Int("to", Element::Float as i64)]);
            let table = self.graph.floats("step.pause", &[PAUSES_S.len(), width], by_pause);
            self.graph.node("MatMul", &[&reached, &table], &[])
        });
        match (kind, pause) {
            (Some(kind), Some(pause)) => Some(self.graph.node("Add", &[&kind, &pause], &[])),
            (kind, pause) => kind.or(pause),
        }
    }

    /// Whether a step is padding, or its item unknown: `[L]`.
    pub(super) fn padding(&mut self, ids: &str) -> String {
        let zero = self.graph.ints("zero", &[1], &[0]);
        self.graph.node("Equal", &[ids, &zero], &[])
    }

    /// 1 where a step's item is known, else 0: `[L, 1]`.
    pub(super) fn known(&mut self, ids: &str) -> String {
        let padding = self.padding(ids);
        let known = self.graph.node("Not", &[&padding], &[]);
        let known = self.graph.node("Cast", &[&known], &[Attribute::Int("to", Element::Float as i64)]);
        self.reshaped(&known, &[self.shape.length as i64, 1])
    }

    /// Far below zero where a step is padding, 0 elsewhere; with the 0 that it is made with.
    pub(super) fn mask(&mut self, padding: &str) -> (String, String) {
        let never = self.graph.floats("never", &[1], &[-1e9]);
        let none = self.graph.floats("none", &[1], &[0.0]);
        (self.graph.node("Where", &[padding, &never, &none], &[]), none)
    }

    /// A direction, `[1, width]`, with its length: the query, a column.
    pub(super) fn query(&mut self, session: &Session, direction: &str) -> String {
        let query = self.unit(direction);
        let temperature = self.graph.floats("temperature", &[1], &[self.weights.temperature()]);
        let query = self.graph.node("Mul", &[&query, &temperature], &[]);
        match self.new_items {
            Some(new_items) => new_items.query(&mut self.graph, &session.ids, &query, &temperature, self.shape.width),
            None => self.reshaped(&query, &[self.shape.width as i64, 1]),
        }
    }
}
