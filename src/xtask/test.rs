//! `cargo xtask test`: everything a change must pass.
//!
//! A failed step does not stop the others, except those that need what it
//! makes. The slow engine is built beside the rest: most of its time is one
//! compiler thread, and the machine has two cores.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::console::took;
use crate::engine::{COMPACT, Engine, FULL, RELAXED};
use crate::error::Error;
use crate::package;
use crate::project::Project;
use crate::setup::{self, WASM};
use crate::tally::{self, Tally};

/// The folders below `tests/` that hold Node tests (`*.test.mjs`).
const SUITES: [&str; 6] = ["bench", "facade", "wasm", "packaging", "browser", "readme"];

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    /// Something it needs was not made.
    Skipped,
}

/// One line of the closing table.
#[derive(Debug)]
struct Row {
    name: String,
    outcome: Outcome,
    time: Duration,
    tally: Tally,
}

/// The steps so far. Shared by the two threads.
#[derive(Debug)]
struct Run<'a> {
    project: &'a Project,
    rows: Mutex<Vec<Row>>,
}

/// Runs every step, prints the table and the closing line.
pub(crate) fn test(project: &Project) -> Result<(), Error> {
    let began = Instant::now();
    let run = Run { project, rows: Mutex::default() };
    let wasm = run.step("set-up: wasm target", || setup::wasm_target(project));
    let node = run.step("set-up: Node", setup::node);
    let installed = |folder: &str| {
        node && run.step(&format!("set-up: npm packages of {folder}"), || setup::npm_packages(project, folder))
    };
    let pkg = installed("pkg");
    let tools = installed("tests");
    let optimiser = wasm && (pkg || tools);

    let (compact, full) = thread::scope(|scope| {
        let full = scope.spawn(|| run.needs(optimiser, "full wasm", || FULL.build(project).map(drop)));
        run.step("set-up: rustfmt and clippy", || setup::rust_components(project));
        run.rust(wasm);
        let compact = run.needs(optimiser, "compact wasm", || COMPACT.build(project).map(drop));
        // It has to fit the script of the compact one.
        let compact = run.needs(compact, "relaxed wasm", || RELAXED.build(project).map(drop));
        (compact, full.join().unwrap_or(false))
    });

    let facade = run.needs(pkg, "npm package", || package::facade(project));
    let www = installed("www") && run.needs(compact && full && facade, "demo", || package::demo(project));
    let browser = match setup::chromium(project) {
        Ok(path) => Some(path),
        Err(error) => {
            run.step("set-up: Chromium", || Err(error));
            None
        }
    };
    let ready = tools && www && compact && full && facade;
    for suite in SUITES {
        run.suite(suite, ready, browser.as_deref());
    }
    run.close(began)
}

