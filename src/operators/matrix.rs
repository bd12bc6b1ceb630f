//! Matrix products of floats.

use crate::gemm::{self, Packed};
use crate::node::Node;
use crate::run::Args;
use crate::tensor::{Fault, Tensor, broadcast_shape, broadcast_strides, count};

pub(crate) fn matmul(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let (left, right) = (args.take(0)?, args.take(1)?);
    let (mut left_shape, mut right_shape) = (left.shape.clone(), right.shape.clone());
    // A vector is a row on the left and a column on the right.
    let (row, column) = (left_shape.len() == 1, right_shape.len() == 1);
    if row {
        left_shape.insert(0, 1);
    }
    if column {
        right_shape.push(1);
    }
    let (Some((left_batch, [rows, depth])), Some((right_batch, [right_depth, width]))) =
        (left_shape.split_last_chunk(), right_shape.split_last_chunk())
    else {
        return Err("a matrix product of single numbers".into());
    };
    let (rows, depth, width) = (*rows, *depth, *width);
    if depth != *right_depth {
        return Err(format!("matrices of {:?} and {:?} do not go together", left.shape, right.shape));
    }
    let batch = broadcast_shape(left_batch, right_batch)?;
    let mut shape = [&batch[..], &[rows, width]].concat();
    let size = count(&shape)?;
    if column {
        shape.pop();
    }
    if row {
        shape.remove(batch.len());
    }
    let (left, right) = (left.as_floats()?, right.as_floats()?);
    if size == 0 || depth == 0 {
        return Ok(Tensor::floats(shape, vec![0.0; size]));
    }
    if right.len() == depth * width {
        return Ok(Tensor::floats(shape, product(left, right, depth, width, args)));
    }
    let (left_strides, right_strides) =
        (broadcast_strides(left_batch, &batch)?, broadcast_strides(right_batch, &batch)?);
    let mut out = Vec::with_capacity(size);
    let mut index = vec![0; batch.len()];
    for _ in 0..batch.iter().product::<usize>() {
        let at =
            |strides: &[isize]| index.iter().zip(strides).map(|(i, s): (&usize, _)| i * *s as usize).sum::<usize>();
        let left = &left[at(&left_strides) * rows * depth..][..rows * depth];
        let right = &right[at(&right_strides) * depth * width..][..depth * width];
        out.extend(product(left, right, depth, width, &mut Args::new(Vec::new(), None)));
        for axis in (0..batch.len()).rev() {
            index[axis] += 1;
            if index[axis] < batch[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    Ok(Tensor::floats(shape, out))
}

/// `left [rows, depth]` times `right [depth, width]`.
fn product(left: &[f32], right: &[f32], depth: usize, width: usize, args: &mut Args<'_>) -> Vec<f32> {
    if width == 1 {
        gemm::column_product(left, right, 0.0)
    } else if left.len() == depth {
        gemm::row_product(left, right, width, None)
    } else {
        args.packed(0, || Packed::new(right, depth, width)).product(left, None)
    }
}

pub(crate) fn gemm(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let (left, right) = (args.take(0)?, args.take(1)?);
    let ([_, _], [_, _]) = (&left.shape[..], &right.shape[..]) else {
        return Err(format!("matrices of {:?} and {:?}", left.shape, right.shape));
    };
    let turned = |name: &str| node.int(name).unwrap_or_default() != 0;
    let left = if turned("transA") { transposed(left)? } else { left };
    let (rows, depth) = (left.shape[0], left.shape[1]);
    let transposed = turned("transB");
    let (right_depth, width) =
        if transposed { (right.shape[1], right.shape[0]) } else { (right.shape[0], right.shape[1]) };
    if depth != right_depth {
        return Err(format!("matrices of {:?} and {:?} do not go together", left.shape, right.shape));
    }
    let shape = vec![rows, width];
    count(&shape)?;
    let alpha = node.float("alpha").unwrap_or(1.0);
    let beta = node.float("beta").unwrap_or(1.0);
    let summand = if args.has(2) && beta != 0.0 { Some(args.take(2)?) } else { None };
    // The usual summand is one row, which the sums can start from.
    let one_row = |summand: &Tensor| alpha == 1.0 && beta == 1.0 && summand.shape.last() == Some(&summand.len());
    let start = summand.as_ref().filter(|summand| one_row(summand) && summand.len() == width);
    let start = start.map(|summand| summand.as_floats()).transpose()?.map(|row| &row[..]);
    let (left, right) = (left.as_floats()?, right.as_floats()?);
    let mut out = if width == 1 {
        gemm::column_product(left, right, start.map_or(0.0, |start| start[0]))
    } else if rows == 1 && !transposed {
        gemm::row_product(left, right, width, start)
    } else {
        let packed = args.packed(0, || match transposed {
            true => Packed::of_transposed(right, depth, width),
            false => Packed::new(right, depth, width),
        });
        packed.product(left, start)
    };
    out.resize(rows * width, 0.0);
    if let (Some(summand), None) = (&summand, start) {
        let strides = broadcast_strides(&summand.shape, &shape)?;
        let summand = summand.view(shape.clone(), &strides, 0)?;
        let summand = summand.as_floats()?;
        out.iter_mut().zip(&summand[..]).for_each(|(sum, more)| *sum = alpha * *sum + beta * more);
    } else if alpha != 1.0 {
        out.iter_mut().for_each(|sum| *sum *= alpha);
    }
    Ok(Tensor::floats(shape, out))
}

fn transposed(matrix: Tensor) -> Result<Tensor, Fault> {
    let (rows, columns) = (matrix.shape[0], matrix.shape[1]);
    matrix.view(vec![columns, rows], &[1, columns as isize], 0)
}
