//! Matrix products of floats.

use crate::gemm::{self, Packed};
use crate::node::Node;
use crate::run::Args;
use crate::tensor::{Fault, Tensor, broadcast_shape, broadcast_strides, count, offsets};

/// How two shapes are multiplied as matrices.
pub(crate) struct Product {
    pub(crate) rows: usize,
    pub(crate) depth: usize,
    pub(crate) width: usize,
    /// The shape of the product, of at most [`ELEMENTS`](crate::ELEMENTS) elements.
    pub(crate) shape: Vec<usize>,
    /// Which matrix of the left and which of the right factor make each matrix of the product.
    pub(crate) pairs: Vec<(usize, usize)>,
}

impl Product {
    pub(crate) fn of(left: &[usize], right: &[usize]) -> Result<Product, Fault> {
        let (mut left_shape, mut right_shape) = (left.to_vec(), right.to_vec());
        // A vector is a row on the left and a column on the right.
        let (row, column) = (left.len() == 1, right.len() == 1);
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
        if depth != right_depth {
            return Err(format!("matrices of {left:?} and {right:?} do not go together"));
        }
        let batch = broadcast_shape(left_batch, right_batch)?;
        let mut shape = [&batch[..], &[*rows, *width]].concat();
        count(&shape)?;
        if column {
            shape.pop();
        }
        if row {
            shape.remove(batch.len());
        }
        let places = |own: &[usize]| Ok::<_, Fault>(offsets(&batch, &broadcast_strides(own, &batch)?, 0));
        let pairs = places(left_batch)?.into_iter().zip(places(right_batch)?).collect();
        Ok(Product { rows: *rows, depth: *depth, width: *width, shape, pairs })
    }
}

pub(crate) fn matmul(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let (left, right) = (args.take(0)?, args.take(1)?);
    let Product { rows, depth, width, shape, pairs } = Product::of(&left.shape, &right.shape)?;
    let (left, right) = (left.as_floats()?, right.as_floats()?);
    let size = shape.iter().product();
    if size == 0 || depth == 0 {
        return Ok(Tensor::floats(shape, vec![0.0; size]));
    }
    if right.len() == depth * width {
        return Ok(Tensor::floats(shape, product(left, right, depth, width, args)));
    }
    let mut out = Vec::with_capacity(size);
    for (left_at, right_at) in pairs {
        let left = &left[left_at * rows * depth..][..rows * depth];
        let right = &right[right_at * depth * width..][..depth * width];
        out.extend(product(left, right, depth, width, &mut Args::new(Vec::new(), None)));
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
    // The usual summand is one row, which the sums can start from. One of two dimensions might have a row for each of the
    // left factor's, and is to give the same bits however many there are.
    let starts = |summand: &Tensor| alpha == 1.0 && beta == 1.0 && summand.shape == [width] && depth > 0;
    let start = summand.as_ref().filter(|summand| starts(summand));
    let start = start.map(|summand| summand.as_floats()).transpose()?.map(|row| &row[..]);
    let (left, right) = (left.as_floats()?, right.as_floats()?);
    let mut out = if depth == 0 {
        vec![0.0; rows * width]
    } else if width == 1 {
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
