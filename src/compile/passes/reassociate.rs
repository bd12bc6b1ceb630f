//! `(a + b) + c`, and the same with products: where `b` and `c` together are computed less often than `a`, they are
//! brought together first.

use crate::emit::Emit;
use crate::facts::Facts;
use crate::graph::Graph;

pub(super) fn reassociate(graph: &mut Graph, facts: &Facts) -> usize {
    let producers = graph.producers();
    let uses = graph.uses();
    let found = (0..graph.nodes.len()).find_map(|index| {
        let outer = &graph.nodes[index];
        if !outer.is("Add") && !outer.is("Mul") {
            return None;
        }
        (0..2).find_map(|side| {
            let (through, last) = (outer.input(side)?, outer.input(1 - side)?);
            let inner = &graph.nodes[*producers.get(through)?];
            if !inner.is(&outer.operator) || uses.get(through) != Some(&1) {
                return None;
            }
            (0..2).find_map(|side| {
                let (rare, often) = (inner.input(side)?, inner.input(1 - side)?);
                let together = facts.per(rare).with(facts.per(last));
                (!facts.per(through).is_hoisted() && together.is_hoisted())
                    .then(|| (index, outer.operator.clone(), [rare, last, often].map(String::from)))
            })
        })
    });
    let Some((index, operator, [rare, last, often])) = found else { return 0 };
    let mut emit = Emit::new(graph);
    let first = emit.op(&operator, &[&rare, &last]);
    emit.op(&operator, &[&often, &first]);
    emit.replace(index);
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Node;
    use crate::graph::tests::{graph, told};
    use crate::weight::Weight;

    fn done(operator: &str, nodes: Vec<Node>) -> Vec<String> {
        let weights = [("bias", Weight::floats(&[6], &[0.1; 6]))];
        let mut graph = graph(&["profile.stage", "ad.price", "pair.cosine"], &weights, nodes);
        let facts = Facts::new(&graph);
        reassociate(&mut graph, &facts);
        let score = graph.nodes.last().unwrap();
        assert_eq!((score.output(), score.operator.as_str()), ("score", operator));
        told(&graph)
    }

    #[test]
    fn what_is_hoisted_is_added_first() {
        let column = Node::new("Unsqueeze", &["pair.cosine", "bias"], "column").with_ints("axes", &[1]);
        let nodes = vec![
            column,
            Node::new("Add", &["column", "profile.stage"], "a"),
            Node::new("Add", &["a", "bias"], "score"),
        ];
        let left = done("Add", nodes);
        assert!(left[2].ends_with("= Add profile.stage bias"), "{left:?}");
        assert!(left[3].starts_with("score = Add column Add."), "{left:?}");
    }

    #[test]
    fn a_sum_that_is_read_elsewhere_too_stays() {
        let column = Node::new("Unsqueeze", &["pair.cosine", "bias"], "column").with_ints("axes", &[1]);
        let nodes = vec![
            column,
            Node::new("Mul", &["column", "profile.stage"], "a"),
            Node::new("Relu", &["a"], "other"),
            Node::new("Mul", &["a", "bias"], "score"),
        ];
        assert_eq!(done("Mul", nodes).last().unwrap(), "score = Mul a bias");
    }
}
