//! A weighted sum over the session's steps, `ReduceSum(Mul(w, h), 1)` with the weights `w` `[N, L, 1]` of each ad and
//! what the steps are, `h` `[1, L, K]`: as a matrix product of `[N, L]` and `[L, K]` it never writes `[N, L, K]`.

use crate::emit::Emit;
use crate::facts::{Facts, Per, axes, axis};
use crate::graph::Graph;
use crate::size::Size;

pub(super) fn pool(graph: &mut Graph, facts: &Facts) -> usize {
    let producers = graph.producers();
    let found = (0..graph.nodes.len()).find_map(|index| {
        let sum = &graph.nodes[index];
        if !sum.is("ReduceSum") || axis(*axes(sum, 1, facts)?.first()?, 3)? != 1 || axes(sum, 1, facts)?.len() != 1 {
            return None;
        }
        let product = &graph.nodes[*producers.get(sum.input(0)?)?];
        if !product.is("Mul") {
            return None;
        }
        (0..2).find_map(|side| {
            let (weights, steps) = (product.input(side)?, product.input(1 - side)?);
            let ([n, l, one], [single, length, k]) = (&facts.sizes(weights)?[..], &facts.sizes(steps)?[..]) else {
                return None;
            };
            let fits = (*one, *single) == (Size::ONE, Size::ONE) && l == length && *n != Size::ONE;
            let columns = k.known().filter(|_| fits && facts.per(steps) != Per::Ad)?;
            let keep = sum.int("keepdims").unwrap_or(1) != 0;
            Some((index, weights.to_owned(), steps.to_owned(), columns, keep))
        })
    });
    let Some((index, weights, steps, columns, keep)) = found else { return 0 };
    let mut emit = Emit::new(graph);
    let weights = emit.reshape(&weights, &[0, -1]);
    let steps = emit.reshape(&steps, &[-1, columns]);
    let pooled = emit.op("MatMul", &[&weights, &steps]);
    if keep {
        emit.reshape(&pooled, &[0, 1, columns]);
    }
    emit.replace(index);
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Node;
    use crate::graph::tests::graph;
    use crate::weight::Weight;

    fn pooled(keep: i64) -> Graph {
        let nodes = vec![
            Node::new("Gather", &["table", "session.item"], "h"),
            Node::new("Unsqueeze", &["session.price", "two"], "prices"),
            Node::new("Unsqueeze", &["ad.price", "both"], "column"),
            Node::new("Mul", &["prices", "column"], "w"),
            Node::new("Mul", &["w", "h"], "weighed"),
            Node::new("ReduceSum", &["weighed", "axis"], "score").with_int("keepdims", keep),
        ];
        let weights = [
            ("table", Weight::floats(&[9, 4], &[0.5; 36])),
            ("two", Weight::ints(&[2])),
            ("both", Weight::ints(&[1, 2])),
            ("axis", Weight::ints(&[-2])),
        ];
        let mut graph = graph(&["session.item", "session.price", "ad.price"], &weights, nodes);
        let facts = Facts::new(&graph);
        assert_eq!(pool(&mut graph, &facts), 1);
        graph
    }

    #[test]
    fn a_weighted_sum_over_the_steps_is_a_matrix_product() {
        let graph = pooled(0);
        let score = graph.nodes.last().unwrap();
        assert_eq!((score.operator.as_str(), score.output()), ("MatMul", "score"));
        assert_eq!(Facts::new(&graph).sizes("score"), Some(vec![Size::ADS, Size::fixed(4)]));
    }

    #[test]
    fn a_dimension_that_is_kept_stays() {
        let graph = pooled(1);
        assert_eq!(Facts::new(&graph).sizes("score"), Some(vec![Size::ADS, Size::ONE, Size::fixed(4)]));
    }
}
