//! Operators that only say where elements are, and those that make tensors of a shape.

use crate::node::Node;
use crate::run::Args;
use crate::tensor::{Data, Fault, Tensor, axis, broadcast_shape, broadcast_strides, count, each_kind, picked};

pub(crate) fn identity(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    args.take(0)
}

pub(crate) fn shape(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let shape = &args.get(0)?.shape;
    let rank = shape.len() as i64;
    let bound = |name: &str, default: i64| {
        let at = node.int(name).unwrap_or(default);
        (if at < 0 { at + rank } else { at }).clamp(0, rank) as usize
    };
    let (start, end) = (bound("start", 0), bound("end", rank));
    let dims: Vec<i32> = shape.get(start..end).unwrap_or_default().iter().map(|dim| *dim as i32).collect();
    Ok(Tensor::ints(vec![dims.len()], dims))
}

pub(crate) fn reshape(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let wanted = args.ints(1, node, "shape")?.ok_or("the shape is missing")?;
    let input = args.take(0)?;
    let keeps_zero = node.int("allowzero").unwrap_or_default() != 0;
    let mut open = None;
    let mut shape = Vec::with_capacity(wanted.len());
    for (index, size) in wanted.iter().enumerate() {
        shape.push(match *size {
            0 if !keeps_zero => *input.shape.get(index).ok_or("a dimension is copied that is not there")?,
            -1 if open.is_none() => {
                open = Some(index);
                1
            }
            size => usize::try_from(size).map_err(|_| format!("the shape {wanted:?}"))?,
        });
    }
    if let Some(open) = open {
        let others = count(&shape)?;
        let size = input.len().checked_div(others).filter(|size| size * others == input.len());
        shape[open] = size.ok_or_else(|| format!("{:?} cannot be seen as {wanted:?}", input.shape))?;
    }
    input.reshaped(shape)
}

pub(crate) fn flatten(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let input = args.take(0)?;
    let rank = input.shape.len();
    let at = match node.int("axis").unwrap_or(1) {
        at if at == rank as i64 => rank,
        at => axis(at, rank)?,
    };
    let shape = vec![input.shape[..at].iter().product(), input.shape[at..].iter().product()];
    input.reshaped(shape)
}

pub(crate) fn squeeze(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let axes = args.ints(1, node, "axes")?;
    let input = args.take(0)?;
    let rank = input.shape.len();
    let axes = match axes {
        Some(axes) => axes.into_iter().map(|at| axis(at, rank)).collect::<Result<Vec<_>, _>>()?,
        None => (0..rank).filter(|at| input.shape[*at] == 1).collect(),
    };
    if let Some(at) = axes.iter().find(|at| input.shape[**at] != 1) {
        return Err(format!("dimension {at} of {:?} is not 1", input.shape));
    }
    let kept = input.shape.iter().enumerate().filter(|(at, _)| !axes.contains(at));
    let shape = kept.map(|(_, size)| *size).collect();
    input.reshaped(shape)
}

pub(crate) fn unsqueeze(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let axes = args.ints(1, node, "axes")?.ok_or("the axes are missing")?;
    let input = args.take(0)?;
    let rank = input.shape.len() + axes.len();
    let axes = axes.into_iter().map(|at| axis(at, rank)).collect::<Result<Vec<_>, _>>()?;
    let mut own = input.shape.iter();
    let shape = (0..rank).map(|at| if axes.contains(&at) { Some(1) } else { own.next().copied() });
    let shape = shape.collect::<Option<Vec<_>>>().ok_or("a dimension is added twice")?;
    input.reshaped(shape)
}

pub(crate) fn transpose(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let input = args.take(0)?;
    let rank = input.shape.len();
    let order: Vec<usize> = match node.ints("perm") {
        Some(order) => order.iter().map(|at| axis(*at, rank)).collect::<Result<_, _>>()?,
        None => (0..rank).rev().collect(),
    };
    if order.len() != rank || (0..rank).any(|at| !order.contains(&at)) {
        return Err(format!("{rank} dimensions are put in the order {order:?}"));
    }
    let shape: Vec<usize> = order.iter().map(|at| input.shape[*at]).collect();
    // Where only dimensions of one element move, nothing does.
    let moved: Vec<usize> = order.iter().copied().filter(|at| input.shape[*at] != 1).collect();
    if moved.is_sorted() {
        return input.reshaped(shape);
    }
    let strides = input.strides();
    let strides: Vec<isize> = order.iter().map(|at| strides[*at]).collect();
    input.view(shape, &strides, 0)
}

pub(crate) fn expand(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let wanted = args.ints(1, node, "shape")?.ok_or("the shape is missing")?;
    let wanted = wanted.iter().map(|size| usize::try_from(*size).map_err(|_| format!("the shape {wanted:?}")));
    let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
    let input = args.take(0)?;
    let shape = broadcast_shape(&input.shape, &wanted)?;
    let strides = broadcast_strides(&input.shape, &shape)?;
    if input.shape == shape { Ok(input) } else { input.view(shape, &strides, 0) }
}

