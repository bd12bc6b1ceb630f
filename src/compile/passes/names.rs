//! Short names: those of values take more bytes than the graph itself. Inputs and `score` keep theirs.

use std::collections::{HashMap, HashSet};

use crate::graph::{Graph, Node, SCORE};

/// Renames all values but the inputs and `score`. Graphs with subgraphs keep their names, which reach into those.
pub(crate) fn names(graph: &mut Graph) -> usize {
    if graph.nodes.iter().any(Node::has_subgraph) {
        return 0;
    }
    let kept: HashSet<String> = graph.inputs.iter().filter_map(|i| i.name.clone()).chain([SCORE.into()]).collect();
    let mut fresh = (0..).map(short).filter(|name| !kept.contains(name));
    let mut renamed: HashMap<String, String> = HashMap::new();
    let mut rename = |name: &mut String| {
        if !name.is_empty() && !kept.contains(name) {
            *name = renamed.entry(name.clone()).or_insert_with(|| fresh.next().expect("numbers do not end")).clone();
        }
    };
    for node in &mut graph.nodes {
        node.inputs.iter_mut().chain(&mut node.outputs).for_each(&mut rename);
    }
    graph.weights = std::mem::take(&mut graph.weights)
        .into_iter()
        .map(|(mut name, weight)| {
            rename(&mut name);
            (name, weight)
        })
        .collect();
    renamed.len()
}

/// `a` to `z`, then `a0` to `z0`, `a1` and so on.
fn short(number: usize) -> String {
    let letter = char::from(b'a' + (number % 26) as u8);
    match number / 26 {
        0 => letter.into(),
        round => format!("{letter}{}", round - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_differ() {
        let names: HashSet<String> = (0..1000).map(short).collect();
        assert_eq!(names.len(), 1000);
        assert_eq!([short(0), short(25), short(26), short(52)], ["a", "z", "a0", "a1"]);
    }
}
