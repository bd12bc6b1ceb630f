//! `nearside click`: from what was shown and clicked to the chance of a click, as an ONNX file.

mod events;
mod no_clicks;
mod report;
mod table;

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use nearside_core::Value;
use nearside_core::content::WIDTH;
use nearside_log::{ImpressionSource, Impressions, Log, PlaceMapping};
use nearside_train::click::{Examples, Model, Terms};
use nearside_train::{Part, write_whole};
use serde::Serialize;

use crate::catalogue::Prepared;
use crate::error::Error;
use crate::output;
use crate::progress::progress;
use crate::range::{MOST_THREADS, VALIDATION, up_to, within};
use crate::source::{Reading, told};
use crate::threads;
use events::Playing;
pub(crate) use events::UnusableList;
pub(crate) use no_clicks::NoClicks;
use report::Report;

/// What `--help` says below the options.
pub(crate) const HELP: &str = "\
The model is a logistic one over the contract's features: likeness to the profile and to the page with a weight for every
page type, category, brand, price gap, looks beyond the second, price, discount, stage, device, time, what the shopper
told, and the ad's content. Its score is a probability, calibrated on the newest sessions.

Three kinds of data:
  lists       --events with view_item_list and select_item, or ad_impression and ad_click: what was shown and clicked. A
              list's event may say where it stood: page { type, item_id, category, search_term } and device. Places in
              the list are learnt beside, so that they are not taken for the ads' own worth
  next items  --events with --negatives K: the next item of every step beside K items drawn from the catalogue. The
              chance is then that of being the next item among all of them, corrected for the drawing
  a table     --impressions: one row an ad that was shown, CSV or TSV with a header, libfm (with --index) or libffm.
              Columns are found by their usual names or named by --columns PLACE=COLUMN: clicked, time,
              context.time.hour, context.time.weekday, context.page, context.device, profile.basic.age, .gender,
              .region, session.item, session.category, session.brand (one column a step), ad.item, ad.category,
              ad.brand, ad.price. Columns without a place in the contract are named in the report

Features always come from the core itself, as a shop computes them; it forgets the shopper where a session ends.

Figures, on --test where given and otherwise on the newest sessions (--validation), each with a 95 % interval from 300
redrawn data sets: auc; log_loss in nats beside log_loss_constant, that of the best constant; normalised_entropy, their
quotient; calibration_error, the mean distance of chance and click rate in 10 bins of equal count; predicted and rate, the
mean chance and the click rate. Newest sessions are judged in halves, each with the calibration of the other. A table
without times is taken to be in the order of time.

What the model reveals: one weight a feature, a sum over all sessions.

Examples:
  nearside click --events events.jsonl --catalogue catalogue.json -o model.onnx
  nearside click --events clicks.tsv.gz --negatives 20 -o model.onnx --json
  nearside click --impressions train.fm.txt.gz --index featindex.fm.txt.gz --test test.fm.txt.gz -o model.onnx
  nearside click --impressions shown.csv --columns clicked=was_clicked,ad.brand=maker -o model.onnx";

