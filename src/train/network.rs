//! The item table and the encoder together: one step of training, and scores.

use std::ops::Range;

use candle_core::{Device, Tensor, Var};
use rayon::prelude::*;

use crate::adam::{Pace, Trained};
use crate::batch::{Batch, place_details};
use crate::encoder::{Encoded, Read, Shape, Weights};
use crate::loss::{Aim, cross_entropy, probabilities};
use crate::random::{Random, Stream};
use crate::sessions::{Detail, Sessions};

/// A ranker under training.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Network {
    pub(crate) shape: Shape,
    /// One row an item id, row 0 for padding. A row's direction is the item; its length means nothing.
    pub(crate) items: Trained,
    pub(crate) weights: Weights,
}

/// What keeps the network from learning by heart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restraint {
    /// Share of the numbers of an input item that are dropped.
    pub(crate) input_dropout: f32,
    /// Share of the numbers of a candidate that are dropped.
    pub(crate) candidate_dropout: f32,
    /// Share of the recurrent state that is dropped.
    pub(crate) state_dropout: f32,
    /// Share of the input items that are dropped whole.
    pub(crate) item_dropout: f32,
    /// Share of the probability that goes to what a session held after the next item.
    pub(crate) later: f32,
    /// Share of the probability that follows the teachers.
    pub(crate) taught: f32,
}

/// The length of a row, never 0, so that it can be divided by.
pub(crate) fn length(row: &[f32]) -> f32 {
    row.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-6)
}

impl Network {
    pub(crate) fn new(shape: Shape, items: usize, seed: u64) -> Network {
        let mut random = Random::new(seed, Stream::Weights, 0);
        let deviation = 1.0 / (shape.width as f32).sqrt();
        let mut table: Vec<f32> = (0..(items + 1) * shape.width).map(|_| deviation * random.normal()).collect();
        table[..shape.width].fill(0.0);
        Network { shape, items: Trained::new(table), weights: Weights::new(shape, seed) }
    }

