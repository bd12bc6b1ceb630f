//! The matrix product.
//!
//! The right factor is laid out in panels of [`WIDTH`] columns, so that a tile of [`HEIGHT`] rows by one panel stays in
//! registers while the depth runs through. Each number is summed in the order of the depth, one product after the
//! other, whatever the number of rows: a row's result does not depend on how the rows were cut into blocks.

use wide::f32x4;

use crate::math::{self, LANES};

/// Vectors of a panel.
const VECTORS: usize = 2;
/// Columns of a panel.
const WIDTH: usize = VECTORS * LANES;
/// Rows of a tile.
const HEIGHT: usize = 4;

/// One row of a panel.
type Row = [f32x4; VECTORS];

fn row_of(numbers: [f32; WIDTH]) -> Row {
    std::array::from_fn(|vector| f32x4::new(std::array::from_fn(|lane| numbers[vector * LANES + lane])))
}

fn numbers_of(row: Row) -> [f32; WIDTH] {
    std::array::from_fn(|column| row[column / LANES].to_array()[column % LANES])
}

/// The right factor of a product, `[depth, width]`.
#[derive(Debug)]
pub struct Packed {
    depth: usize,
    width: usize,
    /// For every panel, its row of each depth.
    panels: Vec<Row>,
}

impl Packed {
    /// From `[depth, width]`, row-major.
    pub(crate) fn new(matrix: &[f32], depth: usize, width: usize) -> Packed {
        let mut panels = Vec::with_capacity(depth * width.div_ceil(WIDTH));
        for first in (0..width).step_by(WIDTH) {
            let columns = first..width.min(first + WIDTH);
            panels.extend((0..depth).map(|row| {
                let mut panel = [0.0; WIDTH];
                panel[..columns.len()].copy_from_slice(&matrix[row * width..][columns.clone()]);
                row_of(panel)
            }));
        }
        Packed { depth, width, panels }
    }

    /// From its transpose, `[width, depth]`, row-major.
    pub(crate) fn of_transposed(matrix: &[f32], depth: usize, width: usize) -> Packed {
        let mut panels = vec![[0.0; WIDTH]; depth * width.div_ceil(WIDTH)];
        for (column, values) in matrix.chunks_exact(depth.max(1)).take(width).enumerate() {
            let panel = &mut panels[column / WIDTH * depth..][..depth];
            panel.iter_mut().zip(values).for_each(|(row, value)| row[column % WIDTH] = *value);
        }
        let panels = panels.into_iter().map(row_of).collect();
        Packed { depth, width, panels }
    }

    /// `left [rows, depth]` times this, plus `start` (one row, or none) in every row.
    pub(crate) fn product(&self, left: &[f32], start: Option<&[f32]>) -> Vec<f32> {
        let (depth, width) = (self.depth, self.width);
        let rows = left.len().checked_div(depth).unwrap_or(0);
        let mut out = vec![0.0; rows * width];
        for panel in 0..width.div_ceil(WIDTH) {
            let first = panel * WIDTH;
            let columns = first..width.min(first + WIDTH);
            let mut begin = [0.0; WIDTH];
            if let Some(start) = start {
                begin[..columns.len()].copy_from_slice(&start[columns.clone()]);
            }
            let begin = row_of(begin);
            let panel = &self.panels[panel * depth..][..depth];
            let mut tiles = left.chunks_exact(HEIGHT * depth);
            let mut row = 0;
            for tile in &mut tiles {
                let sums = tile_sums(tile, depth, panel, begin);
                for sums in sums {
                    out[row * width..][columns.clone()].copy_from_slice(&numbers_of(sums)[..columns.len()]);
                    row += 1;
                }
            }
            for left in tiles.remainder().chunks_exact(depth) {
                let sums = row_sums(left, panel, begin);
                out[row * width..][columns.clone()].copy_from_slice(&numbers_of(sums)[..columns.len()]);
                row += 1;
            }
        }
        out
    }
}

