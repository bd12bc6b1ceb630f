//! Dot products of whole numbers, four rows at a time.
//!
//! Written out with WebAssembly's vector instructions where they are there, since the small build's optimiser does not
//! find them (`simd.rs`); plain loops everywhere else. All are exact, so they agree to the bit. A row is bytes in two's
//! complement.

/// Numbers that are multiplied at once.
const LANES: usize = 16;

/// Four rows of which one is above the floor.
#[derive(Clone, Copy, Default)]
pub(super) struct Hit {
    /// Which rows, counted in fours.
    pub(super) four: usize,
    /// The dot product of each with the query, times its scale.
    pub(super) scores: [f32; 4],
}

/// How many of them are written down before the floor is looked at again.
pub(super) const HITS: usize = 32;

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

    /// Writes down the rows, in fours from `first` on, of which one scores `floor` or more, until `hits` is full. Returns
    /// where to go on, and how many were written.
    pub(super) fn above(
        &self,
        rows: &[u8],
        scales: &[[f32; 4]],
        first: usize,
        floor: f32,
        hits: &mut [Hit; HITS],
    ) -> (usize, usize) {
        let width = LANES * self.chunks.len() + self.rest.len();
        let mut count = 0;
        for four in first..scales.len() {
            let row = |index| &rows[(4 * four + index) * width..][..width];
            let scores = std::array::from_fn(|index| self.dot(row(index)) as f32 * scales[four][index]);
            if scores.iter().any(|score| *score >= floor) {
                hits[count] = Hit { four, scores };
                count += 1;
                if count == HITS {
                    return (four + 1, count);
                }
            }
        }
        (scales.len(), count)
    }
}
