//! A dense layer over steps, `[N, L, K]`, that an exporter wrote as one over `[N L, K]` and reshaped back: the reshaping
//! hides of what each row depends on.

use crate::emit::Emit;
use crate::facts::Facts;
use crate::graph::{Graph, Node};

pub(super) fn unflatten(graph: &mut Graph, facts: &Facts) -> usize {
    let producers = graph.producers();
    let found = graph.nodes.iter().enumerate().filter(|(_, node)| node.is("Reshape")).find_map(|(index, back)| {
        let layer = &graph.nodes[*producers.get(back.input(0)?)?];
        let one = |name: &str| layer.float(name).unwrap_or(1.0) == 1.0;
        let plain = layer.is("Gemm") && layer.int("transA").unwrap_or(0) == 0 && one("alpha") && one("beta");
        let turned = layer.int("transB").unwrap_or(0) != 0;
        let matrix = layer.input(1).and_then(|name| graph.weights.get(name)).filter(|_| plain || layer.is("MatMul"))?;
        let [inputs, outputs] =
            if turned { [matrix.dims.get(1), matrix.dims.first()] } else { [matrix.dims.first(), matrix.dims.get(1)] };
        let flat = &graph.nodes[*producers.get(layer.input(0)?)?];
        let rows = flat.input(0).filter(|_| flat.is("Reshape"))?;
        let (before, after) = (facts.sizes(rows)?, facts.sizes(back.output())?);
        let columns = |name: &str| facts.get(name)?.columns();
        let whole =
            matrix.dims.len() == 2 && columns(rows).as_ref() == inputs && columns(back.output()).as_ref() == outputs;
        let same = before.len() == after.len() && before[..before.len() - 1] == after[..after.len() - 1];
        (whole && same).then(|| (index, rows.to_owned(), layer.clone(), turned))
    });
    let Some((index, rows, layer, turned)) = found else { return 0 };
    let mut emit = Emit::new(graph);
    let mut matrix = layer.inputs[1].clone();
    if turned {
        let upright = emit.graph.fresh("Transpose");
        matrix = emit.node(Node::new("Transpose", &[&matrix], &upright).with_ints("perm", &[1, 0]));
    }
    let product = emit.op("MatMul", &[&rows, &matrix]);
    if let Some(bias) = layer.input(2) {
        emit.op("Add", &[&product, bias]);
    }
    emit.replace(index);
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::{graph, told};
    use crate::weight::Weight;

    fn left(back: &[i64], turned: bool) -> Vec<String> {
        let nodes = vec![
            Node::new("Gather", &["table", "session.item"], "h"),
            Node::new("Gather", &["table", "ad.item"], "rows"),
            Node::new("Unsqueeze", &["rows", "one"], "a"),
            Node::new("Sub", &["h", "a"], "x"),
            Node::new("Reshape", &["x", "flat"], "many"),
            Node::new("Gemm", &["many", "w", "b"], "hidden").with_int("transB", turned.into()),
            Node::new("Shape", &["x"], "shape"),
            Node::new("Slice", &["shape", "zero", "two"], "leading"),
            Node::new("Concat", &["leading", "back"], "wanted").with_int("axis", 0),
            Node::new("Reshape", &["hidden", "wanted"], "score"),
        ];
        let weights = [
            ("table", Weight::floats(&[9, 4], &[0.25; 36])),
            ("w", Weight::floats(if turned { &[3, 4] } else { &[4, 3] }, &[0.5; 12])),
            ("b", Weight::floats(&[3], &[0.5; 3])),
            ("one", Weight::ints(&[1])),
            ("flat", Weight::ints(&[-1, 4])),
            ("zero", Weight::ints(&[0])),
            ("two", Weight::ints(&[2])),
            ("back", Weight::ints(back)),
        ];
        let mut graph = graph(&["session.item", "ad.item"], &weights, nodes);
        let facts = Facts::new(&graph);
        unflatten(&mut graph, &facts);
        crate::passes::dead(&mut graph);
        told(&graph)
    }

    #[test]
    fn a_layer_over_flattened_steps_is_a_layer_over_steps() {
        for (turned, at) in [(false, 4), (true, 5)] {
            let left = left(&[3], turned);
            assert!(left[at].contains("= MatMul x "), "{left:?}");
            assert!(left[at + 1].starts_with("score = Add MatMul.") && left[at + 1].ends_with(" b"), "{left:?}");
        }
    }

    #[test]
    fn a_layer_whose_rows_are_cut_otherwise_stays() {
        assert_eq!(left(&[1, 3], false).len(), 10);
    }
}
