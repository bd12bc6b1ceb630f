//! Ridge regression of many targets on sparse features, by conjugate gradients.
//!
//! The least weighted sum of squared errors plus `penalty` times the squared coefficients has one solution; no
//! learning rate, order or seed enters it. All targets are solved for at once, each with steps of its own.

use rayon::prelude::*;

/// Where the search ends: length of the residual against that of the right side.
const TOLERANCE: f64 = 1e-3;
/// Most steps of the search.
const STEPS: usize = 60;

/// Rows of (column, value).
#[derive(Clone, Debug)]
pub(crate) struct Sparse {
    starts: Vec<usize>,
    entries: Vec<(u32, f32)>,
}

impl Sparse {
    pub(crate) fn new(rows: impl Iterator<Item = Vec<(u32, f32)>>) -> Sparse {
        let mut sparse = Sparse { starts: vec![0], entries: Vec::new() };
        for row in rows {
            sparse.entries.extend(row);
            sparse.starts.push(sparse.entries.len());
        }
        sparse
    }

    pub(crate) fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    pub(crate) fn row(&self, row: usize) -> &[(u32, f32)] {
        &self.entries[self.starts[row]..self.starts[row + 1]]
    }

    fn transposed(&self, columns: usize) -> Sparse {
        let mut by_column = vec![Vec::new(); columns];
        for row in 0..self.rows() {
            self.row(row).iter().for_each(|(column, value)| by_column[*column as usize].push((row as u32, *value)));
        }
        Sparse::new(by_column.into_iter())
    }

    /// The product with a dense matrix of rows of `width`.
    pub(crate) fn times(&self, dense: &[f32], width: usize) -> Vec<f32> {
        let mut product = vec![0.0; self.rows() * width];
        product.par_chunks_mut(width).enumerate().for_each(|(row, sum)| {
            for (column, value) in self.row(row) {
                let other = &dense[*column as usize * width..][..width];
                sum.iter_mut().zip(other).for_each(|(sum, x)| *sum += value * x);
            }
        });
        product
    }
}

/// What is regressed on what.
pub(crate) struct Ridge<'a> {
    features: &'a Sparse,
    by_column: Sparse,
    /// `[rows, width]`.
    targets: &'a [f32],
    width: usize,
}

impl<'a> Ridge<'a> {
    pub(crate) fn new(features: &'a Sparse, columns: usize, targets: &'a [f32], width: usize) -> Ridge<'a> {
        Ridge { features, by_column: features.transposed(columns), targets, width }
    }

    /// The coefficients, `[columns, width]`, where each row's error weighs `weights`. `start` is a guess.
    pub(crate) fn solve(&self, weights: &[f32], penalty: f32, start: &[f32]) -> Vec<f32> {
        let Ridge { features, by_column, targets, width } = self;
        let width = *width;
        let weighed = |mut rows: Vec<f32>| {
            rows.chunks_mut(width).zip(weights).for_each(|(row, weight)| row.iter_mut().for_each(|x| *x *= weight));
            rows
        };
        let normal = |x: &[f32]| {
            let mut product = by_column.times(&weighed(features.times(x, width)), width);
            product.iter_mut().zip(x).for_each(|(sum, x)| *sum += penalty * x);
            product
        };
        // Columns that all rows have are many times larger than rare ones; scaled by their squares they are alike.
        let scales: Vec<f32> = (0..by_column.rows())
            .map(|column| {
                let squares = by_column.row(column).iter().map(|(row, x)| weights[*row as usize] * x * x);
                1.0 / (squares.sum::<f32>() + penalty)
            })
            .collect();
        let scaled = |r: &[f32]| -> Vec<f32> {
            r.chunks(width).zip(&scales).flat_map(|(row, scale)| row.iter().map(move |x| x * scale)).collect()
        };
        let right = by_column.times(&weighed(targets.to_vec()), width);
        let mut x = start.to_vec();
        let mut r: Vec<f32> = right.iter().zip(normal(&x)).map(|(b, ax)| b - ax).collect();
        let mut z = scaled(&r);
        let mut p = z.clone();
        let mut rz = dots(&r, &z, width);
        let ends: Vec<f64> = dots(&right, &scaled(&right), width).iter().map(|d| d * TOLERANCE * TOLERANCE).collect();
        for _ in 0..STEPS {
            if rz.iter().zip(&ends).all(|(now, end)| now <= end) {
                break;
            }
            let ap = normal(&p);
            let along: Vec<f32> = ratios(&rz, &dots(&p, &ap, width));
            add(&mut x, &along, &p);
            add(&mut r, &along.iter().map(|a| -a).collect::<Vec<_>>(), &ap);
            z = scaled(&r);
            let next = dots(&r, &z, width);
            let kept = ratios(&next, &rz);
            rz = next;
            p.chunks_mut(width).zip(z.chunks(width)).for_each(|(p, z)| {
                p.iter_mut().zip(z).zip(&kept).for_each(|((p, z), kept)| *p = z + kept * *p);
            });
        }
        x
    }
}

/// The dot product of each column.
fn dots(a: &[f32], b: &[f32], width: usize) -> Vec<f64> {
    let mut sums = vec![0.0; width];
    for (a, b) in a.chunks(width).zip(b.chunks(width)) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += f64::from(a * b));
    }
    sums
}

/// 0 where there is nothing left to go.
fn ratios(a: &[f64], b: &[f64]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| if *b > 0.0 { (a / b) as f32 } else { 0.0 }).collect()
}

/// Adds multiples of rows, a factor for each column.
fn add(to: &mut [f32], factors: &[f32], rows: &[f32]) {
    let width = factors.len();
    to.chunks_mut(width).zip(rows.chunks(width)).for_each(|(to, row)| {
        to.iter_mut().zip(row.iter().zip(factors)).for_each(|(to, (x, factor))| *to += factor * x);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_solution_is_that_of_the_normal_equations() {
        // By hand: features (1, 0), (1, 1), (0, 2), targets 1, 3, 5, weights 1, 2, 1, penalty 1.
        // Normal equations: [[4, 2], [2, 7]] x = [7, 16], so x = (17, 50) / 24.
        let features = Sparse::new([vec![(0, 1.0)], vec![(0, 1.0), (1, 1.0)], vec![(1, 2.0)]].into_iter());
        let found = Ridge::new(&features, 2, &[1.0, 3.0, 5.0], 1).solve(&[1.0, 2.0, 1.0], 1.0, &[0.0, 0.0]);
        assert!((found[0] - 17.0 / 24.0).abs() < 1e-4 && (found[1] - 50.0 / 24.0).abs() < 1e-4, "{found:?}");
    }

    #[test]
    fn a_row_of_no_weight_changes_nothing_and_a_guess_neither() {
        let features = Sparse::new([vec![(0, 1.0)], vec![(1, 1.0)], vec![(0, 1.0), (1, 1.0)]].into_iter());
        let solve = |odd: f32, guess: f32| {
            let targets = [1.0, 0.0, 0.0, 2.0, odd, odd];
            Ridge::new(&features, 2, &targets, 2).solve(&[1.0, 1.0, 0.0], 0.5, &[guess; 4])
        };
        for (a, b) in solve(3.0, 0.0).iter().zip(solve(-9.0, 4.0)) {
            assert!((a - b).abs() < 1e-2, "{a} {b}");
        }
    }
}