/// What is learnt from, and how.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("data").required(true).args(["events", "impressions"])))]
pub(crate) struct Options {
    /// Logs of events, plain or gzip, in any format that `replay` reads
    #[arg(long, num_args = 1.., value_name = "FILE")]
    events: Vec<PathBuf>,
    /// Tables of impressions, plain or gzip
    #[arg(long, num_args = 1.., value_name = "FILE", conflicts_with_all = ["map", "format"])]
    impressions: Vec<PathBuf>,
    /// More of the same, to be measured on and not learnt from
    #[arg(long, num_args = 1.., value_name = "FILE")]
    test: Vec<PathBuf>,
    /// The catalogue, as JSON; without it one is derived from the log's own items
    #[arg(long, value_name = "FILE", conflicts_with = "impressions")]
    catalogue: Option<PathBuf>,
    /// Learn from next items beside so many drawn ones each, 1 to 1000, in place of lists
    #[arg(long, value_name = "K", value_parser = within::<usize>(1..=1000), conflicts_with = "impressions")]
    negatives: Option<usize>,
    #[command(flatten)]
    reading: Reading,
    /// Columns of a table of impressions, such as ad.brand=maker
    #[arg(long, value_delimiter = ',', value_name = "PLACE=COLUMN", conflicts_with = "events")]
    columns: Vec<PlaceMapping>,
    /// Names of the numbers of a libfm file: lines of `column:value`, a tab and the number
    #[arg(long, value_name = "FILE", conflicts_with = "events")]
    index: Option<PathBuf>,
    /// Features the model may read, by their names in the contract; all that a click model can where not given
    #[arg(long, value_delimiter = ',', value_name = "FEATURE")]
    features: Vec<String>,
    /// Share of the sessions, the newest, that are held out to calibrate and to measure: above 0, at most 0.5
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = within(VALIDATION))]
    validation: f64,
    /// How strongly weights are pulled towards 0, as so many examples, above 0 and at most 1000000; raise it for few
    /// clicks
    #[arg(long, value_name = "STRENGTH", default_value_t = 1.0, value_parser = within(up_to(1e6)))]
    ridge: f64,
    /// Where the drawing of items and of intervals starts: 0 or above
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = within::<u64>(0..=u64::MAX))]
    seed: u64,
    /// Threads that play sessions, 1 to 1024; as many as there are cores where not given
    #[arg(long, value_name = "N", value_parser = within::<usize>(1..=MOST_THREADS), conflicts_with = "impressions")]
    threads: Option<usize>,
    /// A sentence for the file's description: of which shop, of when
    #[arg(long, value_name = "TEXT")]
    about: Option<String>,
    /// The ONNX file to write
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// Print one JSON object, and nothing else, on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// What the data have that is not learnt from.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct LeftOut {
    /// Items shown, or next, that the catalogue lacks.
    unknown_items: usize,
    /// Those of them that were clicked, or came next.
    #[serde(skip)]
    unknown_clicked: usize,
    /// Lists there were, those that cannot be used among them.
    #[serde(skip)]
    lists: usize,
    /// Lists whose events say something that cannot be asked for, such as a page of no known type.
    unusable_lists: usize,
    /// Clicks on items of no list before them.
    clicks_without_list: usize,
    /// Rows that could not be used.
    skipped_rows: usize,
    /// Columns without a place in the contract.
    columns: Vec<String>,
    /// Values that are not understood, by place.
    unread_values: Vec<(&'static str, usize)>,
}

impl LeftOut {
    fn add(&mut self, other: &LeftOut) {
        self.unknown_items += other.unknown_items;
        self.unknown_clicked += other.unknown_clicked;
        self.lists += other.lists;
        self.unusable_lists += other.unusable_lists;
        self.clicks_without_list += other.clicks_without_list;
    }
}

/// What examples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Items of lists that were shown.
    Lists,
    /// Next items beside drawn ones.
    NextItems,
    /// Rows of a table.
    Table,
}

/// The examples of some files.
struct Data {
    examples: Examples,
    kind: Kind,
    simulated: bool,
    left_out: LeftOut,
}

/// Runs the command and prints its report.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let Options { events, impressions, test, catalogue, index, .. } = options;
    let read = events.iter().chain(impressions).chain(test).chain(catalogue).chain(index);
    output::apart([&options.out], read)?;
    let (terms, data, test) = if options.events.is_empty() { from_tables(options)? } else { from_events(options)? };
    let settings =
        nearside_train::click::Options { validation: options.validation, ridge: options.ridge, seed: options.seed };
    let model = Model::train(&terms, &data.examples, test.as_ref().map(|test| &test.examples), &settings);
    let model = model.map_err(|source| match source {
        nearside_train::Error::NoClicks { part, examples } => {
            let of = test.as_ref().filter(|_| part == Part::Test).unwrap_or(&data);
            Error::NoClicks(NoClicks::new(part, examples, of))
        }
        source => Error::Training(source),
    })?;
    let file = model.file(&about(options, &data, &model));
    write_whole(&options.out, &file).map_err(Error::writing(&options.out))?;
    let report = Report {
        model: &options.out,
        bytes: file.len(),
        data: data.kind,
        simulated: data.simulated,
        examples: model.examples,
        clicks: model.clicks,
        measured_on: if test.is_some() { "test" } else { "newest" },
        figures: model.figures,
        calibration: model.calibration,
        weights: report::weights(&model),
        left_out: data.left_out,
    };
    output::print(&report, options.json)
}

