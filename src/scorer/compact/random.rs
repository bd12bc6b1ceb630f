//! Graphs put together at random, of operators that keep the ads apart and of such that mix them: in blocks, for another
//! shopper and after a delta, the scores are those of all ads at once, bit for bit.

use std::cell::RefCell;

use nearside_core::feature::Values;
use nearside_operators::{Args, Attribute, Node, Run, find};
use proptest::prelude::*;
use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataType, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TypeProto, TypeProtoTensor, ValueInfoProto,
};

use super::*;

const ADS: usize = 300;
/// Most elements of a value of a drawn graph.
const MOST: usize = 100_000;
const OPSET: i64 = 17;

/// Which operator, and which of the values that are there it reads.
type Step = (usize, [usize; 3], i64);

/// An input for so many ads and events.
struct Given {
    name: &'static str,
    shape: Vec<usize>,
    values: Values<'static>,
}

fn given(ads: usize, events: usize, seed: usize) -> Vec<Given> {
    let mixed = |at: usize| (at + 1) * (seed + 7) * 2_654_435_761 % 1_000;
    let floats = |name, shape: &[usize]| {
        let size = shape.iter().product();
        let values: Vec<f32> = (0..size).map(|at| mixed(at) as f32 / 500.0 - 1.0).collect();
        Given { name, shape: shape.to_vec(), values: Values::Float(values.into()) }
    };
    let ids = (0..ads).map(|at| (mixed(at) % 5) as i32).collect::<Vec<_>>();
    vec![
        floats("ad.embedding", &[ads, 4]),
        floats("ad.price", &[ads]),
        Given { name: "ad.item", shape: vec![ads], values: Values::Id(ids.into()) },
        floats("pair.cosine", &[ads]),
        floats("profile.stage", &[1, 6]),
        floats("session.price", &[1, events]),
    ]
}

/// A file under construction, beside what its values are for one sample of inputs.
struct Drawn {
    graph: GraphProto,
    values: Vec<(String, Tensor)>,
}

impl Drawn {
    fn new() -> Drawn {
        let mut drawn = Drawn { graph: GraphProto::default(), values: Vec::new() };
        for Given { name, shape, values } in given(ADS, 1, 0) {
            let element = if matches!(values, Values::Id(_)) { DataType::INT64 } else { DataType::FLOAT };
            drawn.graph.input.push(port(name, element));
            let data = match &values {
                Values::Id(all) => Data::Int(all.to_vec().into()),
                Values::Float(all) => Data::Float(all.to_vec().into()),
            };
            drawn.values.push((name.into(), Tensor { shape, data }));
        }
        drawn.graph.output.push(port("score", DataType::FLOAT));
        for ints in [&[0][..], &[1], &[-1], &[2], &[4, 1], &[0, -1], &[1, 4], &[-1, 4], &[2, 1, 1]] {
            drawn.ints(ints);
        }
        let weights: Vec<f32> = (0..24).map(|at| (at * 7 % 11) as f32 / 5.0 - 1.0).collect();
        for shape in [&[4, 6][..], &[6, 4], &[4], &[4, 1], &[1, 6], &[2, 3, 4]] {
            let size = shape.iter().product();
            drawn.stored(Tensor::floats(shape.to_vec(), weights[..size].to_vec()));
        }
        drawn
    }

    fn ints(&mut self, values: &[i32]) -> String {
        self.stored(Tensor::ints(vec![values.len()], values.to_vec()))
    }

    fn stored(&mut self, tensor: Tensor) -> String {
        let name = format!("value_{}", self.values.len());
        let (data_type, bytes) = match &tensor.data {
            Data::Int(all) => (DataType::INT64, all.iter().flat_map(|v| i64::from(*v).to_le_bytes()).collect()),
            _ => (DataType::FLOAT, tensor.as_floats().unwrap().iter().flat_map(|v| v.to_le_bytes()).collect()),
        };
        self.graph.initializer.push(TensorProto {
            name: Some(name.clone()),
            dims: tensor.shape.iter().map(|size| *size as i64).collect(),
            data_type: Some(data_type),
            raw_data: Some(RefCell::new(bytes)),
            ..TensorProto::default()
        });
        self.values.push((name.clone(), tensor));
        name
    }

