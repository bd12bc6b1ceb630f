//! Logs and catalogues that cannot be used: each says what is wrong and what to do.

use crate::run::{Ran, fixture, nearside, replay, repository, scratch, written};
use crate::train::{folder, train};

/// The error, which must come with a remedy, exit code 1, and as JSON on standard output.
fn refused(ran: &Ran) -> &str {
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.lines().any(|line| line.starts_with("remedy: ") && line.len() > 20), "{}", ran.stderr);
    let json = ran.json();
    assert_eq!(json["error"]["code"], ran.error());
    assert!(json["error"]["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()));
    ran.error()
}

#[test]
fn missing_columns_are_named_with_what_is_there_and_the_map_that_would_do() {
    let ran = replay(&fixture("shop_words.csv"), &[]);
    assert_eq!(refused(&ran), "missing-column");
    assert!(ran.stderr.contains("no column for session (or visitor), time, item, only cookie, when, article_no, what"));
    assert!(ran.stderr.contains("--map session=COLUMN,time=when,item=article_no"), "{}", ran.stderr);
}

#[test]
fn with_a_map_the_same_file_is_read_and_the_rows_that_cannot_be_used_are_told() {
    let ran = replay(&fixture("shop_words.csv"), &["--map", "visitor=cookie,time=when,item=article_no,event=what"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    assert_eq!((&report["events"], &report["skipped_rows"]), (&3.into(), &5.into()));
    for told in [
        ":4: the event `teleport` is not known",
        ":5: `soon` is no time after 1972",
        ":6: neither a session nor a visitor",
        ":7: no item",
        ":8: 2 fields, the header has 4",
    ] {
        assert!(ran.stderr.contains(told), "{told} is missing in {}", ran.stderr);
    }
}

#[test]
fn a_strict_reading_stops_at_the_first_row_that_cannot_be_used() {
    let map = "visitor=cookie,time=when,item=article_no,event=what";
    let ran = replay(&fixture("shop_words.csv"), &["--map", map, "--strict"]);
    assert_eq!(refused(&ran), "unusable-row");
    assert!(ran.stderr.contains(":4: the event `teleport` is not known"), "{}", ran.stderr);
    assert!(!ran.stderr.contains(":5:"), "{}", ran.stderr);
}

#[test]
fn a_map_to_a_column_that_is_not_there_names_those_that_are() {
    let ran = replay(&fixture("shop_words.csv"), &["--map", "item=sku"]);
    assert_eq!(refused(&ran), "missing-column");
    assert!(ran.stderr.contains("has no column sku, only cookie, when"), "{}", ran.stderr);
}

#[test]
fn only_the_first_ten_bad_rows_are_shown() {
    let rows: String = (0..25).map(|i| format!("s,never{i},a\n")).collect();
    let path = written("many-bad.csv", format!("session,time,item\ns,1700000000,a\ns,1700000001,b\n{rows}"));
    let ran = replay(&path, &[]);
    assert_eq!(ran.json()["skipped_rows"], 25);
    assert_eq!(ran.stderr.matches("is no time").count(), 10);
    assert!(ran.stderr.contains("skipped 15 more rows"), "{}", ran.stderr);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let ran = replay(&scratch("no-such-log.csv"), &[]);
    assert_eq!(refused(&ran), "unreadable-file");
    assert!(ran.stderr.contains("no-such-log.csv"));
}

#[test]
fn a_compressed_file_that_breaks_off_is_refused_and_not_half_read() {
    let mut whole = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let rows: String = (0..5000).map(|i| format!("{i},{},p{}\n", 1_700_000_000 + 7 * i, (i * i) % 97)).collect();
    std::io::Write::write_all(&mut whole, format!("session,time,item\n{rows}").as_bytes()).unwrap();
    let mut bytes = whole.finish().unwrap();
    bytes.truncate(bytes.len() / 2);
    assert_eq!(refused(&replay(&written("cut.csv.gz", bytes), &[])), "unreadable-file");
}

#[test]
fn a_model_handed_over_as_a_log_is_no_log() {
    assert_eq!(refused(&replay(&repository("tests/vectors/gru.onnx"), &[])), "unknown-format");
}

#[test]
fn an_empty_file_and_one_without_usable_rows_are_empty_logs() {
    assert_eq!(refused(&replay(&written("empty.csv", ""), &[])), "empty-log");
    assert_eq!(refused(&replay(&written("header.csv", "session,time,item\n"), &[])), "empty-log");
    assert_eq!(refused(&replay(&written("broken.jsonl", "{\"event\":\n{]\n"), &[])), "empty-log");
}

#[test]
fn sessions_of_one_step_leave_nothing_to_predict() {
    let path = written("single.csv", "session,time,item\n1,1700000000,a\n2,1700000000,b\n");
    assert_eq!(refused(&replay(&path, &[])), "nothing-to-predict");
}

#[test]
fn a_catalogue_the_core_refuses_is_refused_with_the_cores_code() {
    for (name, text, code) in [
        ("broken.json", "{ \"products\": [", "invalid-json"),
        ("none.json", "{ \"products\": [] }", "empty-catalogue"),
        ("twice.json", r#"{ "products": [{ "id": "a", "title": "A" }, { "id": "a", "title": "B" }] }"#, "duplicate-id"),
    ] {
        let catalogue = written(name, text);
        let ran = replay(&fixture("retailrocket.tsv"), &["--catalogue", catalogue.to_str().unwrap()]);
        assert_eq!(refused(&ran), code);
        assert!(ran.stderr.contains(name), "{}", ran.stderr);
    }
}

#[test]
fn a_model_for_another_catalogue_does_not_rank_this_one() {
    let model = repository("tests/vectors/bad_vocabulary.onnx");
    let ran = replay(&fixture("retailrocket.tsv"), &["--model", model.to_str().unwrap()]);
    assert_eq!(refused(&ran), "vocabulary-mismatch");
}

#[test]
fn a_broken_model_stops_the_replay() {
    let model = repository("tests/vectors/bad_truncated.onnx");
    let ran = replay(&fixture("retailrocket.tsv"), &["--model", model.to_str().unwrap()]);
    assert_eq!(refused(&ran), "model-damaged");
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let ran = replay(&fixture("retailrocket.tsv"), &["--slates", "/no/such/folder/slates.jsonl"]);
    assert_eq!(refused(&ran), "unwritable-file");
}

/// A log of 300 sessions round a ring of ten items, and what a gzip of it begins with.
fn ring() -> (String, Vec<u8>) {
    let row = |row: usize| format!("{},{},p{}\n", row / 3, 1_700_000_000 + 7 * row, (row / 3 + row) % 10);
    let text = format!("session,time,item\n{}", (0..900).map(row).collect::<String>());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gzip, text.as_bytes()).unwrap();
    let mut bytes = gzip.finish().unwrap();
    bytes.truncate(bytes.len() / 2);
    (text, bytes)
}

#[test]
fn what_no_model_can_be_learnt_from_is_refused_and_leaves_no_model() {
    let out = folder("bad_train");
    let singles: String = (0..50).map(|i| format!("{i},1700000000,p{}\n", i % 5)).collect();
    for (name, bytes, code, remedy) in [
        ("bad_train_empty.csv", Vec::new(), "empty-log", "a row for every event"),
        ("bad_train_blank.txt", b"\n\n \n".to_vec(), "empty-log", "a row for every event"),
        ("bad_train_unusable.csv", b"session,time,item\n1,soon,a\n".to_vec(), "empty-log", "skipped rows above"),
        ("bad_train_binary", (0..=255).rev().cycle().take(3000).collect(), "unknown-format", "CSV, TSV"),
        ("bad_train_cut.csv.gz", ring().1, "unreadable-file", "complete"),
        ("bad_train_cut.parquet", b"PAR1\x15\x04\x15\x10".to_vec(), "unreadable-file", "complete"),
        ("bad_train_columns.csv", b"visit,when,sku_no\n1,1700000000,a\n".to_vec(), "missing-column", "item=sku_no"),
        ("bad_train_singles.csv", format!("session,time,item\n{singles}").into(), "too-few-sessions", "two steps"),
    ] {
        let ran = train(&written(name, bytes), &out, &["--width", "8"]);
        assert_eq!(refused(&ran), code, "{name}");
        let told = ran.stderr.lines().find(|line| line.starts_with("remedy: ")).unwrap();
        assert!(told.contains(remedy), "{name}: {told}");
    }
    let directory = folder("bad_train_directory");
    std::fs::create_dir(&directory).unwrap();
    let ran = train(&directory, &out, &[]);
    assert_eq!(refused(&ran), "unreadable-file");
    assert!(ran.stderr.contains("Give the files in the folder"), "{}", ran.stderr);
    assert!(!out.join("model.onnx").exists() && !out.join("vocabulary.json").exists());
}

#[test]
fn training_counts_the_rows_it_skips_and_shows_ten_and_strictly_it_stops_at_the_first() {
    let (out, bad) = (folder("bad_train_rows"), "s,soon,a\n".repeat(12) + "7,1700000001,\"a\n7,1700000002,b\n");
    let log = written("bad_train_rows.csv", ring().0 + &bad);
    let small = ["--width", "8", "--epochs", "1", "--teachers", "0"];
    let ran = train(&log, &out, &small);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    assert_eq!((&report["skipped_rows"], &report["sessions"]["short"]), (&13.into(), &0.into()));
    assert_eq!(ran.stderr.matches("`soon` is no time").count(), 10);
    assert!(ran.stderr.contains("skipped 3 more rows"), "{}", ran.stderr);

    let ran = train(&log, &out, &[&small[..], &["--strict"]].concat());
    assert_eq!(refused(&ran), "unusable-row");
    assert!(ran.stderr.contains("bad_train_rows.csv:902: `soon` is no time"), "{}", ran.stderr);
}

#[test]
fn a_quote_that_is_not_closed_is_told() {
    let path =
        written("quote.csv", "session,time,item\n1,1700000000,a\n1,1700000001,b\n2,1700000002,\"c\n2,1700000003,d\n");
    let ran = replay(&path, &[]);
    assert_eq!(ran.json()["skipped_rows"], 1);
    assert!(
        ran.stderr.contains(":4: a name goes over several lines: a quote is opened and not closed"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_is_read_is_never_written_over() {
    let out = folder("written_over");
    std::fs::create_dir_all(&out).unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(out.join(name), text).unwrap();
        out.join(name).display().to_string()
    };
    let log = file("train.jsonl", &ring().0);
    let roundabout = out.join("../written_over/train.jsonl").display().to_string();
    let catalogue = file("catalogue.json", r#"{ "products": [{ "id": "a", "title": "A" }] }"#);
    let folder = out.display().to_string();
    let files = || std::fs::read_dir(&out).unwrap().count();
    for words in [
        &["click", "--events", &log, "-o", &log][..],
        &["click", "--impressions", &log, "--test", &catalogue, "-o", &catalogue],
        &["evaluate", "--train", &log, "--split-days", "1", "--train-out", &roundabout],
        &["evaluate", "--train", &catalogue, "--test", &log, "--questions", &log],
        &["replay", "--events", &log, "--slates", &log],
        &["replay", "--events", &log, "--catalogue", &catalogue, "--catalogue-out", &catalogue],
        &["simulate", "--catalogue", &catalogue, "-o", &catalogue],
        &["embed", "--catalogue", &catalogue, "--content", &log, "--out", &catalogue],
        &["embed", "--events", &log, "--content", &log, "--out", &log],
        &["rules", "--events", &log, "--out", &folder],
        &["train", "--events", &log, "--out", &folder],
    ] {
        let ran = nearside([words, &["--json"]].concat());
        assert_eq!(refused(&ran), "output-is-input", "{words:?}");
        let value = &ran.json()["error"]["value"];
        assert!([&log, &roundabout, &catalogue].iter().any(|path| value == *path), "{words:?}: {}", ran.stderr);
        assert_eq!((std::fs::read_to_string(&log).unwrap(), files()), (ring().0, 2), "{words:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_to_what_is_read_is_not_written_through() {
    let log = written("linked.csv", ring().0);
    let link = scratch("linked-out.jsonl");
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(&log, &link).unwrap();
    assert_eq!(refused(&replay(&log, &["--slates", link.to_str().unwrap()])), "output-is-input");
    assert_eq!(std::fs::read_to_string(&log).unwrap(), ring().0);
}
