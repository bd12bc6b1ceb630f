//! Reads `tests/vectors` of the repository; its format is described in `tests/reference/README.md`.

#![allow(dead_code, reason = "each test file uses its part of this")]
#![expect(clippy::unwrap_used, reason = "a broken vector should stop the test where it is read")]

use std::fs;
use std::path::PathBuf;

use nearside_core::feature::Values;
use nearside_scorer::Input;
use serde_json::Value as Json;

#[derive(Clone)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Values<'static>,
}

impl Tensor {
    pub(crate) fn input(&self) -> Input<'_> {
        Input { name: &self.name, shape: &self.shape, values: self.values.clone() }
    }
}

pub(crate) struct Run {
    pub(crate) about: String,
    pub(crate) inputs: Vec<Tensor>,
    pub(crate) score_shape: Vec<usize>,
    pub(crate) score: Vec<f32>,
}

pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) runs: Vec<Run>,
}

pub(crate) struct Refusal {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) why: String,
    pub(crate) codes: Vec<String>,
    pub(crate) needs_catalogue: bool,
    pub(crate) at_run: bool,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")
}

fn json(name: &str) -> Json {
    let text = fs::read_to_string(folder().join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn text(value: &Json) -> String {
    value.as_str().unwrap().to_string()
}

fn shape(value: &Json) -> Vec<usize> {
    value["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect()
}

fn values(value: &Json, element: &str, data: &[u8]) -> Values<'static> {
    let from = value["offset"].as_u64().unwrap() as usize;
    let count: usize = shape(value).iter().product();
    match element {
        "int64" => Values::Id(
            data[from..from + count * 8]
                .chunks(8)
                .map(|b| i64::from_le_bytes(b.try_into().unwrap()).try_into().unwrap())
                .collect(),
        ),
        _ => Values::Float(
            data[from..from + count * 4].chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect(),
        ),
    }
}

fn run(value: &Json, data: &[u8]) -> Run {
    let inputs = value["inputs"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, input)| Tensor {
            name: name.clone(),
            shape: shape(input),
            values: values(input, input["element"].as_str().unwrap(), data),
        })
        .collect();
    let Values::Float(score) = values(&value["score"], "float", data) else { unreachable!("asked for floats") };
    let about = value["about"].as_str().unwrap_or_default().to_string();
    Run { about, inputs, score_shape: shape(&value["score"]), score: score.into_owned() }
}

/// One case that has to run.
pub(crate) fn case(name: &str) -> Case {
    let about = json(&format!("{name}.json"));
    let data = fs::read(folder().join(format!("{name}.bin"))).unwrap();
    let runs = match about["runs"].as_array() {
        Some(runs) => runs.iter().map(|r| run(r, &data)).collect(),
        None => vec![run(&about, &data)],
    };
    Case { name: name.into(), bytes: fs::read(folder().join(format!("{name}.onnx"))).unwrap(), runs }
}

/// All cases that have to run.
pub(crate) fn runs() -> Vec<Case> {
    let cases: Vec<_> =
        json("index.json")["run"].as_array().unwrap().iter().map(|name| case(name.as_str().unwrap())).collect();
    assert!(!cases.is_empty());
    cases
}

/// All cases that have to be refused.
pub(crate) fn refusals() -> Vec<Refusal> {
    let cases: Vec<_> = json("index.json")["refuse"].as_array().unwrap().iter().map(refusal).collect();
    assert!(!cases.is_empty());
    cases
}

fn refusal(value: &Json) -> Refusal {
    let name = text(&value["name"]);
    let codes = match value["codes"].as_array() {
        Some(codes) => codes.iter().map(text).collect(),
        None => vec![text(&value["code"])],
    };
    Refusal {
        bytes: match value.get("generated") {
            Some(generated) => generate(generated),
            None => fs::read(folder().join(format!("{name}.onnx"))).unwrap(),
        },
        name,
        why: text(&value["why"]),
        codes,
        needs_catalogue: value["needs_catalogue"] == true,
        at_run: value["when"] == "run",
    }
}

/// Files too large to commit: a head, many nodes, a tail.
fn generate(value: &Json) -> Vec<u8> {
    let bytes = |value: &Json| -> Vec<u8> {
        text(value)
            .as_bytes()
            .chunks(2)
            .map(|h| u8::from_str_radix(std::str::from_utf8(h).unwrap(), 16).unwrap())
            .collect()
    };
    let node: Vec<_> = value["node"].as_array().unwrap().iter().map(&bytes).collect();
    let mut file = bytes(&value["head"]);
    for i in 0..value["count"].as_u64().unwrap() {
        file.extend(&node[0]);
        file.extend(format!("{i:06}").bytes());
        file.extend(&node[1]);
        file.extend(format!("{:06}", i + 1).bytes());
        file.extend(&node[2]);
    }
    file.extend(bytes(&value["tail"]));
    file
}
