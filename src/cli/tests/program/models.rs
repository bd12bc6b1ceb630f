//! `nearside check` on the conformance vectors: what must run, and what must be refused.

use std::ffi::OsStr;

use rten_onnx::onnx::DataType;
use serde_json::Value;

use crate::onnx::{model, node};
use crate::run::{Ran, fixture, nearside, replay, repository};

/// What the models made here read.
const COSINE: (&str, DataType) = ("pair.cosine", DataType::FLOAT);

fn index() -> Value {
    let bytes = std::fs::read(repository("tests/vectors/index.json")).expect("the vectors' index");
    serde_json::from_slice(&bytes).expect("the index is JSON")
}

fn check(name: &str, more: &[&str]) -> Ran {
    let path = repository(&format!("tests/vectors/{name}.onnx"));
    nearside([&["check", path.to_str().expect("a path in UTF-8")], more].concat())
}

#[test]
fn every_reference_model_is_accepted_and_both_engines_agree_on_it() {
    for name in index()["run"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()) {
        // Its N is fixed, which no placement can promise.
        if name == "mlp_expand_concat_fixed" {
            continue;
        }
        let ran = check(name, &["--json"]);
        assert_eq!(ran.code, 0, "{name}: {}", ran.stderr);
        let report = ran.json();
        assert_eq!(report["verdict"], "compact", "{name}");
        assert_eq!(report["agreement"]["cases"], 8, "{name}");
        assert!(report["golden"].as_u64().unwrap() > 0, "{name}");
        assert!(report["engines"].as_array().unwrap().iter().all(|e| e["us_per_1000"].as_f64().unwrap() > 0.0));
    }
}

#[test]
fn every_bad_model_is_refused_with_its_code_a_remedy_and_exit_code_1() {
    for case in index()["refuse"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        // One is made by its own test, the other is at fault only beside a catalogue.
        if !case["generated"].is_null() || case["needs_catalogue"] == true {
            continue;
        }
        let ran = check(name, &["--json"]);
        assert_eq!(ran.code, 1, "{name} was accepted: {}", ran.stdout);
        let mut codes: Vec<&str> = case["codes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        codes.extend(case["code"].as_str());
        assert!(codes.contains(&ran.error()), "{name}: {}", ran.stderr);
        assert_eq!(ran.json()["error"]["code"], ran.error(), "{name}");
        assert!(ran.stderr.contains("\nremedy: "), "{name}: {}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{name}: {}", ran.stderr);
    }
}

#[test]
fn the_page_for_people_tells_inputs_operators_engines_and_the_verdict() {
    let ran = check("din", &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for part in ["inputs\n", "score: a ", "operators\n", "compact   loads in", "full      loads in", "8 random cases"] {
        assert!(ran.stdout.contains(part), "{part} is missing in {}", ran.stdout);
    }
    assert!(ran.stdout.ends_with("accepted: runs in the compact engine\n"), "{}", ran.stdout);
}

#[test]
fn a_model_that_is_not_there_is_named() {
    let ran = check("no_such_model", &[]);
    assert_eq!((ran.code, ran.error()), (1, "unreadable-file"));
}

#[test]
fn a_model_that_only_the_full_engine_runs_is_accepted_with_its_price() {
    let path = model("sine.onnx", COSINE, vec![node("Sin", &["pair.cosine"], "score")], &[]);
    let ran = nearside([OsStr::new("check"), path.as_ref()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("not in the compact engine"), "{}", ran.stdout);
    assert!(ran.stdout.contains("accepted: needs the full engine, +"), "{}", ran.stdout);

    let json = nearside([OsStr::new("check"), path.as_ref(), "--json".as_ref()]).json();
    assert_eq!((&json["verdict"], &json["agreement"]), (&"full".into(), &Value::Null));
    assert_eq!(json["engines"][0]["error"]["code"], "unsupported-operator");

    let log = fixture("retailrocket.tsv");
    let compact = replay(&log, &["--model", path.to_str().unwrap()]);
    assert_eq!((compact.code, compact.error()), (1, "unsupported-operator"));
    assert!(compact.stderr.contains("--engine full"), "{}", compact.stderr);
    let full = replay(&log, &["--model", path.to_str().unwrap(), "--engine", "full"]);
    assert_eq!(full.json()["rankers"]["full"]["predictions"], 5, "{}", full.stderr);
}

#[test]
fn a_model_on_which_the_engines_differ_is_refused() {
    // Near 0.5 two good logistic functions differ in the last bit; a factor of 100,000 makes that 0.006.
    let nodes = vec![
        node("Sigmoid", &["pair.cosine"], "p"),
        node("Mul", &["p", "factor"], "scaled"),
        node("Sub", &["scaled", "half"], "score"),
    ];
    let path = model("ill_conditioned.onnx", COSINE, nodes, &[("factor", &[1e5]), ("half", &[5e4])]);
    let ran = nearside([OsStr::new("check"), path.as_ref(), "--json".as_ref()]);
    assert_eq!((ran.code, ran.error()), (1, "engines-differ"), "{ran:?}");
    assert!(ran.json()["error"]["value"].as_str().unwrap().parse::<f32>().unwrap() > 1e-5);
    let page = nearside([OsStr::new("check"), path.as_ref()]);
    assert!(page.stdout.ends_with("refused: the engines differ\n"), "{}", page.stdout);
}
