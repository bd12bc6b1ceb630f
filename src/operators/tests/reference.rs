//! Every operator gives what onnxruntime gives for the same small inputs (`tests/reference/operators.py`).

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::collections::{BTreeMap, BTreeSet};

use nearside_operators::{Args, Attribute, Data, Node, Run, Tensor, find, runs};
use serde::Deserialize;
use serde_json::Value;

/// Largest difference, relative to the larger of 1 and the largest number of the output: some units in the last place,
/// as sums run in another order, and the error function's own bound.
const TOLERANCE: f32 = 1e-6;

/// A number, or the word for one that JSON does not have.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Finite(f64),
    Word(String),
}

#[derive(Deserialize)]
struct Given {
    element: String,
    shape: Vec<usize>,
    values: Vec<Number>,
}

#[derive(Deserialize)]
struct Case {
    about: String,
    operator: String,
    opset: i64,
    inputs: Vec<Option<Given>>,
    outputs: Vec<Given>,
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

impl Given {
    fn tensor(&self) -> Tensor {
        let numbers = self.values.iter().map(|number| match number {
            Number::Finite(number) => *number,
            Number::Word(word) => word.parse().unwrap(),
        });
        // As the engine narrows `int64`.
        let data = match self.element.as_str() {
            "float32" => Data::Float(numbers.map(|v| v as f32).collect::<Vec<_>>().into()),
            "int64" | "int32" | "bool" => Data::Int(numbers.map(|v| v as i32).collect::<Vec<_>>().into()),
            "int8" => Data::I8(numbers.map(|v| v as i8).collect::<Vec<_>>().into()),
            "uint8" => Data::U8(numbers.map(|v| v as u8).collect::<Vec<_>>().into()),
            other => panic!("{other} is no element of the vectors"),
        };
        Tensor { shape: self.shape.clone(), data }
    }
}

fn attribute(value: &Value) -> Attribute {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Attribute::Int(whole),
            None => Attribute::Float(number.as_f64().unwrap() as f32),
        },
        Value::String(word) => Attribute::Text(word.clone()),
        Value::Array(all) if all.iter().all(Value::is_i64) => {
            Attribute::Ints(all.iter().filter_map(Value::as_i64).collect())
        }
        Value::Array(all) => Attribute::Texts(all.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        tensor => Attribute::Tensor(Given::deserialize(tensor).unwrap().tensor()),
    }
}

/// What differs, in words.
fn difference(got: &Tensor, expected: &Tensor) -> Option<String> {
    let same = match (&got.data, &expected.data) {
        _ if got.shape != expected.shape => false,
        (Data::Float(got), Data::Float(expected)) => {
            let largest = expected.iter().filter(|v| v.is_finite()).fold(1.0f32, |most, v| most.max(v.abs()));
            let close = |a: f32, b: f32| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * largest;
            got.iter().zip(expected.iter()).all(|(a, b)| close(*a, *b))
        }
        (Data::Int(got), Data::Int(expected)) => got[..] == expected[..],
        (Data::I8(got), Data::I8(expected)) => got[..] == expected[..],
        (Data::U8(got), Data::U8(expected)) => got[..] == expected[..],
        _ => false,
    };
    (!same).then(|| format!("{got:?}\n  instead of {expected:?}"))
}

fn fault(case: &Case) -> Option<String> {
    let node = Node {
        operator: case.operator.clone(),
        opset: case.opset,
        outputs: case.outputs.len(),
        attributes: case.attributes.iter().map(|(name, value)| (name.clone(), attribute(value))).collect(),
    };
    let inputs = case.inputs.iter().map(|input| input.as_ref().map(Given::tensor)).collect();
    let mut args = Args::new(inputs, None);
    let outputs = match find(&node) {
        Ok(Run::One(run)) => run(&node, &mut args).map(|output| vec![output]),
        Ok(Run::Many(run)) => run(&node, &mut args),
        Ok(Run::Constant) => return Some("it is not run".into()),
        Err(fault) => Err(fault),
    };
    match outputs {
        Err(fault) => Some(fault),
        Ok(outputs) => {
            let mut pairs = outputs.iter().zip(&case.outputs);
            pairs.find_map(|(got, expected)| difference(got, &expected.tensor()))
        }
    }
}

