//! The best of many by one number each: a scan over whole numbers of eight bits, and the choice of what stands out.
//!
//! A row of the scan is a vector rounded to 255 steps of its own width, the query likewise. Their dot product is exact
//! in whole numbers, so every platform finds the same order.

mod dots;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd;

use std::cmp::Ordering;

use dots::{HITS, Hit, Query};

/// The best so far of what is offered: a heap with the worst of them on top.
///
/// Not the standard library's heap and sorts: each order that one of them is compiled for adds some 20 kB to what a page
/// downloads.
pub(crate) struct Best<'a> {
    limit: usize,
    /// Which of two with equal scores is better.
    tie: &'a dyn Fn(usize, usize) -> Ordering,
    /// Scores as [`ordered`] has them.
    heap: Vec<(i32, usize)>,
}

impl<'a> Best<'a> {
    pub(crate) fn new(limit: usize, tie: &'a dyn Fn(usize, usize) -> Ordering) -> Best<'a> {
        Best { limit, tie, heap: Vec::new() }
    }

    fn better(&self, a: (i32, usize), b: (i32, usize)) -> bool {
        a.0 > b.0 || (a.0 == b.0 && (self.tie)(a.1, b.1) == Ordering::Less)
    }

    /// No score below this is of use.
    pub(crate) fn floor(&self) -> f32 {
        if self.heap.len() < self.limit {
            f32::NEG_INFINITY
        } else {
            self.heap.first().map_or(f32::INFINITY, |top| score_of(top.0))
        }
    }

    pub(crate) fn offer(&mut self, score: f32, index: usize) {
        let offered = (ordered(score), index);
        if self.heap.len() < self.limit {
            self.heap.push(offered);
            self.rise(self.heap.len() - 1);
        } else if self.heap.first().is_some_and(|top| self.better(offered, *top)) {
            self.heap[0] = offered;
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
        // To the bottom first, and up from there: it belongs near the bottom, and this way a step down is one comparison
        // whose outcome is added and not branched upon, since no processor can guess it.
        let mut place = 0;
        while 2 * place + 2 < count {
            let left = 2 * place + 1;
            let worse = left + usize::from(self.better(self.heap[left], self.heap[left + 1]));
            self.heap.swap(place, worse);
            place = worse;
        }
        if 2 * place + 1 < count {
            self.heap.swap(place, 2 * place + 1);
            place = 2 * place + 1;
        }
        self.rise(place);
    }

    /// The best with their scores, best first.
    pub(crate) fn into_sorted(mut self) -> Vec<(f32, usize)> {
        for last in (1..self.heap.len()).rev() {
            self.heap.swap(0, last);
            self.sink(last);
        }
        self.heap.into_iter().map(|(score, index)| (score_of(score), index)).collect()
    }
}

/// A whole number that is larger where the score is, by the order of [`f32::total_cmp`].
fn ordered(score: f32) -> i32 {
    let bits = score.to_bits() as i32;
    bits ^ (bits >> 31 & i32::MAX)
}

/// The score that [`ordered`] made a number of.
fn score_of(number: i32) -> f32 {
    f32::from_bits((number ^ (number >> 31 & i32::MAX)) as u32)
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

/// Offers the best of the rows that `competes` with their scores: the dot product with `query`, up to a factor common to
/// all. A row is as long as the query, with a scale of its own.
pub(crate) fn scan(rows: &[u8], scales: &[f32], query: &[f32], competes: impl Fn(usize) -> bool, best: &mut Best<'_>) {
    let width = query.len();
    let mut rounded = vec![0; width];
    quantise(query, &mut rounded);
    let query = Query::new(&rounded);
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    let hashed = simd::HashedQuery::new(&rounded);
    let (fours, last) = scales.as_chunks::<4>();
    let above = |first, floor, hits: &mut [Hit; HITS]| {
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        if let Some(hashed) = &hashed {
            return hashed.above(rows, fours, first, floor, hits);
        }
        query.above(rows, fours, first, floor, hits)
    };
    let mut list = Shortlist::new(best);
    let mut hits = [Hit::default(); HITS];
    let mut next = 0;
    while next < fours.len() {
        let (after, count) = above(next, list.floor, &mut hits);
        for Hit { four, scores } in &hits[..count] {
            (4 * four..).zip(scores).for_each(|(row, score)| list.add(*score, row, &competes));
        }
        next = after;
    }
    for (row, scale) in (4 * fours.len()..).zip(last) {
        list.add(query.dot(&rows[row * width..][..width]) as f32 * scale, row, &competes);
    }
    list.close();
}

/// What may be among the best of a scan: all of them, and some more.
///
/// Adding costs a fraction of what a heap asks for; most of what is added while the floor is low is dropped unsorted.
struct Shortlist<'a, 'b> {
    best: &'a mut Best<'b>,
    /// What the heap has not been offered.
    found: Vec<(f32, usize)>,
    /// Whether all goes to the heap at once: too many scores are alike, and only it knows which of those is better.
    heaped: bool,
    /// No score below this is of use.
    floor: f32,
}

/// Steps in which scores are counted when the list is thinned.
const STEPS: usize = 256;

impl<'a, 'b> Shortlist<'a, 'b> {
    fn new(best: &'a mut Best<'b>) -> Shortlist<'a, 'b> {
        Shortlist { best, found: Vec::new(), heaped: false, floor: f32::NEG_INFINITY }
    }

    fn add(&mut self, score: f32, row: usize, competes: impl Fn(usize) -> bool) {
        if score < self.floor || !competes(row) {
            return;
        }
        if self.heaped {
            self.best.offer(score, row);
            self.floor = self.best.floor();
            return;
        }
        self.found.push((score, row));
        let limit = self.best.limit;
        if self.found.len() > limit.saturating_mul(2) {
            self.thin(limit);
            if self.found.len() > limit + limit / 2 {
                self.close();
                self.heaped = true;
                self.floor = self.best.floor();
            }
        }
    }

    /// Offers the heap what is left.
    fn close(&mut self) {
        self.found.drain(..).for_each(|(score, row)| self.best.offer(score, row));
    }

    /// Drops what lies in steps below that of the last of the best.
    fn thin(&mut self, limit: usize) {
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        for (score, _) in &self.found {
            // Not `min` and `max`: they are function calls, since they look for what is no number.
            low = if *score < low { *score } else { low };
            high = if *score > high { *score } else { high };
        }
        // Where all are alike, the scale is infinite and all fall into step 0.
        let scale = (STEPS - 1) as f32 / (high - low);
        let step = |score: f32| (((score - low) * scale) as usize).min(STEPS - 1);
        let mut counts = [0; STEPS];
        self.found.iter().for_each(|(score, _)| counts[step(*score)] += 1);
        let mut above = 0;
        let last = counts.iter().rposition(|count| {
            above += count;
            above >= limit
        });
        let last = last.unwrap_or(0);
        // Every entry is moved and counted or not: no processor can guess which are kept.
        let mut kept = 0;
        for index in 0..self.found.len() {
            let entry = self.found[index];
            self.found[kept] = entry;
            kept += usize::from(step(entry.0) >= last);
        }
        self.found.truncate(kept);
        self.floor = self.found.iter().fold(high, |floor, (score, _)| if *score < floor { *score } else { floor });
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
        fn of_rows_that_are_mostly_alike_a_scan_finds_the_first(
            scales in prop::collection::vec(prop::sample::select(vec![0.5f32, 0.5, 0.5, 1.0]), 0..400),
            limit in 0usize..30,
        ) {
            let mut best = Best::new(limit, &|a, b| a.cmp(&b));
            scan(&vec![1; scales.len()], &scales, &[1.0], |_| true, &mut best);
            let found: Vec<usize> = best.into_sorted().into_iter().map(|(_, row)| row).collect();
            prop_assert_eq!(found, plain(&scales, limit));
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