/// A tile of the product. The sums are local and of fixed size, so that they live in registers.
#[inline(always)]
fn tile_sums(left: &[f32], depth: usize, panel: &[Row], begin: Row) -> [Row; HEIGHT] {
    let (a, left) = left.split_at(depth);
    let (b, left) = left.split_at(depth);
    let (c, d) = left.split_at(depth);
    let mut sums = [begin; HEIGHT];
    for ((((row, a), b), c), d) in panel.iter().zip(a).zip(b).zip(c).zip(d) {
        for (sums, left) in sums.iter_mut().zip([a, b, c, d]) {
            let left = f32x4::splat(*left);
            sums.iter_mut().zip(row).for_each(|(sum, right)| *sum += left * *right);
        }
    }
    sums
}

/// One row of the product.
#[inline(always)]
fn row_sums(left: &[f32], panel: &[Row], begin: Row) -> Row {
    let mut sums = begin;
    for (row, left) in panel.iter().zip(left) {
        let left = f32x4::splat(*left);
        sums.iter_mut().zip(row).for_each(|(sum, right)| *sum += left * *right);
    }
    sums
}

/// `left [rows, depth]` times one column: a dot product for each row.
pub(crate) fn column_product(left: &[f32], column: &[f32], start: f32) -> Vec<f32> {
    left.chunks_exact(column.len().max(1)).map(|row| math::dot(row, column) + start).collect()
}

/// `left [1, depth]` times a matrix `[depth, width]` as it lies there: for a single row, laying it out in panels would
/// cost more than the product.
pub(crate) fn row_product(left: &[f32], matrix: &[f32], width: usize, start: Option<&[f32]>) -> Vec<f32> {
    let mut out = start.map_or_else(|| vec![0.0; width], <[f32]>::to_vec);
    for (factor, row) in left.iter().zip(matrix.chunks_exact(width.max(1))) {
        let (sums, last) = out.as_chunks_mut::<LANES>();
        let (values, last_values) = row.as_chunks::<LANES>();
        let factors = f32x4::splat(*factor);
        for (sums, values) in sums.iter_mut().zip(values) {
            *sums = (f32x4::new(*sums) + factors * f32x4::new(*values)).to_array();
        }
        last.iter_mut().zip(last_values).for_each(|(sum, value)| *sum += factor * value);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(left: &[f32], matrix: &[f32], depth: usize, width: usize, start: &[f32]) -> Vec<f32> {
        let row = |left: &[f32]| -> Vec<f32> {
            (0..width).map(|c| (0..depth).fold(start[c], |sum, d| sum + left[d] * matrix[d * width + c])).collect()
        };
        left.chunks(depth).flat_map(row).collect()
    }

    proptest! {
        #[test]
        fn every_shape_gives_the_plain_sums_bit_for_bit(
            rows in 1usize..12, depth in 1usize..40, width in 1usize..30, seed in any::<u32>(),
        ) {
            let mut state = seed | 1;
            let mut next = || {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state as f32 / u32::MAX as f32 - 0.5
            };
            let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| next()).collect() };
            let (left, matrix, start) = (draw(rows * depth), draw(depth * width), draw(width));
            let expected = plain(&left, &matrix, depth, width, &start);
            prop_assert_eq!(&Packed::new(&matrix, depth, width).product(&left, Some(&start)), &expected);
            prop_assert_eq!(&row_product(&left[..depth], &matrix, width, Some(&start)), &expected[..width]);
            let transposed: Vec<f32> =
                (0..width).flat_map(|c| (0..depth).map(move |d| (d, c))).map(|(d, c)| matrix[d * width + c]).collect();
            prop_assert_eq!(&Packed::of_transposed(&transposed, depth, width).product(&left, Some(&start)), &expected);
        }
    }

    #[test]
    fn a_product_without_depth_or_rows_is_its_start() {
        assert_eq!(Packed::new(&[], 3, 0).product(&[1.0, 2.0, 3.0], None), [0.0; 0]);
        assert_eq!(Packed::new(&[1.0; 6], 3, 2).product(&[], None), [0.0; 0]);
        assert_eq!(column_product(&[1.0, 2.0, 3.0, 4.0], &[1.0, 1.0], 0.5), [3.5, 7.5]);
    }
}