    /// One step. Returns the loss before it.
    pub(crate) fn learn(
        &mut self,
        batch: &Batch,
        restraint: Restraint,
        teachers: &[&Network],
        seed: u64,
        pace: Pace,
        table_rate: f32,
    ) -> candle_core::Result<f32> {
        let width = self.shape.width;
        let mut random = Random::new(seed, Stream::Dropout, pace.step);
        let (rows, lengths) = self.directions(&batch.items);
        let candidates = Tensor::from_vec(rows, (batch.items.len(), width), &Device::Cpu)?;
        let (b, t) = (batch.sessions, batch.length);

        let places = Tensor::from_slice(&batch.inputs, b * t, &Device::Cpu)?;
        let inputs = Var::from_tensor(&candidates.index_select(&places, 0)?)?;
        let drop = |random: &mut Random, dims: &[usize], rate: f32| -> candle_core::Result<Option<Tensor>> {
            if rate == 0.0 {
                return Ok(None);
            }
            let kept = random.dropout(dims.iter().product(), rate);
            Ok(Some(Tensor::from_vec(kept, dims, &Device::Cpu)?))
        };
        let mut seen = inputs.as_tensor().clone();
        if let Some(kept) = drop(&mut random, &[b * t, width], restraint.input_dropout)? {
            seen = (seen * kept)?;
        }
        if let Some(kept) = drop(&mut random, &[b * t, 1], restraint.item_dropout)? {
            seen = seen.broadcast_mul(&kept)?;
        }
        let kept = drop(&mut random, &[b, t, self.shape.state], restraint.state_dropout)?;
        let variables = self.weights.variables()?;
        let steps = steps(self.shape, &batch.details, (b, t))?;
        let read = Read { items: &seen.reshape((b, t, width))?, steps: steps.as_ref(), kept: kept.as_ref() };
        let (queries, repeats) = asked(variables.encode(self.shape, &read)?, batch)?;

        let kept = drop(&mut random, &[batch.items.len(), width], restraint.candidate_dropout)?;
        let dropped = kept.as_ref().map_or_else(|| Ok(candidates.clone()), |kept| &candidates * kept)?;
        let added = added(repeats.as_ref(), batch)?;
        let mut taught = Vec::new();
        for teacher in teachers {
            let told = teacher.predict(batch)?;
            if taught.is_empty() {
                taught = told;
            } else {
                taught.iter_mut().zip(told).for_each(|(sum, p)| *sum += p);
            }
        }
        taught.iter_mut().for_each(|p| *p /= teachers.len() as f32);
        let taught = (!teachers.is_empty()).then_some((taught.as_slice(), restraint.taught));
        let aim = Aim { later: restraint.later, taught };
        let loss = cross_entropy(batch, &queries.detach(), &dropped, &added, aim)?;
        // A product with the gradient has it as its own gradient: it carries the loss on into the graph.
        let mut carried = (queries * loss.queries)?.sum_all()?;
        if let Some(repeats) = repeats {
            let by_repeat = Tensor::from_vec(loss.repeats, (batch.queries.len(), t), &Device::Cpu)?;
            carried = (carried + (repeats * by_repeat)?.sum_all()?)?;
        }
        let gradients = carried.backward()?;

        for (name, weight) in &mut self.weights.named {
            if let Some(gradient) = variables.named.get(name).and_then(|v| gradients.get(v)) {
                weight.trained.step(&gradient.flatten_all()?.to_vec1()?, pace);
            }
        }
        let mut by_row = loss.candidates;
        if let Some(kept) = kept {
            by_row = (by_row * kept)?;
        }
        let mut by_row: Vec<f32> = by_row.flatten_all()?.to_vec1()?;
        if let Some(gradient) = gradients.get(&inputs) {
            let gradient: Vec<f32> = gradient.flatten_all()?.to_vec1()?;
            for (place, gradient) in batch.inputs.iter().zip(gradient.chunks(width)) {
                let row = &mut by_row[*place as usize * width..][..width];
                row.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g);
            }
        }
        for ((row, id), length) in by_row.chunks_mut(width).zip(&batch.items).zip(&lengths) {
            let values = &self.items.values[*id as usize * width..][..width];
            let along: f32 = row.iter().zip(values).map(|(g, v)| g * v).sum::<f32>() / (length * length);
            row.iter_mut().zip(values).for_each(|(g, v)| *g = (*g - along * v) / length);
        }
        self.items.step_rows(&batch.items, width, &by_row, Pace { rate: table_rate, ..pace });
        Ok(loss.value)
    }

    /// The probabilities of a batch's candidates, `[queries, candidates]`.
    fn predict(&self, batch: &Batch) -> candle_core::Result<Vec<f32>> {
        let width = self.shape.width;
        let (b, t) = (batch.sessions, batch.length);
        let (rows, _) = self.directions(&batch.items);
        let candidates = Tensor::from_vec(rows, (batch.items.len(), width), &Device::Cpu)?;
        let places = Tensor::from_slice(&batch.inputs, b * t, &Device::Cpu)?;
        let seen = candidates.index_select(&places, 0)?.reshape((b, t, width))?;
        let steps = steps(self.shape, &batch.details, (b, t))?;
        let read = Read { items: &seen, steps: steps.as_ref(), kept: None };
        let (queries, repeats) = asked(self.weights.constants()?.encode(self.shape, &read)?, batch)?;
        probabilities(batch, &queries, &candidates, &added(repeats.as_ref(), batch)?)
    }

    /// The rows of some items, scaled to length 1, and their lengths before.
    fn directions(&self, ids: &[u32]) -> (Vec<f32>, Vec<f32>) {
        let width = self.shape.width;
        let mut rows = Vec::with_capacity(ids.len() * width);
        let mut lengths = Vec::with_capacity(ids.len());
        for id in ids {
            let row = &self.items.values[*id as usize * width..][..width];
            let length = length(row);
            rows.extend(row.iter().map(|v| v / length));
            lengths.push(length);
        }
        (rows, lengths)
    }

    /// Every item as a vector of length 1, row 0 for padding.
    pub(crate) fn table(&self) -> Vec<f32> {
        let ids: Vec<u32> = (0..(self.items.values.len() / self.shape.width) as u32).collect();
        self.directions(&ids).0
    }
}

/// What the steps were, as the encoder reads it; `None` where it does not, or where nothing is known.
fn steps(shape: Shape, details: &[Detail], (b, t): (usize, usize)) -> candle_core::Result<Option<Tensor>> {
    if details.is_empty() || shape.steps.count() == 0 {
        return Ok(None);
    }
    Tensor::from_vec(shape.steps.features(details), (b, t, shape.steps.count()), &Device::Cpu).map(Some)
}

/// The queries that have a target, `[Q, width]`, and their repeats, `[Q, T]`.
fn asked(encoded: Encoded, batch: &Batch) -> candle_core::Result<(Tensor, Option<Tensor>)> {
    let at = Tensor::from_slice(&batch.queries, batch.queries.len(), &Device::Cpu)?;
    let rows = |x: Tensor| {
        let (b, t, width) = x.dims3()?;
        x.reshape((b * t, width))?.index_select(&at, 0)
    };
    Ok((rows(encoded.queries)?, encoded.repeats.map(rows).transpose()?))
}