fn cases() -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/operators.json");
    serde_json::from_str::<Cases>(&std::fs::read_to_string(path).unwrap()).unwrap().cases
}

#[test]
fn every_form_gives_what_the_reference_gives() {
    let cases = cases();
    let faults: Vec<String> = cases
        .iter()
        .filter_map(|case| fault(case).map(|fault| format!("{}: {}: {fault}", case.operator, case.about)))
        .collect();
    assert!(faults.is_empty(), "{} of {} cases:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

#[test]
fn every_operator_has_cases() {
    let covered: BTreeSet<String> = cases().into_iter().map(|case| case.operator).collect();
    assert!(covered.iter().all(|operator| runs(operator)));
    let missing: Vec<_> = nearside_operators::names().filter(|name| !covered.contains(*name)).collect();
    // Its value stands in the file.
    assert_eq!(missing, ["Constant"]);
}

#[test]
fn a_form_that_would_give_other_numbers_is_refused_by_name() {
    let node = |operator: &str, opset: i64, outputs: usize, attributes: &[(&str, Attribute)]| Node {
        operator: operator.into(),
        opset,
        outputs,
        attributes: attributes.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
    };
    let (set, unset) = (Attribute::Int(1), Attribute::Int(0));
    let word = |word: &str| Attribute::Text(word.into());
    let refused = [
        node("Add", 6, 1, &[("broadcast", set.clone())]),
        node("BatchNormalization", 15, 1, &[("training_mode", set.clone())]),
        node("BatchNormalization", 7, 1, &[("spatial", unset)]),
        node("Cast", 18, 1, &[("to", Attribute::Int(10))]),
        node("Gelu", 20, 1, &[("approximate", word("cosine"))]),
        node("GRU", 18, 2, &[("activations", Attribute::Texts(vec!["Relu".into(), "Tanh".into()]))]),
        node("LayerNormalization", 17, 2, &[]),
        node("LSTM", 18, 3, &[("clip", Attribute::Float(3.0))]),
        node("LSTM", 18, 3, &[("direction", word("backwards"))]),
        node("LSTM", 18, 3, &[("input_forget", set.clone())]),
        node("LSTM", 18, 3, &[("layout", set)]),
        node("QuantizeLinear", 21, 1, &[("block_size", Attribute::Int(2))]),
        node("ScatterElements", 18, 1, &[("reduction", word("mean"))]),
    ];
    for node in refused {
        let fault = find(&node).unwrap_err();
        assert!(fault.starts_with(&format!("{} with ", node.operator)), "{fault}");
    }
}

#[test]
fn a_whole_number_beyond_32_bits_is_a_fault_and_no_other_number() {
    let run = |operator: &str, attributes: Vec<(String, Attribute)>, inputs: Vec<Tensor>| {
        let node = Node { operator: operator.into(), opset: 18, outputs: 1, attributes };
        let Ok(Run::One(run)) = find(&node) else { panic!("{operator} has one output") };
        run(&node, &mut Args::new(inputs.into_iter().map(Some).collect(), None))
    };
    let large = || Tensor::ints(vec![2], vec![i32::MAX, 1]);
    assert!(run("Add", Vec::new(), vec![large(), large()]).is_err());
    assert!(run("Mul", Vec::new(), vec![large(), Tensor::ints(vec![], vec![2])]).is_err());
    assert!(run("ReduceSum", Vec::new(), vec![large()]).is_err());
    let to = || vec![("to".into(), Attribute::Int(7))];
    assert!(run("Cast", to(), vec![Tensor::floats(vec![1], vec![3e9])]).is_err());
    assert!(run("Cast", to(), vec![Tensor::floats(vec![1], vec![f32::NAN])]).is_err());
    assert!(run("Cast", to(), vec![Tensor::floats(vec![2], vec![-2_147_483_648.0, 2e9])]).is_ok());
}