    /// Adds a node if it can be run on the sample.
    fn node(&mut self, operator: &str, inputs: &[usize], attributes: &[(&str, Attribute)]) -> Option<usize> {
        let node = Node {
            operator: operator.into(),
            opset: OPSET,
            outputs: 1,
            attributes: attributes.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
        };
        let Ok(Run::One(run)) = find(&node) else { return None };
        let tensors = inputs.iter().map(|value| Some(self.values[*value].1.clone())).collect();
        let made = run(&node, &mut Args::new(tensors, None)).ok()?;
        let is_number = matches!(made.data, Data::Float(_) | Data::Int(_));
        if made.data.len() > MOST || made.shape.len() > 4 || !is_number {
            return None;
        }
        let name = format!("value_{}", self.values.len());
        self.graph.node.push(NodeProto {
            op_type: Some(operator.into()),
            input: inputs.iter().map(|value| self.values[*value].0.clone()).collect(),
            output: vec![name.clone()],
            attribute: attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
            ..NodeProto::default()
        });
        self.values.push((name, made));
        Some(self.values.len() - 1)
    }

    fn step(&mut self, (operator, places, number): Step) {
        let [a, b, c] = places.map(|place| self.place(place));
        let axis = || [("axis", Attribute::Int(number))];
        let axes = |keep: i64| [("axes", Attribute::Ints(vec![number])), ("keepdims", Attribute::Int(keep))];
        let int = self.int(places[1]);
        let _ = match operator {
            0 => self.node("Tanh", &[a], &[]),
            1 => self.node("Add", &[a, b], &[]),
            2 => self.node("Mul", &[a, b], &[]),
            3 => self.node("Sub", &[a, b], &[]),
            4 => self.node("Max", &[a, b], &[]),
            5 => self.node("Div", &[a, b], &[]),
            6 => self.node("MatMul", &[a, b], &[]),
            7 => self.node("Gemm", &[a, b, c], &[]),
            8 => self.node("Concat", &[a, b], &axis()),
            9 => self.node("Softmax", &[a], &axis()),
            10 => self.node("ReduceMean", &[a], &axes(0)),
            11 => self.node("ReduceMax", &[a], &axes(1)),
            12 => self.node("LayerNormalization", &[a, b], &axis()),
            13 => self.node("Transpose", &[a], &[]),
            14 => self.node("Transpose", &[a], &[("perm", Attribute::Ints(vec![0, 2, 1]))]),
            15 => self.node("Shape", &[a], &[]),
            16 => self.node("Squeeze", &[a], &[]),
            17 => self.node("Unsqueeze", &[a, int], &[]),
            18 => self.node("Flatten", &[a], &axis()),
            19 => self.node("Reshape", &[a, int], &[]),
            20 => self.node("Expand", &[a, int], &[]),
            21 => self.node("Tile", &[a, int], &[]),
            22 => self.node(
                "ConstantOfShape",
                &[int],
                &[("value", Attribute::Tensor(Tensor::floats(vec![1], vec![0.5])))],
            ),
            23 => self.node("Gather", &[a, int], &axis()),
            24 => self.node("Cast", &[a], &[("to", Attribute::Int(1))]),
            25 => self.node("Cast", &[a], &[("to", Attribute::Int(7))]),
            26 => self.node("Greater", &[a, b], &[]).and_then(|truth| self.node("Where", &[truth, a, b], &[])),
            27 => self.shape(a, &[int], false),
            28 => self.shape(a, &[int, int], true),
            29 => self.node("ReduceSum", &[a, int], &[]),
            30 => {
                let (one, zero) = (self.list(&[1]), self.list(&[0]));
                self.node("Slice", &[a, zero, one, int], &[])
            }
            _ => {
                let ones = self.values.iter().position(|(_, tensor)| tensor.shape == [4]).unwrap();
                self.node("MatMul", &[a, ones], &[])
            }
        };
    }

    /// A shape that begins with the dimensions of `value`, or only the first of them, and what follows; then `Expand` to it.
    fn shape(&mut self, value: usize, more: &[usize], only_first: bool) -> Option<usize> {
        let mut shape = self.node("Shape", &[value], &[])?;
        if only_first {
            // The list of just a zero.
            let zero = self.values.iter().position(|(_, tensor)| tensor.as_ints().is_ok_and(|all| all[..] == [0]))?;
            shape = self.node("Gather", &[shape, zero], &[])?;
        }
        let all: Vec<usize> = std::iter::once(shape).chain(more[..usize::from(only_first)].iter().copied()).collect();
        let shape = self.node("Concat", &all, &[("axis", Attribute::Int(0))])?;
        let one = self.values.iter().position(|(_, tensor)| tensor.shape == [1, 6])?;
        self.node("Expand", &[one, shape], &[]).or_else(|| self.node("Expand", &[value, shape], &[]))
    }

    /// A value, those made last more often.
    fn place(&self, place: usize) -> usize {
        if place.is_multiple_of(3) {
            place / 3 % self.values.len()
        } else {
            self.values.len() - 1 - place / 3 % self.values.len().min(6)
        }
    }

