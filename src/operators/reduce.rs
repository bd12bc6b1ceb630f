//! Operators that bring a dimension down to one number, and those that measure by it: sums, extremes, means, softmax,
//! normalisation.

use std::cell::Cell;

use wide::f32x4;

use crate::elementwise::{each, larger, smaller};
use crate::math;
use crate::node::Node;
use crate::run::Args;
use crate::tensor::{Data, Fault, Tensor, axis};

/// How elements become one: a whole run at once, and a run into a run of sums.
struct Reduction<'f, T> {
    run: &'f dyn Fn(&[T]) -> T,
    into: &'f dyn Fn(&mut [T], &[T]),
}

/// The dimensions that go; all where none are named.
fn axes(node: &Node, args: &Args<'_>, rank: usize) -> Result<Vec<usize>, Fault> {
    let axes = args.ints(1, node, "axes")?.unwrap_or_default();
    if axes.is_empty() {
        let none = node.int("noop_with_empty_axes").unwrap_or_default() != 0;
        return Ok(if none { Vec::new() } else { (0..rank).collect() });
    }
    let mut axes = axes.into_iter().map(|at| axis(at, rank)).collect::<Result<Vec<_>, _>>()?;
    axes.sort_unstable();
    axes.dedup();
    Ok(axes)
}

/// Reduces `input` along `axes`, which are sorted. Gives the elements; the shape is [`reduced_shape`].
fn reduce<T: Copy>(input: &[T], shape: &[usize], axes: &[usize], by: &Reduction<'_, T>) -> Vec<T> {
    let Some((first, last)) = axes.first().zip(axes.last()) else { return input.to_vec() };
    let outer: usize = shape[..*first].iter().product();
    let reduced: usize = shape[*first..=*last].iter().product();
    let inner: usize = shape[last + 1..].iter().product();
    if outer * inner == 0 {
        return Vec::new();
    }
    if inner == 1 || reduced == 0 {
        return (0..outer * inner).map(|n| (by.run)(&input[n * reduced..][..reduced])).collect();
    }
    let mut out = Vec::with_capacity(outer * inner);
    for block in input.chunks_exact(reduced * inner) {
        let (first, others) = block.split_at(inner);
        let from = out.len();
        out.extend_from_slice(first);
        others.chunks_exact(inner).for_each(|run| (by.into)(&mut out[from..], run));
    }
    out
}

fn reduced_shape(shape: &[usize], axes: &[usize], node: &Node) -> Vec<usize> {
    let keeps = node.int("keepdims").unwrap_or(1) != 0;
    let sizes = shape.iter().enumerate().filter_map(|(at, size)| match axes.contains(&at) {
        true => keeps.then_some(1),
        false => Some(*size),
    });
    sizes.collect()
}

/// Brings the dimensions that go side by side, where they are not.
fn gathered(input: Tensor, axes: &mut Vec<usize>) -> Result<Tensor, Fault> {
    let side_by_side = axes.windows(2).all(|pair| pair[0] + 1 == pair[1]);
    if side_by_side {
        return Ok(input);
    }
    let rank = input.shape.len();
    let order: Vec<usize> = (0..rank).filter(|at| !axes.contains(at)).chain(axes.iter().copied()).collect();
    let strides = input.strides();
    let (shape, strides): (Vec<_>, Vec<_>) = order.iter().map(|at| (input.shape[*at], strides[*at])).unzip();
    *axes = (rank - axes.len()..rank).collect();
    input.view(shape, &strides, 0)
}

fn reduction(
    node: &Node,
    args: &mut Args<'_>,
    floats: Reduction<'_, f32>,
    ints: Option<Reduction<'_, i32>>,
) -> Result<Tensor, Fault> {
    let rank = args.get(0)?.shape.len();
    let mut axes = axes(node, args, rank)?;
    let input = args.take(0)?;
    let shape = reduced_shape(&input.shape, &axes, node);
    let input = gathered(input, &mut axes)?;
    match (&input.data, ints) {
        (Data::Float(all), _) => Ok(Tensor::floats(shape, reduce(all, &input.shape, &axes, &floats))),
        (Data::Int(all), Some(ints)) => Ok(Tensor::ints(shape, reduce(all, &input.shape, &axes, &ints))),
        _ => Err("the input is of a type that it does not reduce".into()),
    }
}

