//! A dense layer is linear in what it reads, so its product passes through concatenations, sums and products by hoisted
//! values: `W [u; a] = U u + A a`, and `W (u - a) = W u - W a`. What depends on the shopper alone then costs one row of
//! work per ranking, and what depends on the ad alone one per catalogue.
//!
//! A product of both, `W (u * a)`, is a matrix of the shopper, `u` times each column of `W`, by the ad's row. So a whole
//! first layer over `[u, a, u - a, u * a]`, as in DIN (Zhou et al. 2018, <https://arxiv.org/abs/1706.06978>), becomes one
//! product of the ads' rows with a matrix that is made once per ranking, plus a row.

mod terms;

use crate::emit::Emit;
use crate::facts::{Dims, Facts, Per, broadcast, same};
use crate::graph::{Graph, Node};
use crate::size::Size;
use terms::{Matrix, Product, Terms};

/// What a dense layer adds to its product.
type Bias = Option<String>;

pub(super) fn linear(graph: &mut Graph, facts: &Facts) -> usize {
    let found = (0..graph.nodes.len()).find_map(|index| {
        let node = &graph.nodes[index];
        // Before a whole matrix is decoded.
        let rows = node.input(0).filter(|rows| !facts.per(rows).is_hoisted())?;
        let (matrix, bias) = dense(node, graph)?;
        if facts.get(rows)?.columns() != Some(matrix.rows) {
            return None;
        }
        let terms = Terms::of(rows, matrix, graph, facts)?;
        let plan = Plan::new(terms, bias, facts)?;
        let dims = facts.get(node.output())?.dims.as_ref();
        same(plan.dims(facts).as_ref(), dims).then_some((index, plan))
    });
    let Some((index, plan)) = found else { return 0 };
    let mut emit = Emit::new(graph);
    plan.write(&mut emit);
    emit.replace(index);
    1
}

/// The matrix and the bias of a product of rows with a stored matrix.
fn dense(node: &Node, graph: &Graph) -> Option<(Matrix, Bias)> {
    let matrix = |turned: bool| Matrix::of(graph.weights.get(node.input(1)?)?, turned);
    if node.is("MatMul") {
        return Some((matrix(false)?, None));
    }
    let one = |name: &str| node.float(name).unwrap_or(1.0) == 1.0;
    let plain = node.is("Gemm") && node.int("transA").unwrap_or(0) == 0 && one("alpha") && one("beta");
    plain.then_some(())?;
    Some((matrix(node.int("transB").unwrap_or(0) != 0)?, node.input(2).map(String::from)))
}

/// Rows that go through one matrix together, since they are computed equally often and have the same shape.
struct Group {
    per: Per,
    leading: Vec<Size>,
    values: Vec<String>,
    matrix: Matrix,
}

impl Group {
    fn dims(&self) -> Dims {
        self.leading.iter().map(|size| Some(*size)).chain([Some(Size::fixed(self.matrix.columns as i64))]).collect()
    }
}

/// What takes the layer's place.
struct Plan {
    groups: Vec<Group>,
    products: Vec<Product>,
    bias: Bias,
}

impl Plan {
    fn new(terms: Terms, bias: Bias, facts: &Facts) -> Option<Plan> {
        let mut groups: Vec<Group> = Vec::new();
        for (value, matrix) in terms.values {
            let mut leading = facts.sizes(&value)?;
            leading.pop();
            let per = facts.per(&value);
            match groups.iter_mut().find(|group| group.per == per && group.leading == leading) {
                Some(group) => {
                    group.values.push(value);
                    group.matrix.append(&matrix);
                }
                None => groups.push(Group { per, leading, values: vec![value], matrix }),
            }
        }
        Some(Plan { groups, products: terms.products, bias })
    }

    /// The shape of the sum.
    fn dims(&self, facts: &Facts) -> Option<Dims> {
        let mut all: Vec<Dims> = self.groups.iter().map(Group::dims).collect();
        all.extend(self.products.iter().map(Product::dims));
        if let Some(bias) = &self.bias {
            all.push(facts.get(bias)?.dims.clone()?);
        }
        Some(broadcast(&all))
    }

