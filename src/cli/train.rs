//! `nearside train`: a log in, an ONNX file out.
//!
//! The log's newest sessions are held out to choose the epoch, to calibrate and to measure. The folder then holds
//! the model, the item vocabulary its catalogue has to name, checkpoints, a journal of JSON lines and a page with
//! the curves.

mod journal;
mod report;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use nearside_core::Vocabulary;
use nearside_core::content::Content;
use nearside_log::{Facts, Scratch, Split, Stream};
use nearside_train::{
    Blend, Budget, ContentEncoder, Data, Entropy, FEWEST_SESSIONS, Figures, Fitting, Mining, NewItems, Segmenting,
    Segments, Sessions, Shape, Shipping, StepInputs, told, write_whole,
};
use serde_json::{Value, json};

use crate::artefacts::{networks, remove_others};
use crate::error::Error;
use crate::network::{Differences, NetworkChoice, detailed};
use crate::output::{note, print};
use crate::range::{MOST_STEPS, OutOfRange, VALIDATION, within};
use crate::source::TrainingLog;
use crate::train::journal::Journal;
use crate::train::report::Report;

/// What `--help` says below the options.
pub(crate) const HELP: &str = "\
Writes into the folder of --out:
  model.onnx           the ranker: session.item and ad.item in, and what --step-inputs names; score out
  vocabulary.json      the items it knows, in order: sorted; a catalogue with other products has to name them
  train.jsonl          the journal: one JSON object a line, with loss and figures
  network.html         the same as curves; one page for every network, such as teacher-1.html
  network/             checkpoints, for every network; --resume goes on from the last and ends with the same model
  content.safetensors  with --content: what `nearside embed` gives the products of a catalogue their vectors with
Files are whole or not there; once the model is, those of an earlier run are gone that this one does not write. A log that
does not fit into --memory waits in the folder, nameless, and is gone in the end.

Figures: Recall and MRR of the next item among all items, at 10 and 20, in per cent, after every step of the
validation sessions: the newest ones, which the network does not learn from. \"float\" are those of the vectors as they
were trained, \"shipped\" those of the file without rules, \"blended\" those with rules, where each half of the
validation sessions is measured with the weight that suits the other half. With --refit it is trained once more on
all sessions, up to the epoch that was best; figures, calibration and the weight of rules are then those of the first
network.

Segments (--segments): kinds of sessions by what their items are; the report tells the mean cosine of validation
sessions to the centroid of their segment and to the second nearest, how far segments and leading categories tell each
other (adjusted mutual information) and how alike the segments of two halves of the log are (adjusted Rand index): 1 is
all, 0 what chance gives.

Content (--content): the item vectors are regressed on category, brand, price and title, and the model ranks an item it
has not learnt by its `embedding`. Every catalogue it ranks needs those: `nearside embed` writes them. The report tells
the share of the item vectors that is predicted for items left out.

What the model reveals: one vector an item and weights shared by all sessions; items with fewer steps than
--min-count do not appear in it. A segment reveals the mean of --segment-min sessions or more. Rules (--rules) reveal pairs
of items that five visitors or more name, or five sessions where a session has no visitor, with a weight. `nearside
membership` measures what an attacker makes of it.

Examples:
  nearside train --events events.tsv.gz --out ranker
  nearside train --events clicks.csv --map item=article_no,session=visit,time=when --out ranker --budget 2MB
  nearside train --events clicks.csv --out ranker --segments 8
  nearside train --events clicks.csv --out ranker --content
  nearside train --events clicks.csv --out ranker --resume";

