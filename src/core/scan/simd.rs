//! The scan of hashed content vectors in WebAssembly's vector instructions, with and without the relaxed ones.

use std::arch::wasm32::{
    f32x4, f32x4_convert_i32x4, f32x4_extract_lane, f32x4_ge, f32x4_mul, f32x4_splat, i32x4_add, i32x4_shuffle,
    i64x2_shuffle, u64x2, v128, v128_any_true,
};

use super::dots::{HITS, Hit};
use crate::content;

#[cfg(not(target_feature = "relaxed-simd"))]
pub(super) use exact::HashedQuery;
#[cfg(target_feature = "relaxed-simd")]
pub(super) use relaxed::HashedQuery;

/// Numbers that are multiplied at once.
const LANES: usize = 16;

/// Vectors of that many numbers in a row.
const CHUNKS: usize = content::WIDTH / LANES;

/// A row as wide as hashed content vectors: known to the compiler, it is several times as fast.
type Hashed = [[u8; LANES]; CHUNKS];

impl HashedQuery {
    /// Of a query rounded as rows are; `None` where it is not as wide as hashed content vectors.
    pub(super) fn new(rounded: &[u8]) -> Option<HashedQuery> {
        let (chunks, []) = rounded.as_chunks::<LANES>() else { return None };
        Some(HashedQuery::of(chunks.try_into().ok()?))
    }

    /// As `Query::above`. By itself, since registers are few.
    #[inline(never)]
    pub(super) fn above(
        &self,
        rows: &[u8],
        scales: &[[f32; 4]],
        first: usize,
        floor: f32,
        hits: &mut [Hit; HITS],
    ) -> (usize, usize) {
        // Copied, so that the loop holds it in registers.
        let query = *self;
        let floor = f32x4_splat(floor);
        let rows = rows.as_chunks::<LANES>().0.as_chunks::<CHUNKS>().0.as_chunks::<4>().0;
        let mut count = 0;
        for (four, ([a, b, c, d], scales)) in rows.iter().zip(scales).enumerate().skip(first) {
            // No loop: where code is compiled for size, a loop of four turns stays one, and costs three times as much.
            let dots = totals(query.sums(a), query.sums(b), query.sums(c), query.sums(d));
            let scales = f32x4(scales[0], scales[1], scales[2], scales[3]);
            let scores = f32x4_mul(f32x4_convert_i32x4(dots), scales);
            if v128_any_true(f32x4_ge(scores, floor)) {
                hits[count] = Hit { four, scores: numbers(scores) };
                count += 1;
                if count == HITS {
                    return (four + 1, count);
                }
            }
        }
        (scales.len(), count)
    }
}

fn numbers(scores: v128) -> [f32; 4] {
    [
        f32x4_extract_lane::<0>(scores),
        f32x4_extract_lane::<1>(scores),
        f32x4_extract_lane::<2>(scores),
        f32x4_extract_lane::<3>(scores),
    ]
}

/// The sum of each row's four, row by row.
#[inline(always)]
fn totals(a: v128, b: v128, c: v128, d: v128) -> v128 {
    let ab = i32x4_add(i64x2_shuffle::<0, 2>(a, b), i64x2_shuffle::<1, 3>(a, b));
    let cd = i32x4_add(i64x2_shuffle::<0, 2>(c, d), i64x2_shuffle::<1, 3>(c, d));
    i32x4_add(i32x4_shuffle::<0, 2, 4, 6>(ab, cd), i32x4_shuffle::<1, 3, 5, 7>(ab, cd))
}

#[inline(always)]
fn vector(bytes: &[u8; LANES]) -> v128 {
    let (words, _) = bytes.as_chunks::<8>();
    u64x2(u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1]))
}

#[cfg(not(target_feature = "relaxed-simd"))]
mod exact {
    use std::arch::wasm32::{i16x8_extend_high_i8x16, i16x8_extend_low_i8x16, i32x4_add, i32x4_dot_i16x8, v128};

    use super::{CHUNKS, Hashed, vector};

    /// A query of the width of hashed content vectors: sixteen bits a number, since pairs of those are multiplied and
    /// added at once.
    #[derive(Clone, Copy)]
    pub(in crate::scan) struct HashedQuery([[v128; 2]; CHUNKS]);

    impl HashedQuery {
        pub(super) fn of(rounded: &Hashed) -> HashedQuery {
            HashedQuery(rounded.each_ref().map(|chunk| wide(vector(chunk))))
        }

        /// Four sums that make the dot product together.
        #[inline(always)]
        pub(super) fn sums(&self, [a, b, c, d]: &Hashed) -> v128 {
            let [p, q, r, s] = &self.0;
            let products = |numbers, [low, high]: &[v128; 2]| {
                let [numbers_low, numbers_high] = wide(vector(numbers));
                i32x4_add(i32x4_dot_i16x8(numbers_low, *low), i32x4_dot_i16x8(numbers_high, *high))
            };
            i32x4_add(i32x4_add(products(a, p), products(b, q)), i32x4_add(products(c, r), products(d, s)))
        }
    }

    #[inline(always)]
    fn wide(numbers: v128) -> [v128; 2] {
        [i16x8_extend_low_i8x16(numbers), i16x8_extend_high_i8x16(numbers)]
    }
}

#[cfg(target_feature = "relaxed-simd")]
mod relaxed {
    use std::arch::wasm32::{
        i8x16_abs, i8x16_shr, i32x4_relaxed_dot_i8x16_i7x16_add, i32x4_splat, i32x4_sub, v128, v128_xor,
    };

    use super::{CHUNKS, Hashed, vector};

    /// A query of the width of hashed content vectors, as the relaxed dot product wants it: without signs.
    ///
    /// The instruction multiplies bytes from -128 to 127 by bytes from 0 to 127; beyond 127 processors differ. Within,
    /// two products are at most 2 * 128 * 127, which sixteen bits hold, so that all give the same whole number. The sign
    /// of a number q of the query moves to the number x of the row: where q is negative, x q = (!x) |q| + |q|.
    #[derive(Clone, Copy)]
    pub(in crate::scan) struct HashedQuery {
        sizes: [v128; CHUNKS],
        /// All ones where the number is negative.
        signs: [v128; CHUNKS],
        /// Four sums of the sizes of the negative numbers.
        negative: v128,
    }

    impl HashedQuery {
        pub(super) fn of(rounded: &Hashed) -> HashedQuery {
            let numbers = rounded.each_ref().map(vector);
            let (sizes, signs) = (numbers.map(|x| i8x16_abs(x)), numbers.map(|x| i8x16_shr(x, 7)));
            let zero = i32x4_splat(0);
            // All ones are -1.
            let negative = sizes.iter().zip(signs).fold(zero, |sum, (sizes, signs)| {
                i32x4_sub(sum, i32x4_relaxed_dot_i8x16_i7x16_add(signs, *sizes, zero))
            });
            HashedQuery { sizes, signs, negative }
        }

        /// Four sums that make the dot product together.
        #[inline(always)]
        pub(super) fn sums(&self, [a, b, c, d]: &Hashed) -> v128 {
            let add = |sum, numbers, chunk: usize| {
                let numbers = v128_xor(vector(numbers), self.signs[chunk]);
                i32x4_relaxed_dot_i8x16_i7x16_add(numbers, self.sizes[chunk], sum)
            };
            add(add(add(add(self.negative, a, 0), b, 1), c, 2), d, 3)
        }
    }
}
