//! Drops nodes and stored tensors that do not lead to `score`. The inputs stay: a compiled file takes what the original
//! takes.

use std::collections::HashSet;

use crate::graph::{Graph, SCORE};

pub(crate) fn dead(graph: &mut Graph) -> usize {
    let mut needed: HashSet<String> = HashSet::from([SCORE.into()]);
    let mut kept = vec![false; graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        if node.outputs.iter().any(|output| needed.contains(output)) {
            kept[index] = true;
            needed.extend(node.reads().into_iter().map(String::from));
        }
    }
    let before = graph.nodes.len() + graph.weights.len();
    let mut kept = kept.into_iter();
    graph.nodes.retain(|_| kept.next() == Some(true));
    graph.weights.retain(|name, _| needed.contains(name));
    before - graph.nodes.len() - graph.weights.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Node;
    use crate::graph::tests::{graph, told};
    use crate::weight::Weight;

    #[test]
    fn what_does_not_lead_to_score_is_dropped_and_the_inputs_stay() {
        let nodes = vec![
            Node::new("Relu", &["ad.price"], "kept"),
            Node::new("Mul", &["ad.discount", "unused"], "gone"),
            Node::new("Sigmoid", &["kept"], "score"),
        ];
        let weights = [("unused", Weight::floats(&[1], &[2.0]))];
        let mut graph = graph(&["ad.price", "ad.discount"], &weights, nodes);
        assert_eq!(dead(&mut graph), 2);
        assert_eq!(told(&graph), ["kept = Relu ad.price", "score = Sigmoid kept"]);
        assert!(graph.weights.is_empty());
        assert_eq!((graph.inputs.len(), dead(&mut graph)), (2, 0));
    }
}
