//! `nearside train`: from a log to a file that `nearside check` accepts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::run::{Ran, nearside, scratch, written};

/// Sessions that go round a ring of 40 items, one a line.
pub(crate) fn log(name: &str, sessions: usize) -> PathBuf {
    let line = |session: usize| {
        let steps: Vec<String> = (0..3 + session % 3).map(|step| format!("sku-{}", (session + step) % 40)).collect();
        steps.join(" ") + "\n"
    };
    written(name, (0..sessions).map(line).collect::<String>())
}

pub(crate) fn train(log: &Path, out: &Path, more: &[&str]) -> Ran {
    let words = ["train", "--json", "--events", log.to_str().unwrap(), "--out", out.to_str().unwrap()];
    nearside([&words, more].concat())
}

/// A folder that is not there. `name` must be the test's own.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = scratch(name);
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

pub(crate) const SMALL: &[&str] = &["--width", "16", "--min-count", "1", "--teachers", "0"];

#[test]
fn a_log_becomes_a_model_that_both_engines_accept_with_its_vocabulary_journal_and_page() {
    let (log, out) = (log("train_ring.txt", 400), folder("train_ring"));
    let ran = train(&log, &out, &["--width", "8", "--epochs", "2", "--min-count", "1", "--refit"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    assert_eq!((&report["items"], &report["width"]), (&40.into(), &8.into()));
    assert!(report["validation"]["shipped"]["recall_20"].as_f64().unwrap() > 0.0);

    let checked = nearside(["check", out.join("model.onnx").to_str().unwrap(), "--json"]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    let checked = checked.json();
    assert_eq!((&checked["verdict"], &checked["golden"]), (&"compact".into(), &3.into()));
    assert!(checked["agreement"]["cases"].as_u64().unwrap() > 0);

    let vocabulary: Value = serde_json::from_slice(&std::fs::read(out.join("vocabulary.json")).unwrap()).unwrap();
    assert_eq!(vocabulary["items"].as_array().unwrap().len(), 40);
    let journal = std::fs::read_to_string(out.join("train.jsonl")).unwrap();
    let lines: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Four networks of two epochs each: the one that is measured, the one that ships, and a teacher for each.
    assert_eq!(lines.iter().filter(|line| line.get("epoch").is_some()).count(), 8);
    assert!(std::fs::read_to_string(out.join("network.html")).unwrap().contains("<svg"));
}

#[test]
fn a_refit_ends_with_the_epoch_that_was_best_without_the_validation() {
    let (log, out) = (log("train_refit.txt", 400), folder("train_refit"));
    let more = ["--width", "8", "--min-count", "1", "--epochs", "30", "--patience", "1", "--rate", "0.02", "--refit"];
    let ran = train(&log, &out, &more);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let journal = std::fs::read_to_string(out.join("train.jsonl")).unwrap();
    let lines: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let epochs = |network: &str| {
        let of = lines.iter().filter(|line| line["network"] == network && line["epoch"].is_u64());
        of.count()
    };
    // With a patience of one epoch the last is the one after the best.
    let first = epochs("network");
    assert!(first < 30, "{first}");
    assert_eq!([epochs("refit"), epochs("refit-teacher-1")], [first - 1; 2]);
    assert_eq!(ran.json()["epoch"], epochs("refit"));
}

#[test]
fn the_model_is_measured_by_evaluate_with_its_vocabulary() {
    let (log, out) = (log("train_taken.txt", 400), folder("train_taken"));
    assert_eq!(train(&log, &out, &[SMALL, &["--epochs", "12", "--rate", "0.01"]].concat()).code, 0);
    let [model, vocabulary] = ["model.onnx", "vocabulary.json"].map(|name| out.join(name).display().to_string());
    let words = ["evaluate", "--json", "--split-share", "0.1", "--min-count", "1", "--train", log.to_str().unwrap()];
    let ran = nearside([&words[..], &["--model", &model, "--vocabulary", &vocabulary]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // It goes round a ring, so that the next item is never in doubt.
    let recall = ran.json()["rankers"]["model.onnx"]["recall_10"]["value"].as_f64();
    assert!(recall.unwrap() > 90.0, "{recall:?}");
}

#[test]
fn the_same_command_writes_the_same_model_whatever_the_memory_and_a_resumed_one_too() {
    let log = log("train_same.txt", 300);
    let model = |name: &str, memory: &str, twice: bool| {
        let out = folder(name);
        assert_eq!(train(&log, &out, &[SMALL, &["--memory", memory]].concat()).code, 0);
        if twice {
            assert_eq!(train(&log, &out, &[SMALL, &["--resume"]].concat()).code, 0);
        }
        std::fs::read(out.join("model.onnx")).unwrap()
    };
    let first = model("train_same_1", "1GB", false);
    assert!(first == model("train_same_2", "1kB", false));
    assert!(first == model("train_same_3", "1MB", true));
}

/// What a folder holds, the files in its folders included.
fn held(folder: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            names.extend(held(&entry.path()).iter().map(|file| format!("{name}/{file}")));
        } else {
            names.insert(name);
        }
    }
    names
}

#[test]
fn a_folder_that_is_trained_into_again_holds_what_the_last_run_made_and_what_is_not_ours() {
    let (log, out) = (shop("train_again.tsv", 300), folder("train_again"));
    let small = ["--width", "8", "--min-count", "1", "--epochs", "1"];
    let full = [&small[..], &["--content", "--refit"]].concat();
    let of = |networks: &[&str]| -> BTreeSet<String> {
        let files = |name: &&str| {
            [format!("{name}.html"), format!("{name}/best.safetensors"), format!("{name}/last.safetensors")]
        };
        let all =
            networks.iter().flat_map(files).chain(["model.onnx", "train.jsonl", "vocabulary.json"].map(String::from));
        all.collect()
    };
    for more in [&[][..], &["--resume"]] {
        assert_eq!(train(&log, &out, &[&full[..], more].concat()).code, 0);
        let mut expected = of(&["network", "teacher-1", "refit", "refit-teacher-1"]);
        expected.insert("content.safetensors".into());
        assert_eq!(held(&out), expected);
    }
    let foreign = BTreeSet::from(["notes.txt", "teacher-one.html", "refit/notes.txt"].map(String::from));
    foreign.iter().for_each(|name| std::fs::write(out.join(name), "ours").unwrap());
    // A run that ends before it has a model takes nothing away.
    assert_eq!(train(&log, &out, &[&small[..], &["--rate", "0"]].concat()).code, 1);
    assert!(out.join("content.safetensors").exists());
    assert_eq!(train(&log, &out, &[&small[..], &["--teachers", "0"]].concat()).code, 0);
    assert_eq!(held(&out), &of(&["network"]) | &foreign);

    let words = ["rules", "--min-count", "1", "--events", log.to_str().unwrap(), "--out", out.to_str().unwrap()];
    assert_eq!(nearside(words).code, 0);
    assert_eq!(held(&out), &BTreeSet::from(["model.onnx", "vocabulary.json"].map(String::from)) | &foreign);
}

/// Visits to guitars or kettles, in turns, as a table that tells category, brand and price.
pub(crate) fn shop(name: &str, sessions: usize) -> PathBuf {
    let kinds = [("Music > Guitars", "Fender", 400), ("Kitchen > Kettles", "Bosch", 40)];
    let mut text = "session\ttime\titem\tcategory\tbrand\tprice\n".to_owned();
    for session in 0..sessions {
        let (category, brand, price) = kinds[session % 2];
        for step in 0..3 {
            let (time, item) = (1_700_000_000 + 600 * session + 60 * step, (session / 2 * 7 + step) % 15);
            text += &format!("{session}\t{time}\t{brand}-{item}\t{category}\t{brand}\t{price}\n");
        }
    }
    written(name, text)
}

#[test]
fn segments_are_named_in_the_report_and_in_what_check_prints() {
    let (log, out) = (shop("train_segments.tsv", 300), folder("train_segments"));
    let small = [SMALL, &["--epochs", "1", "--segments", "3"]].concat();
    let ran = train(&log, &out, &small);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    let names: Vec<&str> =
        report["segments"]["all"].as_array().unwrap().iter().filter_map(|s| s["name"].as_str()).collect();
    assert!(names.contains(&"Kitchen > Kettles · Bosch · 40"), "{names:?}");
    assert!(report["segments"]["clarity"]["own"].as_f64() > report["segments"]["clarity"]["second"].as_f64());

    let model = out.join("model.onnx").display().to_string();
    let checked = nearside(["check", &model, "--json"]).json();
    let told: Vec<&str> = checked["segments"].as_array().unwrap().iter().filter_map(|s| s["name"].as_str()).collect();
    assert_eq!(told, names);
    let page = nearside(["check", &model]).stdout;
    assert!(page.contains("segments\n") && names.iter().all(|name| page.contains(name)), "{page}");

    let ran = train(&log, &folder("train_segments_large"), &[&small[..], &["--segment-min", "1000"]].concat());
    assert_eq!((ran.code, ran.error()), (1, "too-few-sessions"), "{}", ran.stderr);
    assert!(ran.json()["error"]["remedy"].as_str().unwrap().contains("--segment-min"), "{}", ran.stderr);
}

#[test]
fn another_network_reads_what_a_step_was_where_the_log_tells_it() {
    let mut text = "session\ttime\titem\tevent\n".to_owned();
    for session in 0..300 {
        for step in 0..3 {
            let (time, item) = (1_700_000_000 + 600 * session + 20 * step * step, (session + step) % 20);
            let event = if step == 1 { "add_to_cart" } else { "view_item" };
            text += &format!("{session}\t{time}\tsku-{item}\t{event}\n");
        }
    }
    let told = written("train_steps.tsv", text);
    let small = [SMALL, &["--epochs", "1", "--step-inputs", "kind,pause"]].concat();
    for (log, network, inputs) in [
        (&told, "lstm", &["ad.item", "session.age_s", "session.item", "session.kind"][..]),
        (&log("train_untold.txt", 300), "attention", &["ad.item", "session.item"]),
    ] {
        let out = folder(&format!("train_{network}"));
        let ran = train(log, &out, &[&small[..], &["--network", network, "--refit"]].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(ran.json()["network"], network);
        let checked = nearside(["check", out.join("model.onnx").to_str().unwrap(), "--json"]).json();
        assert_eq!((&checked["verdict"], &checked["golden"]), (&"compact".into(), &3.into()), "{checked}");
        let mut names: Vec<&str> =
            checked["inputs"].as_array().unwrap().iter().filter_map(|input| input["name"].as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, inputs);
    }
}

#[test]
fn what_cannot_be_trained_is_refused_with_a_code_and_a_remedy() {
    let out = folder("train_refused");
    let short = log("train_short.txt", 5);
    let long = log("train_long.txt", 300);
    let no_item = written("train_no_item.csv", "session,time,colour\n1,1700000000,red\n");
    let file = written("train_out_is_a_file", "");
    for (log, out, more, code) in [
        (&short, &out, SMALL, "too-few-sessions"),
        (&no_item, &out, SMALL, "missing-column"),
        (&scratch("train_no_such_log"), &out, SMALL, "unreadable-file"),
        (&long, &file, SMALL, "unwritable-file"),
        (&long, &out, &["--budget", "1kB", "--min-count", "1"], "over-budget"),
        (&long, &out, &["--rate", "0", "--width", "8"], "option-out-of-range"),
        (&long, &out, &["--segments", "2", "--width", "8"], "unknown-content"),
        (&long, &out, &["--content", "--width", "8"], "unknown-content"),
    ] {
        let ran = train(log, out, more);
        assert_eq!((ran.code, ran.error()), (1, code), "{}", ran.stderr);
        assert_eq!(ran.json()["error"]["code"], code);
        assert!(ran.stderr.contains("\nremedy: "), "{}", ran.stderr);
    }
    assert_eq!(train(&long, &out, SMALL).code, 0);
    let other =
        train(&long, &out, &["--width", "16", "--epochs", "3", "--min-count", "1", "--teachers", "0", "--resume"]);
    assert_eq!((other.code, other.error()), (1, "other-run"));
}

#[test]
fn numbers_out_of_range_and_a_place_that_cannot_be_written_are_refused_before_the_log_is_read() {
    let (no_log, out) = (scratch("train_no_log"), folder("train_ranges"));
    for (option, numbers) in [
        ("memory", &["999", "1001GB"][..]),
        ("min-count", &["0", "1000001"]),
        ("budget", &["2GB"]),
        ("width", &["0", "1025", "1000000"]),
        ("epochs", &["0", "1001"]),
        ("patience", &["0", "1001"]),
        ("rate", &["0", "-1", "nan", "1.01", "1e30"]),
        ("teachers", &["17", "1000"]),
        ("half-life", &["0", "-1", "nan"]),
        ("segments", &["1", "65"]),
        ("checkpoint-every", &["86401"]),
    ] {
        for number in numbers {
            let ran = train(&no_log, &out, &[&format!("--{option}={number}")]);
            assert_eq!((ran.code, ran.error()), (1, "option-out-of-range"), "{option} {number} {}", ran.stderr);
            assert_eq!(ran.json()["error"]["field"], option);
        }
    }
    let ran = train(&no_log, &out, &["--segments", "2", "--segment-min", "50001"]);
    assert_eq!((ran.error(), &ran.json()["error"]["field"]), ("option-out-of-range", &"segment-min".into()));
    assert_eq!(train(&no_log, &written("train_no_folder", ""), &[]).error(), "unwritable-file");
    // What is in range comes as far as the log.
    let words = ["--width=1024", "--epochs=1000", "--rate=1", "--teachers=16", "--min-count=1000000", "--budget=1GB"];
    assert_eq!(train(&no_log, &out, &words).error(), "unreadable-file");
}

#[test]
fn too_few_sessions_are_blamed_on_what_leaves_no_more() {
    let out = folder("train_few").display().to_string();
    let [some, few] = [("train_some.txt", 300), ("train_few.txt", 15)].map(|(name, sessions)| log(name, sessions));
    for (command, log, more, field, got) in [
        ("train", &some, &["--validation", "0.0001"][..], "validation", "0"),
        ("train", &few, &["--validation", "0.5", "--min-count", "1"], "validation", "7"),
        ("train", &few, &["--rules", "--validation", "0.04", "--min-count", "1"], "validation", "1"),
        ("train", &some, &["--kinds", "add_to_cart"], "kinds", "0"),
        ("train", &some, &["--min-count", "100000"], "min-count", "0"),
        ("train", &log("train_fewer.txt", 10), &["--min-count", "1"], "events", "10"),
        ("rules", &some, &["--validation", "0.0001"], "validation", "0"),
        ("rules", &some, &["--kinds", "add_to_cart"], "kinds", "0"),
        ("membership", &some, &["--kinds", "add_to_cart"], "kinds", "0"),
        ("membership", &some, &["--min-count", "100000"], "min-count", "0"),
    ] {
        let words = [&[command, "--json", "--events", log.to_str().unwrap()], more].concat();
        let out: &[&str] = if command == "membership" { &[] } else { &["--out", &out] };
        let ran = nearside([&words, out].concat());
        assert_eq!((ran.code, ran.error()), (1, "too-few-sessions"), "{words:?} {}", ran.stderr);
        let error = &ran.json()["error"];
        assert_eq!((&error["field"], &error["value"]), (&field.into(), &got.into()), "{words:?} {error}");
        let names = if field == "events" { "longer log".to_owned() } else { format!("--{field}") };
        assert!(error["remedy"].as_str().unwrap().contains(&names), "{error}");
    }
}

#[test]
fn a_budget_holds_for_a_width_that_is_given_and_for_rules_and_names_the_smallest_file_that_goes() {
    let (log, out) = (log("train_budget.txt", 400), folder("train_budget"));
    let small = ["--min-count", "1", "--teachers", "0", "--epochs", "1"];
    let ran = |more: &[&str]| train(&log, &out, &[&small, more].concat());
    let smallest = |more: &[&str]| {
        let ran = ran(more);
        assert_eq!((ran.code, ran.error()), (1, "over-budget"), "{more:?} {}", ran.stderr);
        let told = ran.json()["error"].clone();
        let remedy = told["remedy"].as_str().unwrap().to_owned();
        assert!(told["message"].as_str().unwrap().contains("estimate") && remedy.contains("--width"), "{told}");
        remedy.split(' ').find_map(|word| word.parse::<u64>().ok()).unwrap()
    };
    let plain = smallest(&["--budget", "8kB", "--width", "8"]);
    let ruled = smallest(&["--budget", "8kB", "--width", "8", "--rules"]);
    assert!(ruled > plain, "{plain} {ruled}");
    let ran = ran(&["--budget", &ruled.to_string(), "--width", "8", "--rules"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let bytes = ran.json()["bytes_brotli"].as_u64().unwrap();
    assert!(plain < bytes && bytes <= ruled, "{plain} {bytes} {ruled}");
}
