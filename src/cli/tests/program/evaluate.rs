//! `nearside evaluate`: figures that were computed elsewhere or by hand, and data that cannot be measured on.

use std::path::{Path, PathBuf};

use rten_onnx::onnx::DataType;
use serde_json::{Value, json};

use crate::onnx::{model, node};
use crate::run::{Ran, fixture, nearside, repository, scratch, shared, written};

const FIGURES: [&str; 4] = ["recall_10", "recall_20", "mrr_10", "mrr_20"];
const BASELINES: [&str; 7] =
    ["popularity", "s_pop", "markov", "sequential_rules", "association_rules", "item_knn", "vs_knn"];

fn evaluate(train: &Path, more: &[&str]) -> Ran {
    let words = ["evaluate", "--json", "--train", train.to_str().unwrap()];
    nearside([&words[..], more].concat())
}

/// Evaluates on two files of session lines that are written here.
fn on_lines(of: &str, train: &str, test: &str, more: &[&str]) -> Value {
    let (train, test) = lines(of, train, test);
    let ran = evaluate(&train, &[&["--test", test.to_str().unwrap()], more].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.json()
}

fn lines(of: &str, train: &str, test: &str) -> (PathBuf, PathBuf) {
    (written(&format!("{of}-train.txt"), train), written(&format!("{of}-test.txt"), test))
}

/// A model that gives each item the score in its row of `table`; row 0 is for items it does not know.
fn table(name: &str, table: &[f32]) -> PathBuf {
    model(name, ("ad.item", DataType::INT64), vec![node("Gather", &["table", "ad.item"], "score")], &[("table", table)])
}

fn figure(report: &Value, ranker: &str, figure: &str) -> f64 {
    report["rankers"][ranker][figure]["value"].as_f64().unwrap_or_else(|| panic!("{ranker} {figure} in {report}"))
}

fn close(got: f64, expected: f64, what: &str) {
    // Percentages of sums whose terms may be added in another order.
    assert!((got - expected).abs() < 1e-9, "{what}: {got} should be {expected}");
}

#[test]
fn every_baseline_gives_the_figures_of_an_independent_program() {
    let folder = repository("tests/vectors/baselines");
    let expected: Value = serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap();
    let ran = evaluate(&folder.join("train.txt"), &["--test", folder.join("test.txt").to_str().unwrap()]);
    let report = ran.json();
    let rankers: Vec<&String> = report["rankers"].as_object().unwrap().keys().collect();
    assert_eq!(rankers.len(), BASELINES.len(), "{rankers:?}");
    for ranker in BASELINES {
        assert_eq!(report["rankers"][ranker]["pairs"], expected["pairs"]);
        for name in FIGURES {
            let expected = expected["rankers"][ranker][name].as_f64().unwrap();
            close(figure(&report, ranker, name), expected, &format!("{ranker} {name}"));
        }
    }
}

#[test]
fn the_published_figures_of_diginetica_lie_within_the_intervals_of_a_sample() {
    let (Some(train), Some(test)) =
        (shared("diginetica/train_sessions.txt.gz"), shared("diginetica/test_sessions.txt.gz"))
    else {
        return;
    };
    let ran = evaluate(&train, &["--test", test.to_str().unwrap(), "--max-queries", "3000"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    assert_eq!(report["train"]["items"], 43_097);
    assert_eq!((&report["train"]["sessions"], &report["test"]["sampled"]), (&186_670.into(), &true.into()));
    for (ranker, recall, mrr) in [("s_pop", 21.08, 13.69), ("markov", 34.04, 12.78), ("vs_knn", 51.87, 18.30)] {
        for (name, whole) in [("recall_20", recall), ("mrr_20", mrr)] {
            let figure = &report["rankers"][ranker][name];
            let (low, high) = (figure["low"].as_f64().unwrap(), figure["high"].as_f64().unwrap());
            assert!(low < whole && whole < high && high - low < 8.0, "{ranker} {name}: {whole}, {figure}");
        }
    }
}

#[test]
fn a_model_knows_the_items_by_their_sorted_names_or_by_the_vocabulary_given() {
    // The answers are a and b. Sorted they stand first and second, as c, a, b they stand second and third.
    let path = table("by-id.onnx", &[9.0, -1.0, -2.0, -3.0]);
    let mrr = |of: &str, more: &[&str]| {
        let report = on_lines(of, "c a\nb c a\n", "c a b\n", &[&["--model", path.to_str().unwrap()], more].concat());
        let model = &report["rankers"]["by-id.onnx"];
        assert_eq!((&model["engine"], &model["pairs"]), (&"compact".into(), &2.into()));
        assert_eq!(model["model"]["ties"], 0);
        figure(&report, "by-id.onnx", "mrr_20")
    };
    let vocabulary = written("by-id.json", r#"{ "items": ["c", "a", "b"] }"#);
    close(mrr("sorted", &[]), 100.0 * (1.0 + 1.0 / 2.0) / 2.0, "sorted");
    let given = mrr("given", &["--vocabulary", vocabulary.to_str().unwrap()]);
    close(given, 100.0 * (1.0 / 2.0 + 1.0 / 3.0) / 2.0, "given");
}

#[test]
fn both_engines_give_one_figure() {
    let path = table("engines.onnx", &[9.0, -1.0, -2.0, -3.0]);
    let of = |engine: &str| {
        let more = ["--model", path.to_str().unwrap(), "--engine", engine];
        let report = on_lines(&format!("engines-{engine}"), "c a\nb c a\n", "c a b c\n", &more);
        assert_eq!(report["rankers"]["engines.onnx"]["engine"], engine);
        figure(&report, "engines.onnx", "mrr_20")
    };
    assert_eq!(of("compact"), of("full"));
}

#[test]
fn a_model_that_gives_all_items_one_score_finds_nothing() {
    let items: Vec<String> = (0..25).map(|item| format!("i{item}")).collect();
    let path = table("constant.onnx", &[0.5; 26]);
    let report = on_lines("constant", &items.join(" "), "i0 i1 i2\n", &["--model", path.to_str().unwrap()]);
    assert_eq!(figure(&report, "constant.onnx", "recall_20"), 0.0);
}

#[test]
fn whoever_shares_the_answers_score_stands_before_it() {
    // a and b share the best score, c comes last: a is second, not first.
    let path = table("ties.onnx", &[0.0, 0.9, 0.9, 0.1]);
    let report = on_lines("ties", "a b c\n", "c a\n", &["--model", path.to_str().unwrap()]);
    close(figure(&report, "ties.onnx", "mrr_20"), 50.0, "mrr_20");
    assert_eq!(report["rankers"]["ties.onnx"]["model"]["ties"], 1);
}

#[test]
fn new_items_are_taken_out_and_asked_apart() {
    // Without x and y the sessions are a b, a (too short) and c a. What the model does not know it puts first.
    let path = table("new.onnx", &[9.0, -1.0, -2.0, -3.0]);
    let report = on_lines("new", "a b c\n", "a x b\na y\nc a\nx a\n", &["--model", path.to_str().unwrap()]);
    assert_eq!((&report["test"]["sessions"], &report["test"]["pairs"]), (&2.into(), &2.into()));
    assert_eq!(report["test"]["emptied_sessions"], 2);
    let new = &report["new_items"];
    assert_eq!((&new["items"], &new["steps"], &new["pairs"]), (&2.into(), &3.into(), &2.into()));
    // Of the known, b is second and a is first.
    close(figure(&report, "new.onnx", "mrr_20"), 75.0, "mrr_20");
    // x and y share the best score, so each counts as second.
    let new = &report["new_items"]["rankers"]["new.onnx"];
    let alone = &new["first_among_new"];
    for figures in [&new["among_all"], &new["first_among_all"], alone] {
        assert_eq!((&figures["recall_20"]["value"], &figures["mrr_20"]["value"]), (&100.0.into(), &50.0.into()));
    }
}

#[test]
fn a_catalogue_says_which_item_has_which_number_and_does_not_change_who_competes() {
    let catalogue = written(
        "evaluate-catalogue.json",
        r#"{ "vocabulary": { "item": ["b", "z", "a", "c"] },
             "products": [{ "id": "z", "title": "Not in the log" }, { "id": "a", "title": "A" },
                          { "id": "b", "title": "B", "availability": "out_of_stock" }] }"#,
    );
    // z has the best score and is not ranked; a comes before c, b last.
    let path = table("own.onnx", &[0.0, -3.0, 9.0, -1.0, -2.0]);
    let more = ["--model", path.to_str().unwrap(), "--catalogue", catalogue.to_str().unwrap()];
    let report = on_lines("own", "a b c\n", "c a\na c\nc b\n", &more);
    close(figure(&report, "own.onnx", "mrr_20"), 100.0 * (1.0 + 1.0 / 2.0 + 1.0 / 3.0) / 3.0, "mrr_20");
    assert_eq!(report["train"]["items_the_catalogue_lacks"], 1);
}

#[test]
fn each_question_is_in_one_group_of_every_grouping() {
    let folder = repository("tests/vectors/baselines");
    let report = evaluate(&folder.join("train.txt"), &["--test", folder.join("test.txt").to_str().unwrap()]).json();
    let of = &report["rankers"]["vs_knn"];
    let groupings = of["groups"].as_object().unwrap();
    let names: Vec<&String> = groupings.keys().collect();
    assert_eq!(names, ["popularity", "prefix_length", "repeat", "session_length"]);
    for (name, groups) in groupings {
        let groups = groups.as_object().unwrap().values();
        let pairs: u64 = groups.clone().map(|group| group["pairs"].as_u64().unwrap()).sum();
        assert_eq!(of["pairs"], pairs, "{name}");
        let hits = groups.map(|group| group["pairs"].as_f64().unwrap() * group["recall_20"]["value"].as_f64().unwrap());
        close(hits.sum::<f64>() / pairs as f64, of["recall_20"]["value"].as_f64().unwrap(), name);
    }
}

#[test]
fn the_number_of_threads_changes_no_figure_and_the_seed_only_the_intervals() {
    let folder = repository("tests/vectors/baselines");
    let report = |words: &[&str]| {
        let test = folder.join("test.txt");
        let mut report =
            evaluate(&folder.join("train.txt"), &[&["--test", test.to_str().unwrap()], words].concat()).json();
        for ranker in report["rankers"].as_object_mut().unwrap().values_mut() {
            ranker.as_object_mut().unwrap().remove("us_per_query");
        }
        report
    };
    assert_eq!(report(&["--threads", "1"]), report(&["--threads", "3"]));
    let (one, two) = (report(&["--seed", "1"]), report(&["--seed", "2"]));
    for ranker in BASELINES {
        assert_eq!(figure(&one, ranker, "recall_20"), figure(&two, ranker, "recall_20"));
    }
    assert_ne!(one["rankers"]["vs_knn"]["recall_20"]["low"], two["rankers"]["vs_knn"]["recall_20"]["low"]);
}

#[test]
fn exactly_as_many_questions_are_asked_as_are_asked_for() {
    let sessions = "a b c d e f\n".repeat(4);
    for most in [1, 4, 5, 7, 19, 20, 21] {
        let path = scratch(&format!("most-{most}.jsonl"));
        let more = ["--max-queries", &most.to_string(), "--questions", path.to_str().unwrap()];
        let report = on_lines(&format!("most-{most}"), "a b c d e f\n", &sessions, &more);
        assert_eq!(report["test"]["pairs"], most.min(20), "{report}");
        assert_eq!(report["test"]["sampled"], most < 20);
        // A session whose end is not asked about is as long as it was.
        let lengths = &report["rankers"]["markov"]["groups"]["session_length"];
        assert_eq!(lengths["6-10"]["pairs"], most.min(20), "{lengths}");
        let text = std::fs::read_to_string(path).unwrap();
        let asked = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let asked = asked.map(|line| line["events"].as_array().unwrap().len() - 1);
        assert_eq!(asked.sum::<usize>(), most.min(20));
    }
}

#[test]
fn a_log_is_split_by_time_after_the_rare_items_are_gone() {
    // a and b occur five times, the others less; the last session ends a day after the others.
    let mut rows = "session,time,item\n".to_owned();
    for (session, items) in ["a b", "b a c", "a b", "b a", "d"].iter().enumerate() {
        for (step, item) in items.split(' ').enumerate() {
            rows += &format!("{session},{},{item}\n", 1_700_000_000 + 4000 * session + 60 * step);
        }
    }
    rows += "9,1700100000,a\n9,1700100060,d\n9,1700100120,b\n";
    let log = written("split.csv", rows);
    let report = evaluate(&log, &["--split-days", "0.5"]).json();
    let (train, test) = (&report["train"], &report["test"]);
    assert_eq!((&train["sessions"], &train["items"], &train["rare_items"]), (&4.into(), &2.into(), &2.into()));
    assert_eq!((&train["short_sessions"], &test["sessions"], &test["pairs"]), (&1.into(), &1.into(), &1.into()));
    let by_share = evaluate(&log, &["--split-share", "0.2"]).json();
    assert_eq!(by_share["test"], report["test"]);
    // With every item kept, c is in training; d is new, since its first session has one step.
    let all = evaluate(&log, &["--split-days", "0.5", "--min-count", "1"]).json();
    assert_eq!((&all["train"]["items"], &all["new_items"]["items"]), (&3.into(), &1.into()));
}

#[test]
fn the_training_part_that_was_written_is_the_one_that_was_learned_from() {
    let (part, log) = (scratch("part.jsonl"), fixture("retailrocket.tsv"));
    let facts = |ran: Ran| {
        let report = ran.json();
        ["sessions", "steps", "items"].map(|name| report["train"][name].clone())
    };
    let split = ["--split-share", "0.4", "--min-count", "1", "--train-out", part.to_str().unwrap()];
    let learned = facts(evaluate(&log, &split));
    assert_eq!(learned, [json!(2), json!(5), json!(4)]);
    assert_eq!(facts(evaluate(&part, &["--test", log.to_str().unwrap()])), learned);
}

#[test]
fn only_the_kinds_asked_for_are_steps() {
    let log = fixture("retailrocket.tsv");
    let steps = |more: &[&str]| {
        let words = ["--test", log.to_str().unwrap()];
        evaluate(&log, &[&words, more].concat()).json()["train"]["steps"].clone()
    };
    assert_eq!((steps(&[]), steps(&["--kinds", "view_item"])), (json!(8), json!(6)));
}

#[test]
fn what_was_asked_is_written_with_where_the_answers_stood() {
    let path = scratch("asked.jsonl");
    on_lines("asked", "a b\na c\na b\n", "a b\nb:0 a:7000\n", &["--questions", path.to_str().unwrap()]);
    let text = std::fs::read_to_string(path).unwrap();
    let asked: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&asked[0]["items"], &asked[0]["places"]["markov"]), (&json!(["a", "b"]), &json!([1])));
    let events = &asked[1]["events"];
    assert_eq!(events[1]["ts"].as_f64().unwrap() - events[0]["ts"].as_f64().unwrap(), 7000.0);
    assert_eq!(events[0]["items"], json!([{ "item_id": "b" }]));
}

#[test]
fn the_tables_for_people_have_a_row_for_each_ranker() {
    let (train, test) = lines("people", "a b\nb a c\n", "a b c\n");
    let ran = nearside(["evaluate", "--train", train.to_str().unwrap(), "--test", test.to_str().unwrap()]);
    for ranker in BASELINES {
        // The main table, and one for each grouping.
        assert_eq!(ran.stdout.lines().filter(|line| line.starts_with(&format!("{ranker} "))).count(), 5, "{ranker}");
    }
    assert!(ran.stdout.starts_with("training  2 sessions, 5 steps, 3 items, all of them ranked\n"), "{}", ran.stdout);
}

#[test]
fn a_part_without_sessions_is_refused_by_its_name() {
    let (train, test) = lines("empty", "a b\nb a\n", "x y\nz\n");
    let refused = |ran: Ran| {
        assert_eq!((ran.code, ran.error()), (1, "empty-split"), "{ran:?}");
        ran.json()["error"]["field"].clone()
    };
    assert_eq!(refused(evaluate(&train, &["--test", test.to_str().unwrap()])), "test");
    assert_eq!(refused(evaluate(&train, &["--split-days", "900", "--min-count", "1"])), "training");
    assert_eq!(refused(evaluate(&train, &["--split-share", "0.5"])), "training");
}

#[test]
fn a_test_of_what_training_never_saw_names_the_items_apart_and_is_empty() {
    let (train, test) = lines("strangers", "a b\n", "x y\n");
    let ran = evaluate(&train, &["--test", test.to_str().unwrap()]);
    assert!(ran.stderr.contains("none of 1 sessions is left in the test part"), "{}", ran.stderr);
}

#[test]
fn a_model_for_another_vocabulary_is_refused() {
    let model = repository("tests/vectors/bad_vocabulary.onnx");
    let (train, test) = lines("vocabulary", "a b\n", "a b\n");
    // The first of them suits; the other is the one that is named.
    let other = table("other-vocabulary.onnx", &[0.0, 0.1, 0.2]);
    let models = ["--model", other.to_str().unwrap(), model.to_str().unwrap()];
    let ran = evaluate(&train, &[&["--test", test.to_str().unwrap()], &models[..]].concat());
    assert_eq!((ran.code, ran.error()), (1, "vocabulary-mismatch"), "{ran:?}");
    assert!(ran.stderr.contains("bad_vocabulary.onnx: ") && !ran.stderr.contains("other-"), "{}", ran.stderr);
}

#[test]
fn a_vocabulary_that_is_no_list_is_refused() {
    let model = table("listless.onnx", &[0.0, 0.1, 0.2]);
    let (train, test) = lines("listless", "a b\n", "a b\n");
    let list = written("listless.json", r#"{ "items": [1, 2] }"#);
    let words = ["--model", model.to_str().unwrap(), "--vocabulary", list.to_str().unwrap()];
    let ran = evaluate(&train, &[&["--test", test.to_str().unwrap()], &words[..]].concat());
    assert_eq!((ran.code, ran.error()), (1, "invalid-vocabulary"), "{ran:?}");
}

#[test]
fn options_that_do_not_go_together_and_values_that_are_none_are_refused() {
    let (train, test) = lines("wrong", "a b\n", "a b\n");
    let test = test.to_str().unwrap();
    for (words, code) in [
        (&[][..], "missing-option"),
        (&["--test", test, "--split-days", "2"], "conflicting-options"),
        (&["--test", test, "--kinds", "page_view"], "invalid-option"),
        (&["--test", test, "--engine", "full"], "missing-option"),
    ] {
        let ran = evaluate(&train, words);
        assert_eq!((ran.code, ran.error()), (1, code), "{words:?}: {}", ran.stderr);
    }
}
