//! `nearside replay`: a real log through the engine a shop ships, measured.
//!
//! Every session is played event by event. After each event whose successor
//! names an item, every ranker orders the whole catalogue, and the place of
//! that item is noted. Nothing a ranker knows at that moment comes from later.

mod metrics;
mod popularity;
mod report;
mod shoppers;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::catalogue::Prepared;
use crate::engine::{EngineName, check_encoder};
use crate::error::Error;
use crate::output;
use crate::progress::progress;
use crate::range::{MOST, MOST_THREADS, within};
use crate::source::Reading;
use crate::threads;
use crate::vocabulary::VocabularyFile;
use metrics::DEPTH;
use report::Report;
use shoppers::{Replay, Slate};

/// What `--help` says below the options.
pub(crate) const HELP: &str = "\
Figures: after each event whose successor names an item, every ranker orders all items of the catalogue, those
already seen included; the next item's place counts. recall, mrr, ndcg and coverage are percentages, 0 to 100:
  recall_20    share of rankings with the next item among the first 20 (recall_10: the first 10)
  mrr_20       mean of 1 / place, 0 beyond place 20
  ndcg_20      mean of 1 / log2(place + 1), 0 beyond place 20
  coverage_20  share of the catalogue that stood in a top 20 at least once
  us_per_event, us_per_rank  mean microseconds of one `observe` and of one ranking

Rankers: cosine (the engine without a model), compact or full (the engine with --model), popularity (what all
shoppers went for so far) and session_popularity (what this session went for, the most frequent first, of equals
the newest; then popularity). None of them knows anything from after the moment it ranks.

Logs: columns are found by their usual names (RetailRocket, REES46, YooChoose, Diginetica and GA4 need no --map).
Times are seconds, milliseconds or microseconds since 1970, or RFC 3339. Words such as view, click, cart,
addtocart, transaction, purchase become GA4's. A session is the log's own where it has one, otherwise a visitor's
events with no gap over 30 minutes. Rows that cannot be used are counted, the first ten told on standard error.
Without --catalogue the items that occur in the log are ranked, with what the log tells of them. A model of `nearside train`
knows the items of its vocabulary.json: give it as --vocabulary, or rank a catalogue that `nearside embed --vocabulary` wrote.

Examples:
  nearside replay --events events.tsv.gz
  nearside replay --events 2019-Oct.csv.gz --catalogue catalogue.json --model model.onnx --json
  nearside replay --events events.tsv.gz --model ranker/model.onnx --vocabulary ranker/vocabulary.json
  nearside replay --events clicks.csv --map item=article_no,visitor=cookie,time=when --max-sessions 1000";

/// Where a replay's files are, and how it is run.
#[derive(Debug, Args)]
#[command(mut_arg("vocabulary", |arg| arg.requires("model")))]
pub(crate) struct Options {
    /// Logs to replay, plain or gzip: CSV or TSV with a header, JSON lines of GA4 events, or one session a line; or Parquet
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    events: Vec<PathBuf>,
    /// The catalogue to rank, as JSON; without it one is derived from the log's own items
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
    /// An ONNX model to rank with, beside the cosine scorer
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// The engine that runs the model
    #[arg(long, value_enum, default_value_t = EngineName::Compact, requires = "model")]
    engine: EngineName,
    #[command(flatten)]
    vocabulary: VocabularyFile,
    #[command(flatten)]
    reading: Reading,
    /// How long the engine remembers a shopper
    #[arg(long, value_enum, default_value_t = Memory::Session)]
    memory: Memory,
    /// Replay only the first sessions, 1 to 1000000000; the catalogue is still that of the whole log
    #[arg(long, value_name = "N", value_parser = within::<usize>(1..=MOST))]
    max_sessions: Option<usize>,
    /// Length of the slates, 20 to 1000; the figures are always those of the first 10 and 20
    #[arg(long, value_name = "N", default_value_t = DEPTH, value_parser = within::<usize>(DEPTH..=1000))]
    k: usize,
    /// Threads for our own rankers, 1 to 1024; 1 gives the steadiest times. By default as many as there are cores
    #[arg(long, value_name = "N", value_parser = within::<usize>(1..=MOST_THREADS))]
    threads: Option<usize>,
    /// Write every slate as a JSON line: ranker, session, step, at, slate, scores
    #[arg(long, value_name = "FILE")]
    slates: Option<PathBuf>,
    /// Write the catalogue that was ranked
    #[arg(long, value_name = "FILE")]
    catalogue_out: Option<PathBuf>,
    /// Print one JSON object, and nothing else, on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// How long the engine remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Memory {
    /// Until the session ends, as published figures assume.
    Session,
    /// From one session of a visitor to the next, as in a browser.
    Visitor,
}

/// Runs the command and prints its report.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let Options { events, catalogue, model, vocabulary, .. } = options;
    let read = events.iter().chain(catalogue).chain(model).chain(vocabulary.path());
    output::apart(options.slates.iter().chain(&options.catalogue_out), read)?;
    let mut log = options.reading.read(&options.events)?;
    let vocabulary = options.vocabulary.read()?;
    let catalogue = match &options.catalogue {
        Some(path) => Prepared::read(path, vocabulary.as_deref(), options.k)?,
        None => Prepared::derive(&log, vocabulary.as_deref(), options.k)?,
    };
    if let Some(path) = &options.catalogue_out {
        std::fs::write(path, &catalogue.bytes).map_err(Error::writing(path))?;
    }
    if let Some(most) = options.max_sessions {
        log.truncate(most);
    }
    if log.predictions() == 0 {
        return Err(Error::NothingToPredict { sessions: log.sessions().len() });
    }
    let model = match &options.model {
        Some(path) => Some((path.as_path(), std::fs::read(path).map_err(Error::reading(path))?)),
        None => None,
    };
    if let Some((path, bytes)) = &model {
        check_encoder((path, bytes), options.catalogue.as_deref().zip(catalogue.encoder.as_deref()))?;
    }
    let shoppers = shoppers::shoppers(&log, options.memory == Memory::Visitor);
    let replay = |model| Replay {
        log: &log,
        catalogue: &catalogue,
        shoppers: &shoppers,
        model,
        threads: threads::count(options.threads),
        slates: options.slates.is_some(),
    };

    let mut slates = Vec::new();
    let mut tallies = Vec::new();
    let mut ours = |replay: Replay<'_>| -> Result<(), Error> {
        let name = replay.name();
        let (tally, lines) = replay.run(&progress(name, shoppers.len()))?;
        tallies.push((name, tally));
        slates.extend(lines);
        Ok(())
    };
    ours(replay(None))?;
    if let Some((path, bytes)) = &model {
        ours(replay(Some((path, bytes, options.engine.into()))))?;
    }
    tallies.extend(popularity::run(&log, &catalogue, &progress("popularity", log.events())));

    if let Some(path) = &options.slates {
        write_slates(path, &slates).map_err(Error::writing(path))?;
    }
    let report = Report::new(&log, &catalogue, &tallies);
    output::print(&report, options.json)
}

fn write_slates(path: &Path, slates: &[Slate]) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for slate in slates {
        serde_json::to_writer(&mut file, slate)?;
        file.write_all(b"\n")?;
    }
    file.flush()
}
