//! Operators that pick elements out, and put them in.

use crate::node::Node;
use crate::run::Args;
use crate::tensor::{Data, Fault, Tensor, axis, broadcast_shape, broadcast_strides, count, picked};

/// An index that may be counted from the end.
fn place(index: i32, size: usize) -> Result<usize, Fault> {
    let at = if index < 0 { i64::from(index) + size as i64 } else { i64::from(index) };
    usize::try_from(at).ok().filter(|at| *at < size).ok_or_else(|| format!("index {index} of {size} entries"))
}

pub(crate) fn gather(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let (data, indices) = (args.get(0)?, args.get(1)?);
    let at = axis(node.int("axis").unwrap_or_default(), data.shape.len())?;
    let (before, after) = (&data.shape[..at], &data.shape[at + 1..]);
    let shape = [before, &indices.shape, after].concat();
    count(&shape)?;
    let size = data.shape[at];
    let run: usize = after.iter().product();
    let places = indices.as_ints()?.iter().map(|index| place(*index, size)).collect::<Result<Vec<_>, _>>()?;
    let blocks: usize = before.iter().product();
    let starts: Vec<usize> =
        (0..blocks).flat_map(|block| places.iter().map(move |place| (block * size + place) * run)).collect();
    Ok(Tensor { data: picked(&data.data, &starts, run), shape })
}

