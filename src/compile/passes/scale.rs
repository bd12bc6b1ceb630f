//! A score times a stored number: where the number meets a product of the ads' rows with the shopper's column, it goes to
//! the shopper's side, and every ad is spared a multiplication.

use crate::emit::Emit;
use crate::facts::{Facts, Per};
use crate::graph::{Graph, Node};
use crate::passes::identity::RESHAPING;

pub(super) fn scale(graph: &mut Graph, facts: &Facts) -> usize {
    let producers = graph.producers();
    let uses = graph.uses();
    let found = graph.nodes.iter().enumerate().filter(|(_, node)| node.is("Mul")).find_map(|(index, node)| {
        (0..2).find_map(|side| {
            let factor = node.input(side)?;
            let single = |dims: &[usize]| dims.iter().all(|size| *size == 1) && dims.len() < 2;
            graph.weights.get(factor).filter(|weight| single(&weight.dims))?;
            let mut value = node.input(1 - side)?;
            let product = loop {
                let producer = *producers.get(value)?;
                let node: &Node = &graph.nodes[producer];
                if uses.get(value) != Some(&1) {
                    return None;
                }
                match node.operator.as_str() {
                    "MatMul" => break producer,
                    operator if RESHAPING.contains(&operator) => value = node.input(0)?,
                    _ => return None,
                }
            };
            let shopper = (0..2)
                .find(|side| graph.nodes[product].input(*side).is_some_and(|name| facts.per(name) == Per::Ranking))?;
            Some((index, product, shopper, factor.to_owned(), node.inputs[1 - side].clone()))
        })
    });
    let Some((index, product, side, factor, value)) = found else { return 0 };
    // The multiplication gives what it was given, which the next round of passes reads through.
    let output = graph.nodes[index].output().to_owned();
    graph.nodes[index] = Node::new("Identity", &[&value], &output);
    let mut multiplied = graph.nodes[product].clone();
    let mut emit = Emit::new(graph);
    multiplied.inputs[side] = emit.op("Mul", &[&multiplied.inputs[side], &factor]);
    emit.node(multiplied);
    emit.replace(product);
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::{graph, told};
    use crate::weight::Weight;

    fn done(more: Option<Node>) -> Vec<String> {
        let mut nodes = vec![
            Node::new("Transpose", &["profile.interest"], "column").with_ints("perm", &[1, 0]),
            Node::new("MatMul", &["ad.embedding", "column"], "dot"),
            Node::new("Squeeze", &["dot", "axis"], "logit"),
            Node::new("Mul", &["logit", "four"], "score"),
        ];
        nodes.extend(more);
        let weights = [("four", Weight::floats(&[], &[4.0])), ("axis", Weight::ints(&[1]))];
        let mut graph = graph(&["profile.interest", "ad.embedding"], &weights, nodes);
        let facts = Facts::new(&graph);
        scale(&mut graph, &facts);
        told(&graph)
    }

    #[test]
    fn the_shopper_s_side_is_scaled_in_place_of_every_score() {
        let left = done(None);
        assert!(left[1].ends_with("= Mul column four"), "{left:?}");
        assert!(left[2].starts_with("dot = MatMul ad.embedding Mul."), "{left:?}");
        assert_eq!(left[4], "score = Identity logit");
    }

    #[test]
    fn a_product_that_is_read_elsewhere_too_stays() {
        assert_eq!(done(Some(Node::new("Relu", &["dot"], "other"))).len(), 5);
    }
}
