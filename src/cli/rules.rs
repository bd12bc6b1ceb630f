//! `nearside rules`: a log in, a table of item-to-item rules out, as an ONNX file.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum};
use nearside_core::Vocabulary;
use nearside_log::{Log, Rules as Filter, Sequence, Split};
use nearside_train::{Calibration, Entropy, Mining, Privacy, Rule, Rules, RulesFile, Sessions, Unit, write_whole};
use serde::Serialize;
use serde_json::json;

use crate::artefacts::remove_others;
use crate::error::Error;
use crate::output::{note, print};
use crate::range::{MOST_STEPS, PRIVACY_LOSS, SHARE, VALIDATION, within};
use crate::source::TrainingLog;
use crate::train::percent;

/// What `--help` says below the options.
pub(crate) const HELP: &str = "\
Writes into the folder of --out:
  model.onnx        the rules: session.item and ad.item in, score out (a logit)
  vocabulary.json   the items it knows, in order: sorted; a catalogue with other products has to name them
What `nearside train` left in the folder is removed: checkpoints, journal, pages and content encoder of another model.

Rules are counted over the training sessions: what came up to ten steps after an item, by 1 / distance (sequential), in
whatever order in the same session (association), or right after it (markov). An item's score is the logarithm of the sum
of its rules from the session's last twenty steps, by --decay for each step back, of a tenth for each step on the item itself,
and of a little popularity. The figures are those of the validation sessions: the newest ones, which are not counted, unless
--refit counts them for what ships.

What the file reveals: for each item at most --neighbours others with a weight in steps of six per cent, each named by
--fewest visitors or more, or --fewest sessions where a session has no visitor or --unit says so; the report and the file say
which of them was counted. And how often each item occurs. A pair that fewer name leaves no trace.

Differential privacy (--epsilon): the table is made from noisy numbers of units: any file becomes at most exp(epsilon) times
as likely through one visitor's (session's) presence, but for a chance of --delta. Every unit names at most --pairs pairs, a
discrete Gaussian is added to each pair that --fewest units name, and what stays below a threshold is left out; popularity and
vocabulary are made from what is left. All sessions are counted, no item is too rare, and the calibration is not fitted. The
noise comes from the operating system, so that no two runs give the same file: every file that gets out spends epsilon
again. The figures are those of a first table, of the training sessions alone; they do not ship and are not private.

Examples:
  nearside rules --events events.tsv.gz --out rules
  nearside rules --events events.tsv.gz --out rules --rule sequential --fewest 20
  nearside rules --events events.tsv.gz --out rules --epsilon 2";

/// What is counted, and how.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    log: TrainingLog,
    /// The folder for what is written; made where it is missing
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Leave out items with fewer steps than this in the whole log, 1 to 1000000
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = within::<usize>(1..=MOST_STEPS), conflicts_with = "epsilon")]
    min_count: usize,
    /// Share of the sessions, the newest, that are held out to calibrate and to measure: above 0, at most 0.5
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = within(VALIDATION))]
    validation: f64,
    /// Count once more over all sessions, those of the validation included, and ship that
    #[arg(long)]
    refit: bool,
    /// What a rule from one item to another is
    #[arg(long, value_enum, default_value_t = RuleName::Association)]
    rule: RuleName,
    /// Fewest visitors, or sessions, behind every entry: 1 to 1000000
    #[arg(long, value_name = "N", default_value_t = Mining::default().fewest, value_parser = within::<u32>(1..=1_000_000))]
    fewest: u32,
    /// Who stands behind an entry; where not given, visitors if every session of the log has one, sessions otherwise. With
    /// --epsilon it has to be given where some sessions have a visitor and others have none
    #[arg(long, value_enum)]
    unit: Option<UnitName>,
    /// Most entries an item keeps, the strongest: 1 to 1000
    #[arg(long, value_name = "N", default_value_t = Mining::default().neighbours, value_parser = within::<usize>(1..=1000))]
    neighbours: usize,
    /// How much a step counts beside the one after it: at 0 the last step alone ranks, at 1 all alike
    #[arg(long, value_name = "SHARE", default_value_t = Mining::default().decay, value_parser = within::<f32>(0.0..=1.0))]
    decay: f32,
    /// Make the table differentially private, above 0 and at most 100: the lower, the more private and the fewer rules; 1
    /// is a strong promise, 10 hardly one
    #[arg(long, value_name = "E", value_parser = within(PRIVACY_LOSS))]
    epsilon: Option<f64>,
    /// Chance that the promise of --epsilon does not hold, above 0 and below 1; well below one over the number of visitors
    #[arg(long, value_name = "D", default_value_t = 1e-6, value_parser = within(SHARE), requires = "epsilon")]
    delta: f64,
    /// Most pairs that one visitor, or session, names under --epsilon, 1 to 1000; the noise grows with the root
    #[arg(long, value_name = "C", default_value_t = PAIRS, value_parser = within::<usize>(1..=1000), requires = "epsilon")]
    pairs: usize,
    /// Picks the pairs of those who have more than --pairs: 0 or above; the noise does not depend on it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = within::<u64>(0..=u64::MAX), requires = "epsilon")]
    seed: u64,
    /// Print one JSON object, and nothing else, on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// Pairs a unit names under differential privacy, where nothing else is asked for.
