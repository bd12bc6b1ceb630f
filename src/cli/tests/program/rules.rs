//! `nearside rules`: from a log to a table that ranks, and what it leaves out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::run::{Ran, nearside, scratch, written};

/// Sessions of three steps round a ring of 40 items; every fifth jumps once, to an item that only one other reaches.
fn log(name: &str, sessions: usize) -> PathBuf {
    let line = |session: usize| {
        let mut steps: Vec<String> = (0..3).map(|step| format!("sku-{}", (session + step) % 40)).collect();
        if session.is_multiple_of(5) {
            steps.push(format!("rare-{}", session / 10));
        }
        steps.join(" ") + "\n"
    };
    written(name, (0..sessions).map(line).collect::<String>())
}

fn rules(log: &Path, out: &Path, more: &[&str]) -> Ran {
    let words = ["rules", "--json", "--events", log.to_str().unwrap(), "--out", out.to_str().unwrap()];
    nearside([&words, more].concat())
}

fn folder(name: &str) -> PathBuf {
    let folder = scratch(name);
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn vocabulary(out: &Path) -> BTreeSet<String> {
    let value: Value = serde_json::from_slice(&std::fs::read(out.join("vocabulary.json")).unwrap()).unwrap();
    value["items"].as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_log_becomes_a_table_that_both_engines_accept_and_evaluate_measures() {
    let (log, out) = (log("rules_ring.txt", 1000), folder("rules_ring"));
    let ran = rules(&log, &out, &["--min-count", "1"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    // Every item of the ring goes along with two on either side; no rare one with anything.
    assert_eq!((&report["entries"], &report["unit"]), (&160.into(), &"session".into()));

    let model = out.join("model.onnx").display().to_string();
    let checked = nearside(["check", &model, "--json"]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    let checked = checked.json();
    assert_eq!((&checked["verdict"], &checked["golden"]), (&"compact".into(), &3.into()));

    let vocabulary = out.join("vocabulary.json").display().to_string();
    let words = ["evaluate", "--json", "--split-share", "0.1", "--min-count", "1", "--train", log.to_str().unwrap()];
    let ran = nearside([&words[..], &["--model", &model, "--vocabulary", &vocabulary]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let recall = ran.json()["rankers"]["model.onnx"]["recall_10"]["value"].as_f64();
    assert!(recall.unwrap() > 85.0, "{recall:?}");
}

#[test]
fn the_same_command_writes_the_same_table() {
    let log = log("rules_same.txt", 300);
    let file = |name: &str| {
        let out = folder(name);
        assert_eq!(rules(&log, &out, &["--min-count", "1", "--refit", "--rule", "sequential"]).code, 0);
        std::fs::read(out.join("model.onnx")).unwrap()
    };
    assert!(file("rules_same_1") == file("rules_same_2"));
}

#[test]
fn a_private_table_names_no_rare_item_and_is_another_every_time() {
    let log = log("rules_private.txt", 4000);
    let made = |name: &str| {
        let out = folder(name);
        let ran = rules(&log, &out, &["--epsilon", "2", "--pairs", "4"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(ran.json()["mining"]["privacy"]["epsilon"], 2.0);
        let checked = nearside(["check", out.join("model.onnx").to_str().unwrap(), "--json"]);
        assert_eq!(checked.code, 0, "{}", checked.stderr);
        (vocabulary(&out), std::fs::read(out.join("model.onnx")).unwrap())
    };
    let ((items, first), (_, second)) = (made("rules_private_1"), made("rules_private_2"));
    assert_eq!(items.len(), 40);
    assert!(items.iter().all(|item| item.starts_with("sku-")), "{items:?}");
    assert!(first != second);
}

#[test]
fn visitors_stand_behind_entries_where_the_log_names_them() {
    let mut text = "visitor\ttime\titem\n".to_owned();
    // The same visitor goes from a to b ten times, six others from c to d.
    for visit in 0..16 {
        let (visitor, items) =
            if visit < 10 { ("one", ["a", "b"]) } else { (["2", "3", "4", "5", "6", "7"][visit - 10], ["c", "d"]) };
        for (step, item) in items.iter().enumerate() {
            text += &format!("{visitor}\t{}\t{item}\n", 1_700_000_000 + 7200 * visit + 60 * step);
        }
    }
    let log = written("rules_visitors.tsv", text);
    let entries = |more: &[&str]| {
        let ran = rules(&log, &folder("rules_visitors"), &[&["--refit", "--fewest", "4"], more].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        (ran.json()["entries"].clone(), ran.json()["unit"].clone())
    };
    assert_eq!(entries(&[]), (2.into(), "visitor".into()));
    assert_eq!(entries(&["--unit", "session"]), (4.into(), "session".into()));
}

/// Sessions from a to b, and whose they are; nobody's where that is empty.
fn visits(name: &str, visitors: &[&str]) -> PathBuf {
    let mut text = "session\tvisitor\ttime\titem\n".to_owned();
    for (visit, visitor) in visitors.iter().enumerate() {
        for (step, item) in ["a", "b"].iter().enumerate() {
            text += &format!("{visit}\t{visitor}\t{}\t{item}\n", 1_700_000_000 + 7200 * visit + 60 * step);
        }
    }
    written(name, text)
}

#[test]
fn no_table_says_visitors_where_sessions_were_counted() {
    let [some, none] = [
        visits("rules_some_visitors.tsv", &[&["", ""][..], &["1", "2", "3"].repeat(10)].concat()),
        visits("rules_no_visitors.tsv", &[""; 32]),
    ];
    let made = |log: &Path, more: &[&str]| rules(log, &folder("rules_whom"), &[&["--fewest", "2"], more].concat());
    for (log, lacking) in [(&some, 2), (&none, 32)] {
        for more in [&["--unit", "visitor"][..], &["--unit", "visitor", "--epsilon", "8"]] {
            let ran = made(log, more);
            assert_eq!((ran.code, ran.error()), (1, "unknown-visitor"), "{}", ran.stderr);
            assert!(ran.stderr.contains(&format!("{lacking} of 32 sessions")), "{}", ran.stderr);
            assert!(ran.stderr.contains("--unit session") && ran.stderr.contains("--map visitor="), "{}", ran.stderr);
        }
        let ran = made(log, &[]);
        assert_eq!((ran.code, &ran.json()["unit"]), (0, &"session".into()), "{}", ran.stderr);
        assert!(description(&scratch("rules_whom")).contains("2 sessions or more"));
    }
    // Whether all sessions have a visitor must not hang on one of them where that is private.
    let ran = made(&some, &["--epsilon", "8"]);
    assert_eq!((ran.code, ran.error()), (1, "unknown-visitor"), "{}", ran.stderr);
}

/// What the model of a folder says of itself.
fn description(out: &Path) -> String {
    let file = std::fs::read(out.join("model.onnx")).unwrap();
    nearside_scorer::ModelFile::read(&file).unwrap().description.unwrap()
}

#[test]
fn rules_beside_a_network_count_visitors_where_every_session_has_one() {
    let mut text = "session\tvisitor\ttime\titem\n".to_owned();
    for session in 0..400 {
        for step in 0..3 {
            let (time, item) = (1_700_000_000 + 600 * session + 60 * step, (session + step) % 10);
            text += &format!("{session}\tV\t{time}\tsku-{item}\n");
        }
    }
    let trained = |name: &str, visitor: &dyn Fn(usize) -> String| {
        let lines =
            text.lines().enumerate().map(|(line, words)| words.replace("\tV\t", &format!("\t{}\t", visitor(line))));
        let log = written(&format!("{name}.tsv"), lines.collect::<Vec<_>>().join("\n"));
        let small = ["--width", "8", "--teachers", "0", "--epochs", "1", "--rules", "--refit"];
        (crate::train::train(&log, &folder(name), &small), scratch(name))
    };
    let (one, _) = trained("rules_one_visitor", &|_| "only".into());
    assert_eq!((one.code, one.error()), (1, "no-rules"), "{}", one.stderr);
    for (name, unit, visitor) in [
        ("rules_many_visitors", "visitor", &(|line: usize| format!("v{}", line / 9)) as &dyn Fn(usize) -> String),
        ("rules_a_stranger", "session", &|line| if line < 4 { String::new() } else { "only".into() }),
    ] {
        let (ran, out) = trained(name, visitor);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(ran.json()["rules"]["unit"], unit, "{}", ran.stdout);
        assert!(description(&out).contains(&format!("5 {unit}s or more")), "{}", description(&out));
    }
}

#[test]
fn what_cannot_be_mined_is_refused_with_a_code_and_a_remedy() {
    let (log, out) = (log("rules_refused.txt", 300), folder("rules_refused"));
    let file = written("rules_out_is_a_file", "");
    let any = ["--min-count", "1"];
    for (log, out, more, code) in [
        (&log, &out, &["--fewest", "0"], "option-out-of-range"),
        (&log, &out, &["--neighbours", "0"], "option-out-of-range"),
        (&log, &out, &["--decay", "1.5"], "option-out-of-range"),
        (&log, &out, &["--epsilon", "0"], "option-out-of-range"),
        (&log, &out, &["--fewest", "1000"], "no-rules"),
        (&log, &out, &["--epsilon", "0.1"], "no-rules"),
        (&log, &file, &any, "unwritable-file"),
        (&scratch("rules_no_such_log"), &out, &any, "unreadable-file"),
    ] {
        let ran = rules(log, out, more);
        assert_eq!((ran.code, ran.error()), (1, code), "{}", ran.stderr);
        assert_eq!(ran.json()["error"]["code"], code);
        assert!(ran.stderr.contains("\nremedy: "), "{}", ran.stderr);
    }
    // A table is quickly made again: there is nothing to resume.
    let taken = folder("rules_taken");
    std::fs::create_dir_all(taken.join("model.onnx")).unwrap();
    let ran = rules(&log, &taken, &any);
    assert_eq!((ran.code, ran.error()), (1, "unwritable-file"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("--resume"), "{}", ran.stderr);
    // What would be no promise is no command line either.
    for (more, code) in [
        (&["--delta", "1e-6"][..], "missing-option"),
        (&["--rule", "magic"], "invalid-option"),
        (&["--epsilon", "1", "--min-count", "5"], "conflicting-options"),
    ] {
        assert_eq!(rules(&log, &out, more).error(), code);
    }
}

#[test]
fn rules_beside_a_network_are_in_its_file_and_their_gain_is_told() {
    let (log, out) = (log("rules_blended.txt", 400), folder("rules_blended"));
    let words = ["train", "--events", log.to_str().unwrap(), "--out", out.to_str().unwrap()];
    let small =
        ["--min-count", "1", "--teachers", "0", "--width", "8", "--epochs", "1", "--rules", "--refit", "--json"];
    let ran = nearside([&words[..], &small].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    // After one epoch the rules of the ring know more than the network.
    assert!(report["rules"]["weight"].as_f64() > Some(0.0), "{report}");
    let [shipped, blended] = ["shipped", "blended"].map(|kind| &report["validation"][kind]);
    assert!(blended["mrr_20"].as_f64() > shipped["mrr_20"].as_f64(), "{report}");
    assert_eq!(blended["pairs"], shipped["pairs"]);
    let checked = nearside(["check", out.join("model.onnx").to_str().unwrap(), "--json"]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    assert_eq!((&checked.json()["verdict"], &checked.json()["golden"]), (&"compact".into(), &3.into()));

    let ran = nearside([&words[..], &small, &["--network", "lstm"]].concat());
    assert_eq!((ran.code, ran.error(), &ran.json()["error"]["field"]), (1, "option-out-of-range", &"network".into()));
}
