//! Whatever a file says, an operator gives tensors whose elements fit their shapes, or a fault in words.

use nearside_operators::{Args, Attribute, Data, ELEMENTS, Node, Run, Tensor, find, names};
use proptest::prelude::*;

/// Tensors of any kind, of up to four dimensions; now and then one that holds a shape, an axis or an index.
fn tensor() -> impl Strategy<Value = Tensor> {
    let shape = prop_oneof![
        8 => prop::collection::vec(0usize..6, 0..5),
        4 => prop::collection::vec(1usize..4, 2..4),
        2 => Just(vec![3, 3]),
        1 => Just(Vec::new()),
    ];
    let edge = prop_oneof![Just(i32::MAX), Just(i32::MIN), Just(1 << 13), Just(1 << 26)];
    let number = prop_oneof![12 => -4i32..6, 1 => edge];
    (shape, 0usize..6, prop::collection::vec(number, 1..8)).prop_map(|(shape, kind, numbers)| {
        let size = shape.iter().product();
        let all = numbers.iter().copied().cycle().take(size);
        let data = match kind {
            0..2 => Data::Float(all.map(|v| v as f32).collect::<Vec<_>>().into()),
            2..4 => Data::Int(all.collect::<Vec<_>>().into()),
            4 => Data::I8(all.map(|v| v as i8).collect::<Vec<_>>().into()),
            _ => Data::U8(all.map(|v| v as u8).collect::<Vec<_>>().into()),
        };
        Tensor { shape, data }
    })
}

/// A list of whole numbers, as axes, shapes and bounds are.
fn list() -> impl Strategy<Value = Tensor> {
    let number = prop_oneof![12 => -3i32..5, 1 => Just(i32::MAX), 1 => Just(i32::MIN), 1 => Just(1 << 20)];
    prop::collection::vec(number, 0..4).prop_map(|all| Tensor::ints(vec![all.len()], all))
}

fn attribute() -> impl Strategy<Value = (String, Attribute)> {
    let name = prop::sample::select(vec![
        "allowzero",
        "alpha",
        "approximate",
        "axes",
        "axis",
        "beta",
        "direction",
        "end",
        "ends",
        "epsilon",
        "hidden_size",
        "keepdims",
        "linear_before_reset",
        "noop_with_empty_axes",
        "num_outputs",
        "perm",
        "reduction",
        "split",
        "start",
        "starts",
        "steps",
        "to",
        "transA",
        "transB",
        "value",
    ]);
    let whole = prop_oneof![12 => -4i64..6, 1 => Just(i64::MIN), 1 => Just(i64::MAX)];
    let word = prop::sample::select(vec!["none", "add", "mul", "max", "tanh", "reverse", "bidirectional"]);
    let value = prop_oneof![
        4 => whole.clone().prop_map(Attribute::Int),
        1 => (-2.0f32..2.0).prop_map(Attribute::Float),
        1 => word.prop_map(|word| Attribute::Text(word.into())),
        3 => prop::collection::vec(whole, 0..4).prop_map(Attribute::Ints),
        1 => tensor().prop_map(Attribute::Tensor),
    ];
    (name.prop_map(str::to_owned), value)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_operator_gives_tensors_that_fit_their_shapes_or_a_fault(
        operator in prop::sample::select(names().collect::<Vec<_>>()),
        opset in 7i64..21,
        outputs in 0usize..4,
        attributes in prop::collection::vec(attribute(), 0..4),
        inputs in prop::collection::vec(prop::option::weighted(0.9, prop_oneof![2 => tensor(), 1 => list()]), 0..7),
        copies in any::<bool>(),
    ) {
        let outputs = if matches!(operator, "Split" | "LSTM" | "GRU" | "DynamicQuantizeLinear") { outputs } else { 1 };
        let node = Node { operator: operator.into(), opset, outputs, attributes };
        let mut inputs = inputs;
        // Shapes that go together are rare otherwise.
        if copies && let Some(first) = inputs.first().cloned() {
            inputs.iter_mut().skip(1).step_by(2).for_each(|input| *input = first.clone());
        }
        let mut args = Args::new(inputs, None);
        let outputs = match find(&node) {
            Ok(Run::One(run)) => run(&node, &mut args).map(|output| vec![output]),
            Ok(Run::Many(run)) => run(&node, &mut args),
            Ok(Run::Constant) | Err(_) => Ok(Vec::new()),
        };
        for output in outputs.unwrap_or_default() {
            prop_assert_eq!(output.shape.iter().product::<usize>(), output.data.len());
            prop_assert!(output.data.len() as u64 <= ELEMENTS);
        }
    }
}
