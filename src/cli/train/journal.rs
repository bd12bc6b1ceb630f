//! The journal of a training, its page and its bar.
//!
//! A run that goes on drops what the journal has of steps after the checkpoint, as they are made again, so that in the end
//! journal and page are those of an unbroken run.

use std::fs::File;
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use nearside_train::{Checkpoints, Data, Epoch, Outcome, Progress, write_whole};
use serde_json::{Value, json};

use super::{Options, percent, writing};
use crate::error::Error;

/// The journal and the page of a command.
pub(super) struct Journal {
    folder: PathBuf,
    lines: File,
    path: PathBuf,
    resume: bool,
}

/// How many steps lie between two losses in the journal.
const STEPS_NOTED: u64 = 50;

impl Journal {
    pub(super) fn open(folder: &Path, resume: bool) -> Result<Journal, Error> {
        let path = folder.join("train.jsonl");
        let lines = File::options().create(true).append(resume).write(true).truncate(!resume).open(&path);
        let lines = lines.map_err(writing(&path))?;
        Ok(Journal { folder: folder.to_owned(), lines, path, resume })
    }

    /// One line in one piece, so that a killed run has lost none.
    pub(super) fn note(&mut self, value: &Value) -> Result<(), Error> {
        self.lines.write_all(format!("{value}\n").as_bytes()).map_err(writing(&self.path))
    }

    /// Begins the lines of a network, or goes on after those up to its last checkpoint. Returns the losses among them.
    fn start(&mut self, name: &str, begins: &Value, step: u64, history: &[Epoch]) -> Result<Vec<(u64, f32)>, Error> {
        let mut losses = Vec::new();
        let (mut begun, mut epochs) = (false, 0);
        if self.resume {
            let text = std::fs::read(&self.path).map_err(Error::reading(&self.path))?;
            let mut kept = String::new();
            for line in String::from_utf8_lossy(&text).lines() {
                // A run that was killed, or found the disk full, may have left half a line.
                let Ok(noted) = serde_json::from_str::<Value>(line) else { continue };
                // The report of a run that went on to its end comes again.
                let mut keep = noted.get("done").is_none();
                if noted["network"] == name {
                    if let Some(of) = noted["step"].as_u64() {
                        keep = of <= step;
                        losses.extend(noted["loss"].as_f64().filter(|_| keep).map(|loss| (of, loss as f32)));
                    } else if let Some(epoch) = noted["epoch"].as_u64() {
                        keep = epoch <= history.len() as u64;
                        epochs += usize::from(keep);
                    } else {
                        keep = step > 0;
                        begun |= keep;
                    }
                }
                if keep {
                    kept += line;
                    kept.push('\n');
                }
            }
            if kept.as_bytes() != text {
                write_whole(&self.path, kept.as_bytes()).map_err(writing(&self.path))?;
                self.lines = File::options().append(true).open(&self.path).map_err(writing(&self.path))?;
            }
        }
        if !begun {
            self.note(begins)?;
        }
        // A checkpoint is written before its epoch is told.
        history.iter().skip(epochs).try_for_each(|epoch| self.note(&epoch_note(name, epoch)))?;
        if !history.is_empty() {
            self.draw(name, &losses, history)?;
        }
        Ok(losses)
    }

    /// Trains the teachers: narrower by a quarter, which is quicker and makes them err elsewhere.
    pub(super) fn teachers(
        &mut self,
        name: &str,
        options: &Options,
        settings: &nearside_train::Options,
        data: Data<'_>,
    ) -> Result<Vec<Outcome>, Error> {
        let shape = settings.shape.with_width((settings.shape.width * 3 / 4).max(1));
        let teacher = |number: u64| {
            let settings =
                nearside_train::Options { shape, seed: options.seed.wrapping_add(number), ..settings.clone() };
            self.train(&format!("{name}-{number}"), options, &settings, data, &[])
        };
        (1..=options.teachers).map(teacher).collect()
    }

    /// Trains one network with a bar, journal and page.
    pub(super) fn train(
        &mut self,
        name: &str,
        options: &Options,
        settings: &nearside_train::Options,
        data: Data<'_>,
        teachers: &[Outcome],
    ) -> Result<Outcome, Error> {
        let checkpoints = Checkpoints {
            folder: self.folder.join(name),
            every: Duration::from_secs(options.checkpoint_every),
            resume: options.resume,
        };
        let begins = json!({"network": name, "options": settings, "sessions": data.training.len()});
        let style = ProgressStyle::with_template("{prefix:10} {wide_bar} {pos}/{len} {msg} {eta}")
            .expect("a constant template");
        let bar = ProgressBar::new(0).with_style(style).with_prefix(name.to_owned());
        let mut losses: Vec<(u64, f32)> = Vec::new();
        let mut history: Vec<Epoch> = Vec::new();
        let mut fault = None;
        let mut watch = |progress: Progress<'_>| {
            let noted = match progress {
                Progress::Start { step, history: finished } => {
                    history = finished.to_vec();
                    self.start(name, &begins, step, finished).map(|found| losses = found)
                }
                Progress::Step { step, steps, loss } => {
                    bar.set_length(steps.max(step));
                    bar.set_position(step);
                    if step % STEPS_NOTED != 0 {
                        return ControlFlow::Continue(());
                    }
                    bar.set_message(format!("loss {loss:.3}"));
                    losses.push((step, loss));
                    self.note(&json!({"network": name, "step": step, "loss": loss}))
                }
                Progress::Epoch(epoch) => {
                    history.push(epoch.clone());
                    bar.println(epoch_line(epoch));
                    self.note(&epoch_note(name, epoch)).and_then(|()| self.draw(name, &losses, &history))
                }
                _ => Ok(()),
            };
            match noted {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    fault = Some(error);
                    ControlFlow::Break(())
                }
            }
        };
        let outcome = nearside_train::train(settings, data, teachers, Some(&checkpoints), &mut watch);
        bar.finish_and_clear();
        match (outcome.map_err(Error::Training)?, fault) {
            (Some(outcome), None) => Ok(outcome),
            (_, Some(fault)) => Err(fault),
            (None, None) => Err(Error::Unwritable {
                path: self.path.clone(),
                source: io::Error::other("the run was ended without a reason"),
            }),
        }
    }

    fn draw(&self, name: &str, losses: &[(u64, f32)], history: &[Epoch]) -> Result<(), Error> {
        let path = self.folder.join(format!("{name}.html"));
        let page = nearside_train::page(&format!("nearside train: {name}"), losses, history);
        write_whole(&path, page.as_bytes()).map_err(writing(&path))
    }
}

/// What the journal tells of an epoch.
fn epoch_note(name: &str, epoch: &Epoch) -> Value {
    let figures = epoch.validation.as_ref().map(percent);
    json!({"network": name, "epoch": epoch.epoch, "loss": epoch.loss, "validation": figures})
}

/// The same for people.
fn epoch_line(epoch: &Epoch) -> String {
    let figures = epoch
        .validation
        .as_ref()
        .map_or(String::new(), |f| format!(", Recall@20 {:.2}, MRR@20 {:.2}", 100.0 * f.recall_20, 100.0 * f.mrr_20));
    format!("epoch {}: loss {:.4}{figures}", epoch.epoch, epoch.loss)
}