pub(crate) fn tile(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let repeats = args.ints(1, node, "repeats")?.ok_or("the repeats are missing")?;
    let mut input = args.take(0)?;
    if repeats.len() != input.shape.len() {
        return Err(format!("{:?} is repeated {repeats:?} times", input.shape));
    }
    for (at, times) in repeats.iter().enumerate().rev() {
        let times = usize::try_from(*times).map_err(|_| format!("repeated {times} times"))?;
        let mut shape = input.shape.clone();
        shape[at] = shape[at].saturating_mul(times);
        if count(&shape)? == 0 {
            input = Tensor { data: picked(&input.data, &[], 0), shape };
            continue;
        }
        let block: usize = input.shape[at..].iter().product();
        let blocks: usize = input.shape[..at].iter().product();
        let starts: Vec<usize> = (0..blocks).flat_map(|b| std::iter::repeat_n(b * block, times)).collect();
        input = Tensor { data: picked(&input.data, &starts, block), shape };
    }
    Ok(input)
}

pub(crate) fn concat(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let parts = (0..args.len()).map(|index| args.get(index)).collect::<Result<Vec<_>, _>>()?;
    let first = *parts.first().ok_or("there is nothing to join")?;
    let at = axis(node.int("axis").unwrap_or(1), first.shape.len())?;
    let (before, after) = (&first.shape[..at], &first.shape[at + 1..]);
    for part in &parts {
        let fits =
            part.shape.len() == first.shape.len() && part.shape[..at] == *before && part.shape[at + 1..] == *after;
        if !fits {
            return Err(format!("{:?} and {:?} cannot be joined at dimension {at}", first.shape, part.shape));
        }
    }
    let size = parts.iter().map(|part| part.shape[at]).sum();
    let shape = [before, &[size], after].concat();
    let (blocks, after) = (before.iter().product(), after.iter().product::<usize>());
    let total = count(&shape)?;
    // All parts are of the first one's kind.
    macro_rules! joined {
        ($kind:path) => {{
            let mut sources = Vec::with_capacity(parts.len());
            for part in &parts {
                let $kind(all) = &part.data else { return Err("parts of different types are joined".into()) };
                sources.push((&all[..], part.shape[at] * after));
            }
            $kind(interleaved(&sources, blocks, total).into())
        }};
    }
    let data = match &first.data {
        Data::Float(_) => joined!(Data::Float),
        Data::Int(_) => joined!(Data::Int),
        Data::I8(_) => joined!(Data::I8),
        Data::U8(_) => joined!(Data::U8),
    };
    Ok(Tensor { shape, data })
}

/// One run of each source in turn.
fn interleaved<T: Copy>(sources: &[(&[T], usize)], blocks: usize, total: usize) -> Vec<T> {
    let mut out = Vec::with_capacity(total);
    for block in 0..blocks {
        for (all, run) in sources {
            // A loop and not a copy of memory: most runs are short.
            out.extend(all[block * run..][..*run].iter().copied());
        }
    }
    out
}

pub(crate) fn constant_of_shape(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let dims = args.get(0)?.as_ints()?;
    let shape = dims.iter().map(|dim| usize::try_from(*dim).map_err(|_| format!("the shape {:?}", &dims[..])));
    let shape = shape.collect::<Result<Vec<_>, _>>()?;
    let size = count(&shape)?;
    let Some(value) = node.tensor("value") else { return Ok(Tensor::floats(shape, vec![0.0; size])) };
    if value.len() != 1 {
        return Err("a tensor is filled with more than one number".into());
    }
    Ok(Tensor { data: each_kind!(&value.data, all => vec![all[0]; size]), shape })
}

pub(crate) fn range(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let (start, limit, step) = (args.get(0)?, args.get(1)?, args.get(2)?);
    if let Data::Float(_) = start.data {
        let (start, limit, step) = (start.as_float()?, limit.as_float()?, step.as_float()?);
        let size = ((limit - start) / step).ceil().max(0.0) as usize;
        count(&[size])?;
        return Ok(Tensor::floats(vec![size], (0..size).map(|index| start + index as f32 * step).collect()));
    }
    let one = |tensor: &Tensor| tensor.as_int().map(i64::from);
    let (start, limit, step) = (one(start)?, one(limit)?, one(step)?);
    if step == 0 {
        return Err("the range has steps of zero".into());
    }
    let size = ((limit - start).saturating_mul(step.signum()).max(0) as u64).div_ceil(step.unsigned_abs()) as usize;
    count(&[size])?;
    Ok(Tensor::ints(vec![size], (0..size as i64).map(|index| (start + index * step) as i32).collect()))
}
