//! Functions of one `f32`, written so that several elements go in one instruction.
//!
//! They are the same instructions natively and in WebAssembly, so that a model gives the same bits on both. No branch
//! depends on a value: compilers turn the choices into masks. The polynomials are those of the Cephes library
//! (<https://www.netlib.org/cephes/>), good to two units in the last place.

/// e to the power of `x`.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Below is 0 and above infinity, which the scaling in two steps gives by itself.
    const LOWEST: f32 = -105.0;
    const HIGHEST: f32 = 89.5;
    // Adding and taking away 1.5 * 2^23 rounds to a whole number; its last bits then hold that number.
    const ROUNDING: f32 = 12_582_912.0;
    let x = if x > HIGHEST { HIGHEST } else { x };
    let x = if x < LOWEST { LOWEST } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUNDING;
    let whole = shifted - ROUNDING;
    let power = (shifted.to_bits() as i32).wrapping_sub(ROUNDING.to_bits() as i32);
    let rest = x - whole * 0.693_359_4 - whole * -2.121_944_4e-4;
    let mut y = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1] {
        y = y * rest + coefficient;
    }
    let y = y * rest * rest + rest + 1.0;
    let half = power >> 1;
    y * power_of_two(half) * power_of_two(power.wrapping_sub(half))
}

/// 2 to the power of `n`, -126 to 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// The logistic function.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The hyperbolic tangent.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let square = x * x;
    let mut near = -5.704_988_7e-3;
    for coefficient in [2.063_909e-2, -5.373_971_5e-2, 1.333_144_2e-1, -3.333_328_2e-1] {
        near = near * square + coefficient;
    }
    let near = near * square * x + x;
    let far = (1.0 - 2.0 / (exp(2.0 * x.abs()) + 1.0)).copysign(x);
    if x.abs() < 0.625 { near } else { far }
}

/// The error function: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26, within 1e-6.
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let mut y = 1.061_405_4;
    for coefficient in [-1.453_152_1, 1.421_413_7, -0.284_496_74, 0.254_829_6] {
        y = y * t + coefficient;
    }
    (1.0 - y * t * exp(-x * x)).copysign(x)
}

/// ln(1 + e^x).
pub(crate) fn softplus(x: f32) -> f32 {
    let above = if x > 0.0 { x } else { 0.0 };
    above + libm::log1pf(exp(-x.abs()))
}

/// The sum of the products of two rows of equal length.
#[inline]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut lanes = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    folded(lanes) + rest
}

/// The sum of a row.
#[inline]
pub(crate) fn sum(all: &[f32]) -> f32 {
    const LANES: usize = 16;
    let (chunks, rest) = all.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            lanes[lane] += chunk[lane];
        }
    }
    folded(lanes) + rest.iter().sum::<f32>()
}

/// The sum of sixteen numbers, in halves: one order, whatever the vector's width.
#[inline(always)]
fn folded(mut lanes: [f32; 16]) -> f32 {
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert!(relative(exp(x), f64::from(x).exp()) < 2e-7, "exp {x}: {}", exp(x));
            assert!(relative(sigmoid(x), 1.0 / (1.0 + (-f64::from(x)).exp())) < 4e-7, "sigmoid {x}");
        }
        for x in numbers(1e-6, 30.0) {
            assert!(relative(tanh(x), f64::from(x).tanh()) < 3e-7, "tanh {x}: {}", tanh(x));
            assert!((erf(x) - libm::erff(x)).abs() < 1e-6, "erf {x}");
        }
    }

    #[test]
    fn the_ends_are_those_of_the_functions() {
        assert_eq!((exp(0.0), exp(-200.0), exp(200.0)), (1.0, 0.0, f32::INFINITY));
        assert_eq!((exp(f32::NEG_INFINITY), exp(f32::INFINITY)), (0.0, f32::INFINITY));
        assert!((exp(88.7) / 3.325_e38 - 1.0).abs() < 1e-2);
        assert_eq!((sigmoid(200.0), sigmoid(-200.0), tanh(50.0), tanh(-50.0)), (1.0, 0.0, 1.0, -1.0));
        assert!(
            exp(f32::NAN).is_nan() && sigmoid(f32::NAN).is_nan() && tanh(f32::NAN).is_nan() && erf(f32::NAN).is_nan()
        );
        assert_eq!(softplus(100.0), 100.0);
    }

    #[test]
    fn sums_take_in_every_element() {
        let all: Vec<f32> = (0..37).map(|v| v as f32).collect();
        assert_eq!(sum(&all), 666.0);
        assert_eq!(dot(&all, &all), 16_206.0);
    }
}
