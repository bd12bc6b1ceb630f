//! Operators that treat every element alike, and how two shapes are brought together.

use std::cell::Cell;

use wide::f32x4;

use crate::math;
use crate::node::Node;
use crate::run::Args;
use crate::tensor::{Buffer, Data, Fault, Tensor, broadcast_shape, broadcast_strides};

/// Appends the results for one run of elements; a side of one element stands for as many as the other has.
type Pairs<'f, T, U> = &'f dyn Fn(&mut Vec<U>, &[T], &[T]);

/// A function of two elements as one of two runs.
fn pairs<T: Copy, U>(function: impl Fn(T, T) -> U) -> impl Fn(&mut Vec<U>, &[T], &[T]) {
    move |out, a, b| match (a, b) {
        ([a], many) => out.extend(many.iter().map(|b| function(*a, *b))),
        (many, [b]) => out.extend(many.iter().map(|a| function(*a, *b))),
        (a, b) => out.extend(a.iter().zip(b).map(|(a, b)| function(*a, *b))),
    }
}

/// The same for a function of four pairs of numbers.
fn vectors(function: impl Fn(f32x4, f32x4) -> f32x4) -> impl Fn(&mut Vec<f32>, &[f32], &[f32]) {
    move |out, a, b| {
        let from = out.len();
        match (a, b) {
            ([a], many) => {
                out.extend_from_slice(many);
                math::map(&mut out[from..], |b| function(f32x4::splat(*a), b));
            }
            (many, [b]) => {
                out.extend_from_slice(many);
                math::map(&mut out[from..], |a| function(a, f32x4::splat(*b)));
            }
            (a, b) => {
                out.extend_from_slice(a);
                let (chunks, last) = out[from..].as_chunks_mut::<{ math::LANES }>();
                let (others, last_others) = b.as_chunks::<{ math::LANES }>();
                for (chunk, other) in chunks.iter_mut().zip(others) {
                    *chunk = function(f32x4::new(*chunk), f32x4::new(*other)).to_array();
                }
                if !last.is_empty() {
                    let results = function(math::filled(last), math::filled(last_others)).to_array();
                    last.iter_mut().zip(results).for_each(|(number, result)| *number = result);
                }
            }
        }
    }
}

/// Applies `pairs` to two tensors, each repeated along the dimensions in which it has one element.
fn broadcast<T, U>(
    (a_shape, a): (&[usize], &[T]),
    (b_shape, b): (&[usize], &[T]),
    pairs: Pairs<'_, T, U>,
) -> Result<(Vec<usize>, Vec<U>), Fault> {
    let shape = broadcast_shape(a_shape, b_shape)?;
    let size = shape.iter().product();
    let mut out = Vec::with_capacity(size);
    if size == 0 {
        return Ok((shape, out));
    }
    if a_shape == b_shape || a.len() == 1 || b.len() == 1 {
        pairs(&mut out, a, b);
        return Ok((shape, out));
    }
    let (a_strides, b_strides) = (broadcast_strides(a_shape, &shape)?, broadcast_strides(b_shape, &shape)?);
    // The inner dimensions in which both sides either go on or stand still are one run.
    let mut outer = shape.len();
    let (mut run, mut a_run, mut b_run) = (1, 1, 1);
    while outer > 0 {
        let (size, a_stride, b_stride) = (shape[outer - 1], a_strides[outer - 1], b_strides[outer - 1]);
        let goes_on = |stride: isize, side: usize| {
            if run == 1 { true } else { stride == if side > 1 { run as isize } else { 0 } }
        };
        if size > 1 {
            if !goes_on(a_stride, a_run) || !goes_on(b_stride, b_run) {
                break;
            }
            run *= size;
            a_run = if a_stride == 0 { 1 } else { run };
            b_run = if b_stride == 0 { 1 } else { run };
        }
        outer -= 1;
    }
    let (mut a_at, mut b_at) = (vec![0], vec![0]);
    for axis in 0..outer {
        let spread = |at: &[usize], stride: isize| -> Vec<usize> {
            at.iter().flat_map(|at| (0..shape[axis]).map(move |index| at + index * stride as usize)).collect()
        };
        (a_at, b_at) = (spread(&a_at, a_strides[axis]), spread(&b_at, b_strides[axis]));
    }
    for (a_at, b_at) in a_at.into_iter().zip(b_at) {
        pairs(&mut out, &a[a_at..a_at + a_run], &b[b_at..b_at + b_run]);
    }
    Ok((shape, out))
}