fn add_into(sums: &mut [f32], run: &[f32]) {
    let (sums, last) = sums.as_chunks_mut::<{ math::LANES }>();
    let (run, last_of_run) = run.as_chunks::<{ math::LANES }>();
    for (sums, run) in sums.iter_mut().zip(run) {
        *sums = (f32x4::new(*sums) + f32x4::new(*run)).to_array();
    }
    last.iter_mut().zip(last_of_run).for_each(|(sum, more)| *sum += more);
}

pub(crate) fn sum(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    // A sum beyond the 32 bits in which `int64` is held would be another number.
    let beyond = Cell::new(false);
    let add = |a: i32, b: i32| {
        let (sum, overflows) = a.overflowing_add(b);
        beyond.set(beyond.get() || overflows);
        sum
    };
    let ints = Reduction {
        run: &|run: &[i32]| run.iter().copied().fold(0, add),
        into: &|sums: &mut [i32], run: &[i32]| sums.iter_mut().zip(run).for_each(|(s, m)| *s = add(*s, *m)),
    };
    let sums = reduction(node, args, Reduction { run: &math::sum, into: &add_into }, Some(ints))?;
    if beyond.get() { Err("a whole number is beyond 32 bits".into()) } else { Ok(sums) }
}

pub(crate) fn mean(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let before = args.get(0)?.len();
    let sums = reduction(node, args, Reduction { run: &math::sum, into: &add_into }, None)?;
    // Whole numbers are divided, so that the share does not depend on how many sums there are.
    let share = 1.0 / before.checked_div(sums.len()).unwrap_or_default() as f32;
    each(&mut Args::new(vec![Some(sums)], None), |sum| sum * f32x4::splat(share))
}

pub(crate) fn l2(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let squares = each(args, |x| x * x)?;
    let axes = args.optional(1).cloned();
    let sums = reduction(
        node,
        &mut Args::new(vec![Some(squares), axes], None),
        Reduction { run: &math::sum, into: &add_into },
        None,
    )?;
    each(&mut Args::new(vec![Some(sums)], None), f32x4::sqrt)
}

/// The most extreme of what goes, from where none is.
fn extreme(
    node: &Node,
    args: &mut Args<'_>,
    (none, of_floats): (f32, impl Fn(f32, f32) -> f32),
    (none_whole, of_ints): (i32, impl Fn(i32, i32) -> i32),
) -> Result<Tensor, Fault> {
    fn into<T: Copy>(best: &mut [T], run: &[T], of: impl Fn(T, T) -> T) {
        best.iter_mut().zip(run).for_each(|(best, x)| *best = of(*best, *x));
    }
    let floats = Reduction {
        run: &|run: &[f32]| run.iter().copied().fold(none, &of_floats),
        into: &|best: &mut [f32], run: &[f32]| into(best, run, &of_floats),
    };
    let ints = Reduction {
        run: &|run: &[i32]| run.iter().copied().fold(none_whole, &of_ints),
        into: &|best: &mut [i32], run: &[i32]| into(best, run, &of_ints),
    };
    reduction(node, args, floats, Some(ints))
}

pub(crate) fn max(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    extreme(node, args, (f32::NEG_INFINITY, larger), (i32::MIN, i32::max))
}

pub(crate) fn min(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    extreme(node, args, (f32::INFINITY, smaller), (i32::MAX, i32::min))
}

/// Swaps one dimension with the last.
fn swapped(input: Tensor, at: usize) -> Result<Tensor, Fault> {
    let last = input.shape.len() - 1;
    if at == last {
        return Ok(input);
    }
    let (mut shape, mut strides) = (input.shape.clone(), input.strides());
    shape.swap(at, last);
    strides.swap(at, last);
    input.view(shape, &strides, 0)
}

