//! A training run: epochs over the training sessions, measured on the validation sessions.
//!
//! The same options, seed and sessions give the same network, to the last bit on one machine, however often the
//! run was interrupted: what is random is keyed by the step, and a checkpoint holds the rest.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nearside_core::Fnv;
use serde::{Deserialize, Serialize};

use crate::adam::Pace;
use crate::batch::{Batches, Candidates};
use crate::checkpoint;
use crate::encoder::Shape;
use crate::error::{Error, Part};
use crate::measure::{Figures, places};
use crate::network::{Network, Restraint, encode};
use crate::sessions::{Detail, Sessions};

/// How a network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Sizes of the network.
    pub shape: Shape,
    /// Passes over the training sessions, 1 to 1000. The learning rate falls to nearly zero over them.
    pub epochs: u64,
    /// Epoch that the run ends with, 1 to 1000, where that is before the last one: the learning rate falls over all of them
    /// nonetheless. So a network can be trained again as the best epoch of an earlier run was.
    pub until: Option<u64>,
    /// Next items per step, 1 to 65,536. More make a step less noisy and a pass shorter in steps.
    pub queries: usize,
    /// Items drawn per step as negatives, beside those of the step's own sessions. From the number of items on,
    /// the loss is over all items, exactly.
    pub negatives: usize,
    /// Highest learning rate of the encoder, above 0, at most 1.
    pub rate: f32,
    /// Highest learning rate of the item vectors, above 0, at most 10. Higher than the encoder's: a step moves few of them.
    pub item_rate: f32,
    /// Share of an input item's numbers that are dropped in training, 0 to below 1.
    pub input_dropout: f32,
    /// The same for candidates.
    pub candidate_dropout: f32,
    /// The same for the recurrent state.
    pub state_dropout: f32,
    /// Share of the input items that are dropped whole, 0 to below 1.
    pub item_dropout: f32,
    /// Share of the target's probability that goes to what a session held after the next item, 0 to below 1.
    pub later: f32,
    /// Share of the target's probability that follows the teachers, where there are any, 0 to below 1.
    pub taught: f32,
    /// Age, in sessions, at which a session counts half as much as the newest, above 0; infinite where age does not matter.
    pub half_life: Option<f64>,
    /// Epochs without a better figure on the validation sessions after which the run ends, 1 to 1000.
    pub patience: u64,
    /// Where all randomness starts.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            shape: Shape::of_width(96),
            epochs: 6,
            until: None,
            queries: 512,
            negatives: 3072,
            rate: 0.003,
            item_rate: 0.008,
            input_dropout: 0.3,
            candidate_dropout: 0.25,
            state_dropout: 0.3,
            item_dropout: 0.0,
            later: 0.0,
            taught: 0.5,
            half_life: None,
            patience: 2,
            seed: 1,
        }
    }
}

/// Steps over which the learning rate rises: early moments are poor estimates. In a short run a twentieth of it.
const WARM_UP: f64 = 300.0;
/// Where the learning rate ends, as a share of the highest.
const FLOOR: f32 = 0.02;
/// Training sessions of two steps or more without which nothing can be learnt.
pub const FEWEST_SESSIONS: usize = 10;

impl Options {
    fn check(&self) -> Result<(), Error> {
        let refuse = |name, got: String, range: &str| Err(Error::Option { name, got, range: range.into() });
        let Shape { width, state, heads, key, length, .. } = self.shape;
        for (name, got, most) in [
            ("width", width as u64, 1024),
            ("state", state as u64, 1024),
            ("heads", heads as u64, 64),
            ("key", key as u64, 1024),
            ("length", length as u64, 1000),
            ("epochs", self.epochs, 1000),
            ("until", self.until.unwrap_or(1), 1000),
            ("queries", self.queries as u64, 65_536),
            ("patience", self.patience, 1000),
        ] {
            if !(1..=most).contains(&got) {
                return refuse(name, got.to_string(), &format!("1 to {most}"));
            }
        }
        for (name, got, most) in [("rate", self.rate, 1.0), ("item-rate", self.item_rate, 10.0)] {
            if !(got > 0.0 && got <= most) {
                return refuse(name, got.to_string(), &format!("above 0, at most {most}"));
            }
        }
        for (name, got) in [
            ("input-dropout", self.input_dropout),
            ("candidate-dropout", self.candidate_dropout),
            ("state-dropout", self.state_dropout),
            ("item-dropout", self.item_dropout),
            ("later", self.later),
            ("taught", self.taught),
        ] {
            if !(0.0..1.0).contains(&got) {
                return refuse(name, got.to_string(), "0 or more and below 1");
            }
        }
        match self.half_life {
            Some(sessions) if sessions.is_nan() || sessions <= 0.0 => {
                refuse("half-life", sessions.to_string(), "a number above 0")
            }
            _ => Ok(()),
        }
    }