pub(crate) const PAIRS: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RuleName {
    /// What came up to ten steps after, by 1 / distance.
    Sequential,
    /// What was in the same session, in any order.
    Association,
    /// What came right after.
    Markov,
}

/// Who stands behind an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum UnitName {
    /// Every session for itself.
    Session,
    /// A visitor with all their sessions; every session has to have one.
    Visitor,
}

impl From<UnitName> for Unit {
    fn from(name: UnitName) -> Unit {
        match name {
            UnitName::Session => Unit::Session,
            UnitName::Visitor => Unit::Visitor,
        }
    }
}

impl From<RuleName> for Rule {
    fn from(name: RuleName) -> Rule {
        match name {
            RuleName::Sequential => Rule::Sequential,
            RuleName::Association => Rule::Association,
            RuleName::Markov => Rule::Markov,
        }
    }
}

/// What was made.
#[derive(Debug, Serialize)]
struct Report {
    model: PathBuf,
    /// Items in the vocabulary.
    items: usize,
    entries: usize,
    sessions: usize,
    unit: Unit,
    mining: Mining,
    bytes: usize,
    bytes_gzip: usize,
    validation: serde_json::Value,
    calibration: Calibration,
    refit: bool,
    seconds: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { model, items, entries, sessions, mining, bytes, bytes_gzip, .. } = self;
        let unit = self.unit.word();
        writeln!(
            f,
            "{}: {entries} entries of {items} items from {sessions} sessions, each of {} {unit}s or more; {bytes} bytes, \
             {bytes_gzip} after gzip",
            model.display(),
            mining.fewest
        )?;
        if let Some(Privacy { epsilon, delta, pairs }) = mining.privacy {
            writeln!(f, "private by {unit}: epsilon {epsilon}, delta {delta}, at most {pairs} pairs each")?;
        }
        let figure = |name: &str| self.validation[name].as_f64().unwrap_or_default();
        writeln!(
            f,
            "validation  Recall@10 {:.2}  Recall@20 {:.2}  MRR@10 {:.2}  MRR@20 {:.2}",
            figure("recall_10"),
            figure("recall_20"),
            figure("mrr_10"),
            figure("mrr_20")
        )
    }
}

/// The sessions as ids of the vocabulary, with whose they are.
struct Prepared {
    /// Sorted, as a catalogue without a vocabulary of its own numbers its products.
    items: Vec<String>,
    training: Sessions,
    validation: Sessions,
}