/// What is trained on, and how.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    log: TrainingLog,
    /// The folder for everything that is written; made where it is missing
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    #[command(flatten)]
    network: NetworkChoice,
    /// Memory for reading, such as 500MB, 1kB to 1000GB; what does not fit waits in the folder of --out, about 40 bytes
    /// an event. The sessions that are learnt from are held in memory, 4 bytes a step (8 with --step-inputs) and 8 a
    /// session, and so are the items
    #[arg(long, value_name = "SIZE", default_value = "1GB", value_parser = size(1_000, 1000 * GB))]
    memory: u64,
    /// Leave out items with fewer steps than this in the whole log, 1 to 1000000
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = within::<usize>(1..=MOST_STEPS))]
    min_count: usize,
    /// Share of the sessions, the newest, that are held out to choose and to measure: above 0, at most 0.5
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = within(VALIDATION))]
    validation: f64,
    /// Largest size of the model after brotli, rules and segments included, such as 3MB or 800kB, at most 1GB; picks the
    /// width of the item vectors, where --width does not, and how finely they are rounded. Before training the size is
    /// estimated, some per cent off; what ships is measured, and rounded less finely or refused where it is too large
    #[arg(long, value_name = "SIZE", default_value = "3MB", value_parser = size(1, GB))]
    budget: u64,
    /// Width of the item vectors, 1 to 1024, in place of the one that --budget allows
    #[arg(long, value_name = "N", value_parser = within::<usize>(1..=1024))]
    width: Option<usize>,
    /// Most passes over the sessions, 1 to 1000, 6 where not given; the learning rate falls over them
    #[arg(long, value_name = "N", value_parser = within::<u64>(1..=1000))]
    epochs: Option<u64>,
    /// Epochs without a better figure after which training ends, 1 to 1000, 2 where not given
    #[arg(long, value_name = "N", value_parser = within::<u64>(1..=1000))]
    patience: Option<u64>,
    /// Highest learning rate of the encoder, 0.000001 to 1, 0.003 where not given; that of the item vectors follows
    #[arg(long, value_name = "RATE", value_parser = within(1e-6f32..=1.0))]
    rate: Option<f32>,
    /// Train so many networks first, 0 to 16, a quarter narrower, and let the one that ships learn from them too; each takes
    /// about as long as the one that ships
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = within::<u64>(0..=16))]
    teachers: u64,
    /// Age in sessions at which a session counts half as much as the newest, at least 1; all count the same where not given
    #[arg(long, value_name = "SESSIONS", value_parser = within(1.0f64..))]
    half_life: Option<f64>,
    /// Train once more on all sessions, those of the validation included, up to the epoch that was best, and ship that
    #[arg(long)]
    refit: bool,
    /// Add item-to-item rules to the scores, weighed as suits the validation sessions. Five visitors or more are behind each,
    /// or five sessions where a session has no visitor; the report and the file say which, the report also what they gain
    #[arg(long)]
    rules: bool,
    /// Group the training sessions into so many segments, 2 to 64, and write them into the model with their names, for a
    /// device to tell its own; the log has to tell of its items' categories, brands, names or prices
    #[arg(long, value_name = "K", value_parser = within::<usize>(2..=64))]
    segments: Option<usize>,
    /// Fewest training sessions behind a segment and each word of its name, 1 to 50000; a smaller segment joins its
    /// nearest neighbour
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = within::<usize>(1..=50_000), requires = "segments")]
    segment_min: usize,
    /// Learn what items are, so that the model ranks items it has never seen by `ad.embedding`; the log has to tell of its
    /// items' categories, brands, names or prices. Segments need catalogues without embeddings, so not both
    #[arg(long, conflicts_with = "segments")]
    content: bool,
    /// Where all randomness starts, 0 or above: the same log, options and seed give the same model
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = within::<u64>(0..=u64::MAX))]
    seed: u64,
    /// Go on from the last checkpoint in the folder, where there is one
    #[arg(long)]
    resume: bool,
    /// Seconds between checkpoints, 0 to 86400
    #[arg(long, value_name = "S", default_value_t = 120, value_parser = within::<u64>(0..=86_400))]
    checkpoint_every: u64,
    /// Print one JSON object, and nothing else, on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

const GB: u64 = 1_000_000_000;

/// Why a text is no size.
type Refusal = Box<dyn std::error::Error + Send + Sync>;

/// Reads a size of a range, as the parser of an option's value, in bytes; kB, MB and GB are powers of ten.
fn size(least: u64, most: u64) -> impl Fn(&str) -> Result<u64, Refusal> + Clone + Send + Sync + 'static {
    move |text| {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match &text[digits.len()..] {
            "" | "B" => 1.0,
            "kB" | "KB" | "k" => 1e3,
            "MB" | "M" => 1e6,
            "GB" | "G" => 1e9,
            other => return Err(format!("{other} is none of B, kB, MB and GB").into()),
        };
        let number: f64 = digits.parse().map_err(|_| "not a size")?;
        let bytes = number * unit;
        if bytes >= least as f64 && bytes <= most as f64 {
            Ok(bytes as u64)
        } else {
            Err(OutOfRange(format!("{least} to {most} bytes")).into())
        }
    }
}