/// An operator of two or more inputs of one kind.
fn arithmetic(
    args: &mut Args<'_>,
    floats: Pairs<'_, f32, f32>,
    ints: Option<Pairs<'_, i32, i32>>,
) -> Result<Tensor, Fault> {
    let mut all = args.take(0)?;
    for index in 1..args.len() {
        let next = args.take(index)?;
        all = match (&all.data, &next.data, ints) {
            (Data::Float(a), Data::Float(b), _) => {
                let (shape, values) = broadcast((&all.shape, a), (&next.shape, b), floats)?;
                Tensor::floats(shape, values)
            }
            (Data::Int(a), Data::Int(b), Some(ints)) => {
                let (shape, values) = broadcast((&all.shape, a), (&next.shape, b), ints)?;
                Tensor::ints(shape, values)
            }
            _ => return Err("the inputs are of types that it does not bring together".into()),
        };
    }
    Ok(all)
}

/// The same where whole numbers may leave the 32 bits in which `int64` is held: refused, as the result would be another.
fn within(
    args: &mut Args<'_>,
    floats: Pairs<'_, f32, f32>,
    ints: impl Fn(i32, i32) -> (i32, bool),
) -> Result<Tensor, Fault> {
    let beyond = Cell::new(false);
    let ints = pairs(|a, b| {
        let (result, overflows) = ints(a, b);
        beyond.set(beyond.get() || overflows);
        result
    });
    let out = arithmetic(args, floats, Some(&ints))?;
    if beyond.get() { Err("a whole number is beyond 32 bits".into()) } else { Ok(out) }
}

pub(crate) fn add(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    within(args, &vectors(|a, b| a + b), i32::overflowing_add)
}

pub(crate) fn sub(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    within(args, &vectors(|a, b| a - b), i32::overflowing_sub)
}

pub(crate) fn mul(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    within(args, &vectors(|a, b| a * b), i32::overflowing_mul)
}

pub(crate) fn div(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    // ONNX leaves a whole number divided by zero open.
    let whole = pairs(|a: i32, b: i32| if b == 0 { 0 } else { a.wrapping_div(b) });
    arithmetic(args, &vectors(|a, b| a / b), Some(&whole))
}

pub(crate) fn max(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    arithmetic(args, &pairs(larger), Some(&pairs(Ord::max)))
}

pub(crate) fn min(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    arithmetic(args, &pairs(smaller), Some(&pairs(Ord::min)))
}

/// The larger of two; not a number where one of them is not.
pub(crate) fn larger(a: f32, b: f32) -> f32 {
    if a > b || a.is_nan() { a } else { b }
}

/// The smaller of two; not a number where one of them is not.
pub(crate) fn smaller(a: f32, b: f32) -> f32 {
    -larger(-a, -b)
}

pub(crate) fn pow(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let (base, exponent) = (args.take(0)?, args.take(1)?);
    // The exponent may be of another type than the base.
    let exponent = Tensor { data: as_floats(exponent.data), shape: exponent.shape };
    let power = pairs(|a: f32, b| match b {
        2.0 => a * a,
        _ => libm::powf(a, b),
    });
    let (shape, values) =
        broadcast((&base.shape, base.as_floats()?), (&exponent.shape, exponent.as_floats()?), &power)?;
    Ok(Tensor::floats(shape, values))
}

pub(crate) fn prelu(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    arithmetic(args, &vectors(|x, slope| math::where_below(x, f32x4::ZERO, x * slope, x)), None)
}

fn compare(
    args: &mut Args<'_>,
    floats: impl Fn(f32, f32) -> bool,
    ints: impl Fn(i32, i32) -> bool,
) -> Result<Tensor, Fault> {
    let (a, b) = (args.take(0)?, args.take(1)?);
    let (shape, values) = match (&a.data, &b.data) {
        (Data::Float(x), Data::Float(y)) => {
            broadcast((&a.shape, x), (&b.shape, y), &pairs(|x, y| i32::from(floats(x, y))))?
        }
        (Data::Int(x), Data::Int(y)) => broadcast((&a.shape, x), (&b.shape, y), &pairs(|x, y| i32::from(ints(x, y))))?,
        _ => return Err("the inputs are of types that it does not compare".into()),
    };
    Ok(Tensor::ints(shape, values))
}

pub(crate) fn equal(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    compare(args, |a, b| a == b, |a, b| a == b)
}

pub(crate) fn greater(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    compare(args, |a, b| a > b, |a, b| a > b)
}

pub(crate) fn greater_or_equal(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    compare(args, |a, b| a >= b, |a, b| a >= b)
}

