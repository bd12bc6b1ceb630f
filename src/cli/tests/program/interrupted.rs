//! `nearside train` cut short, by a kill or a full disk: what is left is whole, and `--resume` ends as an unbroken run.

#![cfg(unix)]

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::run::{Ran, nearside};
use crate::train::{folder, log};

/// Some seconds of work, with a checkpoint after every step.
const OPTIONS: [&str; 9] =
    ["--width", "8", "--min-count", "1", "--teachers", "0", "--epochs", "2", "--checkpoint-every=0"];

fn words<'a>(log: &'a Path, out: &'a Path, more: &[&'a str]) -> Vec<&'a OsStr> {
    let words = ["train".as_ref(), "--json".as_ref(), "--events".as_ref(), log.as_os_str(), "--out".as_ref()];
    [&words[..], &[out.as_os_str()], &[&OPTIONS, more].concat().into_iter().map(OsStr::new).collect::<Vec<_>>()]
        .concat()
}

/// The model of a run that nothing interrupts.
fn unbroken(log: &Path, out: &Path) -> Vec<u8> {
    let ran = nearside(words(log, out, &[]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    std::fs::read(out.join("model.onnx")).unwrap()
}

/// The names in a folder, those of the folders in it included.
fn files(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names.extend(files(&path));
        } else {
            names.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    names
}

/// The journal, of which every line is whole.
fn journal(out: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(out.join("train.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

fn until(child: &mut Child, met: impl Fn() -> bool) {
    let started = Instant::now();
    while !met() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
        assert!(started.elapsed() < Duration::from_secs(60), "nothing to kill it by");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_killed_run_leaves_no_model_and_resumed_it_writes_that_of_an_unbroken_one() {
    let log = log("interrupted_killed.txt", 300);
    let [whole, out] = ["interrupted_whole", "interrupted_killed"].map(folder);
    let expected = unbroken(&log, &whole);
    let last = out.join("network/last.safetensors");
    for kill in 0..3 {
        let before = std::fs::metadata(&last).and_then(|data| data.modified()).ok();
        let mut command = Command::new(env!("CARGO_BIN_EXE_nearside"));
        command.args(words(&log, &out, &["--resume"])).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // It has gone on for at least one step; the last time into the second epoch.
        until(&mut child, || {
            let now = std::fs::metadata(&last).and_then(|data| data.modified()).ok();
            now.is_some() && now != before && (kill < 2 || out.join("network.html").exists())
        });
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().code(), None, "it was not killed");
        assert!(!out.join("model.onnx").exists());
    }
    // What a kill leaves of a line that is being written.
    let half = [std::fs::read(out.join("train.jsonl")).unwrap(), b"{\"network\":\"net".to_vec()].concat();
    std::fs::write(out.join("train.jsonl"), half).unwrap();
    let ran = nearside(words(&log, &out, &["--resume"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(std::fs::read(out.join("model.onnx")).unwrap() == expected);
    // Journal and page are those of the unbroken run too; so they are where a finished run goes on.
    for _ in 0..2 {
        assert_eq!(noted(&out), noted(&whole));
        let page = |out: &Path| std::fs::read_to_string(out.join("network.html")).unwrap();
        assert_eq!(page(&out), page(&whole));
        assert_eq!(nearside(words(&log, &out, &["--resume"])).code, 0);
    }
}

/// The journal without what two runs differ in: where they wrote, and how long it took.
fn noted(out: &Path) -> Vec<Value> {
    let mut lines = journal(out);
    for done in lines.iter_mut().filter_map(|line| line.get_mut("done")?.as_object_mut()) {
        done.retain(|name, _| name != "model" && name != "seconds");
    }
    lines
}

/// Runs the program where no file may have more than so many blocks: half a kilobyte each, or a whole one in some shells.
fn limited(blocks: u32, words: Vec<&OsStr>) -> Ran {
    // Without the trap the first byte too many would kill it; with it, the system refuses the byte as a full disk does.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_nearside")])
        .args(words)
        .output()
        .expect("there is a shell");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program prints UTF-8");
    let (code, stdout, stderr) = (output.status.code(), text(output.stdout), text(output.stderr));
    Ran { code: code.expect("it ends by itself"), stdout, stderr }
}

/// The file at fault, which must have come with the code and a remedy that tells of space.
fn unwritable(ran: &Ran) -> String {
    assert_eq!((ran.code, ran.error()), (1, "unwritable-file"), "{}", ran.stderr);
    let error = &ran.json()["error"];
    assert!(error["remedy"].as_str().is_some_and(|remedy| remedy.to_lowercase().contains("space")), "{}", ran.stderr);
    error["value"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

#[test]
fn a_disk_that_is_full_is_named_and_with_space_the_run_goes_on_to_the_same_model() {
    let log = log("interrupted_full.txt", 300);
    let [whole, out] = ["interrupted_full_whole", "interrupted_full"].map(folder);
    let expected = unbroken(&log, &whole);
    let size = |path: &str| std::fs::metadata(whole.join(path)).unwrap().len();
    let (model, checkpoint) = (size("model.onnx"), size("network/last.safetensors"));
    assert!(model < checkpoint);
    // Too little for the journal; then for the first checkpoint.
    for (blocks, file) in [(0, "train.jsonl"), (16, "last.safetensors")] {
        assert_eq!(unwritable(&limited(blocks, words(&log, &out, &["--resume"]))), file);
        let files = files(&out);
        assert!(files.iter().all(|name| !name.ends_with(".part") && name != "model.onnx"), "{files:?}");
    }
    let ran = nearside(words(&log, &out, &["--resume"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(std::fs::read(out.join("model.onnx")).unwrap() == expected);
    journal(&out);
}

#[test]
fn rows_that_fit_neither_memory_nor_disk_are_refused_and_leave_nothing() {
    let (log, out) = (log("interrupted_rows.txt", 300), folder("interrupted_rows"));
    let ran = limited(1, words(&log, &out, &["--memory", "100kB"]));
    let file = unwritable(&ran);
    assert!(file.starts_with("log-") && ran.stderr.contains("--memory"), "{file}: {}", ran.stderr);
    assert_eq!(files(&out), Vec::<String>::new());
}

#[cfg(target_os = "linux")]
#[test]
fn every_file_that_finds_the_disk_full_is_named_and_leaves_no_part() {
    let log = log("interrupted_each.txt", 300);
    for (name, place) in [
        ("vocabulary.json", "vocabulary.part"),
        ("train.jsonl", "train.jsonl"),
        ("network.html", "network.part"),
        ("last.safetensors", "network/last.part"),
        ("best.safetensors", "network/best.part"),
        ("model.onnx", "model.part"),
    ] {
        let out = folder("interrupted_each");
        std::fs::create_dir_all(out.join("network")).unwrap();
        std::os::unix::fs::symlink("/dev/full", out.join(place)).unwrap();
        assert_eq!(unwritable(&nearside(words(&log, &out, &[]))), name);
        let files = files(&out);
        assert!(!files.iter().any(|file| file.ends_with(".part") || file == "model.onnx"), "{name}: {files:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_cannot_be_written_is_a_failure_and_errors_that_cannot_are_none_more() {
    let (log, out) = (log("interrupted_report.txt", 300), folder("interrupted_report"));
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let run = |words: Vec<&OsStr>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nearside"));
        command.args(words).stdout(full()).stderr(full()).status().unwrap().code()
    };
    assert_eq!(run(words(&log, &out, &[])), Some(1));
    assert!(out.join("model.onnx").exists());
    assert_eq!(run(words(Path::new("no-such-log"), &out, &[])), Some(1));
}
