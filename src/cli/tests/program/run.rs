//! The built program, its fixtures, and a place for files.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What one run of the program left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Standard output as JSON; it must hold one value and nothing else.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}\n{}", self.stdout, self.stderr))
    }

    /// The code of the error on standard error.
    pub(crate) fn error(&self) -> &str {
        let start = self.stderr.find("error[").unwrap_or_else(|| panic!("no error in {self:?}"));
        self.stderr[start + 6..].split(']').next().expect("an opened bracket")
    }
}

/// Runs `nearside` with these words.
pub(crate) fn nearside<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_nearside")).args(words).output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program prints UTF-8");
    Ran {
        code: output.status.code().expect("it ends by itself"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Replays a log with `--json`.
pub(crate) fn replay(log: &Path, more: &[&str]) -> Ran {
    let mut words: Vec<&OsStr> = vec!["replay".as_ref(), "--json".as_ref(), "--events".as_ref(), log.as_ref()];
    words.extend(more.iter().map(OsStr::new));
    nearside(words)
}

/// A file beside these tests.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// A file that a test may write. `name` must be the test's own.
pub(crate) fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Writes one of these.
pub(crate) fn written(name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = scratch(name);
    std::fs::write(&path, bytes).expect("cargo's folder for tests may be written");
    path
}

/// A file of the shared data sets, where they are: beside the repository, or in `NEARSIDE_DATA`.
pub(crate) fn shared(file: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("NEARSIDE_DATA").map_or_else(|| repository("../shared/data"), PathBuf::from);
    let path = folder.join(file);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: there is no {}; set NEARSIDE_DATA to the folder that holds the data sets", path.display());
    None
}
