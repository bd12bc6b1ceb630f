//! Nearside's build driver: `cargo xtask demo | test | build | bench | size`.
//!
//! Each command sets the machine up for itself, given Rust (stable) and Node:
//! the WebAssembly target, npm packages from their lock files, Chromium. What
//! it cannot install it names, with the remedy. A step prints its name when it
//! begins and its time when it ends; what the programs say is kept in logs and
//! shown where one fails.
//!
//! What is compiled lives outside the checkout, in `CARGO_TARGET_DIR` or
//! `~/.cache/nearside/target`, so that clean checkouts share it.

mod bench;
mod console;
mod demo;
mod engine;
mod error;
mod names;
mod package;
mod project;
mod serve;
mod setup;
mod size;
mod tally;
mod target;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::Error;
use crate::project::Project;

/// Sets the machine up, then builds, tests, serves, weighs or times Nearside.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    action: Action,
    /// Show what every program prints, not only the failing one.
    #[arg(long, short, global = true)]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Build the demo shop and serve it on this machine.
    Demo {
        /// Play a short session in a browser without a window, leave a screenshot, and end.
        #[arg(long)]
        once: bool,
        /// Where the screenshot goes; by default into cargo's target folder.
        #[arg(long, requires = "once", value_name = "PATH")]
        screenshot: Option<PathBuf>,
        /// The port to serve on; 0 takes a free one.
        #[arg(long, default_value_t = 0, conflicts_with = "once")]
        port: u16,
    },
    /// Build the engines, the npm package and the demo.
    Build,
    /// Check form, lints and documentation, then run every test.
    ///
    /// Ends with a table of the steps and the line `N passed, N failed`.
    Test,
    /// Measure our speed beside other engines', on the same model in the same run.
    Bench(bench::Options),
    /// Weigh what a shop's customers download; fails where something is over its limit.
    Size {
        /// Print one JSON object of name to bytes, and nothing else, on standard output.
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match perform(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn perform(arguments: &Arguments) -> Result<(), Error> {
    let project = Project::find(arguments.verbose)?;
    target::claim(&project.target, &project.root)?;
    match &arguments.action {
        Action::Demo { once: true, screenshot, .. } => demo::once(&project, screenshot.as_deref()),
        Action::Demo { port, .. } => demo::keep(&project, *port),
        Action::Build => package::build(&project),
        Action::Test => test::test(&project),
        Action::Bench(options) => bench::bench(&project, options),
        Action::Size { json } => size::size(&project, *json),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from([&["cargo xtask"], words].concat())
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }

    #[test]
    fn being_verbose_may_be_said_before_or_after_the_action() {
        assert!(parsed(&["--verbose", "build"]).expect("a known action").verbose);
        assert!(parsed(&["build", "-v"]).expect("a known action").verbose);
        assert!(!parsed(&["build"]).expect("a known action").verbose);
    }

    #[test]
    fn a_screenshot_needs_a_demo_that_ends() {
        assert!(parsed(&["demo", "--screenshot", "a.png"]).is_err());
        let parsed = parsed(&["demo", "--once", "--screenshot", "a.png"]).expect("known arguments");
        assert!(
            matches!(parsed.action, Action::Demo { once: true, screenshot: Some(path), .. } if path.ends_with("a.png"))
        );
    }

    #[test]
    fn rows_are_asked_for_by_name() {
        let parsed = parsed(&["bench", "--rows", "observe,rank_1000"]).expect("known arguments");
        assert!(
            matches!(parsed.action, Action::Bench(bench::Options { rows, .. }) if rows == ["observe", "rank_1000"])
        );
    }

    #[test]
    fn an_unknown_action_is_refused() {
        assert!(parsed(&["deploy"]).is_err());
        assert!(parsed(&[]).is_err());
    }
}
