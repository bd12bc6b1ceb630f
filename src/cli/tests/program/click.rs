//! `nearside click`: lists, next items and tables of impressions to a file that `nearside check` accepts.

use std::path::{Path, PathBuf};

use crate::run::{Ran, fixture, nearside, scratch, shared, written};

fn click(more: &[&str], out: &Path) -> Ran {
    nearside([&["click", "--json", "--out", out.to_str().unwrap()], more].concat())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A table in which one brand is clicked every second time and the other every tenth, told by its own column names.
fn brands(name: &str, rows: usize) -> PathBuf {
    let mut table = "was_clicked,maker,shelf,price\n".to_owned();
    for row in 0..rows {
        let (maker, every) = if row % 2 == 0 { ("ajax", 2) } else { ("bolt", 10) };
        table += &format!("{},{maker},{},{}\n", u8::from(row / 2 % every == 0), row % 7, 5 + row % 3);
    }
    written(name, table)
}

#[test]
fn a_table_becomes_a_calibrated_model_that_both_engines_accept() {
    let (table, out) = (brands("click_brands.csv", 2000), scratch("click_brands.onnx"));
    let ran = click(&["--impressions", text(&table), "--columns", "clicked=was_clicked,ad.brand=maker"], &out);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    assert_eq!((&report["data"], &report["left_out"]["columns"]), (&"table".into(), &serde_json::json!(["shelf"])));
    assert_eq!((&report["examples"], &report["figures"]["examples"]), (&1800.into(), &200.into()));
    // 0.5 and 0.1, told apart wholly: 0.5 + 0.5 (0.833 - 0.357) is the best AUC.
    let auc = report["figures"]["auc"]["value"].as_f64().unwrap();
    assert!((auc - 0.738).abs() < 0.03, "{report}");
    assert!(report["figures"]["calibration_error"]["value"].as_f64().unwrap() < 0.03, "{report}");
    let checked = nearside(["check", text(&out), "--json"]).json();
    assert_eq!((&checked["verdict"], &checked["golden"]), (&"compact".into(), &2.into()));
    assert!(checked["description"].as_str().unwrap().contains("1800 impressions"), "{checked}");

    let page = nearside(["click", "--impressions", text(&table), "--columns", "clicked=was_clicked", "-o", text(&out)]);
    for part in ["AUC", "calibration error", "2 columns without a place in the contract: maker, shelf"] {
        assert!(page.stdout.contains(part), "{part} is missing in {}", page.stdout);
    }
}

#[test]
fn next_items_beside_drawn_ones_have_the_chance_of_one_among_all() {
    // Sessions that stay among the ten items of their category.
    let mut log = "session\ttime\titem\tcategory\n".to_owned();
    for session in 0..300usize {
        for step in 0..4 {
            let (category, item) = (session % 5, (session * 7 + step * (3 + session % 4)) % 10);
            log +=
                &format!("{session}\t{}\ti{category}-{item}\tc{category}\n", 1_700_000_000 + 600 * session + 60 * step);
        }
    }
    let (log, out) = (written("click_next.tsv", log), scratch("click_next.onnx"));
    let ran = click(&["--events", text(&log), "--negatives", "9"], &out);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    let figure = |name: &str| report["figures"][name]["value"].as_f64().unwrap();
    // One of the 35 items that occur is next.
    assert!((figure("rate") - 1.0 / 35.0).abs() < 1e-9, "{report}");
    assert!((figure("predicted") - figure("rate")).abs() < 2e-3, "{report}");
    assert!(figure("auc") > 0.85 && figure("normalised_entropy") < 0.9, "{report}");
    assert_eq!(nearside(["check", text(&out)]).code, 0);
    // Its chances rank the log itself.
    let replayed = nearside(["replay", "--json", "--events", text(&log), "--model", text(&out)]).json();
    assert!(replayed["rankers"]["compact"]["recall_20"].as_f64().unwrap() > 90.0, "{replayed}");
}

#[test]
fn what_cannot_be_learnt_from_is_refused_with_a_code_and_a_remedy() {
    let out = scratch("click_refused.onnx");
    let table = |name: &str, text: &str| written(name, text).display().to_string();
    let all = |label: &str| "click,brand\n".to_owned() + &format!("{label},a\n").repeat(40);
    let brands = brands("click_refused.csv", 100).display().to_string();
    let views = fixture("retailrocket.tsv").display().to_string();
    let marked = ["--columns", "clicked=was_clicked"];
    for (words, code) in [
        (vec!["--impressions", &table("click_none.csv", &all("0"))], "no-clicks"),
        (vec!["--impressions", &table("click_all.csv", &all("1"))], "only-clicks"),
        (vec!["--impressions", &table("click_label.csv", &all("maybe"))], "invalid-label"),
        (vec!["--impressions", &brands], "missing-column"),
        ([&["--impressions", &brands, "--features", "pair.mood"][..], &marked].concat(), "unknown-feature"),
        ([&["--impressions", &brands, "--features", "context.page"][..], &marked].concat(), "option-out-of-range"),
        ([&["--impressions", &brands, "--validation", "0"][..], &marked].concat(), "option-out-of-range"),
        (vec!["--impressions", &table("click_libfm.txt", "1 3:1 4:1\n")], "missing-index"),
        // Views without lists: there is nothing that was shown.
        (vec!["--events", &views], "no-clicks"),
    ] {
        let ran = click(&words, &out);
        assert_eq!((ran.code, ran.error()), (1, code), "{words:?}: {}", ran.stderr);
        assert_eq!(ran.json()["error"]["code"], code);
        assert!(ran.stderr.contains("\nremedy: "), "{}", ran.stderr);
    }
    assert_eq!(click(&["--impressions", &brands, "--columns", "ad.mood=x"], &out).error(), "invalid-option");
    assert_eq!(click(&[], &out).error(), "missing-option");
}

#[test]
fn where_no_click_is_and_why_is_told() {
    let out = scratch("click_where.onnx");
    let views = fixture("retailrocket.tsv").display().to_string();
    let home = |_| r#"{"type":"home"}"#;
    let shown = lists("click_where.jsonl", 60, home).display().to_string();
    let lobby = lists("click_where_lobby.jsonl", 60, |_| r#"{"type":"lobby"}"#).display().to_string();
    let lines = |name: &str, keep: &dyn Fn(&str) -> bool| {
        let text = std::fs::read_to_string(&shown).unwrap();
        written(name, text.lines().filter(|line| keep(line)).map(|line| format!("{line}\n")).collect::<String>())
    };
    let clicks = lines("click_where_alone.jsonl", &|line| line.contains("select_item")).display().to_string();
    let unclicked = lines("click_where_never.jsonl", &|line| !line.contains("select_item")).display().to_string();
    let other =
        written("click_where_other.json", r#"{ "products": [{ "id": "b", "title": "B" }] }"#).display().to_string();
    let table = |name: &str, labels: [usize; 2]| {
        let rows = |clicks: usize| (0..20).map(move |row| format!("{},a{}\n", u8::from(row < clicks), row % 3));
        written(name, format!("click,brand\n{}", labels.into_iter().flat_map(rows).collect::<String>()))
    };
    let [old, new] = [("old", [9, 0]), ("new", [0, 9])]
        .map(|(name, labels)| table(&format!("click_where_{name}.csv"), labels).display().to_string());
    for (words, part, examples, why, remedy) in [
        (&["--events", &views][..], "training", "0", "the log shows no list (", "--negatives"),
        (&["--events", &clicks], "training", "0", "the log shows no list (", "--negatives"),
        (&["--events", &lobby], "training", "0", "none of the 60 lists can be used", "page and device"),
        (&["--events", &unclicked], "training", "108", "nothing was clicked", "select_item"),
        (
            &["--events", &shown, "--catalogue", &other],
            "training",
            "54",
            "the catalogue lacks 30 items that were",
            "ids",
        ),
        (&["--events", &shown, "--test", &unclicked], "test", "120", "nothing was clicked", "select_item"),
        (
            &["--events", &shown, "--validation", "0.001"],
            "validation",
            "0",
            "all 30 clicks are in the other",
            "Raise --val",
        ),
        (
            &["--impressions", &old, "--validation", "0.5"],
            "validation",
            "20",
            "all 9 clicks are in the other",
            "--test",
        ),
        (
            &["--impressions", &new, "--validation", "0.5"],
            "training",
            "20",
            "all 9 clicks are in the other",
            "Lower --val",
        ),
    ] {
        let ran = click(words, &out);
        assert_eq!((ran.code, ran.error()), (1, "no-clicks"), "{words:?}: {}", ran.stderr);
        let error = ran.json()["error"].clone();
        assert_eq!((&error["field"], &error["value"]), (&part.into(), &examples.into()), "{words:?}: {error}");
        assert!(error["message"].as_str().unwrap().contains(why), "{words:?}: {error}");
        assert!(error["remedy"].as_str().unwrap().contains(remedy), "{words:?}: {error}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_model_that_cannot_be_written_leaves_the_old_one() {
    let (table, out) = (brands("click_full.csv", 400), scratch("click_full.onnx"));
    std::fs::write(&out, "old").unwrap();
    let part = out.with_extension("part");
    let _ = std::fs::remove_file(&part);
    std::os::unix::fs::symlink("/dev/full", &part).unwrap();
    let ran = click(&["--impressions", text(&table), "--columns", "clicked=was_clicked,ad.brand=maker"], &out);
    assert_eq!((ran.code, ran.error()), (1, "unwritable-file"), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "old");
}

#[test]
fn real_impressions_are_read_with_what_has_a_place_and_what_has_none() {
    let [Some(train), Some(test), Some(index)] =
        ["train", "test", "featindex"].map(|name| shared(&format!("ipinyou_2997_sample/{name}.fm.txt.gz")))
    else {
        return;
    };
    let out = scratch("click_ipinyou.onnx");
    let words = ["--impressions", text(&train), "--test", text(&test), "--index", text(&index)];
    let ran = click(&words, &out);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    // A tenth of the 26,773 rows calibrates.
    assert_eq!((&report["examples"], &report["figures"]["examples"]), (&24_096.into(), &21_150.into()));
    assert_eq!(report["figures"]["clicks"], 50);
    let columns = report["left_out"]["columns"].as_array().unwrap();
    assert!(columns.contains(&"slotprice".into()) && columns.len() == 11, "{report}");
    assert!(report["weights"]["profile.basic"].as_array().unwrap().iter().any(|weight| weight != 0.0), "{report}");
    let interval = |name: &str| report["figures"][name]["low"].as_f64() < report["figures"][name]["high"].as_f64();
    assert!(interval("auc") && interval("log_loss") && interval("calibration_error"), "{report}");
    assert_eq!(nearside(["check", text(&out)]).code, 0);
}

#[test]
fn impressions_with_histories_teach_profiles() {
    let Some(table) = shared("ctr_format_samples/alimama_sample.txt.gz") else { return };
    let out = scratch("click_alimama.onnx");
    // Its two clicks are among the first 44 of 99 rows, so there is nothing newer to be measured on.
    let newest = click(&["--impressions", text(&table)], &out);
    assert_eq!(newest.error(), "no-clicks");
    let ran = click(&["--impressions", text(&table), "--test", text(&table)], &out);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    assert_eq!((&report["figures"]["examples"], &report["figures"]["clicks"]), (&99.into(), &2.into()));
    for feature in ["profile.interest", "pair.category", "profile.basic", "ad.embedding"] {
        let weights = report["weights"][feature].as_array().unwrap();
        assert!(weights.iter().any(|weight| weight.as_f64() != Some(0.0)), "{feature}: {report}");
    }
    let columns = report["left_out"]["columns"].as_array().unwrap();
    for column in ["cont_btag", "occupation", "shopping_level", "campaign_id"] {
        assert!(columns.contains(&column.into()), "{column}: {report}");
    }
}

#[test]
fn rows_without_a_label_are_counted_and_ten_are_shown_and_strictly_the_first_is_the_end() {
    let (out, bad) = (scratch("click_rows.onnx"), "maybe,ajax,1,5\n".repeat(12));
    let table = brands("click_rows.csv", 400);
    std::fs::write(&table, std::fs::read_to_string(&table).unwrap() + &bad).unwrap();
    let words = ["--impressions", text(&table), "--columns", "clicked=was_clicked,ad.brand=maker"];
    let ran = click(&words, &out);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.json()["left_out"]["skipped_rows"], 12);
    assert!(ran.stderr.contains("click_rows.csv:402: clicked is `maybe`, neither 0 nor 1\n"), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("neither 0 nor 1").count(), 10);
    assert!(ran.stderr.contains("skipped 2 more rows"), "{}", ran.stderr);

    let strict = click(&[&words[..], &["--strict"]].concat(), &out);
    assert_eq!((strict.code, strict.error()), (1, "unusable-row"), "{}", strict.stderr);
    assert!(strict.stderr.contains(":402: ") && !strict.stderr.contains(":403: "), "{}", strict.stderr);
}

/// A log of lists of two items, of which the first is clicked in every second session.
fn lists(name: &str, sessions: usize, page: impl Fn(usize) -> &'static str) -> PathBuf {
    let mut log = String::new();
    for session in 0..sessions {
        let (page, at) = (page(session), 1_700_000_000_000u64 + 4_000_000 * session as u64);
        let event = |kind: &str, at: u64, items: &str| {
            format!(
                r#"{{"session":"s{session}","event":"{kind}","ts":{at},"item_list_id":"top","page":{page},"items":[{items}]}}"#
            )
        };
        let item = |id: &str| format!(r#"{{"item_id":"{id}","item_category":"{id}"}}"#);
        log += &(event("view_item_list", at, &[item("a"), item("b")].join(",")) + "\n");
        if session % 2 == 0 {
            log += &(event("select_item", at + 1000, &item("a")) + "\n");
        }
    }
    written(name, log)
}

#[test]
fn a_list_on_a_page_of_no_known_type_is_left_out_and_told_and_strictly_it_is_the_end() {
    let out = scratch("click_pages.onnx");
    let log = lists("click_pages.jsonl", 120, |session| match session {
        7 | 9 | 30..=40 => r#"{"type":"lobby"}"#,
        _ => r#"{"type":"home"}"#,
    });
    let ran = click(&["--events", text(&log), "--threads", "3"], &out);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    assert_eq!(report["left_out"]["unusable_lists"], 13);
    // Two items in each list that is left; the newest tenth of the sessions with one is held out.
    assert_eq!(report["examples"].as_u64().unwrap() + report["figures"]["examples"].as_u64().unwrap(), 2 * 107);
    let told: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(told.len(), 11, "{}", ran.stderr);
    assert!(told[0].starts_with("skipped the list of session s7, event 1: `page.type` cannot be lobby"), "{}", told[0]);
    assert!(told[1].contains("session s9,") && told[2].contains("session s30,"));
    assert_eq!(told[10], "skipped 3 more lists");

    let strict = click(&["--events", text(&log), "--threads", "3", "--strict"], &out);
    assert_eq!((strict.code, strict.error()), (1, "unusable-row"), "{}", strict.stderr);
    assert_eq!(strict.json()["error"]["field"], "page.type");
    assert!(strict.stderr.contains("session s7, event 1") && strict.stderr.lines().count() == 2, "{}", strict.stderr);
}
