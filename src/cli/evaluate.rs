//! `nearside evaluate`: models beside the usual baselines, by the protocol of the public tables.
//!
//! Every prefix of every test session is a question; all items of the training sessions are ranked, those already seen
//! included; nothing is sampled. A model is asked through the engine a shop ships.

mod engine;
pub(crate) mod figures;
pub(crate) mod groups;
pub(crate) mod index;
pub(crate) mod neighbours;
mod new_items;
pub(crate) mod popularity;
mod questions;
pub(crate) mod ranker;
pub(crate) mod report;
mod rules;
pub(crate) mod task;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{ArgGroup, Args};
use nearside_log::{Log, Rules as Filter, Sequence, Split};
use nearside_train::ContentEncoder;

use crate::catalogue::{self, Prepared};
use crate::engine::{EngineName, check_encoder};
use crate::error::Error;
use crate::output;
use crate::progress::progress;
use crate::range::{MOST, MOST_STEPS, MOST_THREADS, SHARE, up_to, within};
use crate::source::Steps;
use crate::threads;
use crate::vocabulary::VocabularyFile;
use engine::{ModelRanker, SLATE};
use figures::{Draws, Sums};
use groups::Thirds;
use index::Index;
use neighbours::VsKnn;
use new_items::Catalogues;
use popularity::{Popularity, SessionPopularity};
use ranker::{Place, Played, Ranker};
use report::{Counted, Interval, ModelReport, Named, NewFacts, NewReport, RankerReport, Report, TestFacts, TrainFacts};
use rules::{Relation, Rules};
use task::Task;

/// How deep a ranking is looked at: the 20 of Recall@20.
const DEPTH: usize = 20;

/// Items with fewer steps in a log that is split here are left out, as in the public splits.
const MIN_COUNT: usize = 5;

/// Why there are figures: a test without a session is refused.
const ASKED: &str = "every test session has a question";

/// What `--help` says below the options.
pub(crate) const HELP: &str = "\
Protocol: after every step of every test session but the last, each ranker orders all items of the training sessions,
those already seen included; the place of the next step's item counts. Nothing is sampled, no model sees a test session.
  recall_20  share of questions with the next item among the first 20, in percent (recall_10: the first 10)
  mrr_20     mean of 1 / place, 0 beyond place 20, in percent (mrr_10: 0 beyond place 10)
  low, high  the middle 95 % of 1,000 tests drawn from the sessions with replacement (bootstrap by session)
Sessions of one step are left out. Steps of items that training never saw are taken out of the test sessions, and what
then has one step left goes too. Of equal scores, a baseline puts the item first that training saw first; a model's ties
count against it: whoever shares the next item's score stands before it.

Splits of one log (--split-days, --split-share): sessions of one step go, then items with fewer than 5 steps in the whole
log (--min-count), then sessions left with one step; a session belongs to the test where it ends in the last days, or
is among the last share of sessions by their end. Given files (--test) are taken as they are: --min-count is 1.

Rankers: popularity; s_pop (the session's items by frequency, then popularity); markov (what came right after the last
item); sequential_rules (up to 10 steps after it, by 1 / distance); association_rules (pairs of steps in one session,
repeats of the item itself too); item_knn (sessions with both items, as a cosine, 20 added to each side); vs_knn (the 200
most similar of the 2,000 newest sessions that share an item; it needs other shoppers' sessions at hand, which no browser
may have); and each --model, in the engine that a shop ships, under its file name.

Groups: session_length (steps of the whole session), prefix_length (steps before the question), popularity (head, torso
and tail: a third of the training steps each), repeat (next item seen in the session, or new in it). New items: questions
whose answer training never saw are not in the figures; models are asked them apart, with those items competing too,
beside chance, the popularity of the last item's category, and the core's scorer (cosine of hashed content).
--hold-out-items takes some items out of training for that; --content gives every product the vector of its content.