pub(crate) fn softmax(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let input = args.take(0)?;
    let rank = input.shape.len();
    // Until opset 13, all dimensions from `axis` on are one.
    let along_one = node.opset >= 13;
    let at = axis(node.int("axis").unwrap_or(if along_one { -1 } else { 1 }), rank)?;
    let (input, run) = match along_one {
        true => {
            let run = input.shape[at];
            (swapped(input, at)?, run)
        }
        false => {
            let run = input.shape[at..].iter().product();
            (input, run)
        }
    };
    let shape = input.shape.clone();
    let Data::Float(all) = input.data else { return Err("the input is not float".into()) };
    let mut all = all.into_vec();
    for run in all.chunks_exact_mut(run.max(1)) {
        let top = run.iter().copied().fold(f32::NEG_INFINITY, larger);
        let top = f32x4::splat(top);
        math::map(run, |x| math::exp(x - top));
        let share = f32x4::splat(1.0 / math::sum(run));
        math::map(run, |x| x * share);
    }
    let out = Tensor::floats(shape, all);
    if along_one { swapped(out, at) } else { Ok(out) }
}

pub(crate) fn layer_normalization(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let input = args.take(0)?;
    let at = axis(node.int("axis").unwrap_or(-1), input.shape.len())?;
    let width: usize = input.shape[at..].iter().product();
    let epsilon = node.float("epsilon").unwrap_or(1e-5);
    let row = |index: usize| -> Result<Option<&[f32]>, Fault> {
        let row = args.optional(index).map(|row| row.as_floats().map(|row| &row[..])).transpose()?;
        match row {
            Some(row) if row.len() != width => Err(format!("{} factors for {width} entries", row.len())),
            row => Ok(row),
        }
    };
    let (scale, offset) = (row(1)?, row(2)?);
    let Tensor { shape, data: Data::Float(all) } = input else { return Err("the input is not float".into()) };
    let mut all = all.into_vec();
    for run in all.chunks_exact_mut(width.max(1)) {
        let mean = math::sum(run) / width as f32;
        math::map(run, |x| x - f32x4::splat(mean));
        let factor = 1.0 / (math::dot(run, run) / width as f32 + epsilon).sqrt();
        math::map(run, |x| x * f32x4::splat(factor));
        if let Some(scale) = scale {
            run.iter_mut().zip(scale).for_each(|(x, scale)| *x *= scale);
        }
        if let Some(offset) = offset {
            run.iter_mut().zip(offset).for_each(|(x, offset)| *x += offset);
        }
    }
    Ok(Tensor::floats(shape, all))
}

pub(crate) fn batch_normalization(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let input = args.take(0)?;
    let channels = *input.shape.get(1).ok_or("there is no dimension of channels")?;
    let inner: usize = input.shape[2..].iter().product();
    let epsilon = node.float("epsilon").unwrap_or(1e-5);
    let channel = |index: usize| -> Result<&[f32], Fault> {
        let row = args.get(index)?.as_floats()?;
        if row.len() == channels { Ok(row) } else { Err(format!("{} factors for {channels} channels", row.len())) }
    };
    let (scale, offset, mean, variance) = (channel(1)?, channel(2)?, channel(3)?, channel(4)?);
    // One factor and one summand for each channel.
    let factors: Vec<f32> = scale.iter().zip(variance).map(|(s, v)| s / (v + epsilon).sqrt()).collect();
    let summands: Vec<f32> = offset.iter().zip(mean).zip(&factors).map(|((o, m), f)| o - m * f).collect();
    let Tensor { shape, data: Data::Float(all) } = input else { return Err("the input is not float".into()) };
    let mut all = all.into_vec();
    let channels = factors.iter().zip(&summands).cycle();
    for (run, (factor, summand)) in all.chunks_exact_mut(inner.max(1)).zip(channels) {
        let (factor, summand) = (f32x4::splat(*factor), f32x4::splat(*summand));
        math::map(run, |x| x * factor + summand);
    }
    Ok(Tensor::floats(shape, all))
}