/// The usual wrapper for writing `path` in a run that can be resumed.
fn writing(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Training(nearside_train::Error::Unwritable { path, source })
}

/// The sessions as ids of the vocabulary.
struct Prepared {
    vocabulary: Vocabulary,
    items: Vec<String>,
    /// What the log tells of each item.
    facts: Vec<Facts>,
    training: Sessions,
    validation: Sessions,
    /// The network that is asked for, at some width.
    shape: Shape,
}

impl Prepared {
    fn new(log: &Stream, options: &Options) -> Result<Prepared, Error> {
        let names = log.items();
        let mut occurs = vec![false; names.len() + 1];
        let (mut ends, mut differences) = (Vec::new(), Differences::default());
        let seen = log.each(&mut |_, actions| {
            differences.note(actions);
            actions.iter().for_each(|action| occurs[action.item as usize] = true);
            ends.extend(actions.last().map(|last| last.at));
        });
        seen.map_err(Error::Log)?;
        // Sorted, as a catalogue without a vocabulary of its own numbers its products.
        let mut numbers: Vec<u32> = (1..occurs.len() as u32).filter(|item| occurs[*item as usize]).collect();
        numbers.sort_unstable_by_key(|item| names.name(*item));
        let mut ids = vec![0; occurs.len()];
        numbers.iter().zip(1..).for_each(|(item, id)| ids[*item as usize] = id);
        let items: Vec<String> = numbers.iter().map(|item| names.name(*item).to_owned()).collect();
        let facts = numbers.iter().map(|item| log.facts(*item).clone()).collect();

        let from = Split::Share(options.validation).moment(&mut ends);
        let (mut training, mut validation) = (Sessions::default(), Sessions::default());
        let shape = options.network.shape(&differences);
        let numbered = log.each(&mut |visitor, actions| {
            let last = actions.last().map(|last| last.at);
            let sessions = if from.is_some() && last >= from { &mut validation } else { &mut training };
            let steps = detailed(actions).map(|(item, detail)| (ids[item as usize], detail));
            if shape.steps == StepInputs::default() {
                sessions.push(&steps.map(|(id, _)| id).collect::<Vec<_>>());
            } else {
                sessions.push_detailed(&steps.collect::<Vec<_>>());
            }
            if options.rules {
                sessions.set_visitor(visitor);
            }
        });
        numbered.map_err(Error::Log)?;
        let vocabulary = Vocabulary::of_items(items.iter().map(String::as_str));
        Ok(Prepared { vocabulary, items, facts, training, validation, shape })
    }