    /// A short list of whole numbers.
    fn int(&self, place: usize) -> usize {
        let is_list = |tensor: &Tensor| tensor.shape.len() == 1 && tensor.shape[0] < 5 && tensor.as_ints().is_ok();
        let lists: Vec<usize> = (0..self.values.len()).filter(|value| is_list(&self.values[*value].1)).collect();
        lists[lists.len() - 1 - place % lists.len()]
    }

    /// The score is the sum of all that nobody read: of each ad's numbers where there is a row for each, else of all.
    fn file(mut self) -> Vec<u8> {
        let read: Vec<String> = self.graph.node.iter().flat_map(|node| node.input.clone()).collect();
        let made = self.graph.node.iter().map(|node| &node.output[0]);
        let unread: Vec<String> = made.filter(|name| !read.contains(name)).cloned().collect();
        let mut score = self.find("ad.price");
        for name in unread {
            let mut value = self.find(&name);
            if self.values[value].1.as_ints().is_ok() {
                value = self.node("Cast", &[value], &[("to", Attribute::Int(1))]).unwrap();
            }
            let shape = &self.values[value].1.shape;
            let from = i64::from(shape.first() == Some(&ADS));
            let axes: Vec<i32> = (from as i32..shape.len() as i32).collect();
            if !axes.is_empty() {
                let axes = self.list(&axes);
                value = self.node("ReduceSum", &[value, axes], &[("keepdims", Attribute::Int(0))]).unwrap();
            }
            score = self.node("Add", &[score, value], &[]).unwrap();
        }
        let name = self.values[score].0.clone();
        self.graph.node.push(NodeProto {
            op_type: Some("Identity".into()),
            input: vec![name],
            output: vec!["score".into()],
            ..NodeProto::default()
        });
        let model = ModelProto {
            ir_version: Some(8),
            graph: Some(self.graph),
            opset_import: vec![OperatorSetIdProto { domain: None, version: Some(OPSET) }],
            ..ModelProto::default()
        };
        model.write_buf().unwrap()
    }
}

fn port(name: &str, element: DataType) -> ValueInfoProto {
    let tensor = TypeProtoTensor { elem_type: Some(element), shape: None };
    ValueInfoProto { name: Some(name.into()), r#type: Some(TypeProto { tensor_type: Some(tensor), sequence: None }) }
}

fn attribute(name: &str, value: &Attribute) -> AttributeProto {
    let mut made = AttributeProto { name: Some(name.into()), ..AttributeProto::default() };
    match value {
        Attribute::Int(value) => {
            made.i = Some(*value);
            made.r#type = Some(AttributeType::INT);
        }
        Attribute::Ints(values) => {
            made.ints.clone_from(values);
            made.r#type = Some(AttributeType::INTS);
        }
        Attribute::Tensor(tensor) => {
            let bytes = tensor.as_floats().unwrap().iter().flat_map(|v| v.to_le_bytes()).collect();
            made.t = Some(TensorProto {
                dims: tensor.shape.iter().map(|size| *size as i64).collect(),
                data_type: Some(DataType::FLOAT),
                raw_data: Some(RefCell::new(bytes)),
                ..TensorProto::default()
            });
            made.r#type = Some(AttributeType::TENSOR);
        }
        _ => unreachable!("drawn graphs have no other attributes"),
    }
    made
}

fn inputs(given: &[Given]) -> Vec<Input<'_>> {
    given.iter().map(|g| Input { name: g.name, shape: &g.shape, values: g.values.clone() }).collect()
}

/// The bits of the scores, one for each ad; `None` where there are none such. What is not a number has one value.
fn bits(scores: Result<Scores, Fault>, ads: usize) -> Option<Vec<u32>> {
    let scores = scores.ok().filter(|scores| scores.shape.first() == Some(&ads))?;
    Some(scores.values.iter().map(|v| if v.is_nan() { f32::NAN.to_bits() } else { v.to_bits() }).collect())
}

fn whole(bytes: &[u8], file: &ModelFile, given: &[Given]) -> Option<Vec<u32>> {
    let mut compact = Compact::load(bytes, file).unwrap_or_else(|_| panic!("it loaded before"));
    let inputs = inputs(given);
    let resolved = compact.machine.given(&inputs);
    bits(compact.run_whole(&resolved), given[0].shape[0])
}

/// Whether a file is taken for one that can be run in blocks.
fn has_plan(drawn: Drawn) -> bool {
    let bytes = drawn.file();
    let file = ModelFile::read(&bytes).unwrap();
    let mut compact = Compact::load(&bytes, &file).unwrap_or_else(|_| panic!("the file should load"));
    let given = given(ADS, 1, 0);
    let inputs = inputs(&given);
    let resolved = compact.machine.given(&inputs);
    compact.make_plan(&resolved).is_some()
}

