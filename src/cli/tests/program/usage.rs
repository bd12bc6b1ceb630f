//! Command lines that cannot be used: each is an error like every other, with a code, the word at fault and a remedy.

use crate::run::nearside;

/// The error as JSON, which must also stand on standard error, with exit code 1.
fn refused(words: &[&str]) -> serde_json::Value {
    let ran = nearside([words, &["--json"]].concat());
    assert_eq!(ran.code, 1, "{words:?}: {ran:?}");
    let error = ran.json()["error"].clone();
    let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
    let told = format!("error[{}]: {}\nremedy: {}\n", text("code"), text("message"), text("remedy"));
    assert_eq!(ran.stderr, told, "{words:?}");
    assert!(text("remedy").len() > 10, "{words:?}: {told}");
    error
}

#[test]
fn a_command_line_that_cannot_be_used_is_an_error_with_a_code_the_word_at_fault_and_a_remedy() {
    for (words, code, field, value, remedy) in [
        (&[][..], "missing-command", "command", None, "Name one of check, compile, replay, train"),
        (&["rank"], "unknown-command", "command", Some("rank"), "`nearside --help`"),
        (&["evaluat"], "unknown-command", "command", Some("evaluat"), "Name evaluate;"),
        (&["replay"], "missing-option", "events", None, "Add --events <FILE>...; `nearside replay --help`"),
        (&["check"], "missing-option", "MODEL", None, "Add <MODEL>"),
        (&["click", "-o", "m.onnx"], "missing-option", "events", None, "or --impressions <FILE>...;"),
        (&["click", "--events", "a"], "missing-option", "out", None, "Add --out <FILE>;"),
        (
            &["embed", "--catalogue", "a"],
            "missing-option",
            "out",
            None,
            "--out <FILE> and --content <FILE> or --encoder",
        ),
        (&["replay", "--events", "a", "--engine", "full"], "missing-option", "model", None, "Add --model <FILE>"),
        (&["replay", "--evnts", "a"], "unknown-option", "evnts", Some("--evnts"), "Write --events"),
        (&["check", "a.onnx", "b.onnx"], "unknown-option", "b.onnx", Some("b.onnx"), "Leave it out"),
        (&["replay", "--events", "a", "--map", "hue=red"], "invalid-option", "map", Some("hue=red"), "another value"),
        (&["replay", "--events", "a", "--format", "xml"], "invalid-option", "format", Some("xml"), "another value"),
        (&["replay", "--events", "a", "--k", "many"], "invalid-option", "k", Some("many"), "another value"),
        (
            &["train", "--events", "a", "--out", "b", "--epochs", "-5"],
            "option-out-of-range",
            "epochs",
            Some("-5"),
            "Give a whole number",
        ),
        (&["replay", "--events"], "invalid-option", "events", None, "another value"),
        (
            &["evaluate", "--train", "a", "--test", "b", "--split-days", "2"],
            "conflicting-options",
            "test",
            None,
            "Leave",
        ),
        (&["replay", "--events", "a", "--k", "20", "--k", "30"], "conflicting-options", "k", None, "Give --k once"),
        (
            &["click", "--impressions", "a", "-o", "b", "--threads", "2"],
            "conflicting-options",
            "impressions",
            None,
            "Leave out --impressions or --threads",
        ),
        (
            &["click", "--impressions", "a", "-o", "b", "--negatives", "2"],
            "conflicting-options",
            "impressions",
            None,
            "Leave out --impressions or --negatives",
        ),
        (
            &["click", "--events", "a", "-o", "b", "--index", "c"],
            "conflicting-options",
            "events",
            None,
            "Leave out --events or --index",
        ),
    ] {
        let error = refused(words);
        assert_eq!((&error["code"], &error["field"]), (&code.into(), &field.into()), "{words:?}: {error}");
        assert_eq!(error["value"].as_str(), value, "{words:?}: {error}");
        assert!(error["remedy"].as_str().unwrap().contains(remedy), "{words:?}: {error}");
    }
    let error = refused(&["replay", "--events", "a", "--map", "hue=red"]);
    assert!(error["message"].as_str().unwrap().contains("one of session, visitor, time"), "{error}");
    let error = refused(&["replay", "--events", "a", "--format", "xml"]);
    assert!(error["message"].as_str().unwrap().contains("csv, tsv, jsonl"), "{error}");
}

#[test]
fn without_json_standard_output_stays_empty_and_help_is_no_failure() {
    let ran = nearside(["replay", "--k"]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.error()), (1, "", "invalid-option"));
    for words in [&["--help"][..], &["--version"], &["replay", "--help"], &["help", "train"]] {
        let ran = nearside(words);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{words:?}");
        assert!(ran.stdout.starts_with("nearside") || ran.stdout.contains("Usage: nearside"), "{}", ran.stdout);
    }
}

