//! The figures of a log small enough to be worked out by hand.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::Value;

use crate::run::{fixture, nearside, replay, repository, written};

/// Items stand 7 degrees apart on a half circle, so what is nearest to an item is plain to see.
const ITEMS: usize = 24;

fn catalogue(of: &str) -> PathBuf {
    let products: Vec<Value> = (0..ITEMS)
        .map(|item| {
            let angle = (7.0 * item as f64).to_radians();
            let embedding = [angle.cos(), angle.sin()];
            serde_json::json!({ "id": format!("p{item:02}"), "title": "An item", "embedding": embedding })
        })
        .collect();
    written(
        &format!("half-circle-{of}.json"),
        serde_json::json!({ "version": "half-circle", "products": products }).to_string(),
    )
}

/// Five sessions of two views, one after the other.
fn log(of: &str) -> PathBuf {
    let pairs = [("p00", "p05"), ("p00", "p15"), ("p00", "p22"), ("p00", "p00"), ("p23", "p05")];
    let mut text = "session,time,item\n".to_owned();
    for (session, (first, second)) in pairs.iter().enumerate() {
        let start = 1_700_000_000 + 10_000 * session;
        write!(text, "{session},{start},{first}\n{session},{},{second}\n", start + 60).unwrap();
    }
    written(&format!("half-circle-{of}.csv"), text)
}

fn figures(ranker: &str) -> [f64; 6] {
    let catalogue = catalogue(ranker);
    let ran = replay(&log(ranker), &["--catalogue", catalogue.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let figures = &ran.json()["rankers"][ranker];
    assert_eq!((&figures["predictions"], &figures["events"]), (&5.into(), &10.into()));
    ["recall_10", "recall_20", "mrr_10", "mrr_20", "ndcg_20", "coverage_20"].map(|name| figures[name].as_f64().unwrap())
}

fn same(got: [f64; 6], expected: [f64; 6]) {
    // Percentages computed in `f64` from sums of five terms.
    const TOLERANCE: f64 = 1e-9;
    let close = got.iter().zip(expected).all(|(a, b)| (a - b).abs() < TOLERANCE);
    assert!(close, "{got:?} should be {expected:?}");
}

/// The percentage of a mean over the five rankings.
fn mean(terms: &[f64]) -> f64 {
    100.0 * terms.iter().sum::<f64>() / 5.0
}

#[test]
fn the_cosine_scorer_ranks_by_distance() {
    // Places 6, 16, 23, 1, 19. From p00 the top 20 are p00 to p19, from p23 they are p04 to p23.
    let ndcg = mean(&[1.0 / 7f64.log2(), 1.0 / 17f64.log2(), 1.0, 1.0 / 20f64.log2()]);
    let mrr_20 = mean(&[1.0 / 6.0, 1.0 / 16.0, 1.0, 1.0 / 19.0]);
    same(figures("cosine"), [40.0, 80.0, mean(&[1.0 / 6.0, 1.0]), mrr_20, ndcg, 100.0]);
}

#[test]
fn popularity_knows_only_what_came_before() {
    // p05, p15 and p22 are new when they come; p00 is the most frequent by then; p05 is second at the end,
    // before p15, p22 and p23, which occurred as often.
    let ndcg = mean(&[1.0, 1.0 / 3f64.log2()]);
    same(figures("popularity"), [40.0, 40.0, mean(&[1.0, 0.5]), mean(&[1.0, 0.5]), ndcg, 100.0 * 5.0 / 24.0]);
}

#[test]
fn session_popularity_puts_the_sessions_own_first() {
    // In the last session p23 comes first, then p00 and p05, which are popular.
    let third = 1.0 / 3.0;
    let ndcg = mean(&[1.0, 0.5]);
    same(
        figures("session_popularity"),
        [40.0, 40.0, mean(&[1.0, third]), mean(&[1.0, third]), ndcg, 100.0 * 5.0 / 24.0],
    );
}

#[test]
fn the_number_of_threads_changes_no_figure() {
    let figures = |threads: &str| {
        let mut report = replay(&fixture("retailrocket.tsv"), &["--threads", threads]).json();
        for ranker in report["rankers"].as_object_mut().unwrap().values_mut() {
            let ranker = ranker.as_object_mut().unwrap();
            ranker.retain(|name, _| !name.starts_with("us_per_"));
        }
        report
    };
    assert_eq!(figures("1"), figures("3"));
}

#[test]
fn fewer_sessions_are_ranked_over_the_same_items() {
    let report = replay(&fixture("retailrocket.tsv"), &["--max-sessions", "1"]).json();
    assert_eq!((&report["sessions"], &report["predictions"], &report["items"]), (&1.into(), &2.into(), &4.into()));
}

#[test]
fn an_item_that_the_catalogue_lacks_is_counted_as_unknown() {
    let catalogue = written(
        "small.json",
        r#"{ "products": [{ "id": "k1", "title": "Kettle" }], "placements": [{ "id": "replay", "max_ads": 1 }] }"#,
    );
    let report = replay(&fixture("retailrocket.tsv"), &["--catalogue", catalogue.to_str().unwrap()]).json();
    assert_eq!((&report["items"], &report["unknown_targets"]), (&1.into(), &4.into()));
    // Session 12 goes from t1 to k1: the one prediction that can come true.
    assert_eq!(report["rankers"]["cosine"]["recall_20"], 20.0);
}

#[test]
fn a_model_is_measured_beside_the_others() {
    let model = repository("tests/vectors/pair_logit.onnx");
    let ran = replay(&fixture("retailrocket.tsv"), &["--model", model.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let rankers = ran.json()["rankers"].clone();
    let names: Vec<&String> = rankers.as_object().unwrap().keys().collect();
    assert_eq!(names, ["compact", "cosine", "popularity", "session_popularity"]);
    assert_eq!((&rankers["compact"]["predictions"], &rankers["compact"]["fallbacks"]), (&5.into(), &0.into()));
}

#[test]
fn the_table_for_people_has_a_row_for_each_ranker() {
    let log = fixture("retailrocket.tsv");
    let ran = nearside(["replay", "--events", log.to_str().unwrap()]);
    let first_words: Vec<&str> = ran.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(first_words, ["8", "4", "5", "percent", "cosine", "popularity", "session_popularity"]);
    assert!(ran.stdout.contains("catalogue derived from the log: id, category"), "{}", ran.stdout);
}
