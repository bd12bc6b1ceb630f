//! Rankers put together at random: rows of the shopper, rows of the ads and of both, repeated, concatenated, summed,
//! multiplied, put through dense layers, beside attention over the session; then a few dense layers over all of it.

use std::cell::RefCell;

use nearside_core::feature::Values;
use proptest::prelude::*;
use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataType, Dimension, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, TensorShapeProto, TypeProto, TypeProtoTensor, ValueInfoProto,
};

use crate::vectors::Tensor;

/// Width of the rows that can be summed with each other.
const WIDTH: usize = 6;
/// Rows of the table of items.
const ITEMS: usize = 60;

/// How a row becomes one for every ad.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Repeat {
    /// `Expand` to a shape that is computed.
    Expand,
    /// `Tile` by a number that is computed.
    Tile,
    /// By adding a column of zeros.
    Zeros,
}

/// What is made of values that are there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A dense layer.
    Dense(usize),
    /// A function of each number.
    Activate(usize),
    /// Two values side by side, repeated where they differ.
    Join(usize, usize),
    /// `Add`, `Sub` or `Mul` of two values of the same width.
    Combine(&'static str, usize, usize),
}

/// A ranker in short.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    pub(crate) repeat: Repeat,
    pub(crate) steps: Vec<Step>,
    /// Whether attention reads steps, ads, their differences and their products.
    pub(crate) attention: Option<[bool; 4]>,
    /// Dense layers at the end.
    pub(crate) layers: usize,
    /// Whether these are `Gemm`, or `MatMul` and `Add`.
    pub(crate) gemm: bool,
}

pub(crate) fn recipe() -> impl Strategy<Value = Recipe> {
    let repeat = prop_oneof![Just(Repeat::Expand), Just(Repeat::Tile), Just(Repeat::Zeros)];
    let at = 0..16usize;
    let step = prop_oneof![
        at.clone().prop_map(Step::Dense),
        at.clone().prop_map(Step::Activate),
        (at.clone(), at.clone()).prop_map(|(a, b)| Step::Join(a, b)),
        (prop_oneof![Just("Add"), Just("Sub"), Just("Mul")], at.clone(), at)
            .prop_map(|(o, a, b)| Step::Combine(o, a, b)),
    ];
    let attention = proptest::option::of(any::<[bool; 4]>());
    (repeat, proptest::collection::vec(step, 0..8), attention, 1..4usize, any::<bool>())
        .prop_map(|(repeat, steps, attention, layers, gemm)| Recipe { repeat, steps, attention, layers, gemm })
}

/// A matrix with one row, or one for each ad.
#[derive(Clone, Debug)]
struct Rows {
    name: String,
    columns: usize,
    is_one: bool,
}

/// A file under construction.
pub(crate) struct Drawn {
    graph: GraphProto,
    made: usize,
    state: u64,
}

/// The next of a sequence of numbers in [-1, 1).
fn next(state: &mut u64) -> f32 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 40) as f32 / (1 << 23) as f32 - 1.0
}

impl Drawn {
    pub(crate) fn new(seed: u64) -> Drawn {
        Drawn { graph: GraphProto::default(), made: 0, state: seed }
    }

    /// The whole file.
    pub(crate) fn file(mut self, recipe: &Recipe) -> Vec<u8> {
        self.declare();
        let pair = [self.column("pair.cosine"), self.column("ad.price")];
        let pair = self.op("Concat", &[&pair[0], &pair[1]], &[("axis", 1)]);
        let rows = |name: &str, columns: usize, is_one: bool| Rows { name: name.into(), columns, is_one };
        let mut all = vec![
            rows("profile.stage", 6, true),
            rows("ad.embedding", WIDTH, false),
            rows("context.page", 7, true),
            rows(&pair, 2, false),
        ];
        if let Some(parts) = recipe.attention {
            all.push(self.attention(parts));
        }
        for step in &recipe.steps {
            let made = self.step(*step, &all, recipe.repeat);
            all.extend(made);
        }
        let mut last = all.into_iter().reduce(|a, b| self.join(&a, &b, recipe.repeat)).unwrap();
        for layer in 0..recipe.layers {
            let columns = if layer + 1 == recipe.layers { 1 } else { 5 };
            last = self.dense(&last, columns, recipe.gemm);
            if columns > 1 {
                last.name = self.op("Relu", &[&last.name], &[]);
            }
        }
        self.finish(&last)
    }

    /// A file that two columns of large weights make, which nearly cancel each other: what is left is rounding.
    pub(crate) fn cancelling(mut self) -> Vec<u8> {
        self.declare();
        let shopper = Rows { name: "profile.stage".into(), columns: 6, is_one: true };
        let ads = Rows { name: "ad.embedding".into(), columns: WIDTH, is_one: false };
        let both = self.join(&shopper, &ads, Repeat::Expand);
        let large: Vec<f32> = (0..both.columns).map(|_| 1e6 * next(&mut self.state)).collect();
        let pairs: Vec<u8> = large.iter().flat_map(|x| [*x, x + 1.0]).flat_map(f32::to_le_bytes).collect();
        let matrix = self.stored(DataType::FLOAT, &[both.columns, 2], pairs);
        let name = self.op("MatMul", &[&both.name, &matrix], &[]);
        let against =
            self.stored(DataType::FLOAT, &[2, 1], [1.0f32, -1.0].iter().flat_map(|x| x.to_le_bytes()).collect());
        let name = self.op("MatMul", &[&name, &against], &[]);
        self.finish(&Rows { name, columns: 1, is_one: false })
    }

