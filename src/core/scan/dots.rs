//! Dot products of whole numbers, four rows at a time.
//!
//! Written out with WebAssembly's vector instructions where they are there, since the small build's optimiser does not
//! find them; plain loops everywhere else. Both are exact, so they agree to the bit. A row is bytes in two's complement.

use crate::content;

/// Numbers that are multiplied at once.
const LANES: usize = 16;

/// A vector in the form that rows are multiplied with.
pub(super) struct Query {
    /// Sixteen bits a number, so that one instruction multiplies and adds pairs.
    chunks: Vec<[i16; LANES]>,
    rest: Vec<i16>,
}

impl Query {
    pub(super) fn new(rounded: &[u8]) -> Query {
        let wide: Vec<i16> = rounded.iter().map(|x| i16::from(*x as i8)).collect();
        let (chunks, rest) = wide.as_chunks();
        Query { chunks: chunks.to_vec(), rest: rest.to_vec() }
    }

    /// The dot product with one row.
    pub(super) fn dot(&self, row: &[u8]) -> i32 {
        let (chunks, rest) = row.as_chunks::<LANES>();
        let product = |(x, y): (&u8, &i16)| i32::from(*x as i8) * i32::from(*y);
        let chunks = chunks.iter().zip(&self.chunks).map(|(x, y)| x.iter().zip(y).map(product).sum::<i32>());
        chunks.sum::<i32>() + rest.iter().zip(&self.rest).map(product).sum::<i32>()
    }

    /// The dot products with four rows, each times its scale, where any of them is `floor` or more.
    pub(super) fn above(&self, rows: [&[u8]; 4], scales: &[f32; 4], floor: f32) -> Option<[f32; 4]> {
        let scores = std::array::from_fn(|index| self.dot(rows[index]) as f32 * scales[index]);
        scores.iter().any(|score| *score >= floor).then_some(scores)
    }
}

/// A query of the width of hashed content vectors. By value, so that a loop holds it in registers.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(super) struct HashedQuery([simd::Pair; content::WIDTH / LANES]);

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
impl HashedQuery {
    pub(super) fn new(query: &Query) -> HashedQuery {
        let chunks = query.chunks.first_chunk().expect("as wide as hashed content vectors");
        let [a, b, c, d]: &[[i16; LANES]; content::WIDTH / LANES] = chunks;
        HashedQuery([simd::pair(a), simd::pair(b), simd::pair(c), simd::pair(d)])
    }

    /// As [`Query::above`].
    #[inline(always)]
    pub(super) fn above(&self, rows: &[Hashed; 4], scales: &[f32; 4], floor: f32) -> Option<[f32; 4]> {
        simd::above(&self.0, rows, scales, floor)
    }
}

/// A query of the width of hashed content vectors.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub(super) struct HashedQuery<'a>(&'a Query);

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
impl HashedQuery<'_> {
    pub(super) fn new(query: &Query) -> HashedQuery<'_> {
        HashedQuery(query)
    }

    /// As [`Query::above`].
    pub(super) fn above(&self, rows: &[Hashed; 4], scales: &[f32; 4], floor: f32) -> Option<[f32; 4]> {
        self.0.above(rows.each_ref().map(|row| row.as_flattened()), scales, floor)
    }
}

/// A row as wide as hashed content vectors: known to the compiler, it is several times as fast.
pub(super) type Hashed = [[u8; LANES]; content::WIDTH / LANES];

/// Rows of that width, four by four. What is left over is not among them.
pub(super) fn fours_of_hashed(rows: &[u8]) -> &[[Hashed; 4]] {
    rows.as_chunks::<LANES>().0.as_chunks::<{ content::WIDTH / LANES }>().0.as_chunks::<4>().0
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd {
    use std::arch::wasm32::{
        f32x4, f32x4_convert_i32x4, f32x4_extract_lane, f32x4_ge, f32x4_mul, f32x4_splat, i16x8_extend_high_i8x16,
        i16x8_extend_low_i8x16, i32x4_add, i32x4_dot_i16x8, i32x4_shuffle, i64x2_shuffle, u64x2, v128, v128_any_true,
    };

    use super::{Hashed, LANES};

    /// Sixteen numbers of sixteen bits.
    pub(super) type Pair = [v128; 2];

    pub(super) fn pair(numbers: &[i16; LANES]) -> Pair {
        let vector = bytes(&numbers.map(|x| x as u8));
        [i16x8_extend_low_i8x16(vector), i16x8_extend_high_i8x16(vector)]
    }

    #[inline(always)]
    pub(super) fn above(query: &[Pair; 4], rows: &[Hashed; 4], scales: &[f32; 4], floor: f32) -> Option<[f32; 4]> {
        // No loop: where code is compiled for size, a loop of four turns stays one, and costs three times as much.
        let [a, b, c, d] = rows;
        let (a, b, c, d) = (sums(query, a), sums(query, b), sums(query, c), sums(query, d));
        // Each row's four sums become one, four rows at once.
        let ab = i32x4_add(i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b));
        let cd = i32x4_add(i32x4_shuffle::<0, 4, 1, 5>(c, d), i32x4_shuffle::<2, 6, 3, 7>(c, d));
        let dots = i32x4_add(i64x2_shuffle::<0, 2>(ab, cd), i64x2_shuffle::<1, 3>(ab, cd));
        let scales = f32x4(scales[0], scales[1], scales[2], scales[3]);
        let scores = f32x4_mul(f32x4_convert_i32x4(dots), scales);
        if !v128_any_true(f32x4_ge(scores, f32x4_splat(floor))) {
            return None;
        }
        Some([
            f32x4_extract_lane::<0>(scores),
            f32x4_extract_lane::<1>(scores),
            f32x4_extract_lane::<2>(scores),
            f32x4_extract_lane::<3>(scores),
        ])
    }

    /// Four sums that make the dot product together.
    #[inline(always)]
    fn sums([p, q, r, s]: &[Pair; 4], [a, b, c, d]: &Hashed) -> v128 {
        let halves = [i32x4_add(products(a, p), products(b, q)), i32x4_add(products(c, r), products(d, s))];
        i32x4_add(halves[0], halves[1])
    }

    #[inline(always)]
    fn products(numbers: &[u8; LANES], [low, high]: &Pair) -> v128 {
        let numbers = bytes(numbers);
        let low = i32x4_dot_i16x8(i16x8_extend_low_i8x16(numbers), *low);
        i32x4_add(low, i32x4_dot_i16x8(i16x8_extend_high_i8x16(numbers), *high))
    }

    #[inline(always)]
    fn bytes(bytes: &[u8; LANES]) -> v128 {
        let (words, _) = bytes.as_chunks::<8>();
        u64x2(u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1]))
    }
}