pub(crate) fn less(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    compare(args, |a, b| a < b, |a, b| a < b)
}

pub(crate) fn less_or_equal(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    compare(args, |a, b| a <= b, |a, b| a <= b)
}

pub(crate) fn and(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    truths(args, |a, b| a && b)
}

pub(crate) fn or(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    truths(args, |a, b| a || b)
}

fn truths(args: &mut Args<'_>, function: impl Fn(bool, bool) -> bool) -> Result<Tensor, Fault> {
    let (a, b) = (args.take(0)?, args.take(1)?);
    let function = pairs(|a: i32, b| i32::from(function(a != 0, b != 0)));
    let (shape, values) = broadcast((&a.shape, a.as_ints()?), (&b.shape, b.as_ints()?), &function)?;
    Ok(Tensor::ints(shape, values))
}

/// A function of every float, four at a time, in the input's own memory where that is free.
#[inline(always)]
pub(crate) fn each(args: &mut Args<'_>, function: impl Fn(f32x4) -> f32x4) -> Result<Tensor, Fault> {
    let Tensor { shape, data } = args.take(0)?;
    let Data::Float(all) = data else { return Err("the input is not float".into()) };
    let mut all = all.into_vec();
    math::map(&mut all, function);
    Ok(Tensor::floats(shape, all))
}

/// `x` where it is not negative, else `x` times `slope`.
#[inline(always)]
fn leaky(x: f32x4, slope: f32) -> f32x4 {
    math::where_below(x, f32x4::ZERO, x * f32x4::splat(slope), x)
}

/// The same for whole numbers.
fn each_int(args: &mut Args<'_>, function: impl Fn(i32) -> i32) -> Result<Tensor, Fault> {
    let input = args.get(0)?;
    let values = input.as_ints()?.iter().map(|x| function(*x)).collect();
    Ok(Tensor::ints(input.shape.clone(), values))
}

fn is_whole(args: &Args<'_>) -> Result<bool, Fault> {
    Ok(matches!(args.get(0)?.data, Data::Int(_)))
}

pub(crate) fn abs(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    if is_whole(args)? { each_int(args, i32::saturating_abs) } else { each(args, f32x4::abs) }
}

pub(crate) fn neg(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    if is_whole(args)? { each_int(args, i32::saturating_neg) } else { each(args, |x| -x) }
}

pub(crate) fn not(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    each_int(args, |x| i32::from(x == 0))
}

pub(crate) fn relu(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    // Not `max`: what is not a number stays that.
    each(args, |x| math::where_below(x, f32x4::ZERO, f32x4::ZERO, x))
}

pub(crate) fn leaky_relu(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let slope = node.float("alpha").unwrap_or(0.01);
    each(args, |x| leaky(x, slope))
}

pub(crate) fn sigmoid(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    each(args, math::sigmoid)
}

pub(crate) fn tanh(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    each(args, math::tanh)
}

pub(crate) fn exp(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    each(args, math::exp)
}

pub(crate) fn erf(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    each(args, math::erf)
}

pub(crate) fn log(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    each(args, |x| f32x4::new(x.to_array().map(libm::logf)))
}

pub(crate) fn sqrt(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    each(args, f32x4::sqrt)
}

pub(crate) fn reciprocal(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    each(args, |x| f32x4::splat(1.0) / x)
}

pub(crate) fn softplus(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    each(args, math::softplus)
}

pub(crate) fn gelu(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_PI};
    let weighed = |x: f32x4, curve: f32x4| f32x4::splat(0.5) * x * (f32x4::splat(1.0) + curve);
    if node.text("approximate") == Some("tanh") {
        let (factor, cubic) = (f32x4::splat(FRAC_2_PI.sqrt()), f32x4::splat(0.044_715));
        return each(args, |x| weighed(x, math::tanh(factor * (x + cubic * x * x * x))));
    }
    each(args, |x| weighed(x, math::erf(x * f32x4::splat(FRAC_1_SQRT_2))))
}

pub(crate) fn clip(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    if is_whole(args)? {
        let bound = |index: usize| args.optional(index).map(Tensor::as_int).transpose();
        let (low, high) = (bound(1)?.unwrap_or(i32::MIN), bound(2)?.unwrap_or(i32::MAX));
        return each_int(args, |x| x.max(low).min(high));
    }
    let bound = |index: usize, name: &str| match args.optional(index) {
        Some(bound) => bound.as_float().map(Some),
        None => Ok(node.float(name)),
    };
    let low = bound(1, "min")?.unwrap_or(f32::NEG_INFINITY);
    let high = bound(2, "max")?.unwrap_or(f32::INFINITY);
    let (low, high) = (f32x4::splat(low), f32x4::splat(high));
    each(args, |x| {
        let x = math::where_below(x, low, low, x);
        math::where_below(high, x, high, x)
    })
}