    /// The inputs and the output.
    fn declare(&mut self) {
        for tensor in inputs(1, 1, 0) {
            let element = if matches!(tensor.values, Values::Id(_)) { DataType::INT64 } else { DataType::FLOAT };
            let dims: &[Option<i64>] = match tensor.name.as_str() {
                "session.item" => &[Some(1), None],
                "profile.stage" => &[Some(1), Some(6)],
                "context.page" => &[Some(1), Some(7)],
                "ad.embedding" => &[None, Some(WIDTH as i64)],
                _ => &[None],
            };
            self.graph.input.push(port(&tensor.name, element, dims));
        }
        self.graph.output.push(port("score", DataType::FLOAT, &[None]));
    }

    /// The file whose logit is a column.
    fn finish(mut self, last: &Rows) -> Vec<u8> {
        let axes = self.ints(&[1]);
        let logit = self.op("Squeeze", &[&last.name, &axes], &[]);
        self.node("Sigmoid", &[&logit], "score", &[]);
        let model = ModelProto {
            ir_version: Some(8),
            graph: Some(self.graph),
            opset_import: vec![OperatorSetIdProto { domain: None, version: Some(17) }],
            ..ModelProto::default()
        };
        model.write_buf().unwrap()
    }

    fn step(&mut self, step: Step, all: &[Rows], repeat: Repeat) -> Option<Rows> {
        let at = |index: usize| &all[index % all.len()];
        match step {
            Step::Dense(index) => Some(self.dense(at(index), WIDTH, true)),
            Step::Activate(index) => Some(Rows { name: self.op("Tanh", &[&at(index).name], &[]), ..at(index).clone() }),
            Step::Join(a, b) => Some(self.join(at(a), at(b), repeat)),
            Step::Combine(operator, a, b) => {
                let (a, b) = (at(a), at(b));
                let is_one = a.is_one && b.is_one;
                let name = (a.columns == b.columns).then(|| self.op(operator, &[&a.name, &b.name], &[]))?;
                Some(Rows { name, columns: a.columns, is_one })
            }
        }
    }

    /// A DIN: a weight for each step from what the recipe asks for, and the steps' sum by these weights.
    fn attention(&mut self, parts: [bool; 4]) -> Rows {
        let table = self.weight(&[ITEMS, WIDTH]);
        let h = self.op("Gather", &[&table, "session.item"], &[("axis", 0)]);
        let ads = self.op("Gather", &[&table, "ad.item"], &[("axis", 0)]);
        let one = self.ints(&[1]);
        let a = self.op("Unsqueeze", &[&ads, &one], &[]);
        let both = self.op("Add", &[&h, &a], &[]);
        let shape = self.op("Shape", &[&both], &[]);
        let [wide_h, wide_a] = [&h, &a].map(|side| self.op("Expand", &[side, &shape], &[]));
        let difference = self.op("Sub", &[&wide_h, &wide_a], &[]);
        let product = self.op("Mul", &[&wide_h, &wide_a], &[]);
        let named = [wide_h, wide_a, difference, product].into_iter().zip(parts);
        let mut chosen: Vec<String> = named.filter(|(_, chosen)| *chosen).map(|(name, _)| name).collect();
        if chosen.is_empty() {
            chosen.push(both);
        }
        let names: Vec<&str> = chosen.iter().map(String::as_str).collect();
        let x = self.op("Concat", &names, &[("axis", 2)]);
        let x = self.dense(&Rows { name: x, columns: names.len() * WIDTH, is_one: false }, 4, false);
        let x = Rows { name: self.op("Sigmoid", &[&x.name], &[]), ..x };
        let weight = self.dense(&x, 1, false);
        let weighed = self.op("Mul", &[&weight.name, &h], &[]);
        let axes = self.ints(&[1]);
        let name = self.op("ReduceSum", &[&weighed, &axes], &[("keepdims", 0)]);
        Rows { name, columns: WIDTH, is_one: false }
    }

    fn dense(&mut self, rows: &Rows, columns: usize, gemm: bool) -> Rows {
        let (matrix, bias) = (self.weight(&[rows.columns, columns]), self.weight(&[columns]));
        let name = if gemm {
            self.op("Gemm", &[&rows.name, &matrix, &bias], &[])
        } else {
            let product = self.op("MatMul", &[&rows.name, &matrix], &[]);
            self.op("Add", &[&product, &bias], &[])
        };
        Rows { name, columns, ..rows.clone() }
    }

