//! Drops nodes that give what they take: `Identity`, a `Dropout` outside of training, a `Concat` of one part, a
//! `Transpose` that keeps the order, and reshaping that ends in the shape it began with.

use std::collections::HashMap;

use crate::facts::Facts;
use crate::facts::same;
use crate::graph::{Graph, Node, SCORE};

/// Operators that order no value anew.
pub(super) const RESHAPING: [&str; 4] = ["Reshape", "Flatten", "Squeeze", "Unsqueeze"];

pub(super) fn identity(graph: &mut Graph, facts: &Facts) -> usize {
    let mut renamed: HashMap<String, String> = HashMap::new();
    let mut score = None;
    {
        let producers = graph.producers();
        for node in &graph.nodes {
            let Some(source) = source(node, &producers, graph, facts) else { continue };
            let source = renamed.get(source).map_or(source, String::as_str).to_owned();
            if node.output() != SCORE {
                renamed.insert(node.output().into(), source);
            } else if producers.contains_key(source.as_str()) {
                score = Some(source);
            }
        }
    }
    let changed = renamed.len() + usize::from(score.is_some());
    graph.nodes.retain(|node| !renamed.contains_key(node.output()));
    graph.redirect(&renamed);
    if let Some(source) = score {
        // What is the score by another name is computed under the name that is asked for.
        graph.nodes.retain(|node| node.output() != SCORE);
        let outputs = graph.nodes.iter_mut().flat_map(|node| &mut node.outputs);
        outputs.filter(|output| **output == source).for_each(|output| SCORE.clone_into(output));
        graph.redirect(&HashMap::from([(source, SCORE.into())]));
    }
    changed
}

/// The value that a node merely gives again.
fn source<'a>(node: &'a Node, producers: &HashMap<&str, usize>, graph: &'a Graph, facts: &Facts) -> Option<&'a str> {
    if node.outputs.iter().skip(1).any(|output| !output.is_empty()) || !node.domain.is_empty() {
        return None;
    }
    let input = node.input(0)?;
    let dims = |name: &str| facts.get(name)?.dims.as_ref();
    let unchanged = |name: &str| same(dims(name), dims(node.output()));
    match node.operator.as_str() {
        "Identity" => Some(input),
        "Dropout" if node.inputs.len() < 3 => Some(input),
        "Concat" if node.inputs.len() == 1 => Some(input),
        "Transpose" => {
            let perm = node.ints("perm")?;
            perm.iter().copied().eq(0..perm.len() as i64).then_some(input)
        }
        "Expand" | "Tile" if unchanged(input) => Some(input),
        operator if RESHAPING.contains(&operator) => {
            let mut from = input;
            loop {
                if unchanged(from) {
                    return Some(from);
                }
                let before = &graph.nodes[*producers.get(from)?];
                from = before
                    .input(0)
                    .filter(|_| before.domain.is_empty() && RESHAPING.contains(&before.operator.as_str()))?;
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::{graph, told};
    use crate::weight::Weight;

    fn done(inputs: &[&str], weights: &[(&str, Weight)], nodes: Vec<Node>) -> Vec<String> {
        let mut graph = graph(inputs, weights, nodes);
        let facts = Facts::new(&graph);
        identity(&mut graph, &facts);
        told(&graph)
    }

    #[test]
    fn chains_that_change_nothing_are_read_through() {
        let nodes = vec![
            Node::new("Identity", &["ad.price"], "a"),
            Node::new("Dropout", &["a"], "b"),
            Node::new("Sigmoid", &["b"], "score"),
        ];
        assert_eq!(done(&["ad.price"], &[], nodes), ["score = Sigmoid ad.price"]);
    }

    #[test]
    fn a_score_by_another_name_is_computed_under_its_own() {
        let nodes = vec![
            Node::new("Sigmoid", &["ad.price"], "p"),
            Node::new("Relu", &["p"], "unused"),
            Node::new("Identity", &["p"], "score"),
        ];
        assert_eq!(done(&["ad.price"], &[], nodes), ["score = Sigmoid ad.price", "unused = Relu score"]);
    }

    #[test]
    fn an_input_that_is_the_score_keeps_the_node_between() {
        let nodes = vec![Node::new("Identity", &["pair.cosine"], "score")];
        assert_eq!(done(&["pair.cosine"], &[], nodes), ["score = Identity pair.cosine"]);
    }

    #[test]
    fn reshaping_there_and_back_is_no_reshaping() {
        let nodes = vec![
            Node::new("Unsqueeze", &["ad.price", "one"], "column"),
            Node::new("Squeeze", &["column", "one"], "back"),
            Node::new("Add", &["back", "ad.price"], "score"),
        ];
        let weights = [("one", Weight::ints(&[1]))];
        let left = done(&["ad.price"], &weights, nodes);
        assert_eq!(left, ["column = Unsqueeze ad.price one", "score = Add ad.price ad.price"]);
    }
}