impl Drawn {
    fn find(&self, name: &str) -> usize {
        self.values.iter().position(|(own, _)| own == name).unwrap()
    }

    fn list(&mut self, values: &[i32]) -> usize {
        let name = self.ints(values);
        self.find(&name)
    }
}

#[test]
fn a_sum_over_the_number_of_ads_in_another_dimension_is_run_on_all_at_once() {
    for times in [1, 2] {
        let mut drawn = Drawn::new();
        let price = drawn.find("ad.price");
        let ads = drawn.node("Shape", &[price], &[]).unwrap();
        let other = if times == 1 { drawn.list(&[3]) } else { ads };
        let both = drawn.node("Concat", &[ads, other], &[("axis", Attribute::Int(0))]).unwrap();
        drawn.node("ConstantOfShape", &[both], &[]).unwrap();
        assert_eq!(has_plan(drawn), times == 1);
    }
}

#[test]
fn rows_that_another_shopper_would_repeat_are_run_on_all_at_once() {
    let mut drawn = Drawn::new();
    let (price, session, one) = (drawn.find("ad.price"), drawn.find("session.price"), drawn.list(&[1]));
    let column = drawn.node("Unsqueeze", &[price, one], &[]).unwrap();
    let dims = drawn.node("Shape", &[session], &[]).unwrap();
    let (turned, open) = (drawn.list(&[1, 0]), drawn.list(&[-1]));
    // With one event nothing is repeated; with more, the rows are those of all ads after each other.
    let times = drawn.node("Gather", &[dims, turned], &[]).unwrap();
    let repeated = drawn.node("Tile", &[column, times], &[]).unwrap();
    let events = drawn.node("Gather", &[dims, one], &[]).unwrap();
    let shape = drawn.node("Concat", &[open, events], &[("axis", Attribute::Int(0))]).unwrap();
    drawn.node("Reshape", &[repeated, shape], &[]).unwrap();
    assert!(!has_plan(drawn));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_drawn_graph_scores_in_blocks_as_on_all_ads_at_once(
        steps in prop::collection::vec((0usize..32, any::<[u8; 3]>().prop_map(|p| p.map(usize::from)), -2i64..3), 3..12),
        block in 16usize..120,
        events in 2usize..5,
        changed in 0usize..ADS,
    ) {
        let mut drawn = Drawn::new();
        steps.iter().for_each(|step| drawn.step(*step));
        let bytes = drawn.file();
        let file = ModelFile::read(&bytes).unwrap();
        // What is computed of constants alone may be refused, as with too large a shape.
        let Ok(mut compact) = Compact::load(&bytes, &file) else { return Ok(()) };
        let first = given(ADS, 1, 0);
        let dims = vec![vec![4], vec![], vec![]];
        let sampled = inputs(&first);
        let resolved = compact.machine.given(&sampled);
        let Some(mut plan) = compact.make_plan(&resolved) else { return Ok(()) };
        plan.block = block;
        compact.plan = Planned::InBlocks(Box::new(plan), dims);
        let edition = Edition::new();
        // Whatever ads there are: a last block of one among them.
        for (ads, events) in [(ADS, 1), (ADS, events), (2 * block + 97, 1), (8 * block + 1, 1)] {
            let given = given(ads, events, 3);
            if let Some(expected) = whole(&bytes, &file, &given) {
                let edition = (ads == ADS).then_some(&edition);
                prop_assert_eq!(bits(compact.run(&inputs(&given), edition), ads), Some(expected), "{} ads, {:?}", ads, steps);
            }
        }
        let mut after = given(ADS, 1, 3);
        let other = given(ADS, 1, 5);
        for (after, other) in after.iter_mut().zip(&other).take(3) {
            let width: usize = after.shape[1..].iter().product();
            let row = changed * width..(changed + 1) * width;
            match (&mut after.values, &other.values) {
                (Values::Id(all), Values::Id(new)) => all.to_mut()[row.clone()].copy_from_slice(&new[row]),
                (Values::Float(all), Values::Float(new)) => all.to_mut()[row.clone()].copy_from_slice(&new[row]),
                _ => unreachable!("the same input"),
            }
        }
        compact.kept = None;
        let _ = compact.run(&inputs(&given(ADS, 1, 3)), Some(&edition));
        if let Some(expected) = whole(&bytes, &file, &after) {
            let edition = Edition::after(&edition, vec![changed]);
            prop_assert_eq!(bits(compact.run(&inputs(&after), Some(&edition)), ADS), Some(expected), "a delta, {:?}", steps);
        }
    }
}