    /// The segments that are asked for.
    fn segments(&self, items: &[Content<'_>], options: &Options) -> Result<Option<Segments>, Error> {
        let Some(count) = options.segments else { return Ok(None) };
        let segmenting = Segmenting { count, fewest: options.segment_min, seed: options.seed };
        Segments::of(items, &self.training, &self.validation, segmenting).map(Some).map_err(Error::Training)
    }
}

/// What is known of each item.
fn contents<'a>(items: &'a [String], facts: &'a [Facts]) -> Vec<Content<'a>> {
    let items = items.iter().zip(facts);
    items
        .map(|(id, facts)| Content {
            id: Some(id),
            title: &facts.name,
            category: &facts.category,
            brand: &facts.brand,
            price: facts.price.map(|price| price as f32),
        })
        .collect()
}

/// Runs the command and prints its report.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let started = Instant::now();
    options.log.apart_from(&options.out)?;
    // Before a log is read that may take minutes.
    writable(&options.out)?;
    let rules = options.log.rules(options.min_count);
    let memory = usize::try_from(options.memory).unwrap_or(usize::MAX);
    let scratch = Scratch { folder: options.out.clone(), memory };
    let log = options.log.stream(&rules, &scratch)?;
    let mut prepared = Prepared::new(&log, options)?;
    let (skipped, rare) = (log.skipped(), log.rare_items());
    let (training, validation) = (prepared.training.len(), prepared.validation.len());
    let short = log.sessions() - training - validation;
    note(format_args!("{} sessions kept, {short} too short, {rare} items too rare", training + validation));
    // The weight of rules is fitted to one half and measured on the other.
    let held_out = if options.rules { 2 } else { 1 };
    options.log.enough([training, validation], [FEWEST_SESSIONS, held_out], || log.long_sessions())?;
    drop(log);
    let contents = contents(&prepared.items, &prepared.facts);
    // Before hours of training, so that a refusal costs a moment.
    let segments = prepared.segments(&contents, options)?;
    if options.content {
        told(&contents, "content").map_err(Error::Training)?;
    }
    let items = prepared.items.len();
    let whole = Mining::default().unit_of(&[&prepared.training, &prepared.validation]);
    let mining = Mining { unit: Some(whole.map_err(Error::Training)?), ..Mining::default() };
    if options.rules {
        Blend::check(prepared.shape).map_err(Error::Training)?;
    }
    let mined = |sessions: &Sessions| -> Result<Option<nearside_train::Rules>, Error> {
        let mine = |sessions| nearside_train::Rules::mine(&mining, sessions, items, &mut Entropy::system());
        options.rules.then(|| mine(sessions)).transpose().map_err(Error::Training)
    };
    let about = format!(
        "Next item in the session, learnt from {} sessions of {items} items by nearside train {}, seed {}.",
        training + if options.refit { validation } else { 0 },
        env!("CARGO_PKG_VERSION"),
        options.seed,
    );
    let described = segments.as_ref().map(|s| json!({"all": s.all, "clarity": s.clarity}));
    let planned = Shipping {
        levels: nearside_train::LEVELS,
        vocabulary: prepared.vocabulary.item_hash().to_owned(),
        about,
        segments,
        // They take as much room whatever they are.
        new_items: options.content.then(NewItems::default),
        rules: mined(&prepared.training)?,
    };
    let budget = Budget::new(options.budget, items, &planned);
    let shape = match options.width {
        Some(width) => prepared.shape.with_width(width),
        None => budget.widest(prepared.shape).map_err(Error::Training)?,
    };
    let levels = budget.levels(shape).map_err(Error::Training)?;
    let settings = settings(options, shape, prepared.training.pairs());

    let mut journal = Journal::open(&options.out, options.resume)?;
    let data = Data { training: &prepared.training, validation: &prepared.validation, items };
    let mut teachers = journal.teachers("teacher", options, &settings, data)?;
    let chosen = journal.train("network", options, &settings, data, &teachers)?;
    let content = options.content.then(|| chosen.content(&contents, &prepared.training, &prepared.validation, None));
    let mut content = content.transpose().map_err(Error::Training)?;
    let shipping = Shipping { new_items: content.as_ref().map(ContentEncoder::new_items), ..planned.clone() };
    let mut again = None;
    if options.refit {
        let mut all = std::mem::take(&mut prepared.training);
        all.append(&prepared.validation);
        let data = Data { training: &all, validation: &Sessions::default(), items };
        // The calibration is that of the best epoch, and nothing else would tell when to end.
        let settings = nearside_train::Options { until: Some(chosen.best), ..settings.clone() };
        // The first teachers predict the held-out sessions without having seen them: both kinds are of use.
        teachers.extend(journal.teachers("refit-teacher", options, &settings, data)?);
        let refit = journal.train("refit", options, &settings, data, &teachers)?;
        if let Some(twin) = content.as_mut() {
            *twin = refit.content(&contents, &all, data.validation, Some(twin)).map_err(Error::Training)?;
        }
        again = Some((refit, Shipping { rules: mined(&all)?, ..shipping.clone() }));
    }
    let ship = |levels| {
        let first = chosen.ship(&prepared.validation, None, &Shipping { levels, ..shipping.clone() })?;
        let Some((refit, shipping)) = &again else { return Ok(first) };
        refit.ship(&prepared.validation, Some(&first), &Shipping { levels, ..shipping.clone() })
    };
    let Fitting { ranker, levels, size } = budget.shipped(shape.width, levels, ship).map_err(Error::Training)?;
    // Together, so that a run that breaks off leaves the vocabulary of an older model as it was.
    let (path, vocabulary) = (options.out.join("model.onnx"), json!({"items": prepared.items}).to_string());
    let write = |name: &str, bytes: &[u8]| {
        let path = options.out.join(name);
        write_whole(&path, bytes).map_err(writing(&path))
    };
    write("vocabulary.json", vocabulary.as_bytes())?;
    if let Some(content) = &content {
        write("content.safetensors", &content.to_bytes())?;
    }
    write("model.onnx", &ranker.file)?;
    let files = ["model.onnx", "vocabulary.json", "train.jsonl", "content.safetensors"];
    let written = if content.is_some() { &files[..] } else { &files[..3] };
    remove_others(&options.out, written, &networks(options.teachers, options.refit))?;
    let report = json!({
        "model": path,
        "items": items,
        "rare_items": rare,
        "sessions": {"training": training, "validation": validation, "short": short},
        "skipped_rows": skipped,
        "network": settings.shape.architecture,
        "step_inputs": settings.shape.steps,
        "width": settings.shape.width,
        "levels": levels,
        "epoch": chosen.best,
        "bytes": ranker.file.len(),
        "bytes_gzip": ranker.compressed,
        "bytes_brotli": size,
        "validation": {
            "float": percent(&ranker.float),
            "shipped": percent(&ranker.shipped),
            "blended": ranker.blend.map(|blend| percent(&blend.figures)),
        },
        "calibration": ranker.calibration,
        "refit": options.refit,
        "rules": ranker.blend.map(|blend| json!({"weight": blend.weight, "unit": mining.unit})),
        "segments": described,
        "content": content.as_ref().map(|content| json!({
            "features": content.features(),
            "explained": content.explained(),
            "new_items": content.new_items(),
        })),
        "seconds": started.elapsed().as_secs_f64().round(),
    });
    journal.note(&json!({"done": report}))?;
    print(&Report(report), options.json)
}