Catalogue: the training items with what the log tells of them. The item vocabulary is their sorted names, or what
--vocabulary gives: the vocabulary.json that `nearside train` wrote. A model trained with a catalogue of its own needs
--catalogue; training items it lacks are counted and stand in as the log tells them, and what else it holds does not
compete.

Through wasm: --questions writes what was asked and where the answers stood, --catalogue-out the catalogue;
`node tests/wasm/evaluate.mjs MODEL CATALOGUE QUESTIONS` asks the wasm build the same and prints its figures.

Examples:
  nearside evaluate --train train_sessions.txt.gz --test test_sessions.txt.gz --model model.onnx
  nearside evaluate --train events.tsv.gz --split-days 2 --kinds view_item --train-out part.jsonl --json
  nearside evaluate --train train_full.tsv.gz --test test.tsv.gz --model a.onnx b.onnx --max-queries 5000
  nearside evaluate --train events.tsv.gz --split-days 2 --hold-out-items 0.1 --train-out part.jsonl
  nearside evaluate --train events.tsv.gz --split-days 2 --hold-out-items 0.1 --model ranker/model.onnx \
      --vocabulary ranker/vocabulary.json --content ranker/content.safetensors";

/// Which logs, which models, and how.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("parts").required(true).args(["test", "split_days", "split_share"])))]
#[command(mut_arg("vocabulary", |arg| arg.requires("model")))]
pub(crate) struct Options {
    /// Logs to learn from: CSV or TSV with a header, JSON lines of GA4 events, or one session a line; plain or gzip;
    /// or Parquet
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    train: Vec<PathBuf>,
    /// Logs to be measured on
    #[arg(long, num_args = 1.., value_name = "FILE")]
    test: Vec<PathBuf>,
    /// Split the training log: the sessions that end in its last days, above 0 and at most 36500, are the test
    #[arg(long, value_name = "N", value_parser = within(up_to(36_500.0)))]
    split_days: Option<f64>,
    /// Split the training log: this share of its sessions, the last ones, is the test; above 0 and below 1
    #[arg(long, value_name = "SHARE", value_parser = within(SHARE))]
    split_share: Option<f64>,
    /// Leave out items with fewer steps than this in the whole log, 1 to 1000000; 5 where not given and one log is split,
    /// else 1
    #[arg(long, value_name = "N", value_parser = within::<usize>(1..=MOST_STEPS))]
    min_count: Option<usize>,
    /// ONNX models to measure; without one, the baselines alone
    #[arg(long, num_args = 1.., value_name = "FILE")]
    model: Vec<PathBuf>,
    /// The engine that runs the models
    #[arg(long, value_enum, default_value_t = EngineName::Compact, requires = "model")]
    engine: EngineName,
    /// The catalogue that the models were trained with, as JSON
    #[arg(long, value_name = "FILE", requires = "model")]
    catalogue: Option<PathBuf>,
    #[command(flatten)]
    vocabulary: VocabularyFile,
    /// What `nearside train --content` wrote: gives every product the vector of its content
    #[arg(long, value_name = "FILE", requires = "model")]
    content: Option<PathBuf>,
    #[command(flatten)]
    steps: Steps,
    /// Take this share of the items, above 0 and below 1, out of the training part, drawn by the seed, so that they are
    /// new to the test
    #[arg(long, value_name = "SHARE", value_parser = within(SHARE))]
    hold_out_items: Option<f64>,
    /// Ask only so many questions, 1 to 1000000000, of sessions drawn at random, for a quick look
    #[arg(long, value_name = "N", value_parser = within::<usize>(1..=MOST))]
    max_queries: Option<usize>,
    /// Seed of everything that is drawn: 0 or above
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = within::<u64>(0..=u64::MAX))]
    seed: u64,
    /// Threads that ask, 1 to 1024; 1 gives the steadiest times. By default as many as there are cores
    #[arg(long, value_name = "N", value_parser = within::<usize>(1..=MOST_THREADS))]
    threads: Option<usize>,
    /// Write the training part as JSON lines of GA4 events, for `nearside train`
    #[arg(long, value_name = "FILE")]
    train_out: Option<PathBuf>,
    /// Write every test session as a JSON line: session, events, and the place of each next item by ranker
    #[arg(long, value_name = "FILE")]
    questions: Option<PathBuf>,
    /// Write the catalogue that the models ranked
    #[arg(long, value_name = "FILE", requires = "model")]
    catalogue_out: Option<PathBuf>,
    /// Print one JSON object, and nothing else, on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs the command and prints its report.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let Options { train, test, model, catalogue, vocabulary, content, .. } = options;
    let read = train.iter().chain(test).chain(model).chain(catalogue).chain(vocabulary.path()).chain(content);
    output::apart(options.train_out.iter().chain(&options.questions).chain(&options.catalogue_out), read)?;
    let log = options.steps.reading.read(&options.train)?;
    let test_log = if options.test.is_empty() { None } else { Some(options.steps.reading.read(&options.test)?) };
    let parts = Parts::new(options, &log, test_log.as_ref());
    if let Some(path) = &options.train_out {
        questions::write_events(path, &log, &parts.training)?;
    }
    let mut task = Task::new((&log, &parts.training), (test_log.as_ref().unwrap_or(&log), &parts.tested))?;
    let sampled = options.max_queries.is_some_and(|most| most < task.pairs());
    if let Some(most) = options.max_queries {
        task.sample(most, options.seed);
    }
    let own = options.catalogue.as_deref().map(Prepared::json).transpose()?;
    let vocabulary = match options.vocabulary.read()? {
        Some(items) => Some(items),
        None if own.is_none() => Some(task.sorted_names()),
        None => None,
    };
    let thirds = Thirds::new(&task);
    let evaluation =
        Evaluation { options, task: &task, thirds: &thirds, own: own.as_ref(), vocabulary: vocabulary.as_deref() };
    let Outcome { reports, places, new_pairs, new_reports } = evaluation.outcome()?;
    if let Some(path) = &options.questions {
        questions::write(path, &task, &places)?;
    }

    let train = TrainFacts { items_the_catalogue_lacks: evaluation.lacking(), ..parts.train_facts(&task) };
    let test = TestFacts { sampled, ..parts.test_facts(&task) };
    let new = NewFacts { items: task.new.items, steps: task.new.steps, pairs: new_pairs, rankers: Named(new_reports) };
    let report = Report::new(train, test, new, &thirds, Interval::new(options.seed), reports);
    output::print(&report, options.json)
}

