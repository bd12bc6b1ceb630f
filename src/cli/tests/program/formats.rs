//! Every kind of log that is read without being told how, and the slates it leads to.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::run::{Ran, fixture, nearside, replay, scratch, written};

/// Events, sessions, items, predictions, and what the catalogue was derived from.
fn shape(name: &str) -> Value {
    let ran = replay(&fixture(name), &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    assert_eq!(report["skipped_rows"], 0, "{}", ran.stderr);
    assert_eq!(report["ignored"], json!({}), "the engine learns from every event of {name}");
    json!([
        report["events"],
        report["sessions"],
        report["items"],
        report["predictions"],
        report["catalogue"]["derived_from"]
    ])
}

#[test]
fn retailrocket_is_read() {
    assert_eq!(shape("retailrocket.tsv"), json!([8, 3, 4, 5, ["id", "category"]]));
}

#[test]
fn rees46_is_read_with_brand_and_price() {
    assert_eq!(shape("rees46.csv"), json!([5, 2, 3, 3, ["id", "category", "brand", "price"]]));
}

#[test]
fn yoochoose_is_read() {
    assert_eq!(shape("yoochoose.tsv"), json!([4, 2, 4, 2, ["id", "category"]]));
}

#[test]
fn diginetica_is_read_with_its_semicolons() {
    assert_eq!(shape("diginetica.csv"), json!([5, 2, 4, 3, ["id"]]));
}

#[test]
fn session_lines_are_read_with_and_without_times() {
    assert_eq!(shape("sessions.txt"), json!([6, 2, 4, 4, ["id"]]));
}

#[test]
fn json_lines_are_read_and_only_what_the_shopper_went_for_is_predicted() {
    // The search and the list are events, but not what came next.
    assert_eq!(shape("events.jsonl"), json!([8, 3, 4, 3, ["id", "name", "category", "brand", "price"]]));
}

#[test]
fn a_compressed_log_gives_the_figures_of_the_plain_one() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&std::fs::read(fixture("retailrocket.tsv")).unwrap()).unwrap();
    let path = written("compressed.tsv.gz", gzip.finish().unwrap());
    let figure = |ran: Ran| ran.json()["rankers"]["cosine"]["mrr_20"].clone();
    assert_eq!(figure(replay(&path, &[])), figure(replay(&fixture("retailrocket.tsv"), &[])));
}

#[test]
fn several_files_are_one_log() {
    let (first, second) = (fixture("retailrocket.tsv"), fixture("yoochoose.tsv"));
    let words = ["replay", "--json", "--events", first.to_str().unwrap(), second.to_str().unwrap()];
    let report = nearside(words).json();
    assert_eq!((&report["events"], &report["sessions"], &report["items"]), (&json!(12), &json!(5), &json!(4)));
}

#[test]
fn the_events_become_ga4s_and_the_catalogue_can_be_had() {
    let path = scratch("derived.json");
    let ran = replay(&fixture("rees46.csv"), &["--catalogue-out", path.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let catalogue: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let kettle =
        json!({ "id": "k1", "title": "k1", "product_type": "kitchen > kettles", "brand": "Acme, Ltd", "price": 24.9 });
    assert_eq!(catalogue["products"][0], kettle);
    assert_eq!(catalogue["products"][2]["product_type"], "501");
    assert_eq!(catalogue["placements"], json!([{ "id": "replay", "max_ads": 20, "exclude": [] }]));
}

#[test]
fn slates_are_written_in_the_order_of_sessions_and_steps() {
    let path = scratch("slates.jsonl");
    replay(&fixture("retailrocket.tsv"), &["--slates", path.to_str().unwrap()]);
    let text = std::fs::read_to_string(path).unwrap();
    let slates: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let order: Vec<Value> = slates.iter().map(|s| json!([s["session"], s["step"]])).collect();
    assert_eq!(json!(order), json!([["10", 1], ["10", 2], ["11", 1], ["12", 1], ["12", 2]]));
    // What was looked at comes first, then its category.
    assert_eq!(slates[0]["slate"][0], "k1");
    assert_eq!(slates[0]["slate"][1], "k2");
    assert_eq!(slates[0]["at"], 1_700_000_000_000_u64);
    // A bought or carted item competes too: it may be what comes next.
    assert_eq!(slates[1]["slate"].as_array().unwrap().len(), 4);
}

#[test]
fn a_visitors_memory_reaches_over_sessions_where_asked() {
    let slate = |memory: &str| {
        let path = scratch(&format!("memory-{memory}.jsonl"));
        replay(&fixture("retailrocket.tsv"), &["--memory", memory, "--slates", path.to_str().unwrap()]);
        let text = std::fs::read_to_string(path).unwrap();
        let first_of_last_session: Value = serde_json::from_str(text.lines().nth(3).unwrap()).unwrap();
        first_of_last_session["slate"].clone()
    };
    // The session begins with a toaster; the visitor put the kettle k2 into the cart the day before.
    assert_eq!(slate("session")[0], "t1");
    assert_eq!(slate("visitor")[0], "k2");
}
