//! The weights of dense layers as whole numbers of eight bits with a scale per column: a quarter of their bytes in the
//! file. An engine scales them back when it computes what depends on no input, so that it ranks no faster for it.

use std::collections::BTreeSet;

use crate::graph::{Graph, Node};
use crate::weight::Weight;

/// Smaller matrices stay as they are: the node that scales them back costs as many bytes.
const WORTH_BYTES: usize = 1024;

/// Largest whole number.
const LEVELS: f32 = 127.0;

/// `DequantizeLinear` takes a scale per column as of this operator set.
const OPSET: i64 = 13;

pub(crate) fn dense(graph: &mut Graph) -> usize {
    if graph.opset() < OPSET {
        return 0;
    }
    let multiplied = |node: &Node| (node.is("MatMul") || node.is("Gemm")).then(|| node.input(1).map(String::from))?;
    let names: BTreeSet<String> = graph.nodes.iter().filter_map(multiplied).collect();
    let mut changed = 0;
    for name in names {
        let Some(weight) = graph.weights.get(&name) else { continue };
        let ([rows, columns], Some(values)) = (&weight.dims[..], weight.to_floats()) else { continue };
        let (rows, columns) = (*rows, *columns);
        if weight.bytes.len() < WORTH_BYTES || columns < 2 {
            continue;
        }
        let (numbers, scales) = rounded_columns(&values, columns);
        graph.weights.remove(&name);
        let numbers = graph.store("matrix", Weight::int8(&[rows, columns], &numbers));
        let scales = graph.store("scale", Weight::floats(&[columns], &scales));
        // It takes the old weight's name, so that all who read that read this.
        graph.nodes.insert(0, Node::new("DequantizeLinear", &[&numbers, &scales], &name).with_int("axis", 1));
        changed += 1;
    }
    changed
}

/// Columns as whole numbers, and what one is worth in each column.
fn rounded_columns(values: &[f32], columns: usize) -> (Vec<i8>, Vec<f32>) {
    let largest = |column: usize| values.iter().skip(column).step_by(columns).fold(0.0f32, |l, x| l.max(x.abs()));
    let scales: Vec<f32> = (0..columns).map(|column| largest(column).max(f32::MIN_POSITIVE) / LEVELS).collect();
    let numbers = values.iter().zip(scales.iter().cycle()).map(|(x, scale)| (x / scale).round() as i8).collect();
    (numbers, scales)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_scaled_by_its_own_largest_number() {
        let (numbers, scales) = rounded_columns(&[1.27, 0.0, -0.5, 0.0], 2);
        assert_eq!(numbers, [127, 0, -50, 0]);
        assert!((scales[0] - 0.01).abs() < 1e-8);
    }
}
