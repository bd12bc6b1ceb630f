//! The passes: each looks for one thing in a graph and says how often it changed it.
//!
//! | pass | what it does |
//! | --- | --- |
//! | `fold` | computes what depends on no input |
//! | `dead` | drops what does not lead to `score` |
//! | `identity` | drops nodes that change nothing |
//! | `expand` | lets a row that is repeated for every ad stay a row, where what reads it broadcasts anyway |
//! | `gather` | gathers rows of a table of whole numbers before they are scaled |
//! | `linear` | takes a dense layer apart into what the shopper, the ad and both contribute |
//! | `reassociate` | adds and multiplies hoisted values first |
//! | `pool` | turns a weighted sum over the session into a matrix product |
//! | `scale` | multiplies the shopper's side of a product in place of every score |
//! | `unflatten` | gives a dense layer over flattened steps its steps back |
//! | `tables` | stores embedding tables as whole numbers |
//! | `dense` | stores the weights of dense layers as whole numbers |
//! | `names` | gives values short names; inputs and `score` keep theirs |

mod dead;
mod dense;
mod expand;
mod fold;
mod gather;
mod identity;
mod linear;
mod names;
mod pool;
mod reassociate;
mod scale;
mod tables;
mod unflatten;

use std::collections::BTreeMap;

use crate::facts::Facts;
use crate::graph::Graph;

pub(crate) use dead::dead;
pub(crate) use dense::dense;
pub(crate) use names::names;
pub(crate) use tables::tables;

/// A pass, and how it is called in reports.
type Pass = (&'static str, fn(&mut Graph, &Facts) -> usize);

/// Those that change no number but in its rounding.
const EXACT: [Pass; 10] = [
    ("fold", fold::fold),
    ("identity", identity::identity),
    ("expand", expand::expand),
    ("gather", gather::gather),
    ("unflatten", unflatten::unflatten),
    ("linear", linear::linear),
    ("reassociate", reassociate::reassociate),
    ("pool", pool::pool),
    ("scale", scale::scale),
    ("dead", |graph, _| dead(graph)),
];

/// What the passes write needs operators as of this version: `Slice` with its bounds as inputs.
const OPSET: i64 = 10;
/// Those that write no node, for files of an older version.
const ANY_OPSET: [&str; 3] = ["fold", "identity", "dead"];

/// How often each pass changed something.
pub(crate) type Changes = BTreeMap<&'static str, usize>;

/// Runs the exact passes until none finds anything.
pub(crate) fn exact(graph: &mut Graph) -> Changes {
    let mut changes = Changes::new();
    let old = graph.opset() < OPSET;
    let mut facts = Facts::new(graph);
    loop {
        let mut changed = false;
        for (name, pass) in EXACT.iter().filter(|(name, _)| !old || ANY_OPSET.contains(name)) {
            loop {
                // Where it finds nothing, it leaves the graph as it is.
                match pass(graph, &facts) {
                    0 => break,
                    count => *changes.entry(name).or_default() += count,
                }
                facts = Facts::new(graph);
                changed = true;
            }
        }
        if !changed {
            return changes;
        }
    }
}
