//! What a graph costs to run, by how often each part of it has to be computed.

use serde::Serialize;

use crate::facts::{Facts, Per};
use crate::graph::{Graph, Node};
use crate::size::{Size, Sizes};

/// Operators that move no number, or only shapes.
const FREE: [&str; 6] = ["Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Shape"];

/// Operations of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Operations {
    /// Multiply-adds of matrix products and recurrent layers.
    pub multiply_adds: f64,
    /// Numbers that all other nodes write.
    pub values: f64,
}

/// What an engine that hoists computes, and how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// For each ad of each ranking.
    pub ad: Operations,
    /// Once per ranking.
    pub ranking: Operations,
    /// Once per catalogue, all ads together.
    pub catalogue: Operations,
    /// Nodes whose size is not known before they run; nothing is counted for them.
    pub unknown: usize,
}

impl Cost {
    pub(crate) fn of(graph: &Graph, sizes: Sizes) -> Cost {
        let facts = Facts::new(graph);
        let mut cost = Cost::default();
        for node in &graph.nodes {
            let operations = match operations(node, &facts) {
                Some(operations) => operations.map(|size| size.at(sizes)),
                None => {
                    cost.unknown += 1;
                    continue;
                }
            };
            let (part, ads) = match facts.per(node.output_given()) {
                Per::Model => continue,
                Per::Catalogue => (&mut cost.catalogue, 1.0),
                Per::Ranking => (&mut cost.ranking, 1.0),
                Per::Ad => (&mut cost.ad, sizes.ads as f64),
            };
            part.multiply_adds += operations[0] / ads;
            part.values += operations[1] / ads;
        }
        cost
    }
}

/// Multiply-adds and numbers written.
fn operations(node: &Node, facts: &Facts) -> Option<[Size; 2]> {
    const NONE: Size = Size::fixed(0);
    let all = |name: &str| Some(facts.sizes(name)?.into_iter().fold(Size::ONE, Size::times));
    let operator = node.operator.as_str();
    if !node.domain.is_empty() {
        return None;
    }
    match operator {
        "MatMul" | "Gemm" | "MatMulInteger" => {
            let rows = facts.sizes(node.input(0)?)?;
            let inner = if node.int("transA").unwrap_or(0) == 0 { rows.last() } else { rows.first() };
            Some([all(node.output())?.times(*inner?), NONE])
        }
        "LSTM" | "GRU" | "RNN" => {
            let gates = Size::fixed(match operator {
                "LSTM" => 4,
                "GRU" => 3,
                _ => 1,
            });
            let ([steps, batch, width], hidden) = (&facts.sizes(node.input(0)?)?[..], node.int("hidden_size")?) else {
                return None;
            };
            let ways = *facts.sizes(node.input(1)?)?.first()?;
            let rows = gates.times(Size::fixed(hidden)).times(*steps).times(*batch).times(ways);
            let per_row = Size::fixed(width.known()? + hidden);
            Some([rows.times(per_row), NONE])
        }
        _ if FREE.contains(&operator) => Some([NONE, NONE]),
        // A sum reads more than it writes.
        _ if operator.starts_with("Reduce") => Some([NONE, all(node.input(0)?)?]),
        _ => Some([NONE, all(node.output_given())?]),
    }
}