impl Prepared {
    fn new(log: &Log, filter: &Filter, validation: f64) -> Prepared {
        let kept = filter.keep(log);
        let [sessions, short, rare] = [kept.sequences.len(), kept.short_sessions, kept.rare_items];
        note(format_args!("{sessions} sessions kept, {short} too short, {rare} items too rare"));
        let names = log.items();
        let mut numbers: Vec<u32> = kept.sequences.iter().flat_map(|sequence| sequence.items(log)).collect();
        numbers.sort_unstable_by_key(|item| names.name(*item));
        numbers.dedup();
        let ids: HashMap<u32, u32> = numbers.iter().copied().zip(1..).collect();
        let items = numbers.iter().map(|item| names.name(*item).to_owned()).collect();
        let (training, validation) = Split::Share(validation).apply(log, kept.sequences);
        let numbered = |sequences: &[Sequence]| {
            let mut sessions = Sessions::default();
            for sequence in sequences {
                sessions.push(&sequence.items(log).map(|item| ids[&item]).collect::<Vec<_>>());
                sessions.set_visitor(log.sessions()[sequence.session].visitor);
            }
            sessions
        };
        Prepared { items, training: numbered(&training), validation: numbered(&validation) }
    }
}

/// Runs the command and prints its report.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let started = Instant::now();
    options.log.apart_from(&options.out)?;
    let privacy = options.epsilon.map(|epsilon| Privacy { epsilon, delta: options.delta, pairs: options.pairs });
    let mut mining = Mining {
        rule: options.rule.into(),
        unit: options.unit.map(Unit::from),
        fewest: options.fewest,
        neighbours: options.neighbours,
        decay: options.decay,
        privacy,
        seed: options.seed,
    };
    let log = options.log.read()?;
    // Which items are frequent is told by all sessions together, without noise.
    let min_support = if privacy.is_some() { 1 } else { options.min_count };
    let prepared = Prepared::new(&log, &options.log.rules(min_support), options.validation);
    let left = [&prepared.training, &prepared.validation].map(Sessions::len);
    options.log.enough(left, [1, 1], || options.log.rules(1).keep(&log).sequences.len())?;
    drop(log);
    let Prepared { mut items, mut training, validation } = prepared;
    let unit = mining.unit_of(&[&training, &validation]).map_err(Error::Training)?;
    mining.unit = Some(unit);
    let mut entropy = Entropy::system();
    let mut mined =
        |sessions: &Sessions| Rules::mine(&mining, sessions, items.len(), &mut entropy).map_err(Error::Training);
    let mut rules = mined(&training)?;
    let figures = rules.figures(&validation);
    let refit = options.refit || privacy.is_some();
    let calibration = rules.calibrate(&validation);
    if refit {
        training.append(&validation);
        rules = mined(&training)?;
    }
    if privacy.is_some() {
        let released = rules.items();
        rules = rules.of_items(&released);
        items = released.iter().map(|item| items[*item as usize - 1].clone()).collect();
    }

    let sessions = training.len();
    let hash = Vocabulary::of_items(items.iter().map(String::as_str)).item_hash().to_owned();
    let version = env!("CARGO_PKG_VERSION");
    let about = match privacy {
        Some(Privacy { epsilon, delta, .. }) => {
            format!("Made by nearside rules {version} with differential privacy: epsilon {epsilon}, delta {delta}.")
        }
        None => format!("Learnt from {sessions} sessions by nearside rules {version}."),
    };
    let RulesFile { file, compressed } = rules.ship(calibration, &hash, &about).map_err(Error::Training)?;
    std::fs::create_dir_all(&options.out).map_err(Error::writing(&options.out))?;
    let [model, vocabulary] = ["model.onnx", "vocabulary.json"].map(|name| options.out.join(name));
    let words = json!({"items": items}).to_string();
    write_whole(&vocabulary, words.as_bytes()).map_err(Error::writing(&vocabulary))?;
    write_whole(&model, &file).map_err(Error::writing(&model))?;
    remove_others(&options.out, &["model.onnx", "vocabulary.json"], &[])?;
    print(
        &Report {
            model,
            items: items.len(),
            entries: rules.entries(),
            sessions,
            unit,
            mining,
            bytes: file.len(),
            bytes_gzip: compressed,
            validation: percent(&figures),
            calibration,
            refit,
            seconds: started.elapsed().as_secs_f64(),
        },
        options.json,
    )
}