    /// The learning rate at a step, as a share of the highest: up in a line, then down half a cosine.
    fn pace(&self, step: u64, steps: f64) -> f32 {
        let done = (step as f64 / steps).min(1.0) as f32;
        let fall = 0.5 * (1.0 + (std::f32::consts::PI * done).cos());
        let rise = WARM_UP.min(steps / 20.0).max(1.0);
        (step as f64 / rise).min(1.0) as f32 * (FLOOR + (1.0 - FLOOR) * fall)
    }
}

/// What a run learns from and is measured by.
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    /// Sessions to learn from, oldest first.
    pub training: &'a Sessions,
    /// Sessions to be measured on, later than all of them. May be empty: then the last epoch is the best.
    pub validation: &'a Sessions,
    /// How many items there are: the largest id.
    pub items: usize,
}

impl Data<'_> {
    /// A hash that other sessions hardly share.
    fn hash(&self) -> String {
        let mut hash = Fnv::new().with(&(self.items as u64).to_le_bytes());
        for sessions in [self.training, self.validation] {
            hash = hash.with(&(sessions.len() as u64).to_le_bytes());
            for (index, session) in sessions.iter().enumerate() {
                hash = session.iter().fold(hash, |hash, id| hash.with(&id.to_le_bytes())).with(&[0; 4]);
                for Detail { kind, pause_s } in sessions.details(index) {
                    hash = hash.with(&[*kind]).with(&pause_s.to_le_bytes());
                }
            }
        }
        hash.hex()
    }
}

/// One finished epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Its number, from 1.
    pub epoch: u64,
    /// Mean loss over its steps, each before its update; nats per next item.
    pub loss: f32,
    /// On the validation sessions; absent without any.
    pub validation: Option<Figures>,
}

/// What a run tells while it goes on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// The run begins, or goes on from a checkpoint. Comes before all else.
    Start {
        /// Steps that were made before; 0 where it begins.
        step: u64,
        /// Epochs that were finished before.
        history: &'a [Epoch],
    },
    /// A step was made.
    Step {
        /// Its number in the run, from 1.
        step: u64,
        /// About how many the whole run has.
        steps: u64,
        /// Mean loss of the epoch so far.
        loss: f32,
    },
    /// An epoch was finished.
    Epoch(&'a Epoch),
    /// A checkpoint was written.
    Checkpoint(&'a Path),
}

/// Where checkpoints go.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    /// The folder; made where it is missing.
    pub folder: PathBuf,
    /// Time between two of them.
    pub every: Duration,
    /// Whether to go on from the last one, where there is one.
    pub resume: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct State {
    options: Options,
    data: String,
    step: u64,
    epoch: u64,
    /// Batches of the epoch that are done.
    done: usize,
    loss: f64,
    history: Vec<Epoch>,
}

/// The network of the best epoch, with the history of its run.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub(crate) network: Network,
    /// All finished epochs.
    pub history: Vec<Epoch>,
    /// The epoch of the network, from 1.
    pub best: u64,
}

