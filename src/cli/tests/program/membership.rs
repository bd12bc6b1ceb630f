//! `nearside membership`: it finds what there is to be found, and nothing where there is nothing.

use serde_json::Value;

use crate::run::{Ran, nearside, written};

fn membership(log: &std::path::Path, more: &[&str]) -> Ran {
    let words = ["membership", "--json", "--events", log.to_str().unwrap(), "--min-count", "1"];
    nearside([&words, more].concat())
}

/// Sessions that begin on one of 20 beaten tracks and then go through 150 items at random.
fn log(name: &str) -> std::path::PathBuf {
    let mut state = 1u64;
    let mut draw = |limit: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    };
    let mut text = String::new();
    for session in 0..600 {
        text += &format!("track-{} end-{}", session % 20, session % 20);
        (0..4).for_each(|_| text += &format!(" any-{}", draw(150)));
        text += "\n";
    }
    written(name, text)
}

#[test]
fn raw_sessions_and_rules_without_a_floor_are_caught_and_rules_with_one_tell_less() {
    let ran = membership(&log("membership.txt"), &["--epochs", "2", "--width", "16", "--epsilon", "8"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    let figure = |model: &str, group: &str, figure: &str| -> [f64; 3] {
        let figure: &Value = &report["models"][model][group][figure];
        ["low", "value", "high"]
            .map(|end| figure[end].as_f64().unwrap_or_else(|| panic!("{model} {group} in {report}")))
    };
    for memoriser in ["vs_knn", "rules_without_a_floor"] {
        assert!(figure(memoriser, "exact_pair", "auc")[0] > 0.9, "{memoriser} in {report}");
        assert!(figure(memoriser, "exact_pair", "found")[0] > 10.0, "{memoriser} in {report}");
    }
    let (floored, free) = ("rules", "rules_without_a_floor");
    assert!(figure(floored, "exact_pair", "auc")[2] < figure(free, "exact_pair", "auc")[0], "{report}");
    assert!(figure(floored, "exact_pair", "found")[1] < 5.0, "{report}");
    assert_eq!(
        report["groups"]["all"]["members"].as_u64().unwrap() + report["groups"]["all"]["others"].as_u64().unwrap(),
        600
    );
}

#[test]
fn private_rules_that_are_not_there_are_told() {
    let ran = membership(&log("membership_none.txt"), &["--epochs", "1", "--width", "8", "--epsilon", "0.5"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.json()["models"]["rules_epsilon_0.5"], Value::Null);
}

#[test]
fn what_cannot_be_attacked_is_refused() {
    let log = log("membership_refused.txt");
    let empty = written("membership_single.txt", "a\nb\n");
    for (log, more, code) in [
        (&log, &["--sessions", "0"][..], "option-out-of-range"),
        (&log, &["--sessions", "1"], "option-out-of-range"),
        (&std::path::PathBuf::from("no-such-log"), &["--sessions", "99"], "option-out-of-range"),
        (&log, &["--width", "0"], "option-out-of-range"),
        (&log, &["--epsilon", "0", "--epochs", "1", "--width", "8"], "option-out-of-range"),
        (&empty, &[], "too-few-sessions"),
    ] {
        let ran = membership(log, more);
        assert_eq!((ran.code, ran.error()), (1, code), "{}", ran.stderr);
    }
}