/// Repeats as numbers; zeros where the network has none.
fn added(repeats: Option<&Tensor>, batch: &Batch) -> candle_core::Result<Vec<f32>> {
    repeats.map_or_else(|| Ok(vec![0.0; batch.queries.len() * batch.length]), |r| r.flatten_all()?.to_vec1())
}

/// What a query ranks with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub(crate) vector: Vec<f32>,
    /// Item ids with what is added to their scores.
    pub(crate) added: Vec<(u32, f32)>,
}

/// Some steps of a session that are read together.
struct Window {
    session: usize,
    steps: Range<usize>,
    /// The first step after which a query is asked for.
    asked: usize,
}

impl Window {
    /// The windows of a session: what a file of `length` steps would be given.
    fn of(length: usize, session: usize, steps: usize) -> Vec<Window> {
        let whole = steps.min(length);
        let first = Window { session, steps: 0..whole, asked: 0 };
        let later = (whole..steps).map(|last| Window { session, steps: last + 1 - whole..last + 1, asked: last });
        std::iter::once(first).chain(later).collect()
    }
}

/// Queries after every step but the last of some sessions, in the sessions' order. Each reads as many steps as a file does,
/// so that what is measured, calibrated and blended is what ships.
pub(crate) fn encode(
    shape: Shape,
    weights: &Weights,
    table: &[f32],
    sessions: &Sessions,
) -> candle_core::Result<Vec<Vec<Query>>> {
    const TOGETHER: usize = 64;
    let width = shape.width;
    let windows = |s: usize| Window::of(shape.length, s, sessions.get(s).len().saturating_sub(1));
    let mut order: Vec<Window> = (0..sessions.len()).flat_map(windows).collect();
    order.sort_by_key(|window| window.steps.len());
    let encode = |group: &[Window]| -> candle_core::Result<Vec<(usize, Vec<Query>)>> {
        let variables = weights.constants()?;
        let inputs = |window: &Window| &sessions.get(window.session)[window.steps.clone()];
        let t = group.iter().map(|window| window.steps.len()).max().unwrap_or(0);
        if t == 0 {
            return Ok(Vec::new());
        }
        let mut items = vec![0.0; group.len() * t * width];
        let mut details = Vec::new();
        for (row, window) in group.iter().enumerate() {
            for (column, id) in inputs(window).iter().enumerate() {
                let place = (row * t + column) * width;
                items[place..place + width].copy_from_slice(&table[*id as usize * width..][..width]);
            }
            if let Some(told) = sessions.details(window.session).get(window.steps.clone()) {
                details.resize(group.len() * t, Detail::default());
                place_details(told, &mut details[row * t..]);
            }
        }
        let items = Tensor::from_vec(items, (group.len(), t, width), &Device::Cpu)?;
        let steps = steps(shape, &details, (group.len(), t))?;
        let Encoded { queries, repeats } =
            variables.encode(shape, &Read { items: &items, steps: steps.as_ref(), kept: None })?;
        let queries: Vec<f32> = queries.flatten_all()?.to_vec1()?;
        let repeats: Option<Vec<f32>> = repeats.map(|r| r.flatten_all()?.to_vec1()).transpose()?;
        let query = |row: usize, window: &Window, column: usize| Query {
            vector: queries[(row * t + column) * width..][..width].to_vec(),
            added: repeats.as_ref().map_or_else(Vec::new, |repeats| {
                let repeats = repeats[(row * t + column) * t..].iter().copied();
                inputs(window)[..=column].iter().copied().zip(repeats).collect()
            }),
        };
        let queries = |(row, window): (usize, &Window)| {
            let columns = window.asked - window.steps.start..window.steps.len();
            (window.session, columns.map(|column| query(row, window, column)).collect())
        };
        Ok(group.iter().enumerate().map(queries).collect())
    };
    let groups: Vec<Vec<(usize, Vec<Query>)>> =
        order.par_chunks(TOGETHER).map(encode).collect::<candle_core::Result<_>>()?;
    let mut all = vec![Vec::new(); sessions.len()];
    // The windows of one session are as long as each other but for the first, and stay in their order.
    for (s, queries) in groups.into_iter().flatten() {
        all[s].extend(queries);
    }
    Ok(all)
}
