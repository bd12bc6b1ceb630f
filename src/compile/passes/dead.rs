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