#[test]
fn every_number_outside_its_range_is_refused_before_a_file_is_read_and_help_tells_the_range() {
    let (log, out) = ("no-such-log.csv", "no-such-out");
    let compile = ["compile", log, "--out", out];
    let replay = ["replay", "--events", log];
    let evaluate = ["evaluate", "--train", log];
    let tested = ["evaluate", "--train", log, "--test", log];
    let click = ["click", "--events", log, "--out", out];
    let simulate = ["simulate", "--catalogue", log, "--out", out];
    let rules = ["rules", "--events", log, "--out", out];
    let private = ["rules", "--events", log, "--out", out, "--epsilon", "1"];
    let membership = ["membership", "--events", log];
    for (words, option, outside, told) in [
        (&compile[..], "--ads", ["0", "1e300"], "1 to 1000000000"),
        (&compile, "--steps", ["0", "51"], "1 to 50"),
        (&replay, "--k", ["19", "1001"], "20 to 1000"),
        (&replay, "--max-sessions", ["0", "1e300"], "1 to 1000000000"),
        (&replay, "--threads", ["0", "100000"], "1 to 1024"),
        (&evaluate, "--split-days", ["0", "1e300"], "above 0 and at most 36500"),
        (&evaluate, "--split-share", ["0", "1"], "above 0 and below 1"),
        (&tested, "--min-count", ["0", "99999999999999999999"], "1 to 1000000;"),
        (&tested, "--hold-out-items", ["-0.5", "1"], "above 0 and below 1"),
        (&tested, "--max-queries", ["0", "1e300"], "1 to 1000000000"),
        (&tested, "--seed", ["-1", "99999999999999999999"], "0 or above"),
        (&tested, "--threads", ["-1", "1025"], "1 to 1024"),
        (&click, "--negatives", ["0", "1001"], "1 to 1000"),
        (&click, "--validation", ["0", "0.6"], "above 0, at most 0.5"),
        (&click, "--ridge", ["0", "1e300"], "above 0 and at most 1000000"),
        (&click, "--seed", ["-1", "0.5"], "0 or above"),
        (&click, "--threads", ["0", "100000"], "1 to 1024"),
        (&simulate, "--sessions", ["0", "10000001"], "1 to 10000000"),
        (&simulate, "--seed", ["-1", "1e300"], "0 or above"),
        (&rules, "--min-count", ["0", "1000001"], "1 to 1000000"),
        (&rules, "--validation", ["0", "0.6"], "above 0, at most 0.5"),
        (&rules, "--fewest", ["0", "1000001"], "1 to 1000000"),
        (&rules, "--neighbours", ["0", "1001"], "1 to 1000"),
        (&rules, "--decay", ["-0.1", "1.1"], "at 0 the last step alone ranks, at 1 all alike"),
        (&rules, "--epsilon", ["-1", "1e300"], "above 0 and at most 100"),
        (&private, "--delta", ["0", "1"], "above 0 and below 1"),
        (&private, "--pairs", ["0", "1001"], "1 to 1000"),
        (&private, "--seed", ["-1", "nan"], "0 or above"),
        (&membership, "--min-count", ["0", "1000001"], "1 to 1000000"),
        (&membership, "--sessions", ["99", "1e300"], "100 to 1000000000"),
        (&membership, "--width", ["0", "1000000"], "1 to 1024"),
        (&membership, "--epochs", ["0", "1001"], "1 to 1000"),
        (&membership, "--fewest", ["0", "1000001"], "1 to 1000000"),
        (&membership, "--epsilon", ["0", "101"], "above 0 and at most 100"),
        (&membership, "--delta", ["0", "1"], "above 0 and below 1"),
        (&membership, "--pairs", ["0", "1001"], "1 to 1000"),
        (&membership, "--seed", ["-1", "1e300"], "0 or above"),
    ] {
        for number in outside {
            let error = refused(&[words, &[option, number]].concat());
            let [code, field, value] = ["code", "field", "value"].map(|key| error[key].as_str().unwrap_or_default());
            assert_eq!((code, field, value), ("option-out-of-range", &option[2..], number), "{words:?}: {error}");
        }
        let help = nearside([words[0], "--help"]).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        let start = help.rfind(&format!(" {option} <")).unwrap_or_else(|| panic!("{option} in {help}"));
        assert!(
            help[start..].chars().take(400).collect::<String>().contains(told),
            "{option} {told}: {}",
            &help[start..]
        );
    }
}