/// Whole numbers lie below this and not below its negative.
const EDGE: f32 = 2_147_483_648.0;

/// ONNX's numbers of the element types that are kept apart here.
mod element {
    pub(crate) const FLOAT: i64 = 1;
    pub(crate) const UINT8: i64 = 2;
    pub(crate) const INT8: i64 = 3;
    pub(crate) const INT32: i64 = 6;
    pub(crate) const INT64: i64 = 7;
    pub(crate) const BOOL: i64 = 9;
    pub(crate) const DOUBLE: i64 = 11;
}

/// A form of `Cast` that is not run here, in words.
pub(crate) fn unsupported_cast(node: &Node) -> Option<String> {
    use element::{BOOL, DOUBLE, FLOAT, INT8, INT32, INT64, UINT8};
    let to = node.int("to").unwrap_or_default();
    let known = [FLOAT, UINT8, INT8, INT32, INT64, BOOL, DOUBLE].contains(&to);
    (!known).then(|| format!("the element type {to}"))
}

fn all<T: Copy, U: Clone>(values: &[T], convert: impl Fn(T) -> U) -> Buffer<U> {
    values.iter().map(|v| convert(*v)).collect::<Vec<U>>().into()
}

fn as_floats(data: Data) -> Data {
    Data::Float(match data {
        Data::Float(values) => values,
        Data::Int(values) => all(&values, |v| v as f32),
        Data::I8(values) => all(&values, f32::from),
        Data::U8(values) => all(&values, f32::from),
    })
}

pub(crate) fn cast(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let to = node.int("to").unwrap_or_default();
    let Tensor { shape, data } = args.take(0)?;
    // By way of `f32` or `i32`, which hold every other kind.
    let data = match (to, data) {
        (element::FLOAT | element::DOUBLE, data) => as_floats(data),
        (element::BOOL, Data::Float(values)) => Data::Int(all(&values, |v| i32::from(v != 0.0))),
        (_, data) => {
            let ints = match data {
                Data::Int(values) => values,
                // `i32` stands for `int64`: what it does not hold would be another number.
                Data::Float(values) if values.iter().all(|v| (-EDGE..EDGE).contains(v)) => all(&values, |v| v as i32),
                Data::Float(_) => return Err("a number is beyond 32 bits as a whole number".into()),
                Data::I8(values) => all(&values, i32::from),
                Data::U8(values) => all(&values, i32::from),
            };
            match to {
                element::BOOL => Data::Int(all(&ints, |v| i32::from(v != 0))),
                element::INT8 => Data::I8(all(&ints, |v| v as i8)),
                element::UINT8 => Data::U8(all(&ints, |v| v as u8)),
                _ => Data::Int(ints),
            }
        }
    };
    Ok(Tensor { shape, data })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shapes_are_brought_together_as_index_by_index(
            sizes in prop::collection::vec((1usize..4, any::<bool>(), any::<bool>()), 1..5),
            dropped in 0usize..3,
        ) {
            let side = |pick: fn(&(usize, bool, bool)) -> bool| -> Vec<usize> {
                sizes.iter().map(|s| if pick(s) { 1 } else { s.0 }).collect()
            };
            let (a_shape, b_shape) = (side(|s| s.1), side(|s| s.2));
            let b_shape = b_shape[dropped.min(b_shape.len())..].to_vec();
            let numbers = |shape: &[usize], from: i32| -> Vec<i32> {
                (from..from + shape.iter().product::<usize>() as i32).collect()
            };
            let (a, b) = (numbers(&a_shape, 0), numbers(&b_shape, 1000));
            let (shape, got) = broadcast((&a_shape, &a), (&b_shape, &b), &pairs(|a, b| (a, b))).unwrap();
            let at = |own: &[usize], index: &[usize]| {
                let strides = broadcast_strides(own, &shape).unwrap();
                index.iter().zip(strides).map(|(i, s)| i * s as usize).sum::<usize>()
            };
            let mut index = vec![0; shape.len()];
            for got in got {
                prop_assert_eq!(got, (a[at(&a_shape, &index)], b[at(&b_shape, &index)]));
                for axis in (0..shape.len()).rev() {
                    index[axis] += 1;
                    if index[axis] < shape[axis] { break }
                    index[axis] = 0;
                }
            }
        }
    }
}
