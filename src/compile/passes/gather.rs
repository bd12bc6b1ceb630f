//! `Gather(DequantizeLinear(table), ids)`: the rows of a table of whole numbers are gathered first and then scaled, so that
//! no engine holds, or computes at every run, the whole table as float.

use rten_onnx::onnx::DataType;

use crate::emit::Emit;
use crate::facts::Facts;
use crate::graph::{Graph, Node};
use crate::weight::Weight;

pub(super) fn gather(graph: &mut Graph, _: &Facts) -> usize {
    let producers = graph.producers();
    let found = graph.nodes.iter().enumerate().find_map(|(index, node)| {
        let first = node.is("Gather") && node.int("axis").unwrap_or(0) == 0;
        let scaled = &graph.nodes[*producers.get(node.input(0).filter(|_| first)?)?];
        let table = graph
            .weights
            .get(scaled.input(0)?)
            .filter(|table| scaled.is("DequantizeLinear") && table.dims.len() == 2)?;
        let scale = graph.weights.get(scaled.input(1)?)?;
        let by_row = scale.dims == table.dims[..1] && scaled.int("axis").is_some_and(|axis| axis == 0 || axis == -2);
        let zero = match scaled.input(2) {
            Some(name) => graph.weights.get(name)?.bytes.iter().all(|byte| *byte == 0),
            None => true,
        };
        let one = scale.bytes.len() == size_of::<f32>() && scale.dims.len() < 2;
        ((by_row && zero) || one)
            .then(|| (index, scaled.clone(), node.inputs[1].clone(), (!one).then(|| scale.clone())))
    });
    let Some((index, scaled, ids, scales)) = found else { return 0 };
    let mut emit = Emit::new(graph);
    let rows = emit.op_with("Gather", &[&scaled.inputs[0], &ids], ("axis", 0));
    match scales {
        Some(scales) => {
            let scales = emit.graph.store("scale", Weight { dims: vec![scales.dims[0], 1], ..scales });
            scale_rows(&mut emit, &rows, &ids, &scales);
        }
        None => {
            let inputs: Vec<&str> =
                [&rows[..]].into_iter().chain(scaled.inputs[1..].iter().map(String::as_str)).collect();
            let output = emit.graph.fresh("DequantizeLinear");
            emit.node(Node::new("DequantizeLinear", &inputs, &output));
        }
    }
    emit.replace(index);
    1
}

/// Gathered whole numbers, each row times its scale; the scales are stored, `[rows, 1]`.
pub(super) fn scale_rows(emit: &mut Emit<'_>, rows: &str, ids: &str, scales: &str) {
    let rows = emit.op_with("Cast", &[rows], ("to", DataType::FLOAT.0.into()));
    let scales = emit.op_with("Gather", &[scales, ids], ("axis", 0));
    emit.op("Mul", &[&rows, &scales]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::{graph, told};

    fn done(scale: Weight, zero: i8) -> Vec<String> {
        let weights =
            [("table", Weight::int8(&[5, 3], &[1; 15])), ("scale", scale), ("zero", Weight::int8(&[5], &[zero; 5]))];
        let nodes = vec![
            Node::new("DequantizeLinear", &["table", "scale", "zero"], "all").with_int("axis", 0),
            Node::new("Gather", &["all", "ad.item"], "score"),
        ];
        let mut graph = graph(&["ad.item"], &weights, nodes);
        let facts = Facts::new(&graph);
        gather(&mut graph, &facts);
        crate::passes::dead(&mut graph);
        told(&graph).iter().map(|line| line.split(' ').nth(2).unwrap().into()).collect()
    }

    #[test]
    fn rows_are_gathered_before_they_are_scaled() {
        assert_eq!(done(Weight::floats(&[5], &[0.1; 5]), 0), ["Gather", "Cast", "Gather", "Mul"]);
        assert_eq!(done(Weight::floats(&[], &[0.1]), 3), ["Gather", "DequantizeLinear"]);
    }

    #[test]
    fn a_zero_point_for_each_row_keeps_the_order() {
        assert_eq!(done(Weight::floats(&[5], &[0.1; 5]), 3), ["DequantizeLinear", "Gather"]);
    }
}
