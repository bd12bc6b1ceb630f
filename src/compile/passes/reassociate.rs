//! `(a + b) + c`, and the same with products: where `b` and `c` together are computed less often than `a`, they are
//! brought together first.

use crate::emit::Emit;
use crate::facts::{Facts, same};
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
                let hoisted = !facts.per(often).is_hoisted() || !facts.per(through).is_hoisted();
                let together = facts.per(rare).with(facts.per(last));
                // Broadcasting is associative, but what comes out must have a known shape for the sake of those who read it.
                let dims = facts.get(outer.output())?.dims.as_ref();
                (hoisted && together.is_hoisted() && same(dims, dims))
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
