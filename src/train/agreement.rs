//! How far two groupings of the same things agree, beyond what chance gives: 1 for the same groups under any names,
//! 0 on average for groups drawn at random.

use std::collections::BTreeMap;

/// How many things each group has, and each pair of groups has in common.
struct Table {
    /// Common members, and the sizes of both groups, where there are common members.
    cells: Vec<[usize; 3]>,
    rows: Vec<usize>,
    columns: Vec<usize>,
    total: usize,
}

impl Table {
    /// The groups of the same things, as far as both lists go.
    fn of<A: Ord, B: Ord>(a: &[A], b: &[B]) -> Table {
        let (mut cells, mut rows, mut columns) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (a, b) in a.iter().zip(b) {
            *cells.entry((a, b)).or_insert(0) += 1;
            *rows.entry(a).or_insert(0) += 1;
            *columns.entry(b).or_insert(0) += 1;
        }
        Table {
            cells: cells.into_iter().map(|((a, b), both)| [both, rows[a], columns[b]]).collect(),
            rows: rows.into_values().collect(),
            columns: columns.into_values().collect(),
            total: a.len().min(b.len()),
        }
    }
}

/// The adjusted Rand index (Hubert and Arabie 1985, <https://doi.org/10.1007/BF01908075>).
pub(crate) fn adjusted_rand<A: Ord, B: Ord>(a: &[A], b: &[B]) -> f64 {
    let Table { cells, rows, columns, total } = Table::of(a, b);
    let pairs = |n: &usize| *n as f64 * (*n as f64 - 1.0) / 2.0;
    let both: f64 = cells.iter().map(|[both, ..]| pairs(both)).sum();
    let (in_rows, in_columns): (f64, f64) = (rows.iter().map(pairs).sum(), columns.iter().map(pairs).sum());
    let expected = in_rows * in_columns / pairs(&total).max(1.0);
    adjusted(both, expected, (in_rows + in_columns) / 2.0)
}

/// The adjusted mutual information, by the mean of both entropies (Vinh, Epps and Bailey, JMLR 11, 2010).
pub(crate) fn adjusted_information<A: Ord, B: Ord>(a: &[A], b: &[B]) -> f64 {
    let Table { cells, rows, columns, total } = Table::of(a, b);
    let n = total as f64;
    let entropy = |sizes: &[usize]| -> f64 { sizes.iter().map(|s| *s as f64 / n).map(|p| -p * p.ln()).sum() };
    let term = |both: f64, a: f64, b: f64| both / n * (n * both / (a * b)).ln();
    let information: f64 = cells.iter().map(|cell| cell.map(|n| n as f64)).map(|[both, a, b]| term(both, a, b)).sum();
    let mut logs = vec![0.0f64; total + 1];
    for i in 1..=total {
        logs[i] = logs[i - 1] + (i as f64).ln();
    }
    // Groups of one size are many; their terms are the same.
    let counted = |sizes: &[usize]| {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        sizes.iter().for_each(|size| *counts.entry(*size).or_insert(0) += 1);
        counts
    };
    let (rows_by_size, columns_by_size) = (counted(&rows), counted(&columns));
    let mut expected = 0.0;
    for (a, times_a) in &rows_by_size {
        for (b, times_b) in &columns_by_size {
            let mut sum = 0.0;
            for both in (a + b).saturating_sub(total).max(1)..=*a.min(b) {
                // The chance of `both` common members, groups of these sizes drawn at random.
                let chance = logs[*a] + logs[*b] + logs[total - a] + logs[total - b]
                    - logs[total]
                    - logs[both]
                    - logs[a - both]
                    - logs[b - both]
                    - logs[total + both - a - b];
                sum += term(both as f64, *a as f64, *b as f64) * chance.exp();
            }
            expected += sum * (times_a * times_b) as f64;
        }
    }
    adjusted(information, expected, (entropy(&rows) + entropy(&columns)) / 2.0)
}

/// A figure from 0, which chance gives, to 1, the most there is. Where chance gives the most, both groupings are one
/// group or all single: the same.
fn adjusted(got: f64, expected: f64, most: f64) -> f64 {
    let room = most - expected;
    if room.abs() < 1e-12 { 1.0 } else { (got - expected) / room }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn groups_that_differ_in_name_only_agree_fully() {
        let (a, b) = ([0, 0, 1, 1, 2], [7, 7, 3, 3, 0]);
        assert!(close(adjusted_rand(&a, &b), 1.0) && close(adjusted_information(&a, &b), 1.0));
        assert!(close(adjusted_rand(&[0, 0], &[1, 1]), 1.0) && close(adjusted_information(&[0, 0], &[1, 1]), 1.0));
        assert!(close(adjusted_rand::<u8, u8>(&[], &[]), 1.0) && close(adjusted_information::<u8, u8>(&[], &[]), 1.0));
    }

    #[test]
    fn figures_computed_by_hand_hold() {
        // No pair in common of 2 and 2, of 6: expected 2 * 2 / 6, most 2.
        // Information 0; expected four cells of (2/4) ln 2 with the chance 1/6: ln 2 / 3; most ln 2.
        let (a, b) = ([0, 0, 1, 1], [0, 1, 0, 1]);
        assert!(close(adjusted_rand(&a, &b), -0.5));
        assert!(close(adjusted_information(&a, &b), -0.5));
        // One pair in common of 2 and 1: (1 - 1/3) / (3/2 - 1/3).
        // Information ln 2, expected 2/3 ln 2 (two cells of ln 2 / 12, four of ln 2 / 8), most 5/4 ln 2.
        let (a, b) = ([0, 0, 1, 1], [0, 0, 1, 2]);
        assert!(close(adjusted_rand(&a, &b), 4.0 / 7.0));
        assert!(close(adjusted_information(&a, &b), 4.0 / 7.0));
    }

    #[test]
    fn groups_drawn_at_random_agree_by_nearly_nothing() {
        let mut random = crate::random::Random::new(5, crate::random::Stream::Segments, 0);
        let mut drawn = |groups: usize| -> Vec<usize> { (0..4000).map(|_| random.below(groups)).collect() };
        // The plain mutual information of so many groups is some 0.05 nats by chance alone.
        let (a, b) = (drawn(8), drawn(60));
        assert!(adjusted_rand(&a, &b).abs() < 0.003, "{}", adjusted_rand(&a, &b));
        assert!(adjusted_information(&a, &b).abs() < 0.01, "{}", adjusted_information(&a, &b));
    }
}
