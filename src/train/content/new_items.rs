//! How a network ranks items it has not learnt: by their content vectors, with four numbers of its own.

use std::collections::BTreeMap;

use nearside_core::content::{dot, normalise};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::measure::scores;
use crate::network::{Network, Query, encode, length};
use crate::sessions::{Detail, Sessions};

/// What is added to the score of an item that is not in the vocabulary, beside the product of the query and its vector in
/// the network's space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewItems {
    /// Times what is not known of the item, 0 to 1. Above 0, strangers are offered more readily than their mean deserves;
    /// below, less.
    pub novelty: f32,
    /// Times `pair.item`: the shopper's interest in this very item, 1 where it was looked at most.
    pub repeat: f32,
    /// Times the cosine of what the item is to what the shopper looked at, by hashed features.
    pub profile: f32,
    /// Times the same cosine to the page's item.
    pub context: f32,
}

/// How many numbers are fitted.
const NUMBERS: usize = 4;
/// Most questions that are looked at; a few numbers need no more.
const QUESTIONS: usize = 2_000;
/// Steps of Newton's method, and how far one goes at most.
const STEPS: usize = 8;
const FARTHEST: f64 = 3.0;

type Row = [f64; NUMBERS];

/// One question, asked as if the items of one fold were new.
struct Question {
    fold: u64,
    target: u32,
    query: Query,
    /// The prefix's items with the shopper's interest in them.
    interest: BTreeMap<u32, f32>,
    /// Directions of hashed features: of the prefix's items, and of the last one.
    profile: Vec<f32>,
    context: Vec<f32>,
}

/// All items as if they were new: their content vectors as predicted from others, and the fold of each.
pub(super) struct Guesses<'a> {
    /// From id 1 on: the vector, what it lacks to length 1, the hashed features.
    pub(super) vectors: &'a [Vec<f32>],
    pub(super) folds: &'a [u64],
    /// How many folds there are.
    pub(super) count: u64,
}

impl Guesses<'_> {
    fn of(&self, id: u32) -> &[f32] {
        &self.vectors[id as usize - 1]
    }

    fn fold(&self, id: u32) -> u64 {
        self.folds[id as usize - 1]
    }

    fn ids(&self, fold: u64) -> Vec<u32> {
        (1..=self.folds.len() as u32).filter(|id| self.fold(*id) == fold).collect()
    }
}

impl NewItems {
    /// The likeliest numbers for validation sessions, where the items of one fold are new to each question.
    pub(super) fn fit(network: &Network, guesses: &Guesses<'_>, validation: &Sessions) -> Result<NewItems, Error> {
        let table = network.table();
        let width = network.shape.width;
        let questions = questions(network, &table, guesses, validation)?;
        let mut found: Row = [0.0; NUMBERS];
        for _ in 0..STEPS {
            // A weak pull to 0 keeps numbers that nothing speaks of where they are.
            let mut slope = found.map(|x| -x);
            let mut bend: [Row; NUMBERS] =
                std::array::from_fn(|a| std::array::from_fn(|b| f64::from(u8::from(a == b))));
            for fold in 0..guesses.count {
                let new = guesses.ids(fold);
                let mut table = table.clone();
                for id in &new {
                    table[*id as usize * width..][..width].copy_from_slice(&guesses.of(*id)[..width]);
                }
                let asked: Vec<&Question> = questions.iter().filter(|q| q.fold == fold).collect();
                scores(&table, width, asked.iter().map(|q| &q.query), |first, scores| {
                    let parts: Vec<_> = scores
                        .par_chunks_mut(table.len() / width)
                        .zip(&asked[first..])
                        .map(|(scores, question)| question.part(scores, &new, guesses, width, &found))
                        .collect();
                    for (part, part_bend) in parts {
                        slope.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
                        bend.as_flattened_mut().iter_mut().zip(part_bend.as_flattened()).for_each(|(s, x)| *s += x);
                    }
                })?;
            }
            let step = solved(bend, slope);
            found.iter_mut().zip(step).for_each(|(x, step)| *x += step.clamp(-FARTHEST, FARTHEST));
        }
        let [novelty, repeat, profile, context] = found.map(|x| x as f32);
        Ok(NewItems { novelty, repeat, profile, context })
    }
}

impl Question {
    /// What the numbers are multiplied with for a new item.
    fn told(&self, id: u32, guess: &[f32], width: usize) -> Row {
        let hashed = &guess[width + 1..];
        let interest = self.interest.get(&id).copied().unwrap_or(0.0);
        [guess[width], interest, dot(&self.profile, hashed), dot(&self.context, hashed)].map(f64::from)
    }

    /// The slope of the logarithm of the target's chance by the numbers, and how it bends. `scores` are changed.
    fn part(
        &self,
        scores: &mut [f32],
        new: &[u32],
        guesses: &Guesses<'_>,
        width: usize,
        now: &Row,
    ) -> (Row, [Row; NUMBERS]) {
        let told: Vec<Row> = new.iter().map(|id| self.told(*id, guesses.of(*id), width)).collect();
        for (id, told) in new.iter().zip(&told) {
            scores[*id as usize] += now.iter().zip(told).map(|(x, told)| x * told).sum::<f64>() as f32;
        }
        let scores = &scores[1..];
        let highest = scores.iter().fold(f32::NEG_INFINITY, |highest, score| highest.max(*score));
        let all: f64 = scores.iter().map(|score| f64::from((score - highest).exp())).sum();
        let (mut slope, mut mean, mut bend) = ([0.0; NUMBERS], [0.0; NUMBERS], [[0.0; NUMBERS]; NUMBERS]);
        for (id, told) in new.iter().zip(&told) {
            let chance = f64::from((scores[*id as usize - 1] - highest).exp()) / all;
            for a in 0..NUMBERS {
                mean[a] += chance * told[a];
                (0..NUMBERS).for_each(|b| bend[a][b] += chance * told[a] * told[b]);
            }
            if *id == self.target {
                slope = *told;
            }
        }
        slope.iter_mut().zip(mean).for_each(|(x, mean)| *x -= mean);
        for a in 0..NUMBERS {
            (0..NUMBERS).for_each(|b| bend[a][b] -= mean[a] * mean[b]);
        }
        (slope, bend)
    }
}