pub(crate) fn slice(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let starts = args.ints(1, node, "starts")?.ok_or("the starts are missing")?;
    let ends = args.ints(2, node, "ends")?.ok_or("the ends are missing")?;
    let axes = args.ints(3, node, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = args.ints(4, node, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
    if ends.len() != starts.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return Err("a slice has bounds of different numbers".into());
    }
    let input = args.take(0)?;
    let mut shape = input.shape.clone();
    let mut strides = input.strides();
    let mut offset = 0;
    let mut cut = Vec::new();
    for (((start, end), at), step) in starts.into_iter().zip(ends).zip(axes).zip(steps) {
        let at = axis(at, input.shape.len())?;
        if cut.contains(&at) {
            return Err(format!("dimension {at} is sliced twice"));
        }
        cut.push(at);
        let size = input.shape[at] as i64;
        let from_start = |bound: i64| if bound < 0 { bound.saturating_add(size) } else { bound };
        let (start, end) = (from_start(start), from_start(end));
        let (start, length) = match step {
            0 => return Err("a slice has steps of zero".into()),
            1.. => {
                let (start, end) = (start.clamp(0, size), end.clamp(0, size));
                (start, (end - start).max(0) as u64)
            }
            _ => {
                let (start, end) = (start.clamp(-1, size - 1), end.clamp(-1, size - 1));
                (start, (start - end).max(0) as u64)
            }
        };
        shape[at] = length.div_ceil(step.unsigned_abs()) as usize;
        if shape[at] > 0 {
            offset += start as isize * strides[at];
        }
        // A longer step than the dimension is never taken.
        strides[at] *= step.clamp(-size, size) as isize;
    }
    if shape.contains(&0) {
        return Ok(Tensor { shape, data: picked(&input.data, &[], 0) });
    }
    input.view(shape, &strides, offset)
}

pub(crate) fn split(node: &Node, args: &mut Args<'_>) -> Result<Vec<Tensor>, Fault> {
    let sizes = args.ints(1, node, "split")?;
    let input = args.take(0)?;
    let at = axis(node.int("axis").unwrap_or_default(), input.shape.len())?;
    let size = input.shape[at];
    let parts = node.outputs;
    let sizes = match sizes {
        Some(sizes) => {
            let sizes = sizes.iter().map(|size| usize::try_from(*size).map_err(|_| format!("a part of {size}")));
            sizes.collect::<Result<Vec<_>, _>>()?
        }
        None => {
            let each = size.div_ceil(parts.max(1));
            (0..parts).map(|part| each.min(size.saturating_sub(part * each))).collect()
        }
    };
    if sizes.iter().copied().fold(0, usize::saturating_add) != size || sizes.len() != parts {
        return Err(format!("{size} entries are split into {sizes:?}"));
    }
    let strides = input.strides();
    let mut from = 0;
    let parts = sizes.into_iter().map(|size| {
        let mut shape = input.shape.clone();
        shape[at] = size;
        let offset = from * strides[at];
        from += size as isize;
        if size == 0 {
            Ok(Tensor { shape, data: picked(&input.data, &[], 0) })
        } else {
            input.view(shape, &strides, offset)
        }
    });
    parts.collect()
}

pub(crate) fn choose(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let (condition, yes, no) = (args.take(0)?, args.take(1)?, args.take(2)?);
    let shape = broadcast_shape(&broadcast_shape(&condition.shape, &yes.shape)?, &no.shape)?;
    let spread = |tensor: Tensor| {
        let strides = broadcast_strides(&tensor.shape, &shape)?;
        if tensor.shape == shape { Ok(tensor) } else { tensor.view(shape.clone(), &strides, 0) }
    };
    let (condition, yes, no) = (spread(condition)?, spread(yes)?, spread(no)?);
    let condition = condition.as_ints()?;
    fn pick<T: Copy>(condition: &[i32], yes: &[T], no: &[T]) -> Vec<T> {
        condition.iter().zip(yes).zip(no).map(|((c, yes), no)| if *c != 0 { *yes } else { *no }).collect()
    }
    let data = match (&yes.data, &no.data) {
        (Data::Float(yes), Data::Float(no)) => Data::Float(pick(condition, yes, no).into()),
        (Data::Int(yes), Data::Int(no)) => Data::Int(pick(condition, yes, no).into()),
        _ => return Err("it chooses between types that it does not bring together".into()),
    };
    Ok(Tensor { shape, data })
}

pub(crate) fn scatter_elements(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let (input, indices, updates) = (args.take(0)?, args.take(1)?, args.take(2)?);
    let at = axis(node.int("axis").unwrap_or_default(), input.shape.len())?;
    let fits = indices.shape == updates.shape
        && indices.shape.len() == input.shape.len()
        && indices.shape.iter().zip(&input.shape).enumerate().all(|(axis, (own, size))| axis == at || own <= size);
    if !fits {
        return Err(format!("indices of {:?} do not go into {:?}", indices.shape, input.shape));
    }
    let (size, strides) = (input.shape[at], input.strides());
    // Where each update would go if its index were 0.
    let mut targets = vec![0; indices.len()];
    let mut run = indices.len();
    for (axis, own) in indices.shape.iter().enumerate().filter(|(_, own)| **own > 0) {
        run /= own;
        if axis != at {
            targets.iter_mut().enumerate().for_each(|(n, target)| *target += n / run % own * strides[axis] as usize);
        }
    }
    for (target, index) in targets.iter_mut().zip(&indices.as_ints()?[..]) {
        *target += place(*index, size)? * strides[at] as usize;
    }
    let reduction = node.text("reduction").unwrap_or("none");
    let Tensor { shape, data } = input;
    let data = match (data, &updates.data, reduction) {
        (Data::Float(all), Data::Float(updates), _) => {
            let combine: fn(f32, f32) -> f32 = match reduction {
                "none" => |_, new| new,
                "add" => |old, new| old + new,
                "mul" => |old, new| old * new,
                "max" => crate::elementwise::larger,
                "min" => crate::elementwise::smaller,
                other => return Err(format!("ScatterElements with {other}")),
            };
            let mut all = all.into_vec();
            targets.iter().zip(&updates[..]).for_each(|(target, new)| all[*target] = combine(all[*target], *new));
            Data::Float(all.into())
        }
        (Data::Int(all), Data::Int(updates), "none") => {
            let mut all = all.into_vec();
            targets.iter().zip(&updates[..]).for_each(|(target, new)| all[*target] = *new);
            Data::Int(all.into())
        }
        _ => return Err(format!("ScatterElements with {reduction} of such types")),
    };
    Ok(Tensor { shape, data })
}