    fn join(&mut self, a: &Rows, b: &Rows, repeat: Repeat) -> Rows {
        let is_one = a.is_one && b.is_one;
        let mut side =
            |rows: &Rows| if rows.is_one && !is_one { self.repeated(rows, repeat) } else { rows.name.clone() };
        let [left, right] = [side(a), side(b)];
        let name = self.op("Concat", &[&left, &right], &[("axis", 1)]);
        Rows { name, columns: a.columns + b.columns, is_one }
    }

    fn repeated(&mut self, rows: &Rows, repeat: Repeat) -> String {
        let ads = self.op("Shape", &["ad.price"], &[]);
        match repeat {
            Repeat::Expand | Repeat::Tile => {
                let (operator, last) =
                    if let Repeat::Tile = repeat { ("Tile", 1) } else { ("Expand", rows.columns as i64) };
                let last = self.ints(&[last]);
                let shape = self.op("Concat", &[&ads, &last], &[("axis", 0)]);
                self.op(operator, &[&rows.name, &shape], &[])
            }
            Repeat::Zeros => {
                let column = self.column("ad.price");
                let zeros = self.op("Sub", &[&column, &column], &[]);
                self.op("Add", &[&rows.name, &zeros], &[])
            }
        }
    }

    fn column(&mut self, name: &str) -> String {
        let axes = self.ints(&[1]);
        self.op("Unsqueeze", &[name, &axes], &[])
    }

    fn name(&mut self) -> String {
        self.made += 1;
        format!("value_{}", self.made)
    }

    fn op(&mut self, operator: &str, inputs: &[&str], attributes: &[(&str, i64)]) -> String {
        let output = self.name();
        self.node(operator, inputs, &output, attributes);
        output
    }

    fn node(&mut self, operator: &str, inputs: &[&str], output: &str, attributes: &[(&str, i64)]) {
        let attribute = |(name, value): &(&str, i64)| AttributeProto {
            name: Some((*name).into()),
            i: Some(*value),
            r#type: Some(AttributeType::INT),
            ..AttributeProto::default()
        };
        self.graph.node.push(NodeProto {
            op_type: Some(operator.into()),
            input: inputs.iter().map(|name| (*name).into()).collect(),
            output: vec![output.into()],
            attribute: attributes.iter().map(attribute).collect(),
            ..NodeProto::default()
        });
    }

    fn ints(&mut self, values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.stored(DataType::INT64, &[values.len()], bytes)
    }

    /// Numbers within one over the root of the rows.
    fn weight(&mut self, dims: &[usize]) -> String {
        let scale = 1.0 / (dims[0] as f32).sqrt();
        let count = dims.iter().product();
        let bytes = (0..count).flat_map(|_| (next(&mut self.state) * scale).to_le_bytes()).collect();
        self.stored(DataType::FLOAT, dims, bytes)
    }

    fn stored(&mut self, element: DataType, dims: &[usize], bytes: Vec<u8>) -> String {
        let name = self.name();
        self.graph.initializer.push(TensorProto {
            name: Some(name.clone()),
            dims: dims.iter().map(|d| *d as i64).collect(),
            data_type: Some(element),
            raw_data: Some(RefCell::new(bytes)),
            ..TensorProto::default()
        });
        name
    }
}

fn port(name: &str, element: DataType, dims: &[Option<i64>]) -> ValueInfoProto {
    // An engine takes dimensions of one name for equal ones.
    let symbol = if name.starts_with("session.") { "L" } else { "N" };
    let dim = |size: &Option<i64>| Dimension { dim_value: *size, dim_param: size.is_none().then(|| symbol.into()) };
    let tensor = TypeProtoTensor {
        elem_type: Some(element),
        shape: Some(TensorShapeProto { dim: dims.iter().map(dim).collect() }),
    };
    ValueInfoProto { name: Some(name.into()), r#type: Some(TypeProto { tensor_type: Some(tensor), sequence: None }) }
}

/// All inputs of a drawn file.
pub(crate) fn inputs(ads: usize, steps: usize, seed: u64) -> Vec<Tensor> {
    let mut state = seed ^ 0x5eed;
    let mut floats = |name: &str, shape: &[usize]| {
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| next(&mut state)).collect();
        Tensor { name: name.into(), shape: shape.to_vec(), values: Values::Float(values.into()) }
    };
    let mut all = vec![
        floats("profile.stage", &[1, 6]),
        floats("context.page", &[1, 7]),
        floats("ad.embedding", &[ads, WIDTH]),
        floats("ad.price", &[ads]),
        floats("pair.cosine", &[ads]),
    ];
    for (name, shape) in [("session.item", vec![1, steps]), ("ad.item", vec![ads])] {
        let count = shape.iter().product();
        let ids: Vec<i32> = (0..count).map(|_| ((next(&mut state) + 1.0) * 0.5 * ITEMS as f32) as i32).collect();
        all.push(Tensor { name: name.into(), shape, values: Values::Id(ids.into()) });
    }
    all
}
