//! Anchors: a few ads whose scores foretell those of all others, for a model whose order follows no content vectors.
//!
//! The logits of a model, shoppers by ads, are nearly a matrix of low rank R. Some of its columns, the anchors C, make the
//! others: R ≈ C X, with X by least squares over sampled shoppers (CUR decomposition as ANNCUR uses it; Yadav et al. 2022,
//! <https://arxiv.org/abs/2210.12579>). The logits of a shopper's ads are then known up to a constant from those of
//! the anchors. X is kept as L V, where V has uncorrelated rows: rounded to eight bits, it loses least.

use crate::error::Error;

/// Share of the anchors' mean square that is added to it: at 0 a rounding of the scores is blown up, at 1 all ads are
/// foretold alike.
const RIDGE: f64 = 1e-4;
/// Ads among which anchors are chosen.
const CANDIDATES: usize = 4096;

/// What [`fit`](Anchors::fit) finds.
#[derive(Clone, Debug)]
pub struct Anchors {
    /// The ads that are to be scored.
    pub ads: Vec<usize>,
    /// By anchor, then by number of a vector: what its logit, less the anchors' mean, adds to the query.
    pub mix: Vec<f32>,
    /// By ad: the vector whose dot product with the query foretells its logit, as wide as there are anchors.
    pub vectors: Vec<f32>,
}

impl Anchors {
    /// Chooses at most `count` anchors among the ads in `eligible`, and foretells all ads from them. `logits` has a row
    /// with a logit for each ad for every shopper.
    ///
    /// Errors: `no-anchors` where all shoppers score all ads alike.
    pub fn fit(logits: &[Vec<f32>], eligible: &[usize], count: usize) -> Result<Anchors, Error> {
        let ads = choose(logits, eligible, count);
        if ads.is_empty() {
            return Err(Error::NoAnchors { shoppers: logits.len() });
        }
        let (k, n) = (ads.len(), logits[0].len());
        // Sums over the shoppers of products with an anchor's logit: of anchors, and of all ads.
        let mut gram = vec![0.0f64; k * k];
        let mut products = vec![0.0f32; k * n];
        for row in logits {
            let mean = ads.iter().map(|ad| row[*ad]).sum::<f32>() / k as f32;
            let anchors: Vec<f32> = ads.iter().map(|ad| row[*ad] - mean).collect();
            for (a, x) in anchors.iter().enumerate() {
                for (b, y) in anchors.iter().enumerate() {
                    gram[a * k + b] += f64::from(*x) * f64::from(*y);
                }
                let sums = &mut products[a * n..][..n];
                sums.iter_mut().zip(row).for_each(|(sum, y)| *sum += x * (y - mean));
            }
        }
        let ridge = RIDGE * trace(&gram, k) / k as f64;
        (0..k).for_each(|a| gram[a * k + a] += ridge);
        // X = (CᵀC + ridge)⁻¹ CᵀR, with the Cholesky factor of what is inverted.
        let factor = cholesky(&gram, k);
        solve_lower(&factor, k, &mut products, n);
        solve_upper(&factor, k, &mut products, n);
        // X Xᵀ = L Lᵀ; V = L⁻¹ X.
        let mut square = vec![0.0f64; k * k];
        for a in 0..k {
            for b in 0..=a {
                let dot = dot(&products[a * n..][..n], &products[b * n..][..n]) / n as f64;
                (square[a * k + b], square[b * k + a]) = (dot, dot);
            }
        }
        let jitter = 1e-9 * trace(&square, k).max(f64::MIN_POSITIVE);
        (0..k).for_each(|a| square[a * k + a] += jitter);
        let factor = cholesky(&square, k);
        solve_lower(&factor, k, &mut products, n);
        let vectors = (0..n).flat_map(|ad| (0..k).map(move |a| (a, ad))).map(|(a, ad)| products[a * n + ad]).collect();
        Ok(Anchors { ads, mix: factor.iter().map(|x| *x as f32).collect(), vectors })
    }
}

/// The ads that differ most from what the ones chosen before say (pivoted Gram-Schmidt).
fn choose(logits: &[Vec<f32>], eligible: &[usize], count: usize) -> Vec<usize> {
    let every = eligible.len().div_ceil(CANDIDATES).max(1);
    let candidates: Vec<usize> = eligible.iter().copied().step_by(every).collect();
    // A shopper's mean tells nothing about the order.
    let means: Vec<f32> = logits
        .iter()
        .map(|row| candidates.iter().map(|ad| row[*ad]).sum::<f32>() / candidates.len().max(1) as f32)
        .collect();
    let column = |ad: &usize| logits.iter().zip(&means).map(|(row, mean)| row[*ad] - mean).collect();
    let mut columns: Vec<Vec<f32>> = candidates.iter().map(column).collect();
    let length = |column: &Vec<f32>| dot(column, column);
    let first = columns.iter().map(length).fold(0.0, f64::max);
    let mut chosen = Vec::new();
    // One fewer than there are shoppers is all that they can tell apart.
    while chosen.len() < count.min(logits.len().saturating_sub(1)).min(candidates.len()) {
        let lengths = columns.iter().map(length).enumerate();
        let Some((index, longest)) = lengths.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))) else { break };
        if longest <= 1e-9 * first {
            // What all anchors have in common is taken off, so one more is needed than makes all the differences.
            let more = candidates.iter().find(|ad| !chosen.is_empty() && !chosen.contains(*ad));
            chosen.extend(more);
            break;
        }
        chosen.push(candidates[index]);
        let scale = 1.0 / longest.sqrt() as f32;
        let direction: Vec<f32> = columns[index].iter().map(|x| x * scale).collect();
        for column in &mut columns {
            let share = dot(column, &direction) as f32;
            column.iter_mut().zip(&direction).for_each(|(x, d)| *x -= share * d);
        }
        columns[index].fill(0.0);
    }
    chosen
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

