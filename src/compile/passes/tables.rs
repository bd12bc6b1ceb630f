//! Embedding tables as whole numbers of eight bits with a scale per row: a quarter of the bytes, in the file and for
//! every row that is gathered.

use std::collections::BTreeMap;

use rten_onnx::onnx::DataType;

use crate::emit::Emit;
use crate::graph::{Graph, Node};
use crate::passes::gather::scale_rows;
use crate::weight::Weight;

/// Smaller tables stay as they are: rounding them saves nothing that a download notices.
const WORTH_BYTES: usize = 1024;

/// Largest whole number.
const LEVELS: f32 = 127.0;

pub(crate) fn tables(graph: &mut Graph) -> usize {
    let mut changed = 0;
    // Each table once, for all that gather from it.
    let mut rounded: BTreeMap<String, [String; 2]> = BTreeMap::new();
    let candidates: Vec<String> = graph.weights.keys().filter(|name| is_table(name, graph)).cloned().collect();
    for name in candidates {
        let weight = &graph.weights[&name];
        let (rows, width) = (weight.dims[0], weight.dims[1]);
        let values = weight.to_floats().expect("a table holds float numbers");
        let (numbers, scales) = rounded_rows(&values, width);
        let numbers = graph.store("table", Weight::int8(&[rows, width], &numbers));
        let scales = graph.store("scale", Weight::floats(&[rows, 1], &scales));
        rounded.insert(name, [numbers, scales]);
    }
    let mut index = 0;
    while index < graph.nodes.len() {
        let node = &graph.nodes[index];
        let table = node.input(0).filter(|_| node.is("Gather")).and_then(|name| rounded.get(name));
        let Some(([numbers, scales], ids)) = table.zip(node.input(1).map(String::from)) else {
            index += 1;
            continue;
        };
        let before = graph.nodes.len();
        let [numbers, scales] = [numbers.clone(), scales.clone()];
        let mut emit = Emit::new(graph);
        let rows = emit.op_with("Gather", &[&numbers, &ids], ("axis", 0));
        scale_rows(&mut emit, &rows, &ids, &scales);
        emit.replace(index);
        index += graph.nodes.len() - before + 1;
        changed += 1;
    }
    changed
}

/// Whether a tensor is a table of rows that are only gathered, by ids that are not known beforehand.
fn is_table(name: &str, graph: &Graph) -> bool {
    let weight = &graph.weights[name];
    let gathers = |node: &Node| {
        let by_input = node.input(1).is_some_and(|ids| !graph.weights.contains_key(ids));
        node.is("Gather") && node.input(0) == Some(name) && by_input && node.int("axis").unwrap_or(0) == 0
    };
    let fits = weight.element == DataType::FLOAT && weight.dims.len() == 2 && weight.bytes.len() >= WORTH_BYTES;
    // A scale takes four bytes itself.
    let mut readers = graph.nodes.iter().filter(|node| node.reads().contains(&name)).peekable();
    fits && weight.dims[1] > 4 && readers.peek().is_some() && readers.all(gathers)
}

/// Rows as whole numbers, and what one is worth in each row.
fn rounded_rows(values: &[f32], width: usize) -> (Vec<i8>, Vec<f32>) {
    let mut numbers = Vec::with_capacity(values.len());
    let mut scales = Vec::with_capacity(values.len() / width);
    for row in values.chunks(width) {
        let largest = row.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
        let scale = largest / LEVELS;
        numbers.extend(row.iter().map(|x| if scale > 0.0 { (x / scale).round() as i8 } else { 0 }));
        scales.push(scale);
    }
    (numbers, scales)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::{graph, told};

    fn rounded(more: Vec<Node>) -> Vec<String> {
        let weights = [("table", Weight::floats(&[40, 8], &[0.5; 320]))];
        let mut nodes = vec![Node::new("Gather", &["table", "ad.item"], "rows")];
        nodes.extend(more);
        let mut graph = graph(&["ad.item"], &weights, nodes);
        tables(&mut graph);
        told(&graph)
    }

    #[test]
    fn a_table_is_gathered_as_bytes_and_scaled() {
        let left = rounded(vec![Node::new("Gather", &["table", "ad.item"], "again")]);
        let operators: Vec<&str> = left.iter().map(|line| line.split(' ').nth(2).unwrap()).collect();
        assert_eq!(operators, ["Gather", "Cast", "Gather", "Mul"].repeat(2));
        assert!(left[3].starts_with("rows = ") && left[7].starts_with("again = "), "{left:?}");
    }

    #[test]
    fn a_table_that_is_multiplied_too_stays() {
        let left = rounded(vec![Node::new("MatMul", &["rows", "table"], "score")]);
        assert_eq!(left, ["rows = Gather table ad.item", "score = MatMul rows table"]);
    }

    #[test]
    fn a_row_is_at_most_half_a_step_off_and_a_row_of_zeros_stays_zeros() {
        let values = [0.5, -1.27, 0.001, 0.0, 0.0, 0.0];
        let (numbers, scales) = rounded_rows(&values, 3);
        assert_eq!(numbers, [50, -127, 0, 0, 0, 0]);
        for (index, value) in values.iter().enumerate() {
            let scale = scales[index / 3];
            assert!((f32::from(numbers[index]) * scale - value).abs() <= scale / 2.0 + f32::EPSILON);
        }
    }
}
