//! The checkout, the folders outside it, and how programs are run there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use crate::console::{Console, took};
use crate::error::Error;

/// How long a step may be silent on the terminal before its state is told.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// How often a silent program is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Where things are, and how loud to be.
#[derive(Debug)]
pub(crate) struct Project {
    /// The checkout.
    pub(crate) root: PathBuf,
    /// What outlives a checkout: finished engines, logs. `~/.cache/nearside` unless `XDG_CACHE_HOME` says otherwise.
    pub(crate) cache: PathBuf,
    /// Cargo's target folder, shared by all checkouts.
    pub(crate) target: PathBuf,
    /// The terminal.
    pub(crate) console: Console,
    verbose: bool,
}

impl Project {
    /// Finds the folders. Creates none.
    pub(crate) fn find(verbose: bool) -> Result<Self, Error> {
        // `cargo run` sets it; the compiled-in path is for a binary started by hand.
        let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&manifest).join("../..");
        let root = root.canonicalize().map_err(Error::file(root))?;
        let cache = env::var_os("XDG_CACHE_HOME")
            .filter(|folder| !folder.is_empty())
            .map(PathBuf::from)
            .or_else(|| env::home_dir().map(|home| home.join(".cache")))
            .map(|folder| folder.join("nearside"))
            .ok_or_else(|| Error::Missing {
                what: "no home folder for the build cache".into(),
                remedy: "set XDG_CACHE_HOME to a folder that may be written".into(),
            })?;
        let target = match env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty()) {
            Some(folder) => std::path::absolute(&folder).map_err(Error::file(folder))?,
            None => cache.join("target"),
        };
        Ok(Self { root, cache, target, console: Console::default(), verbose })
    }

    /// A path inside the checkout.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside)
    }

    /// Cargo, in the checkout, building into the shared target folder.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target).env("CARGO_TERM_COLOR", "never");
        command
    }

    /// Node, in the checkout.
    pub(crate) fn node(&self) -> Command {
        let mut command = Command::new("node");
        command.current_dir(&self.root);
        command
    }

    /// npm, in a folder of the checkout.
    pub(crate) fn npm(&self, folder: &str) -> Command {
        let mut command = Command::new("npm");
        command.current_dir(self.path(folder));
        command
    }

    /// Runs a program as a step. Its output goes to a log, and to the terminal when it fails or when we are verbose.
    ///
    /// Returns the output, both streams in the order in which they came.
    pub(crate) fn run(&self, title: &str, command: &mut Command) -> Result<String, Error> {
        let (text, result) = self.run_whole(title, command)?;
        result.map(|()| text)
    }

    /// Runs a short program without a line on the terminal, unless it fails. Returns what it prints.
    pub(crate) fn ask(&self, title: &str, command: &mut Command) -> Result<String, Error> {
        match answer(command) {
            Some(text) => Ok(text),
            // Once more, now with its output shown and kept.
            None => self.run(title, command),
        }
    }

    /// The same as [`Project::run`] for a caller who reads the output of a failed program too.
    pub(crate) fn run_whole(&self, title: &str, command: &mut Command) -> Result<(String, Result<(), Error>), Error> {
        let began = self.console.begin(title);
        let (text, success, status) = match self.capture(title, command, began) {
            Ok(done) => done,
            Err(error) => {
                self.console.end(title, began, "failed");
                return Err(error);
            }
        };
        let folder = self.cache.join("log");
        let log = folder.join(format!("{}.log", file_name(title)));
        fs::create_dir_all(&folder).map_err(Error::file(folder))?;
        fs::write(&log, &text).map_err(Error::file(&log))?;
        self.console.end(title, began, if success { "" } else { "FAILED" });
        if success {
            return Ok((text, Ok(())));
        }
        if !self.verbose {
            self.console.say(&text);
        }
        Ok((text, Err(Error::Step { title: title.to_owned(), status, log })))
    }

    fn capture(&self, title: &str, command: &mut Command, began: Instant) -> Result<(String, bool, String), Error> {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| Error::Start { program: program.clone(), source })?;
        let (lines, arrived) = mpsc::channel();
        let out = child.stdout.take().expect("stdout was asked for as a pipe");
        let err = child.stderr.take().expect("stderr was asked for as a pipe");
        forward(out, lines.clone());
        forward(err, lines);
        let mut text = String::new();
        let mut told = Instant::now();
        let mut ended = None;
        loop {
            match arrived.recv_timeout(LOOK) {
                Ok(line) => {
                    if self.verbose {
                        self.console.say(line.trim_end_matches('\n'));
                    }
                    text.push_str(&line);
                    continue;
                }
                // A program may leave a child behind that holds its output open: its own end is what counts.
                Err(RecvTimeoutError::Timeout) if ended.is_none() => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
            ended = child.try_wait().map_err(|source| Error::Start { program: program.clone(), source })?;
            if ended.is_none() && told.elapsed() >= HEARTBEAT {
                let last = last_words(&text).map(|words| format!(": {words}")).unwrap_or_default();
                self.console.say(&format!("  {title} … still running after {}{last}", took(began.elapsed())));
                told = Instant::now();
            }
        }
        let status = match ended {
            Some(status) => status,
            None => child.wait().map_err(|source| Error::Start { program, source })?,
        };
        Ok((text, status.success(), status.to_string()))
    }
}

/// Sends a stream on, line by line. Bytes that are not UTF-8 are replaced.
fn forward(stream: impl std::io::Read + Send + 'static, lines: mpsc::Sender<String>) {
    use std::io::BufRead as _;
    thread::spawn(move || {
        let mut reader = std::io::BufReader::new(stream);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line), Ok(n) if n > 0) {
            if lines.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
            line.clear();
        }
    });
}

/// What a short program prints, or nothing where it is absent or fails.
pub(crate) fn answer(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The last line that says something: what a long step is busy with.
fn last_words(text: &str) -> Option<&str> {
    text.lines().rev().map(str::trim).find(|line| line.contains(char::is_alphabetic))
}

/// A step's title as a file name: letters and digits, the rest as single dashes.
fn file_name(title: &str) -> String {
    let words = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_title_becomes_a_plain_file_name() {
        assert_eq!(file_name("building full wasm (tract): rustc"), "building-full-wasm-tract-rustc");
        assert_eq!(file_name("npm ci in ../www"), "npm-ci-in-www");
    }

    #[test]
    fn a_long_step_is_busy_with_the_last_line_that_has_words() {
        assert_eq!(last_words("   Compiling core\n  ...\n\n"), Some("Compiling core"));
        assert_eq!(last_words("...\n"), None);
    }

    #[test]
    fn an_absent_program_has_no_answer() {
        assert_eq!(answer(&mut Command::new("no-such-program-here")), None);
    }
}