/// Trains, with the predictions of `teachers` beside the sessions' own. `watch` is told what happens and may end the run early, after which a checkpoint is all there is.
///
/// Returns `None` where `watch` ended the run. Errors: `option-out-of-range`, `too-few-sessions`, `diverged`, and
/// with checkpoints `unreadable-file`, `unwritable-file`, `damaged-checkpoint`, `other-run`.
pub fn train(
    options: &Options,
    data: Data<'_>,
    teachers: &[Outcome],
    checkpoints: Option<&Checkpoints>,
    watch: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<Option<Outcome>, Error> {
    options.check()?;
    let usable = data.training.iter().filter(|session| session.len() > 1).count();
    if usable < FEWEST_SESSIONS {
        return Err(Error::TooFewSessions { part: Part::Training, got: usable, needed: FEWEST_SESSIONS });
    }
    let largest = [data.training, data.validation].into_iter().flat_map(Sessions::iter).flatten().max();
    if let Some(id) = largest.filter(|id| **id as usize > data.items) {
        return Err(Error::Option { name: "items", got: data.items.to_string(), range: format!("{id} or more") });
    }
    let mut state = State {
        options: options.clone(),
        data: data.hash(),
        step: 0,
        epoch: 0,
        done: 0,
        loss: 0.0,
        history: Vec::new(),
    };
    let mut network = Network::new(options.shape, data.items, options.seed);
    let mut best = None;
    let (last_file, best_file) = match checkpoints {
        Some(Checkpoints { folder, .. }) => {
            std::fs::create_dir_all(folder).map_err(|source| Error::Unwritable { path: folder.clone(), source })?;
            (Some(folder.join("last.safetensors")), Some(folder.join("best.safetensors")))
        }
        None => (None, None),
    };
    if let Some(last_file) = last_file.as_deref().filter(|file| checkpoints.is_some_and(|c| c.resume) && file.exists())
    {
        (network, state) = resumed(last_file, &state)?;
        if let (Some(file), Some(epoch)) = (&best_file, best_epoch(&state.history)) {
            // The best file may be newer than the last one: an epoch that is about to be repeated.
            let (saved, _): (Network, State) = checkpoint::load(file)?;
            best = Some((epoch, saved));
        }
    }

    if watch(Progress::Start { step: state.step, history: &state.history }).is_break() {
        return Ok(None);
    }
    let length = options.shape.length;
    let half_life = options.half_life.unwrap_or(f64::INFINITY);
    let batches = Batches::new(data.training, data.items, length, half_life, options.seed);
    let steps = data.training.pairs() as f64 / options.queries as f64 * options.epochs as f64;
    let candidates =
        if options.negatives >= data.items { Candidates::All } else { Candidates::Drawn(options.negatives) };
    let restraint = Restraint {
        input_dropout: options.input_dropout,
        candidate_dropout: options.candidate_dropout,
        state_dropout: options.state_dropout,
        item_dropout: options.item_dropout,
        later: options.later,
        taught: options.taught,
    };
    let teachers: Vec<&Network> = teachers.iter().map(|teacher| &teacher.network).collect();
    let mut saved_at = Instant::now();
    let last = options.until.map_or(options.epochs, |until| until.min(options.epochs));
    while state.epoch < last && !stalled(&state.history, options.patience) {
        let epoch = batches.epoch(state.epoch, options.queries);
        for sessions in &epoch[state.done.min(epoch.len())..] {
            state.step += 1;
            let batch = batches.batch(sessions, candidates, state.step);
            let pace = options.pace(state.step, steps);
            let at = Pace { rate: options.rate * pace, step: state.step };
            let loss = network.learn(&batch, restraint, &teachers, options.seed, at, options.item_rate * pace)?;
            if !loss.is_finite() {
                return Err(Error::Diverged { step: state.step });
            }
            state.loss += f64::from(loss);
            state.done += 1;
            let mean = (state.loss / state.done as f64) as f32;
            if watch(Progress::Step { step: state.step, steps: steps.ceil() as u64, loss: mean }).is_break() {
                return Ok(None);
            }
            let due = last_file.as_deref().filter(|_| checkpoints.is_some_and(|c| saved_at.elapsed() >= c.every));
            if let Some(file) = due {
                checkpoint::save(file, &network, &state)?;
                saved_at = Instant::now();
                if watch(Progress::Checkpoint(file)).is_break() {
                    return Ok(None);
                }
            }
        }
        let loss = (state.loss / state.done.max(1) as f64) as f32;
        let validation = if data.validation.is_empty() { None } else { Some(validate(&network, data.validation)?) };
        (state.epoch, state.done, state.loss) = (state.epoch + 1, 0, 0.0);
        state.history.push(Epoch { epoch: state.epoch, loss, validation });
        if best_epoch(&state.history) == Some(state.epoch) {
            if let Some(file) = &best_file {
                checkpoint::save(file, &network, &state)?;
            }
            best = Some((state.epoch, network.clone()));
        }
        if let Some(file) = &last_file {
            checkpoint::save(file, &network, &state)?;
            saved_at = Instant::now();
        }
        let finished = state.history.last().map_or(ControlFlow::Continue(()), |epoch| watch(Progress::Epoch(epoch)));
        if finished.is_break() {
            return Ok(None);
        }
    }
    let (best, network) = best.unwrap_or((state.epoch, network));
    Ok(Some(Outcome { network, history: state.history, best }))
}

/// Reads a checkpoint, if it is one of this run.
fn resumed(file: &Path, expected: &State) -> Result<(Network, State), Error> {
    let (network, state): (Network, State) = checkpoint::load(file)?;
    let difference = if state.options != expected.options {
        "its options differ"
    } else if state.data != expected.data {
        "its sessions differ"
    } else {
        return Ok((network, state));
    };
    Err(Error::OtherRun { path: file.to_owned(), difference: difference.into() })
}

/// What is best: Recall and MRR together, as both count and MRR is about a third of it.
fn merit(epoch: &Epoch) -> f64 {
    // Without validation sessions the latest is the best.
    epoch.validation.map_or(epoch.epoch as f64, |figures| figures.recall_20 + 2.0 * figures.mrr_20)
}

fn best_epoch(history: &[Epoch]) -> Option<u64> {
    history.iter().max_by(|a, b| merit(a).total_cmp(&merit(b))).map(|epoch| epoch.epoch)
}

fn stalled(history: &[Epoch], patience: u64) -> bool {
    let last = history.last().map_or(0, |epoch| epoch.epoch);
    best_epoch(history).is_some_and(|best| last - best >= patience)
}

fn validate(network: &Network, sessions: &Sessions) -> Result<Figures, Error> {
    let table = network.table();
    let queries = encode(network.shape, &network.weights, &table, sessions)?;
    Ok(Figures::of(&places(&table, network.shape.width, &queries, sessions)?))
}
