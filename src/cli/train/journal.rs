//! The journal of a training, its page and its bar.

use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
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
    lines: BufWriter<File>,
    path: PathBuf,
}

/// How many steps lie between two losses in the journal.
const STEPS_NOTED: u64 = 50;

impl Journal {
    pub(super) fn open(folder: &Path, resume: bool) -> Result<Journal, Error> {
        let path = folder.join("train.jsonl");
        let open = || {
            let mut file = File::options().create(true).read(true).write(true).truncate(!resume).open(&path)?;
            if resume {
                // A run that was killed, or found the disk full, may have left half a line.
                let mut lines = Vec::new();
                file.read_to_end(&mut lines)?;
                let whole = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end as u64 + 1);
                file.set_len(whole)?;
                file.seek(SeekFrom::Start(whole))?;
            }
            Ok(BufWriter::new(file))
        };
        let lines = open().map_err(writing(&path))?;
        Ok(Journal { folder: folder.to_owned(), lines, path })
    }

    /// One line, written through, so that a killed run has lost none.
    pub(super) fn note(&mut self, value: &Value) -> Result<(), Error> {
        writeln!(self.lines, "{value}").and_then(|()| self.lines.flush()).map_err(writing(&self.path))
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
        self.note(&json!({"network": name, "options": settings, "sessions": data.training.len()}))?;
        let style = ProgressStyle::with_template("{prefix:10} {wide_bar} {pos}/{len} {msg} {eta}")
            .expect("a constant template");
        let bar = ProgressBar::new(0).with_style(style).with_prefix(name.to_owned());
        let mut losses: Vec<(u64, f32)> = Vec::new();
        let mut history: Vec<Epoch> = Vec::new();
        let mut fault = None;
        let mut watch = |progress: Progress<'_>| {
            let noted = match progress {
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
                    let figures = epoch.validation.as_ref().map(percent);
                    let line =
                        json!({"network": name, "epoch": epoch.epoch, "loss": epoch.loss, "validation": figures});
                    self.note(&line).and_then(|()| self.draw(name, &losses, &history))
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

fn epoch_line(epoch: &Epoch) -> String {
    let figures = epoch
        .validation
        .as_ref()
        .map_or(String::new(), |f| format!(", Recall@20 {:.2}, MRR@20 {:.2}", 100.0 * f.recall_20, 100.0 * f.mrr_20));
    format!("epoch {}: loss {:.4}{figures}", epoch.epoch, epoch.loss)
}