    fn write(self, emit: &mut Emit<'_>) {
        let mut addends: Vec<(Per, String)> = Vec::new();
        addends.extend(self.products.into_iter().map(|product| (Per::Ad, product.write(emit))));
        for Group { per, leading, values, matrix } in self.groups {
            let rows = match &values[..] {
                [one] => one.clone(),
                many => {
                    let names: Vec<&str> = many.iter().map(String::as_str).collect();
                    emit.op_with("Concat", &names, ("axis", leading.len() as i64))
                }
            };
            let matrix = emit.floats(&[matrix.rows, matrix.columns], &matrix.values);
            addends.push((per, emit.op("MatMul", &[&rows, &matrix])));
        }
        addends.extend(self.bias.map(|bias| (Per::Model, bias)));
        // What is computed least often first, so that as few sums as can be are left for every ad.
        let mut sums: Vec<(Per, String)> = Vec::new();
        for per in [Per::Ad, Per::Catalogue, Per::Ranking, Per::Model] {
            let all: Vec<_> = addends.iter().filter(|(p, _)| *p == per).map(|(_, name)| name.clone()).collect();
            let sum = all.into_iter().reduce(|sum, name| emit.op("Add", &[&sum, &name]));
            match (sum, sums.last_mut()) {
                // What the model alone says goes with the row of the shopper, or with what there is.
                (Some(sum), Some((_, last))) if per == Per::Model => *last = emit.op("Add", &[last, &sum]),
                (Some(sum), _) => sums.push((per, sum)),
                (None, _) => {}
            }
        }
        sums.into_iter().map(|(_, name)| name).reduce(|sum, name| emit.op("Add", &[&sum, &name]));
    }
}

impl Product {
    /// The shape of `W (u * a)`.
    fn dims(&self) -> Dims {
        let columns = Some(Size::fixed(self.matrix.columns as i64));
        match self.steps {
            Some(steps) => vec![Some(Size::ADS), Some(steps), columns],
            None => vec![Some(Size::ADS), columns],
        }
    }