/// The two parts of the data, and what was left out of them.
struct Parts {
    training: Vec<Sequence>,
    tested: Vec<Sequence>,
    short: [usize; 2],
    rare_items: usize,
    held_out_items: usize,
    skipped: [usize; 2],
}

impl Parts {
    fn new(options: &Options, log: &Log, test: Option<&Log>) -> Parts {
        let default = if test.is_some() { 1 } else { MIN_COUNT };
        let filter = options.steps.rules(options.min_count.unwrap_or(default));
        let kept = filter.keep(log);
        let (short, rare_items) = (kept.short_sessions, kept.rare_items);
        let hold_out = |training: &mut Vec<Sequence>| {
            options.hold_out_items.map_or(0, |share| hold_out(log, training, share, options.seed))
        };
        let Some(test) = test else {
            let split = match (options.split_days, options.split_share) {
                (Some(days), _) => Split::Days(days),
                (None, share) => Split::Share(share.unwrap_or_default()),
            };
            let (mut training, tested) = split.apply(log, kept.sequences);
            let held_out_items = hold_out(&mut training);
            return Parts {
                training,
                tested,
                short: [short, 0],
                rare_items,
                held_out_items,
                skipped: [log.skipped(), 0],
            };
        };
        // Support is counted in training; what is rare there is new to the test.
        let tested = Filter { min_support: 1, ..filter }.keep(test);
        let mut training = kept.sequences;
        let held_out_items = hold_out(&mut training);
        Parts {
            training,
            tested: tested.sequences,
            held_out_items,
            short: [short, tested.short_sessions],
            rare_items,
            skipped: [log.skipped(), test.skipped()],
        }
    }

