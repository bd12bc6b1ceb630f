//! The best of many by one number each: a scan over whole numbers of eight bits, and the choice of what stands out.
//!
//! A row of the scan is a vector rounded to 255 steps of its own width, the query likewise. Their dot product is exact
//! in whole numbers, so every platform finds the same order.

mod dots;

use std::cmp::Ordering;

use crate::content;
use dots::{HashedQuery, Query, fours_of_hashed};

/// The best so far of what is offered: a heap with the worst of them on top.
///
/// Not the standard library's heap and sorts: each order that one of them is compiled for adds some 20 kB to what a page
/// downloads.
pub(crate) struct Best<'a> {
    limit: usize,
    /// Which of two with equal scores is better.
    tie: &'a dyn Fn(usize, usize) -> Ordering,
    heap: Vec<(f32, usize)>,
}

impl<'a> Best<'a> {
    pub(crate) fn new(limit: usize, tie: &'a dyn Fn(usize, usize) -> Ordering) -> Best<'a> {
        Best { limit, tie, heap: Vec::new() }
    }

    fn better(&self, a: (f32, usize), b: (f32, usize)) -> bool {
        b.0.total_cmp(&a.0).then_with(|| (self.tie)(a.1, b.1)) == Ordering::Less
    }

    /// No score below this is of use.
    pub(crate) fn floor(&self) -> f32 {
        if self.heap.len() < self.limit {
            f32::NEG_INFINITY
        } else {
            self.heap.first().map_or(f32::INFINITY, |top| top.0)
        }
    }

    pub(crate) fn offer(&mut self, score: f32, index: usize) {
        if self.heap.len() < self.limit {
            self.heap.push((score, index));
            self.rise(self.heap.len() - 1);
        } else if self.heap.first().is_some_and(|top| self.better((score, index), *top)) {
            self.heap[0] = (score, index);
            self.sink(self.heap.len());
        }
    }

    fn rise(&mut self, mut place: usize) {
        while place > 0 && self.better(self.heap[(place - 1) / 2], self.heap[place]) {
            self.heap.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
    }

    /// Puts the top where it belongs among the first `count`.
    fn sink(&mut self, count: usize) {
        let mut place = 0;
        while 2 * place + 1 < count {
            let left = 2 * place + 1;
            let right = left + 1;
            let worse = if right < count && self.better(self.heap[left], self.heap[right]) { right } else { left };
            if !self.better(self.heap[place], self.heap[worse]) {
                return;
            }
            self.heap.swap(place, worse);
            place = worse;
        }
    }

    /// The best with their scores, best first.
    pub(crate) fn into_sorted(mut self) -> Vec<(f32, usize)> {
        for last in (1..self.heap.len()).rev() {
            self.heap.swap(0, last);
            self.sink(last);
        }
        self.heap
    }
}

/// Writes `exact` as whole numbers from -127 to 127, in two's complement, and returns the number that gives it back by
/// multiplication.
pub(crate) fn quantise(exact: &[f32], rounded: &mut [u8]) -> f32 {
    let largest = exact.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
    if largest == 0.0 {
        rounded.fill(0);
        return 0.0;
    }
    let scale = largest / 127.0;
    rounded.iter_mut().zip(exact).for_each(|(rounded, x)| *rounded = (x / scale).round() as i8 as u8);
    scale
}

/// Offers every row that `competes` with its score: the dot product with `query`, up to a factor common to all. A row is
/// as long as the query, with a scale of its own.
pub(crate) fn scan(rows: &[u8], scales: &[f32], query: &[f32], competes: impl Fn(usize) -> bool, best: &mut Best<'_>) {
    let width = query.len();
    let mut rounded = vec![0; width];
    quantise(query, &mut rounded);
    let query = Query::new(&rounded);
    let mut offer = |row, scores: &[f32]| {
        for (row, score) in (row..).zip(scores) {
            if *score >= best.floor() && competes(row) {
                best.offer(*score, row);
            }
        }
        best.floor()
    };
    let (fours, last) = scales.as_chunks::<4>();
    let mut floor = f32::NEG_INFINITY;
    if width == content::WIDTH {
        let query = HashedQuery::new(&query);
        for (index, (rows, scales)) in fours_of_hashed(rows).iter().zip(fours).enumerate() {
            if let Some(scores) = query.above(rows, scales, floor) {
                floor = offer(4 * index, &scores);
            }
        }
    } else {
        for (index, (rows, scales)) in rows.chunks_exact(4 * width).zip(fours).enumerate() {
            let rows = std::array::from_fn(|row| &rows[row * width..][..width]);
            if let Some(scores) = query.above(rows, scales, floor) {
                floor = offer(4 * index, &scores);
            }
        }
    }
    let first = 4 * fours.len();
    for (row, scale) in (first..).zip(last) {
        offer(row, &[query.dot(&rows[row * width..][..width]) as f32 * scale]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(scores: &[f32], limit: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..scores.len()).collect();
        all.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
        all.truncate(limit);
        all
    }

    proptest! {
        #[test]
        fn the_best_are_the_first_of_a_plain_sort(
            scores in prop::collection::vec(prop::sample::select(vec![-1.0f32, 0.0, 0.25, 0.5, 0.5, 1.0]), 0..200),
            limit in 0usize..40,
        ) {
            let mut best = Best::new(limit, &|a, b| a.cmp(&b));
            scores.iter().enumerate().for_each(|(index, score)| best.offer(*score, index));
            let found: Vec<usize> = best.into_sorted().into_iter().map(|(_, index)| index).collect();
            prop_assert_eq!(found, plain(&scores, limit));
        }

        #[test]
        fn a_scan_finds_what_a_plain_sort_of_exact_products_finds(
            width in prop::sample::select(vec![1usize, 8, 16, 17, 64, 100]),
            count in 0usize..300,
            limit in 1usize..20,
            seed in any::<u32>(),
        ) {
            let mut state = seed;
            let mut next = || { state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223); (state >> 24) as i8 };
            let rows: Vec<u8> = (0..count * width).map(|_| next().max(-127) as u8).collect();
            let scales: Vec<f32> = (0..count).map(|_| f32::from(next().unsigned_abs()) / 128.0).collect();
            let mut query: Vec<f32> = (0..width).map(|_| f32::from(next().max(-127))).collect();
            query[0] = 127.0;
            let competes = |row: usize| !row.is_multiple_of(3);
            let mut best = Best::new(limit, &|a, b| a.cmp(&b));
            scan(&rows, &scales, &query, competes, &mut best);
            let exact = |row: usize| {
                let dot: i64 = rows[row * width..][..width].iter().zip(&query).map(|(x, y)| i64::from(*x as i8) * *y as i64).sum();
                dot as f32 * scales[row]
            };
            let scores: Vec<f32> = (0..count).map(|row| if competes(row) { exact(row) } else { f32::NEG_INFINITY }).collect();
            let expected: Vec<usize> = plain(&scores, limit).into_iter().filter(|row| competes(*row)).collect();
            let found: Vec<usize> = best.into_sorted().into_iter().map(|(_, row)| row).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn a_rounded_vector_is_off_by_half_a_step_at_most(exact in prop::collection::vec(-2.0f32..2.0, 1..80)) {
            let mut rounded = vec![0; exact.len()];
            let scale = quantise(&exact, &mut rounded);
            for (x, rounded) in exact.iter().zip(rounded) {
                prop_assert!((x - f32::from(rounded as i8) * scale).abs() <= 0.5001 * scale);
            }
        }
    }
}