    /// `T[k, l H + j] = u[l, k] W[k, j] + A[k, j]`, and the ads' rows times that.
    fn write(self, emit: &mut Emit<'_>) -> String {
        let Product { shopper, ad, steps, matrix, of_ad } = self;
        let (rows, columns) = (matrix.rows, matrix.columns);
        let is_row = steps.is_none();
        let dims: &[usize] = if is_row { &[rows, columns] } else { &[rows, 1, columns] };
        let perm: &[i64] = if is_row { &[1, 0] } else { &[2, 1, 0] };
        let turned = emit.graph.fresh("Transpose");
        let turned = emit.node(Node::new("Transpose", &[&shopper], &turned).with_ints("perm", perm));
        let matrix = emit.floats(dims, &matrix.values);
        let mut table = emit.op("Mul", &[&turned, &matrix]);
        if let Some(of_ad) = of_ad {
            let of_ad = emit.floats(dims, &of_ad.values);
            table = emit.op("Add", &[&table, &of_ad]);
        }
        if is_row {
            return emit.op("MatMul", &[&ad, &table]);
        }
        let table = emit.reshape(&table, &[rows as i64, -1]);
        let ads = emit.reshape(&ad, &[-1, rows as i64]);
        let all = emit.op("MatMul", &[&ads, &table]);
        let steps = steps.and_then(Size::known);
        // `0` keeps the number of ads.
        emit.reshape(&all, &[0, steps.unwrap_or(-1), columns as i64])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::graph;
    use crate::weight::Weight;

    /// The operators of a layer `w` of `rows` over `value`, by how often they are computed, after the pass.
    fn left(value: &str, rows: usize, mut nodes: Vec<Node>) -> [Vec<String>; 3] {
        nodes.push(Node::new("MatMul", &[value, "w"], "hidden"));
        nodes.push(Node::new("Relu", &["hidden"], "score"));
        let weights = [
            ("w", Weight::floats(&[rows, 3], &vec![0.5; rows * 3])),
            ("table", Weight::floats(&[9, 4], &[0.25; 36])),
            ("one", Weight::ints(&[1])),
        ];
        let inputs = ["session.item", "profile.stage", "ad.item", "ad.price", "pair.cosine"];
        let mut graph = graph(&inputs, &weights, nodes);
        let facts = Facts::new(&graph);
        linear(&mut graph, &facts);
        crate::passes::dead(&mut graph);
        let facts = Facts::new(&graph);
        [Per::Ranking, Per::Catalogue, Per::Ad].map(|per| {
            let nodes = graph.nodes.iter().filter(|node| facts.per(node.output()) == per);
            nodes.map(|node| node.operator.clone()).collect()
        })
    }

    /// `h` `[1, L, 4]` of the session and `a` `[N, 1, 4]` of each ad.
    fn steps_and_ads() -> Vec<Node> {
        vec![
            Node::new("Gather", &["table", "session.item"], "h"),
            Node::new("Gather", &["table", "ad.item"], "rows"),
            Node::new("Unsqueeze", &["rows", "one"], "a"),
        ]
    }

    #[test]
    fn a_concatenation_is_a_row_of_the_shopper_and_rows_of_the_ads() {
        let nodes = vec![
            Node::new("Shape", &["ad.price"], "n"),
            Node::new("Concat", &["n", "one"], "shape").with_int("axis", 0),
            Node::new("Expand", &["profile.stage", "shape"], "rows"),
            Node::new("Unsqueeze", &["ad.price", "one"], "price"),
            Node::new("Unsqueeze", &["pair.cosine", "one"], "cosine"),
            Node::new("Concat", &["rows", "price", "cosine"], "x").with_int("axis", 1),
        ];
        let [ranking, catalogue, ad] = left("x", 8, nodes);
        assert_eq!(ranking, ["MatMul"]);
        assert_eq!(catalogue, ["Unsqueeze", "MatMul"]);
        assert_eq!(ad, ["Unsqueeze", "MatMul", "Add", "Add", "Relu"]);
    }

    #[test]
    fn a_difference_goes_through_the_matrix_on_both_sides() {
        let mut nodes = steps_and_ads();
        nodes.push(Node::new("Sub", &["h", "a"], "x"));
        let [ranking, catalogue, ad] = left("x", 4, nodes);
        assert_eq!(ranking, ["Gather", "MatMul"]);
        assert_eq!(catalogue, ["Gather", "Unsqueeze", "MatMul"]);
        assert_eq!(ad, ["Add", "Relu"]);
    }

    #[test]
    fn a_layer_over_steps_ads_differences_and_products_is_one_product_and_a_row() {
        let mut nodes = steps_and_ads();
        nodes.push(Node::new("Shape", &["both"], "shape"));
        nodes.insert(3, Node::new("Add", &["h", "a"], "both"));
        nodes.extend(["h", "a"].map(|side| Node::new("Expand", &[side, "shape"], &format!("wide.{side}"))));
        nodes.push(Node::new("Sub", &["wide.h", "wide.a"], "difference"));
        nodes.push(Node::new("Mul", &["wide.h", "wide.a"], "product"));
        nodes.push(Node::new("Concat", &["wide.h", "wide.a", "difference", "product"], "x").with_int("axis", -1));
        let [ranking, catalogue, ad] = left("x", 16, nodes);
        assert_eq!(ranking, ["Gather", "Transpose", "Mul", "Add", "Reshape", "MatMul"]);
        assert_eq!(catalogue, ["Gather", "Unsqueeze", "Reshape"]);
        assert_eq!(ad, ["MatMul", "Reshape", "Add", "Relu"]);
    }

    #[test]
    fn a_layer_over_what_is_hoisted_or_wholly_of_each_pair_stays() {
        let pair = vec![Node::new("Unsqueeze", &["pair.cosine", "one"], "x")];
        assert_eq!(left("x", 1, pair)[2], ["Unsqueeze", "MatMul", "Relu"]);
        let ad = vec![Node::new("Unsqueeze", &["ad.price", "one"], "x")];
        assert_eq!(left("x", 1, ad)[1], ["Unsqueeze", "MatMul", "Relu"]);
    }

    #[test]
    fn where_a_shape_is_not_known_the_layer_stays() {
        let nodes = vec![
            Node::new("Unsqueeze", &["ad.price", "one"], "price"),
            Node::new("NonZero", &["profile.stage"], "rows"),
            Node::new("Concat", &["rows", "price"], "x").with_int("axis", 1),
        ];
        assert_eq!(left("x", 7, nodes)[2], ["Concat", "MatMul", "Relu"]);
    }
}