    fn train_facts(&self, task: &Task<'_>) -> TrainFacts {
        TrainFacts {
            sessions: task.training.len(),
            steps: task.training.iter().map(Vec::len).sum(),
            items: task.items(),
            short_sessions: self.short[0],
            rare_items: self.rare_items,
            held_out_items: self.held_out_items,
            skipped_rows: self.skipped[0],
            items_the_catalogue_lacks: 0,
        }
    }

    fn test_facts(&self, task: &Task<'_>) -> TestFacts {
        TestFacts {
            sessions: task.sessions.len(),
            pairs: task.pairs(),
            sampled: false,
            short_sessions: self.short[1],
            emptied_sessions: task.emptied,
            skipped_rows: self.skipped[1],
        }
    }
}

/// Takes a share of the items out of some sequences, and the sequences it leaves short along.
fn hold_out(log: &Log, sequences: &mut Vec<Sequence>, share: f64, seed: u64) -> usize {
    let names: BTreeSet<&str> =
        sequences.iter().flat_map(|sequence| sequence.items(log)).map(|item| log.items().name(item)).collect();
    let out = new_items::held_out(names.into_iter(), share, seed);
    Sequence::retain_items(sequences, log, |item| !out.contains(log.items().name(item)));
    out.len()
}

/// By ranker: its name, and the places it gave, by session and question.
type AllPlaces = Vec<(String, Vec<Vec<Place>>)>;

/// What every ranker did.
#[derive(Debug, Default)]
struct Outcome {
    reports: Vec<(String, RankerReport)>,
    places: AllPlaces,
    /// How many questions about new items there were.
    new_pairs: usize,
    new_reports: Vec<(String, NewReport)>,
}

/// The rankers at work.
struct Evaluation<'a> {
    options: &'a Options,
    task: &'a Task<'a>,
    thirds: &'a Thirds,
    /// The shop's own catalogue.
    own: Option<&'a serde_json::Value>,
    /// The item vocabulary, where it is not the shop's own.
    vocabulary: Option<&'a [String]>,
}

