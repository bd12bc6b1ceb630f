//! `nearside compile`: the file that is written, and what is refused.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use rten_onnx::onnx::DataType;

use crate::onnx::{model, node};
use crate::run::{Ran, nearside, repository, scratch, written};

fn compile(from: &Path, to: &Path, more: &[&str]) -> Ran {
    let words: Vec<&OsStr> = vec!["compile".as_ref(), from.as_ref(), "-o".as_ref(), to.as_ref()];
    nearside(words.into_iter().chain(more.iter().map(OsStr::new)))
}

fn vector(name: &str) -> std::path::PathBuf {
    repository(&format!("tests/vectors/{name}.onnx"))
}

#[test]
fn the_file_is_accepted_by_check_and_the_report_says_what_is_left_per_ad() {
    let out = scratch("compiled_din.onnx");
    let ran = compile(&vector("din"), &out, &["--json", "--ads", "1000", "--steps", "50"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    let per_ad = |part: &str| report[part]["cost"]["ad"]["multiply_adds"].as_f64().unwrap();
    assert_eq!(per_ad("before"), 50.0 * (64.0 * 16.0 + 16.0) + 48.0 * 24.0 + 24.0);
    assert!(per_ad("before") > 3.0 * per_ad("after"), "{report}");
    assert_eq!((&report["cases"], &report["golden"]), (&8.into(), &"rewritten".into()));
    assert_eq!(report["after"]["bytes"], fs::read(&out).unwrap().len());
    assert!(report["agreement"].as_array().unwrap().iter().all(|engine| engine["float"].as_f64().unwrap() < 1e-5));

    let checked = nearside([OsStr::new("check"), out.as_ref(), "--json".as_ref()]);
    assert_eq!((checked.code, &checked.json()["verdict"]), (0, &"compact".into()), "{}", checked.stderr);
}

#[test]
fn the_page_for_people_tells_bytes_operations_changes_and_the_difference() {
    let ran = compile(&vector("mlp_expand_concat"), &scratch("compiled_mlp.onnx"), &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let has = |words: &[&str]| ran.stdout.lines().any(|line| line.split_whitespace().eq(words.iter().copied()));
    assert!(has(&["multiply-adds", "per", "ad", "2880", "64"]), "{}", ran.stdout);
    assert!(has(&["linear", "1"]), "{}", ran.stdout);
    assert!(ran.stdout.contains("for 10000 ads and 20 steps") && ran.stdout.contains("\n  compact "), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("golden cases: the original's\n"), "{}", ran.stdout);
}

#[test]
fn a_model_of_the_full_engine_alone_is_compiled_for_that() {
    let from = model(
        "sine_to_compile.onnx",
        ("pair.cosine", DataType::FLOAT),
        vec![node("Sin", &["pair.cosine"], "score")],
        &[],
    );
    let ran = compile(&from, &scratch("compiled_sine.onnx"), &["--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    assert_eq!(report["agreement"].as_array().unwrap().len(), 1);
    assert_eq!((&report["agreement"][0]["engine"], &report["golden"]), (&"full".into(), &"made".into()));
}

#[test]
fn what_cannot_be_compiled_is_refused_and_nothing_is_written() {
    let out = scratch("never_compiled.onnx");
    let unknown = model(
        "unknown_operator.onnx",
        ("pair.cosine", DataType::FLOAT),
        vec![node("Guess", &["pair.cosine"], "score")],
        &[],
    );
    let text = written("no_model.onnx", "no model");
    for (from, code) in [
        (unknown, "unsupported-operator"),
        (text, "model-damaged"),
        (scratch("not_there.onnx"), "unreadable-file"),
        (vector("bad_input_unknown"), "unknown-input"),
    ] {
        let ran = compile(&from, &out, &["--json"]);
        assert_eq!((ran.code, ran.error()), (1, code), "{}", ran.stderr);
        assert_eq!(ran.json()["error"]["code"], code);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        assert!(!out.exists());
    }
}

#[test]
fn a_place_that_cannot_be_written_and_the_original_itself_are_refused() {
    let ran = compile(&vector("two_towers"), &scratch("no/such/folder/model.onnx"), &[]);
    assert_eq!((ran.code, ran.error()), (1, "unwritable-file"), "{}", ran.stderr);

    let bytes = fs::read(vector("two_towers")).unwrap();
    let own = written("compiled_onto_itself.onnx", &bytes);
    let ran = compile(&own, &own.parent().unwrap().join(".").join(own.file_name().unwrap()), &[]);
    assert_eq!((ran.code, ran.error()), (1, "output-is-input"), "{}", ran.stderr);
    assert_eq!(fs::read(own).unwrap(), bytes);
}