impl Run<'_> {
    /// Runs a step that is not a count of tests; true where it passed.
    fn step(&self, name: &str, work: impl FnOnce() -> Result<(), Error>) -> bool {
        self.counted(name, |_| work())
    }

    /// The same where `needed` says that everything it builds on is there; else the step is marked as skipped.
    fn needs(&self, needed: bool, name: &str, work: impl FnOnce() -> Result<(), Error>) -> bool {
        if !needed {
            self.push(Row {
                name: name.into(),
                outcome: Outcome::Skipped,
                time: Duration::ZERO,
                tally: Tally::default(),
            });
            return false;
        }
        self.step(name, work)
    }

    /// Runs a step that may count tests.
    fn counted(&self, name: &str, work: impl FnOnce(&mut Tally) -> Result<(), Error>) -> bool {
        let began = Instant::now();
        let mut tally = Tally::default();
        let result = work(&mut tally);
        if let Err(error) = &result {
            self.project.console.say(&format!("  {name}: {error}"));
            // A step that failed before it could count is still a failure in the closing line.
            tally.failed = tally.failed.max(1);
        }
        let outcome = if result.is_ok() { Outcome::Passed } else { Outcome::Failed };
        self.push(Row { name: name.into(), outcome, time: began.elapsed(), tally });
        result.is_ok()
    }

    fn push(&self, row: Row) {
        self.rows.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(row);
    }

    /// Form, lints, documentation and the native tests.
    fn rust(&self, wasm: bool) {
        let project = self.project;
        self.step("rustfmt", || {
            project
                .run("checking the form of the Rust code", project.cargo().args(["fmt", "--all", "--check"]))
                .map(drop)
        });
        self.step("clippy, native", || {
            let mut clippy = project.cargo();
            clippy.args(["clippy", "--locked", "--workspace", "--exclude", "nearside-wasm"]);
            clippy.args(["--all-features", "--all-targets", "--", "-D", "warnings"]);
            project.run("linting the native crates", &mut clippy).map(drop)
        });
        for engine in [COMPACT, RELAXED, FULL] {
            self.needs(wasm, &format!("clippy, {} wasm", engine.name), || self.clippy_wasm(&engine));
        }
        self.step("documentation", || {
            let mut doc = project.cargo();
            doc.args(["doc", "--locked", "--workspace", "--exclude", "nearside-wasm", "--no-deps", "--all-features"]);
            doc.env("RUSTDOCFLAGS", "-D warnings");
            project.run("building the documentation", &mut doc).map(drop)
        });
        self.counted("Rust tests", |tally| {
            let mut test = project.cargo();
            test.args(["test", "--locked", "--workspace", "--exclude", "nearside-wasm"]);
            test.args(["--all-features", "--no-fail-fast"]);
            let result = project.run_whole("running the Rust tests", &mut test);
            let (text, result) = result?;
            *tally = tally::of_cargo(&text);
            result
        });
    }

    fn clippy_wasm(&self, engine: &Engine) -> Result<(), Error> {
        let mut clippy = self.project.cargo();
        clippy.args(["clippy", "--locked", "-p", "nearside-wasm", "--lib", "--target", WASM]);
        clippy.env("RUSTFLAGS", engine.rustflags).env_remove("CARGO_ENCODED_RUSTFLAGS");
        engine.with_feature(&mut clippy).args(["--", "-D", "warnings"]);
        self.project.run(&format!("linting {} wasm", engine.name), &mut clippy).map(drop)
    }

    /// One folder of Node tests.
    fn suite(&self, name: &str, ready: bool, browser: Option<&Path>) {
        let folder = self.project.path("tests").join(name);
        let title = format!("tests/{name}");
        if !ready {
            self.needs(false, &title, || Ok(()));
            return;
        }
        self.counted(&title, |tally| {
            let mut files = Vec::new();
            test_files(&folder, &mut files)?;
            if files.is_empty() {
                return Err(Error::Product { what: title.clone(), detail: "holds no *.test.mjs".into() });
            }
            let mut node = self.project.node();
            // Tests that drive a browser or a bundler each want the machine for themselves.
            node.args(["--test", "--test-reporter=tap", "--test-concurrency=1"]).args(files);
            if let Some(browser) = browser {
                node.env("CHROMIUM", browser);
            }
            let (text, result) = self.project.run_whole(&format!("running {title}"), &mut node)?;
            *tally = tally::of_node(&text);
            result?;
            if tally.passed == 0 {
                return Err(Error::Product { what: title.clone(), detail: "ran no test".into() });
            }
            Ok(())
        });
    }

    /// The table, the count, and the verdict.
    fn close(self, began: Instant) -> Result<(), Error> {
        let rows = self.rows.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
        let mut total = Tally::default();
        let mut steps = 0;
        println!("\n{:width$}  result   tests     time", "step");
        for row in &rows {
            total += row.tally;
            let result = match row.outcome {
                Outcome::Passed => "passed",
                Outcome::Failed => "FAILED",
                Outcome::Skipped => "skipped",
            };
            steps += usize::from(row.outcome == Outcome::Failed);
            let count = row.tally.passed + row.tally.failed;
            let tests = if count == 0 { String::new() } else { count.to_string() };
            println!("{:width$}  {result:7}  {tests:>5}  {:>7}", row.name, took(row.time));
        }
        println!("{:width$}  {:7}  {:>5}  {:>7}\n", "all", "", total.passed + total.failed, took(began.elapsed()));
        println!("{} passed, {} failed", total.passed, total.failed);
        if steps == 0 { Ok(()) } else { Err(Error::Tests { steps }) }
    }
}

/// The test files below a folder, in the order of their paths.
fn test_files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Error> {
    let mut paths = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>())
        .map_err(Error::file(folder))?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            if !path.ends_with("node_modules") {
                test_files(&path, found)?;
            }
        } else if path.to_string_lossy().ends_with(".test.mjs") {
            found.push(path);
        }
    }
    Ok(())
}
