//! Bytes for floats: a scale and a zero point, for a tensor or for each entry of one dimension.

use crate::matrix::Product;
use crate::node::Node;
use crate::run::Args;
use crate::tensor::{Buffer, Data, Fault, Tensor, axis};

/// A form of the two that is not run here, in words.
pub(crate) fn unsupported(node: &Node) -> Option<String> {
    let set = |name: &&&str| node.int(name).unwrap_or_default() != 0;
    ["block_size", "output_dtype"].iter().find(set).map(|name| format!("the attribute {name}"))
}

/// Whole numbers of any kind.
fn whole(tensor: &Tensor) -> Result<Buffer<i32>, Fault> {
    Ok(match &tensor.data {
        Data::Int(all) => all.clone(),
        Data::I8(all) => all.iter().map(|v| i32::from(*v)).collect::<Vec<_>>().into(),
        Data::U8(all) => all.iter().map(|v| i32::from(*v)).collect::<Vec<_>>().into(),
        Data::Float(_) => return Err("an input is not a whole number".into()),
    })
}

/// Scales and zero points, and how many elements in a row share one.
struct Scales {
    scales: Buffer<f32>,
    zeros: Vec<i32>,
    run: usize,
}

impl Scales {
    fn read(node: &Node, args: &Args<'_>) -> Result<Scales, Fault> {
        let (input, scale) = (args.get(0)?, args.get(1)?);
        let scales = scale.as_floats()?.clone();
        let zeros = match args.optional(2) {
            Some(zeros) => whole(zeros)?.to_vec(),
            None => vec![0; scales.len()],
        };
        if zeros.len() != scales.len() || scales.is_empty() {
            return Err(format!("{} scales and {} zero points", scales.len(), zeros.len()));
        }
        if scales.len() == 1 {
            return Ok(Scales { scales, zeros, run: input.len().max(1) });
        }
        let at = axis(node.int("axis").unwrap_or(1), input.shape.len())?;
        if scale.shape.len() != 1 || input.shape[at] != scales.len() {
            return Err(format!("scales of {:?} for {:?} at dimension {at}", scale.shape, input.shape));
        }
        Ok(Scales { scales, zeros, run: input.shape[at + 1..].iter().product::<usize>().max(1) })
    }

    /// Every run with its scale and zero point.
    fn runs<'s, T>(&'s self, all: &'s [T]) -> impl Iterator<Item = (&'s [T], f32, i32)> {
        let each = self.scales.iter().zip(&self.zeros).cycle();
        all.chunks(self.run).zip(each).map(|(run, (scale, zero))| (run, *scale, *zero))
    }
}

pub(crate) fn dequantize_linear(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let scales = Scales::read(node, args)?;
    let input = args.take(0)?;
    fn all<T: Copy + Into<i32>>(scales: &Scales, all: &[T]) -> Vec<f32> {
        let mut out = Vec::with_capacity(all.len());
        for (run, scale, zero) in scales.runs(all) {
            out.extend(run.iter().map(|v| (*v).into().wrapping_sub(zero) as f32 * scale));
        }
        out
    }
    let values = match &input.data {
        Data::I8(values) => all(&scales, values),
        Data::U8(values) => all(&scales, values),
        Data::Int(values) => all(&scales, values),
        Data::Float(_) => return Err("the input is float already".into()),
    };
    Ok(Tensor::floats(input.shape, values))
}

fn quantised(x: f32, scale: f32, zero: i32, low: i32, high: i32) -> i32 {
    ((x / scale).round_ties_even() as i32).saturating_add(zero).clamp(low, high)
}

pub(crate) fn quantize_linear(node: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let scales = Scales::read(node, args)?;
    let signed = match args.optional(2).map(|zeros| &zeros.data) {
        Some(Data::I8(_)) => true,
        Some(Data::U8(_)) | None => false,
        Some(_) => return Err("a zero point is no byte".into()),
    };
    let input = args.take(0)?;
    let (low, high) = if signed { (i8::MIN.into(), i8::MAX.into()) } else { (u8::MIN.into(), u8::MAX.into()) };
    let runs = scales.runs(input.as_floats()?);
    let values = runs.flat_map(|(run, scale, zero)| run.iter().map(move |x| quantised(*x, scale, zero, low, high)));
    let data = match signed {
        true => Data::I8(values.map(|v| v as i8).collect::<Vec<_>>().into()),
        false => Data::U8(values.map(|v| v as u8).collect::<Vec<_>>().into()),
    };
    Ok(Tensor { shape: input.shape.clone(), data })
}

pub(crate) fn dynamic_quantize_linear(_: &Node, args: &mut Args<'_>) -> Result<Vec<Tensor>, Fault> {
    let input = args.take(0)?;
    let all = input.as_floats()?;
    // Zero has to be one of the bytes.
    let (low, high) = all.iter().fold((0.0f32, 0.0f32), |(low, high), x| (low.min(*x), high.max(*x)));
    let scale = if high > low { (high - low) / 255.0 } else { 1.0 };
    let zero = ((-low / scale).round_ties_even() as i32).clamp(0, 255);
    let bytes: Vec<u8> = all.iter().map(|x| quantised(*x, scale, zero, 0, 255) as u8).collect();
    Ok(vec![
        Tensor { shape: input.shape.clone(), data: Data::U8(bytes.into()) },
        Tensor::floats(Vec::new(), vec![scale]),
        Tensor { shape: Vec::new(), data: Data::U8(vec![zero as u8].into()) },
    ])
}

pub(crate) fn matmul_integer(_: &Node, args: &mut Args<'_>) -> Result<Tensor, Fault> {
    let (left, right) = (args.take(0)?, args.take(1)?);
    let Product { rows, depth, width, shape, pairs } = Product::of(&left.shape, &right.shape)?;
    let zeros = |index: usize, most: usize| -> Result<Vec<i32>, Fault> {
        let zeros = args.optional(index).map(whole).transpose()?.map_or_else(|| vec![0], |zeros| zeros.to_vec());
        if zeros.len() == 1 || zeros.len() == most { Ok(zeros) } else { Err(format!("{} zero points", zeros.len())) }
    };
    // One on the left, as onnxruntime has it; on the right one for each column too.
    let (left_zeros, right_zeros) = (zeros(2, 1)?, zeros(3, width)?);
    let less = |all: Buffer<i32>, zeros: &[i32]| -> Vec<i32> {
        all.iter().zip(zeros.iter().cycle()).map(|(value, zero)| value.wrapping_sub(*zero)).collect()
    };
    let (left, right) = (less(whole(&left)?, &left_zeros), less(whole(&right)?, &right_zeros));
    let mut out = vec![0i32; shape.iter().product()];
    for (sums, (left_at, right_at)) in out.chunks_exact_mut((rows * width).max(1)).zip(pairs) {
        let left = &left[left_at * rows * depth..][..rows * depth];
        let right = &right[right_at * depth * width..][..depth * width];
        for (sums, row) in sums.chunks_exact_mut(width).zip(left.chunks_exact(depth.max(1))) {
            for (factor, values) in row.iter().zip(right.chunks_exact(width)) {
                sums.iter_mut().zip(values).for_each(|(sum, value)| {
                    *sum = sum.wrapping_add(factor.wrapping_mul(*value));
                });
            }
        }
    }
    Ok(Tensor::ints(shape, out))
}
