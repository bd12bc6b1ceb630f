//! Functions of four `f32` at once, and sums over many.
//!
//! They are the same operations in the same order natively and in WebAssembly, so that a model gives the same bits on
//! both. They name vectors, since a build for size leaves plain loops as they are. The polynomials are those of the Cephes
//! library (<https://www.netlib.org/cephes/>), good to two units in the last place.

use wide::{f32x4, i32x4};

/// Numbers in a vector.
pub(crate) const LANES: usize = 4;

/// Vectors in a chunk of a sum: enough that additions need not wait for each other.
const CHUNK: usize = 4;

/// Applies a function to every number. The last few are filled up with zeros, whose results are thrown away.
#[inline(always)]
pub(crate) fn map(all: &mut [f32], function: impl Fn(f32x4) -> f32x4) {
    let (chunks, rest) = all.as_chunks_mut::<LANES>();
    for chunk in chunks {
        *chunk = function(f32x4::new(*chunk)).to_array();
    }
    if !rest.is_empty() {
        let results = function(filled(rest)).to_array();
        rest.iter_mut().zip(results).for_each(|(number, result)| *number = result);
    }
}

/// Fewer numbers than a vector has, and zeros.
#[inline(always)]
pub(crate) fn filled(numbers: &[f32]) -> f32x4 {
    let mut all = [0.0; LANES];
    all[..numbers.len()].copy_from_slice(numbers);
    f32x4::new(all)
}

/// `yes` where `x` is below `bound`, else `no`; `no` where it is not a number.
#[inline(always)]
pub(crate) fn where_below(x: f32x4, bound: f32x4, yes: f32x4, no: f32x4) -> f32x4 {
    x.simd_lt(bound).bitselect(yes, no)
}

/// e to the power of `x`.
#[inline(always)]
pub(crate) fn exp(x: f32x4) -> f32x4 {
    // Below is 0 and above infinity, which the scaling in two steps gives by itself.
    let (lowest, highest) = (f32x4::splat(-105.0), f32x4::splat(89.5));
    // Adding and taking away 1.5 * 2^23 rounds to a whole number; its last bits then hold that number.
    let rounding = f32x4::splat(12_582_912.0);
    let x = x.simd_gt(highest).bitselect(highest, x);
    let x = where_below(x, lowest, lowest, x);
    let shifted = x * f32x4::splat(std::f32::consts::LOG2_E) + rounding;
    let whole = shifted - rounding;
    let power: i32x4 = bytemuck::cast::<_, i32x4>(shifted) - bytemuck::cast::<_, i32x4>(rounding);
    let rest = x - whole * f32x4::splat(0.693_359_4) - whole * f32x4::splat(-2.121_944_4e-4);
    let y = polynomial(rest, [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1]);
    let y = y * rest * rest + rest + f32x4::splat(1.0);
    let half = power >> 1;
    y * power_of_two(half) * power_of_two(power - half)
}

/// 2 to the power of `n`, -126 to 127.
#[inline(always)]
fn power_of_two(n: i32x4) -> f32x4 {
    bytemuck::cast((n + i32x4::splat(127)) << 23)
}

/// The polynomial with these coefficients, that of the highest power first.
#[inline(always)]
fn polynomial<const N: usize>(x: f32x4, coefficients: [f32; N]) -> f32x4 {
    let mut y = f32x4::splat(coefficients[0]);
    for coefficient in &coefficients[1..] {
        y = y * x + f32x4::splat(*coefficient);
    }
    y
}

/// The logistic function.
#[inline(always)]
pub(crate) fn sigmoid(x: f32x4) -> f32x4 {
    let one = f32x4::splat(1.0);
    one / (one + exp(-x))
}

/// The hyperbolic tangent.
#[inline(always)]
pub(crate) fn tanh(x: f32x4) -> f32x4 {
    let square = x * x;
    let near = polynomial(square, [-5.704_988_7e-3, 2.063_909e-2, -5.373_971_5e-2, 1.333_144_2e-1, -3.333_328e-1]);
    let near = near * square * x + x;
    let (one, two) = (f32x4::splat(1.0), f32x4::splat(2.0));
    let far = with_sign_of(one - two / (exp(two * x.abs()) + one), x);
    where_below(x.abs(), f32x4::splat(0.625), near, far)
}

#[inline(always)]
fn with_sign_of(size: f32x4, sign: f32x4) -> f32x4 {
    where_below(sign, f32x4::ZERO, -size, size)
}