impl Evaluation<'_> {
    /// Asks every ranker.
    fn outcome(&self) -> Result<Outcome, Error> {
        let task = self.task;
        let draws = Draws::new(task.sessions.len(), self.options.seed);
        let mut outcome = Outcome::default();
        let to_beat = self.baselines(&draws, &mut outcome)?;

        let is_new = |item: &&u32| **item as usize >= task.items();
        outcome.new_pairs = task.new.sessions.iter().flat_map(|s| s.items.iter().skip(1)).filter(is_new).count();
        if self.options.model.is_empty() {
            return Ok(outcome);
        }
        let content = self.options.content.as_deref().map(ContentEncoder::read).transpose().map_err(Error::Training)?;
        let vectors = match (&self.options.content, &content) {
            (Some(path), Some(content)) => Some((path.as_path(), content.fingerprint())),
            _ => self.options.catalogue.as_deref().zip(self.own.and_then(catalogue::encoder)),
        };
        for path in &self.options.model {
            check_encoder((path, &std::fs::read(path).map_err(Error::reading(path))?), vectors)?;
        }
        let catalogue = |new: bool, content: Option<&ContentEncoder>| {
            Prepared::of_items(&task.facts(new), self.vocabulary, self.own, content, SLATE)
        };
        let known = catalogue(false, content.as_ref())?;
        let new_draws = Draws::new(task.new.sessions.len(), self.options.seed);
        let play = |ranker: &dyn Ranker, sessions: &[task::TestSession]| self.play(ranker, sessions);
        let wider = if outcome.new_pairs == 0 {
            None
        } else {
            outcome.new_reports = new_items::without_behaviour(task, &new_draws, play)?;
            let hashed = Catalogues::new(task, catalogue(true, None)?, self.vocabulary)?;
            let cosine = ModelRanker { name: "cosine".into(), task, catalogue: &hashed.all, model: None };
            let report = new_items::of_model(task, &hashed, cosine, &new_draws, play)?;
            outcome.new_reports.extend(report.map(|report| ("cosine".to_owned(), report)));
            Some(Catalogues::new(task, catalogue(true, content.as_ref())?, self.vocabulary)?)
        };
        if let Some(path) = &self.options.catalogue_out {
            std::fs::write(path, &known.bytes).map_err(Error::writing(path))?;
        }
        for (path, name) in self.options.model.iter().zip(names(&self.options.model)) {
            let bytes = std::fs::read(path).map_err(Error::reading(path))?;
            let engine: nearside_scorer::Engine = self.options.engine.into();
            let model = Some((path.as_path(), bytes.as_slice(), engine));
            let ranker = ModelRanker { name: name.clone(), task, catalogue: &known, model };
            let played = self.play(&ranker, &task.sessions)?;
            let counted = Counted::new(task, self.thirds, &played.places);
            let mut report = counted.report(&draws, &played, Some(engine.name())).expect(ASKED);
            let above = draws.difference(&counted.all, &to_beat).expect(ASKED);
            report.model = Some(ModelReport::new(above, played.oddities));
            if let Some(wider) = &wider {
                let new = new_items::of_model(task, wider, ranker, &new_draws, play)?;
                outcome.new_reports.extend(new.map(|new| (name.clone(), new)));
            }
            outcome.reports.push((name.clone(), report));
            outcome.places.push((name, played.places));
        }
        Ok(outcome)
    }

    /// Asks the baselines. The last of them, VS-KNN, is the one to beat.
    fn baselines(&self, draws: &Draws, outcome: &mut Outcome) -> Result<Sums, Error> {
        let task = self.task;
        let index = Index::new(task);
        let popularity = Popularity::new(task);
        let s_pop = SessionPopularity { support: &task.support, popularity: &popularity };
        let rules = Relation::ALL.map(|relation| Rules::new(relation, task, &index, &popularity));
        let vs_knn = VsKnn::new(&index, &popularity);
        let mut baselines: Vec<&dyn Ranker> = vec![&popularity, &s_pop];
        baselines.extend(rules.iter().map(|rules| rules as &dyn Ranker));
        baselines.push(&vs_knn);
        let mut to_beat = Sums::default();
        for ranker in baselines {
            let played = self.play(ranker, &task.sessions)?;
            let counted = Counted::new(task, self.thirds, &played.places);
            let report = counted.report(draws, &played, None).expect(ASKED);
            outcome.reports.push((ranker.name().to_owned(), report));
            outcome.places.push((ranker.name().to_owned(), played.places));
            to_beat = counted.all;
        }
        Ok(to_beat)
    }

    fn play(&self, ranker: &dyn Ranker, sessions: &[task::TestSession]) -> Result<Played, Error> {
        let threads = threads::count(self.options.threads);
        ranker::play(ranker, sessions, threads, &progress(ranker.name().to_owned(), sessions.len()))
    }

    /// How many training items the shop's own catalogue lacks.
    fn lacking(&self) -> usize {
        let Some(own) = self.own else { return 0 };
        let rows = own["products"].as_array().into_iter().flatten();
        let there: std::collections::HashSet<String> = rows.filter_map(catalogue::id).collect();
        (0..self.task.items() as u32).filter(|item| !there.contains(self.task.name(*item))).count()
    }
}

/// A name for each model: that of its file, or its whole path where two files are called alike.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let short = |path: &PathBuf| path.file_name().map_or_else(Default::default, |name| name.display().to_string());
    let alike = |path: &PathBuf| paths.iter().filter(|other| short(other) == short(path)).count() > 1;
    paths.iter().map(|path| if alike(path) { path.display().to_string() } else { short(path) }).collect()
}