/// Steps an epoch has at least, where the log is long enough for [`FEWEST_QUERIES`] each.
const STEPS_PER_EPOCH: usize = 400;
const FEWEST_QUERIES: usize = 16;

/// Next items per step. A short log is cut finer, or it would be over after a few steps.
pub(crate) fn queries(pairs: usize) -> usize {
    (pairs / STEPS_PER_EPOCH).clamp(FEWEST_QUERIES, nearside_train::Options::default().queries)
}

/// Whether files can be put into the folder, which is made where it is missing.
fn writable(folder: &Path) -> Result<(), Error> {
    // A name that nobody gives, and never a file that is there.
    let file = folder.join(format!(".nearside-{}", std::process::id()));
    let tried = std::fs::create_dir_all(folder).and_then(|()| std::fs::File::create_new(&file));
    tried.and_then(|_| std::fs::remove_file(&file)).map_err(writing(folder))
}

/// The trainer's options, for a network of this shape and so many next items to learn from.
fn settings(options: &Options, shape: Shape, pairs: usize) -> nearside_train::Options {
    let defaults = nearside_train::Options::default();
    let rate = options.rate.unwrap_or(defaults.rate);
    nearside_train::Options {
        shape,
        queries: queries(pairs),
        epochs: options.epochs.unwrap_or(defaults.epochs),
        patience: options.patience.unwrap_or(defaults.patience),
        rate,
        item_rate: defaults.item_rate * rate / defaults.rate,
        half_life: options.half_life,
        seed: options.seed,
        ..defaults
    }
}

pub(crate) fn percent(figures: &Figures) -> Value {
    let Figures { recall_10, recall_20, mrr_10, mrr_20, pairs } = figures;
    let [recall_10, recall_20, mrr_10, mrr_20] = [recall_10, recall_20, mrr_10, mrr_20].map(|share| 100.0 * share);
    json!({"recall_10": recall_10, "recall_20": recall_20, "mrr_10": mrr_10, "mrr_20": mrr_20, "pairs": pairs})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_that_the_help_tells_are_the_trainers() {
        let help = Options::augment_args(clap::Command::new("train")).render_help().to_string();
        let nearside_train::Options { epochs, patience, rate, .. } = nearside_train::Options::default();
        for told in [
            format!("over the sessions, 1 to 1000, {epochs} where not given"),
            format!("training ends, 1 to 1000, {patience} where not given"),
            format!("of the encoder, 0.000001 to 1, {rate} where not given"),
        ] {
            assert!(help.contains(&told), "{told}");
        }
    }

    #[test]
    fn sizes_are_read_with_and_without_a_unit() {
        let size = size(1, 2 * GB);
        let sizes = [3_000_000, 800_000, 12, 1_500_000_000];
        assert_eq!(["3MB", "800kB", "12", "1.5GB"].map(|text| size(text).unwrap()), sizes);
        assert!(["", "MB", "-1MB", "0", "3TB", "nan", "3GB"].into_iter().all(|text| size(text).is_err()));
    }
}
