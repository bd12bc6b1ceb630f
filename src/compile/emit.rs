//! Nodes that are to take another's place.

use crate::graph::{Graph, Node};
use crate::weight::Weight;

/// Nodes under construction, in their order.
pub(crate) struct Emit<'g> {
    pub(crate) graph: &'g mut Graph,
    nodes: Vec<Node>,
}

impl<'g> Emit<'g> {
    pub(crate) fn new(graph: &'g mut Graph) -> Self {
        Self { graph, nodes: Vec::new() }
    }

    /// Adds a node; gives its output.
    pub(crate) fn op(&mut self, operator: &str, inputs: &[&str]) -> String {
        let output = self.graph.fresh(operator);
        self.node(Node::new(operator, inputs, &output))
    }

    pub(crate) fn node(&mut self, node: Node) -> String {
        let output = node.output().to_owned();
        self.nodes.push(node);
        output
    }

    /// Adds a node with one attribute that is a number.
    pub(crate) fn op_with(&mut self, operator: &str, inputs: &[&str], (name, value): (&str, i64)) -> String {
        let output = self.graph.fresh(operator);
        self.node(Node::new(operator, inputs, &output).with_int(name, value))
    }

    /// In `dims`, 0 stands for the size that the dimension has and -1 for what is left.
    pub(crate) fn reshape(&mut self, value: &str, dims: &[i64]) -> String {
        let dims = self.graph.store("dims", Weight::ints(dims));
        self.op("Reshape", &[value, &dims])
    }

    pub(crate) fn floats(&mut self, dims: &[usize], values: &[f32]) -> String {
        self.graph.store("weight", Weight::floats(dims, values))
    }

    /// Puts the nodes into the place of one whose only asked-for output is the last one's.
    pub(crate) fn replace(mut self, index: usize) {
        let output = self.graph.nodes[index].output().to_owned();
        self.nodes.last_mut().expect("a node is replaced by nodes").outputs[0] = output;
        self.graph.nodes.splice(index..=index, self.nodes);
    }
}