/// The error function: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26, within 1e-6.
#[inline(always)]
pub(crate) fn erf(x: f32x4) -> f32x4 {
    let one = f32x4::splat(1.0);
    let t = one / (one + f32x4::splat(0.327_591_1) * x.abs());
    let y = polynomial(t, [1.061_405_4, -1.453_152_1, 1.421_413_7, -0.284_496_74, 0.254_829_6]);
    with_sign_of(one - y * t * exp(-x * x), x)
}

/// ln(1 + e^x).
pub(crate) fn softplus(x: f32x4) -> f32x4 {
    let beyond = f32x4::new(exp(-x.abs()).to_array().map(libm::log1pf));
    where_below(x, f32x4::ZERO, f32x4::ZERO, x) + beyond
}

/// The sum of the products of two rows of equal length.
#[inline]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let ((a, a_last), (b, b_last)) = (a.as_chunks::<CHUNK>(), b.as_chunks::<CHUNK>());
    let mut sums = [f32x4::ZERO; CHUNK];
    for (a, b) in a.iter().zip(b) {
        for part in 0..CHUNK {
            sums[part] += f32x4::new(a[part]) * f32x4::new(b[part]);
        }
    }
    for (part, (a, b)) in a_last.iter().zip(b_last).enumerate() {
        sums[part] += f32x4::new(*a) * f32x4::new(*b);
    }
    folded(sums) + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

/// The sum of a row.
#[inline]
pub(crate) fn sum(all: &[f32]) -> f32 {
    let (all, rest) = all.as_chunks::<LANES>();
    let (chunks, last) = all.as_chunks::<CHUNK>();
    let mut sums = [f32x4::ZERO; CHUNK];
    for chunk in chunks {
        for part in 0..CHUNK {
            sums[part] += f32x4::new(chunk[part]);
        }
    }
    last.iter().enumerate().for_each(|(part, last)| sums[part] += f32x4::new(*last));
    folded(sums) + rest.iter().sum::<f32>()
}

/// The sum of sixteen numbers, in one order everywhere.
#[inline(always)]
fn folded([a, b, c, d]: [f32x4; CHUNK]) -> f32 {
    let [a, b, c, d] = ((a + c) + (b + d)).to_array();
    (a + c) + (b + d)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One number of a function of four.
    fn one(function: impl Fn(f32x4) -> f32x4, x: f32) -> f32 {
        function(f32x4::splat(x)).to_array()[2]
    }

    /// Every 997th `f32` between the bounds, and their negatives.
    fn numbers(from: f32, to: f32) -> impl Iterator<Item = f32> {
        (from.to_bits()..to.to_bits()).step_by(997).map(f32::from_bits).flat_map(|x| [x, -x])
    }

    fn relative(got: f32, expected: f64) -> f64 {
        ((f64::from(got) - expected) / expected).abs()
    }

    #[test]
    fn functions_are_good_to_a_few_units_in_the_last_place() {
        for x in numbers(1e-6, 87.0) {
            assert!(relative(one(exp, x), f64::from(x).exp()) < 2e-7, "exp {x}: {}", one(exp, x));
            assert!(relative(one(sigmoid, x), 1.0 / (1.0 + (-f64::from(x)).exp())) < 4e-7, "sigmoid {x}");
        }
        for x in numbers(1e-6, 30.0) {
            assert!(relative(one(tanh, x), f64::from(x).tanh()) < 3e-7, "tanh {x}: {}", one(tanh, x));
            assert!((one(erf, x) - libm::erff(x)).abs() < 1e-6, "erf {x}");
        }
    }

    #[test]
    fn the_ends_are_those_of_the_functions() {
        assert_eq!((one(exp, 0.0), one(exp, -200.0), one(exp, 200.0)), (1.0, 0.0, f32::INFINITY));
        assert_eq!((one(exp, f32::NEG_INFINITY), one(exp, f32::INFINITY)), (0.0, f32::INFINITY));
        assert!((one(exp, 88.7) / 3.325_e38 - 1.0).abs() < 1e-2);
        assert_eq!(
            (one(sigmoid, 200.0), one(sigmoid, -200.0), one(tanh, 50.0), one(tanh, -50.0)),
            (1.0, 0.0, 1.0, -1.0)
        );
        assert!(
            one(exp, f32::NAN).is_nan()
                && one(sigmoid, f32::NAN).is_nan()
                && one(tanh, f32::NAN).is_nan()
                && one(erf, f32::NAN).is_nan()
        );
        assert_eq!(one(softplus, 100.0), 100.0);
    }

    #[test]
    fn sums_take_in_every_element() {
        let all: Vec<f32> = (0..37).map(|v| v as f32).collect();
        assert_eq!(sum(&all), 666.0);
        assert_eq!(dot(&all, &all), 16_206.0);
    }
}