/// The solution of a system whose matrix is symmetric and positive (Gauss's elimination without exchanges).
fn solved(mut matrix: [Row; NUMBERS], mut right: Row) -> Row {
    for pivot in 0..NUMBERS {
        for row in (0..NUMBERS).filter(|row| *row != pivot) {
            let factor = matrix[row][pivot] / matrix[pivot][pivot];
            (0..NUMBERS).for_each(|column| matrix[row][column] -= factor * matrix[pivot][column]);
            right[row] -= factor * right[pivot];
        }
    }
    std::array::from_fn(|row| right[row] / matrix[row][row])
}

/// Questions of the validation sessions, evenly spread, each with a fold whose items its session does not show.
fn questions(
    network: &Network,
    table: &[f32],
    guesses: &Guesses<'_>,
    validation: &Sessions,
) -> Result<Vec<Question>, Error> {
    let shape = network.shape;
    let width = shape.width;
    let every = validation.pairs().div_ceil(QUESTIONS).max(1);
    let ends = |session: usize| (1..validation.get(session).len()).map(move |end| (session, end));
    let asked = (0..validation.len()).flat_map(ends);
    let mut questions: Vec<Question> = Vec::new();
    let mut shown = Sessions::default();
    for (number, (session, end)) in asked.step_by(every).enumerate() {
        let (prefix, target) = (&validation.get(session)[..end], validation.get(session)[end]);
        let fold = number as u64 % guesses.count;
        let mut interest: BTreeMap<u32, f32> = BTreeMap::new();
        prefix.iter().for_each(|id| *interest.entry(*id).or_insert(0.0) += 1.0);
        let most = interest.values().copied().fold(1.0, f32::max);
        interest.values_mut().for_each(|times| *times /= most);
        let sum = |items: &[u32]| {
            let mut sum = vec![0.0; guesses.of(target).len()];
            items.iter().for_each(|id| sum.iter_mut().zip(guesses.of(*id)).for_each(|(sum, x)| *sum += x));
            sum
        };
        let hashed = |sum: &[f32]| {
            let mut hashed = sum[width + 1..].to_vec();
            normalise(&mut hashed);
            hashed
        };
        let (whole, last) = (sum(prefix), sum(&prefix[prefix.len() - 1..]));
        // The query of a session of which the network knows nothing: the direction of its items' content.
        let scale = network.weights.temperature() / length(&whole[..width]);
        let query = Query { vector: whole[..width].iter().map(|x| x * scale).collect(), added: Vec::new() };
        let (profile, context) = (hashed(&whole), hashed(&last));
        questions.push(Question { fold, target, query, interest, profile, context });
        let details = validation.details(session);
        let step = |(step, id): (usize, &u32)| (*id, details.get(step).copied().unwrap_or_default());
        let steps = prefix.iter().enumerate().filter(|(_, id)| guesses.fold(**id) != fold);
        let mut known: Vec<(u32, Detail)> = steps.map(step).collect();
        if !known.is_empty() {
            known.drain(..known.len().saturating_sub(shape.length));
            known.push((target, Detail::default()));
        }
        shown.push_detailed(&known);
    }
    let encoded = encode(shape, &network.weights, table, &shown)?;
    for (question, queries) in questions.iter_mut().zip(encoded) {
        if let Some(query) = queries.into_iter().last() {
            question.query = query;
        }
    }
    Ok(questions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::graph::content_width;
    use crate::encoder::{Architecture, Shape, StepInputs};

    #[test]
    fn a_question_reads_what_the_steps_were_where_the_network_does() {
        const ITEMS: usize = 6;
        let steps = StepInputs { kind: true, pause: true };
        let network = Network::new(Shape { steps, ..Architecture::Gru.shape(4) }, ITEMS, 5);
        let step = |id: u32| (id, Detail { kind: 2, pause_s: if id == 1 { 0 } else { 300 } });
        let mut told = Sessions::default();
        told.push_detailed(&[step(1), step(2), step(3)]);
        let untold: Sessions = told.iter().collect();
        // No item of the session is new to the first questions.
        let guesses = Guesses { vectors: &vec![vec![0.1; content_width(4)]; ITEMS], folds: &[4; ITEMS], count: 5 };
        let table = network.table();
        let asked = |sessions: &Sessions| {
            questions(&network, &table, &guesses, sessions)
                .unwrap()
                .into_iter()
                .map(|q| q.query.vector)
                .collect::<Vec<_>>()
        };
        let encoded = encode(network.shape, &network.weights, &table, &told).unwrap();
        assert_eq!(asked(&told), encoded[0].iter().map(|query| query.vector.clone()).collect::<Vec<_>>());
        assert_ne!(asked(&told), asked(&untold));
    }

    #[test]
    fn a_system_is_solved() {
        let matrix = [[4.0, 1.0, 0.0, 0.5], [1.0, 3.0, 0.2, 0.0], [0.0, 0.2, 2.0, 0.1], [0.5, 0.0, 0.1, 1.0]];
        let x = [1.0, -2.0, 3.0, 0.5];
        let right = matrix.map(|row: Row| row.iter().zip(x).map(|(a, x)| a * x).sum::<f64>());
        assert!(solved(matrix, right).iter().zip(x).all(|(got, x)| (got - x).abs() < 1e-12));
    }
}