fn trace(matrix: &[f64], k: usize) -> f64 {
    (0..k).map(|a| matrix[a * k + a]).sum()
}

/// The lower triangle whose product with its transpose is a positive matrix.
fn cholesky(matrix: &[f64], k: usize) -> Vec<f64> {
    let mut lower = vec![0.0; k * k];
    for a in 0..k {
        for b in 0..=a {
            let before: f64 = (0..b).map(|c| lower[a * k + c] * lower[b * k + c]).sum();
            let rest = matrix[a * k + b] - before;
            lower[a * k + b] = if a == b { rest.max(f64::MIN_POSITIVE).sqrt() } else { rest / lower[b * k + b] };
        }
    }
    lower
}

/// Replaces `rows`, k of n numbers, by L⁻¹ times them.
fn solve_lower(lower: &[f64], k: usize, rows: &mut [f32], n: usize) {
    for a in 0..k {
        for b in 0..a {
            subtract(rows, n, a, b, lower[a * k + b]);
        }
        rows[a * n..][..n].iter_mut().for_each(|x| *x = (f64::from(*x) / lower[a * k + a]) as f32);
    }
}

/// Replaces `rows` by L⁻ᵀ times them.
fn solve_upper(lower: &[f64], k: usize, rows: &mut [f32], n: usize) {
    for a in (0..k).rev() {
        for b in a + 1..k {
            subtract(rows, n, a, b, lower[b * k + a]);
        }
        rows[a * n..][..n].iter_mut().for_each(|x| *x = (f64::from(*x) / lower[a * k + a]) as f32);
    }
}

/// Subtracts a multiple of row `b` from row `a`.
fn subtract(rows: &mut [f32], n: usize, a: usize, b: usize, factor: f64) {
    let (first, second) = rows.split_at_mut(a.max(b) * n);
    let (low, high) = (&mut first[a.min(b) * n..][..n], &mut second[..n]);
    let (into, from) = if a < b { (low, &*high) } else { (high, &*low) };
    into.iter_mut().zip(from).for_each(|(x, y)| *x -= (factor * f64::from(*y)) as f32);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Logits of shoppers and ads that are points in `rank` dimensions, with a constant per shopper.
    fn logits(shoppers: usize, ads: usize, rank: usize, seed: u64) -> Vec<Vec<f32>> {
        let mut random = Random::of_seed(7);
        let places: Vec<Vec<f32>> = (0..ads).map(|_| (0..rank).map(|_| random.between(-1.0, 1.0)).collect()).collect();
        let mut random = Random::of_seed(seed);
        let shopper = |_| {
            let wants: Vec<f32> = (0..rank).map(|_| random.between(-2.0, 2.0)).collect();
            let constant = random.between(-3.0, 3.0);
            places.iter().map(|place| constant + dot(place, &wants) as f32).collect()
        };
        (0..shoppers).map(shopper).collect()
    }

    fn foretold(anchors: &Anchors, row: &[f32]) -> Vec<f32> {
        let k = anchors.ads.len();
        let mean = anchors.ads.iter().map(|ad| row[*ad]).sum::<f32>() / k as f32;
        let mut query = vec![0.0; k];
        for (ad, mix) in anchors.ads.iter().zip(anchors.mix.chunks_exact(k)) {
            query.iter_mut().zip(mix).for_each(|(sum, part)| *sum += (row[*ad] - mean) * part);
        }
        anchors.vectors.chunks_exact(k).map(|vector| dot(vector, &query) as f32).collect()
    }

    #[test]
    fn scores_of_low_rank_are_foretold_for_a_shopper_who_was_not_sampled() {
        let all: Vec<usize> = (0..300).collect();
        let anchors = Anchors::fit(&logits(80, 300, 6, 1), &all, 16).unwrap();
        assert!(anchors.ads.len() <= 16);
        for row in logits(5, 300, 6, 2) {
            let foretold = foretold(&anchors, &row);
            let shift = row[0] - foretold[0];
            for (exact, foretold) in row.iter().zip(&foretold) {
                assert!((exact - foretold - shift).abs() < 0.05, "{exact} {}", foretold + shift);
            }
        }
    }

    #[test]
    fn anchors_are_chosen_among_those_that_may_be() {
        let anchors = Anchors::fit(&logits(40, 100, 5, 1), &[3, 4, 5, 6, 7, 8, 9], 4).unwrap();
        assert!(anchors.ads.iter().all(|ad| (3..10).contains(ad)), "{:?}", anchors.ads);
    }

    #[test]
    fn shoppers_who_score_all_alike_give_no_anchors() {
        let alike = vec![vec![0.5; 10]; 5];
        assert_eq!(Anchors::fit(&alike, &[0, 1, 2], 3).unwrap_err().code(), "no-anchors");
    }
}
