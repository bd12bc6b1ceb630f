//! Recall and MRR against all items, nothing sampled (Krichene and Rendle 2020, <https://doi.org/10.1145/3394486.3403226>).

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use crate::network::Query;
use crate::sessions::Sessions;

/// How well the next item was ranked: shares, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Figures {
    /// Share of next items among the first 10.
    pub recall_10: f64,
    /// Share of next items among the first 20.
    pub recall_20: f64,
    /// Mean of 1 / place, 0 beyond place 10.
    pub mrr_10: f64,
    /// Mean of 1 / place, 0 beyond place 20.
    pub mrr_20: f64,
    /// How many next items there were.
    pub pairs: usize,
}

impl Figures {
    /// Of the places of the next items, 1 for the first.
    pub fn of(places: &[u32]) -> Figures {
        let mean = |f: &dyn Fn(u32) -> f64| places.iter().map(|p| f(*p)).sum::<f64>() / places.len().max(1) as f64;
        let recall = |k: u32| mean(&|place| f64::from(u8::from(place <= k)));
        let mrr = |k: u32| mean(&|place| if place <= k { 1.0 / f64::from(place) } else { 0.0 });
        Figures { recall_10: recall(10), recall_20: recall(20), mrr_10: mrr(10), mrr_20: mrr(20), pairs: places.len() }
    }
}

/// The scores of all items for many queries, `TOGETHER` at a time, handed to `take` with the place of the first.
pub(crate) fn scores<'a>(
    table: &[f32],
    width: usize,
    queries: impl Iterator<Item = &'a Query>,
    mut take: impl FnMut(usize, &mut [f32]),
) -> candle_core::Result<()> {
    const TOGETHER: usize = 256;
    let items = table.len() / width;
    let transposed = Tensor::from_slice(table, (items, width), &Device::Cpu)?.t()?;
    let queries: Vec<&Query> = queries.collect();
    for (chunk, queries) in queries.chunks(TOGETHER).enumerate() {
        let vectors: Vec<f32> = queries.iter().flat_map(|query| query.vector.iter().copied()).collect();
        let scores = Tensor::from_vec(vectors, (queries.len(), width), &Device::Cpu)?.matmul(&transposed)?;
        let mut scores: Vec<f32> = scores.flatten_all()?.to_vec1()?;
        for (scores, query) in scores.chunks_mut(items).zip(queries) {
            query.added.iter().for_each(|(id, added)| scores[*id as usize] += added);
        }
        take(chunk * TOGETHER, &mut scores);
    }
    Ok(())
}

/// The place of every next item among all items. Of equal scores the next item's comes last.
pub(crate) fn places(
    table: &[f32],
    width: usize,
    queries: &[Vec<Query>],
    sessions: &Sessions,
) -> candle_core::Result<Vec<u32>> {
    let targets: Vec<u32> = sessions.iter().flat_map(|session| session.iter().skip(1).copied()).collect();
    let mut places = vec![0; targets.len()];
    scores(table, width, queries.iter().flatten(), |first, scores| {
        let chunk = scores.par_chunks(table.len() / width).zip(&mut places[first..]).zip(&targets[first..]);
        chunk.for_each(|((scores, found), target)| *found = place(scores, *target));
    })?;
    Ok(places)
}

/// The place of one item; scores start with padding, which has no place.
pub(crate) fn place(scores: &[f32], target: u32) -> u32 {
    let own = scores[target as usize];
    scores[1..].chunks(1024).map(|part| part.iter().map(|s| u32::from(*s >= own)).sum::<u32>()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_means_over_the_next_items() {
        let figures = Figures::of(&[1, 4, 15, 21]);
        assert_eq!((figures.recall_10, figures.recall_20, figures.pairs), (0.5, 0.75, 4));
        assert!((figures.mrr_10 - (1.0 + 0.25) / 4.0).abs() < 1e-12);
        assert!((figures.mrr_20 - (1.0 + 0.25 + 1.0 / 15.0) / 4.0).abs() < 1e-12);
        assert_eq!(Figures::of(&[]), Figures::default());
    }

    #[test]
    fn what_is_added_counts_padding_does_not_and_ties_are_lost() {
        // Row 0 is padding; as a vector it would win.
        let table = [9.0, 0.0, 1.0, 0.0, 2.0, 0.0, 2.0, 0.0, 0.0, 1.0];
        let query = |added: &[(u32, f32)]| Query { vector: vec![1.0, 0.0], added: added.to_vec() };
        let sessions: Sessions = [&[1, 2, 1, 4][..]].into_iter().collect();
        let queries = [vec![query(&[]), query(&[(1, 1.5)]), query(&[(4, 0.5), (4, 0.75)])]];
        // Item 2 ties with 3; item 1 rises above both; item 4 passes 1 by two additions.
        assert_eq!(places(&table, 2, &queries, &sessions).unwrap(), [2, 1, 3]);
    }
}
