//! `nearside simulate`: sessions of simulated shoppers over a catalogue, as a log that every command reads.

use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use nearside_train::Simulator;
use serde::Serialize;

use crate::catalogue::feed;
use crate::error::Error;
use crate::output;
use crate::range::within;

/// What `--help` says below the options.
pub(crate) const HELP: &str = "\
The log is JSON lines of GA4 events: lists shown (view_item_list with the page and the device), clicks in them
(select_item), product pages, carts, purchases, searches. Every line says \"simulated\": true. A shopper wants one or two
categories, perhaps a brand, and has a price level; the first item of a list that appeals is clicked, fewer look at the
places further down, and looking at the same item again and again tires. Nobody's behaviour is behind it, so what a model
learns from it shows that the machinery works and nothing about real shoppers.

The same catalogue, seed and number of sessions give the same bytes.

Examples:
  nearside simulate --catalogue catalogue.json --sessions 5000 --seed 1 -o events.jsonl
  nearside click --events events.jsonl --catalogue catalogue.json -o model.onnx";

/// Over what, and how much.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The catalogue the shoppers see, as JSON
    #[arg(long, value_name = "FILE")]
    catalogue: PathBuf,
    /// How many sessions, each of a shopper of its own: 1 to 10000000
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = within::<u64>(1..=10_000_000))]
    sessions: u64,
    /// Where all randomness starts: 0 or above
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = within::<u64>(0..=u64::MAX))]
    seed: u64,
    /// The log to write
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// Print one JSON object, and nothing else, on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// What was written.
#[derive(Serialize)]
struct Report<'a> {
    events: usize,
    out: &'a Path,
    sessions: u64,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { events, out, sessions } = self;
        writeln!(f, "{}: {sessions} simulated sessions, {events} events", out.display())
    }
}

/// Runs the command and says what was written.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    output::apart([&options.out], [&options.catalogue])?;
    let feed = feed(&options.catalogue)?;
    let simulator = Simulator::new(&feed, options.seed).map_err(Error::Training)?;
    let mut events = 0;
    let mut write = || -> std::io::Result<()> {
        let mut file = BufWriter::new(File::create(&options.out)?);
        for number in 0..options.sessions {
            for line in simulator.session(number, options.sessions) {
                writeln!(file, "{line}")?;
                events += 1;
            }
        }
        file.flush()
    };
    write().map_err(Error::writing(&options.out))?;
    output::print(&Report { events, out: &options.out, sessions: options.sessions }, options.json)
}