/// What the file says of itself.
fn about(options: &Options, data: &Data, model: &Model) -> String {
    let of = match data.kind {
        Kind::Lists | Kind::Table => format!("{} impressions", model.examples),
        Kind::NextItems => format!("{} next and drawn items", model.examples),
    };
    let told = options.about.as_ref().map_or(String::new(), |about| format!(" {}", about.trim()));
    let whose = if data.simulated {
        "The sessions are simulated: no real shopper's behaviour is behind it."
    } else {
        "It holds one weight a feature, a sum over all sessions; its golden cases are drawn at random."
    };
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "The chance of a click: a logistic model learnt from {of} with {} clicks by nearside click {version}.{told} {whose}",
        model.clicks
    )
}

fn terms(options: &Options, embedding: usize) -> Result<Terms, Error> {
    let all: Vec<String> = Terms::known().map(|feature| feature.name().to_owned()).collect();
    let names = if options.features.is_empty() { &all } else { &options.features };
    Terms::of_names(names, embedding).map_err(Error::Training)
}

fn from_events(options: &Options) -> Result<(Terms, Data, Option<Data>), Error> {
    let log = options.reading.read(&options.events)?;
    let catalogue = match &options.catalogue {
        Some(path) => Prepared::read(path, None, 1)?,
        None => Prepared::derive(&log, None, 1)?,
    };
    let terms = terms(options, catalogue.catalogue.embedding_width())?;
    let play = |log: &Log| -> Result<Data, Error> {
        let playing = Playing {
            log,
            catalogue: &catalogue,
            terms: &terms,
            negatives: options.negatives,
            seed: options.seed,
            threads: threads::count(options.threads),
            strict: options.reading.strict,
        };
        let (examples, left_out) = playing.examples(&progress("sessions", log.sessions().len()))?;
        let marked = |value: &Value<'_>| matches!(value.get("simulated"), Some(Value::Bool(true)));
        Ok(Data {
            examples,
            kind: if options.negatives.is_some() { Kind::NextItems } else { Kind::Lists },
            simulated: log.sessions().iter().flat_map(|session| &session.steps).any(|step| marked(&log.event(step))),
            left_out: LeftOut { skipped_rows: log.skipped(), ..left_out },
        })
    };
    let data = play(&log)?;
    let test = if options.test.is_empty() { None } else { Some(play(&options.reading.read(&options.test)?)?) };
    Ok((terms, data, test))
}

fn from_tables(options: &Options) -> Result<(Terms, Data, Option<Data>), Error> {
    let terms = terms(options, WIDTH)?;
    let read = |paths: &[PathBuf]| -> Result<Data, Error> {
        let source = ImpressionSource {
            paths: paths.to_vec(),
            mappings: options.columns.clone(),
            index: options.index.clone(),
            strict: options.reading.strict,
        };
        let table = told(|told| Impressions::read(&source, told))?;
        let examples = table::examples(&table, &terms, &progress("impressions", table.rows.len()))?;
        let left_out = LeftOut {
            skipped_rows: table.skipped,
            columns: table.unplaced,
            unread_values: table.unread.into_iter().map(|(place, count)| (place.word(), count)).collect(),
            ..LeftOut::default()
        };
        Ok(Data { examples, kind: Kind::Table, simulated: false, left_out })
    };
    let data = read(&options.impressions)?;
    let test = if options.test.is_empty() { None } else { Some(read(&options.test)?) };
    Ok((terms, data, test))
}
