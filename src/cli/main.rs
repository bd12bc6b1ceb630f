//! Nearside's command line:
//! `nearside check | compile | replay | train | rules | membership | embed | catalogue | click | simulate | evaluate`.
//!
//! Results go to standard output, everything else to standard error. A failure,
//! and a command line that cannot be used is one, prints `error[code]: message`
//! and `remedy: ...` and exits with 1.

mod artefacts;
mod catalogue;
mod check;
mod click;
mod compile;
mod embed;
mod engine;
mod error;
mod evaluate;
mod membership;
mod network;
mod output;
mod progress;
mod range;
mod replay;
mod rules;
mod simulate;
mod source;
mod threads;
mod train;
mod usage;
mod vocabulary;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::error::Error;
use crate::output::note;
use crate::usage::Usage;

/// Ranks a shop's ads on the shopper's side; here are the tools for those who prepare it.
///
/// A failure prints `error[code]: message` and a remedy on standard error and exits with 1. With --json the
/// same error stands on standard output as {"error": {code, message, field, value, remedy}}.
#[derive(Debug, Parser)]
#[command(name = "nearside", version)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Check whether an ONNX file may rank, and in which engine.
    #[command(after_help = check::HELP)]
    Check(check::Options),
    /// Rewrite an ONNX file so that as little as possible is computed per ad.
    #[command(after_help = compile::HELP)]
    Compile(compile::Options),
    /// Replay a log through the engine and measure how well, and how fast, it ranks.
    #[command(after_help = replay::HELP)]
    Replay(replay::Options),
    /// Train a ranker from a log and write it as an ONNX file.
    #[command(after_help = train::HELP)]
    Train(train::Options),
    /// Give every product of a catalogue a vector of what it is.
    #[command(after_help = embed::HELP)]
    Embed(embed::Options),
    /// Write a catalogue as a browser takes it, or what makes one the next.
    #[command(after_help = catalogue::command::HELP)]
    Catalogue(catalogue::command::Options),
    /// Learn the chance of a click and write it as an ONNX file.
    #[command(after_help = click::HELP)]
    Click(click::Options),
    /// Write a log of simulated shoppers over a catalogue.
    #[command(after_help = simulate::HELP)]
    Simulate(simulate::Options),
    /// Mine item-to-item rules from a log and write them as an ONNX file.
    #[command(after_help = rules::HELP)]
    Rules(rules::Options),
    /// Measure what a file tells an attacker about the sessions it was learnt from.
    #[command(after_help = membership::HELP)]
    Membership(membership::Options),
    /// Measure models beside the usual baselines, by the protocol of the public tables.
    #[command(after_help = evaluate::HELP)]
    Evaluate(evaluate::Options),
}

impl Arguments {
    /// Reads the words of a command line, the program's own name first.
    fn read(words: &[OsString]) -> Result<Arguments, clap::Error> {
        Arguments::from_arg_matches(&command().try_get_matches_from(words)?)
    }
}

/// The commands with their options.
fn command() -> Command {
    Arguments::command().mut_subcommands(with_numbers_below_0)
}

/// Takes a number below 0 for a value, which its option refuses with its range, and not for an option itself.
fn with_numbers_below_0(action: Command) -> Command {
    let action =
        action.mut_args(|arg| if arg.get_action().takes_values() { arg.allow_negative_numbers(true) } else { arg });
    action.mut_subcommands(with_numbers_below_0)
}

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let arguments = match Arguments::read(&words) {
        Ok(arguments) => arguments,
        Err(told) if matches!(told.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            // A reader that goes away has what it wanted (`nearside --help | head`).
            let _ = told.print();
            return ExitCode::SUCCESS;
        }
        Err(refusal) => {
            let action = words.iter().skip(1).map(|word| word.to_string_lossy()).find(|word| !word.starts_with('-'));
            let actions = command().get_subcommands().map(|action| action.get_name().to_owned()).collect();
            let usage = Usage::new(&refusal, action.map(Into::into), actions);
            return failed(&Error::Usage(usage), words.iter().any(|word| word == "--json"));
        }
    };
    let (result, json) = match &arguments.action {
        Action::Check(options) => (check::run(options), options.json),
        Action::Compile(options) => (compile::run(options), options.json),
        Action::Replay(options) => (replay::run(options), options.json),
        Action::Train(options) => (train::run(options), options.json),
        Action::Embed(options) => (embed::run(options), options.json),
        Action::Catalogue(options) => (catalogue::command::run(options), options.json),
        Action::Click(options) => (click::run(options), options.json),
        Action::Simulate(options) => (simulate::run(options), options.json),
        Action::Rules(options) => (rules::run(options), options.json),
        Action::Membership(options) => (membership::run(options), options.json),
        Action::Evaluate(options) => (evaluate::run(options), options.json),
    };
    result.map_or_else(|error| failed(&error, json), |()| ExitCode::SUCCESS)
}

/// Tells an error, on standard output too where `json` asks for it.
fn failed(error: &Error, json: bool) -> ExitCode {
    if json {
        // The exit code says it too, where standard output is what cannot be written.
        let _ = writeln!(io::stdout(), "{}", error.to_json());
    }
    note(format_args!("error[{}]: {error}\nremedy: {}", error.code(), error.remedy()));
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Arguments, clap::Error> {
        let words: Vec<OsString> = [&["nearside"], words].concat().iter().map(OsString::from).collect();
        Arguments::read(&words)
    }

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn an_engine_without_a_model_is_refused() {
        assert!(parsed(&["replay", "--events", "a.csv", "--engine", "full"]).is_err());
        assert!(parsed(&["replay", "--events", "a.csv", "--engine", "full", "--model", "m.onnx"]).is_ok());
    }

    #[test]
    fn slates_are_never_shorter_than_the_figures_are_deep() {
        assert!(parsed(&["replay", "--events", "a.csv", "--k", "10"]).is_err());
        assert!(parsed(&["replay", "--events", "a.csv", "--k", "50"]).is_ok());
    }
}
