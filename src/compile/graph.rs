//! A file's graph, taken apart: nodes in an order in which they can run, stored tensors by name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use nearside_scorer::Error;
use rten_onnx::onnx::{
    AttributeProto, AttributeType, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, ValueInfoProto,
};

use crate::file::{self, Dropped};
use crate::weight::Weight;

/// The one output that ranks.
pub(crate) const SCORE: &str = "score";

/// As of this version of the format, stored tensors need not stand among the inputs.
const IR_VERSION: i64 = 4;

/// A node.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) operator: String,
    /// Empty for ONNX's own.
    pub(crate) domain: String,
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    pub(crate) attributes: Vec<AttributeProto>,
}

impl Node {
    pub(crate) fn new(operator: &str, inputs: &[&str], output: &str) -> Node {
        Node {
            operator: operator.into(),
            domain: String::new(),
            inputs: inputs.iter().map(|name| (*name).into()).collect(),
            outputs: vec![output.into()],
            attributes: Vec::new(),
        }
    }

    pub(crate) fn with_int(mut self, name: &str, value: i64) -> Node {
        let kind = Some(AttributeType::INT);
        self.attributes.push(AttributeProto {
            name: Some(name.into()),
            i: Some(value),
            r#type: kind,
            ..Default::default()
        });
        self
    }

    pub(crate) fn with_ints(mut self, name: &str, values: &[i64]) -> Node {
        let (kind, ints) = (Some(AttributeType::INTS), values.to_vec());
        self.attributes.push(AttributeProto { name: Some(name.into()), ints, r#type: kind, ..Default::default() });
        self
    }

    fn read(node: NodeProto) -> Node {
        let domain = node.domain.filter(|domain| domain != "ai.onnx").unwrap_or_default();
        Node {
            operator: node.op_type.unwrap_or_default(),
            domain,
            inputs: node.input,
            outputs: node.output,
            attributes: node.attribute,
        }
    }

    fn write(&self) -> NodeProto {
        NodeProto {
            domain: (!self.domain.is_empty()).then(|| self.domain.clone()),
            name: None,
            input: self.inputs.clone(),
            output: self.outputs.clone(),
            op_type: Some(self.operator.clone()),
            attribute: self.attributes.clone(),
        }
    }

    /// Whether it is this operator of ONNX's own.
    pub(crate) fn is(&self, operator: &str) -> bool {
        self.operator == operator && self.domain.is_empty()
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.attributes.iter().find(|a| a.name.as_deref() == Some(name))
    }

    /// An attribute that is a whole number; a reader takes 0 where the value is not written.
    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        self.attribute(name).map(|a| a.i.unwrap_or_default())
    }

    pub(crate) fn ints(&self, name: &str) -> Option<&[i64]> {
        self.attribute(name).map(|a| &a.ints[..])
    }

    pub(crate) fn float(&self, name: &str) -> Option<f32> {
        self.attribute(name).map(|a| a.f.unwrap_or_default())
    }

    /// An input that is given.
    pub(crate) fn input(&self, index: usize) -> Option<&str> {
        self.inputs.get(index).map(String::as_str).filter(|name| !name.is_empty())
    }

    pub(crate) fn output(&self) -> &str {
        &self.outputs[0]
    }

    /// The first output that is asked for.
    pub(crate) fn output_given(&self) -> &str {
        self.outputs.iter().find(|output| !output.is_empty()).map_or("", String::as_str)
    }

    pub(crate) fn has_subgraph(&self) -> bool {
        self.attributes.iter().any(|a| a.g.is_some())
    }

    /// Every value it reads, those that its subgraphs take from outside included; there, names of their own too.
    pub(crate) fn reads(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.inputs.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        self.attributes.iter().filter_map(|a| a.g.as_ref()).for_each(|graph| captured(graph, &mut names));
        names
    }
}

fn captured<'a>(graph: &'a GraphProto, names: &mut Vec<&'a str>) {
    names.extend(graph.output.iter().filter_map(|output| output.name.as_deref()));
    for node in &graph.node {
        names.extend(node.input.iter().map(String::as_str));
        node.attribute.iter().filter_map(|a| a.g.as_ref()).for_each(|graph| captured(graph, names));
    }
}

/// A file, taken apart.
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Node>,
    pub(crate) weights: BTreeMap<String, Weight>,
    pub(crate) inputs: Vec<ValueInfoProto>,
    score: ValueInfoProto,
    /// What the file says beside the graph; its graph is empty.
    rest: ModelProto,
    name: String,
    names: BTreeSet<String>,
    made: usize,
}

impl Graph {
    /// Takes a file apart that the scorer has read. What is left behind is added to `dropped`.
    pub(crate) fn read(bytes: &[u8], dropped: &mut Dropped) -> Result<Graph, Error> {
        let damaged = |part: &str, fault: &str| Error::Damaged { part: part.into(), fault: fault.into() };
        let name = file::survey(bytes, dropped)?;
        let mut rest = ModelProto::parse_buf(bytes).map_err(|e| damaged("model", &format!("cannot be read: {e}")))?;
        let graph = rest.graph.take().unwrap_or_default();
        rest.ir_version = rest.ir_version.map(|version| version.max(IR_VERSION));
        let mut weights = BTreeMap::new();
        for tensor in &graph.initializer {
            let name = tensor.name.clone().unwrap_or_default();
            let weight =
                Weight::read(tensor).ok_or_else(|| damaged(&format!("initializer \"{name}\""), "cannot be read"))?;
            weights.insert(name, weight);
        }
        let mut nodes = Vec::with_capacity(graph.node.len());
        for node in graph.node.into_iter().map(Node::read) {
            match constant(&node) {
                Some(weight) => drop(weights.insert(node.output().into(), weight)),
                None => nodes.push(node),
            }
        }
        // Files of IR version 3 list initializers among the inputs.
        let mut inputs = graph.input;
        inputs.retain(|input| input.name.as_ref().is_none_or(|name| !weights.contains_key(name)));
        dropped.add("outputs beside score", graph.output.len().saturating_sub(1), 0);
        dropped.add("shapes inside the graph, which engines infer", graph.value_info.len(), 0);
        let score = graph.output.into_iter().find(|output| output.name.as_deref() == Some(SCORE));
        let score = score.ok_or_else(|| Error::MissingOutput { outputs: Vec::new() })?;
        let mut names: BTreeSet<String> = weights.keys().cloned().collect();
        names.extend(inputs.iter().filter_map(|input| input.name.clone()));
        for node in &nodes {
            names.extend(node.outputs.iter().cloned());
            names.extend(node.reads().into_iter().map(String::from));
        }
        Ok(Graph { nodes, weights, inputs, score, rest, name, names, made: 0 })
    }

    /// The whole file.
    pub(crate) fn write(&self) -> Vec<u8> {
        let graph = GraphProto {
            node: self.nodes.iter().map(Node::write).collect(),
            initializer: self.weights.iter().map(|(name, weight)| weight.write(name)).collect(),
            input: self.inputs.clone(),
            output: vec![self.score.clone()],
            value_info: Vec::new(),
        };
        file::write(&self.rest, &graph, &self.name)
    }

    /// One node of it as a file of its own that takes nothing, where all it reads, `names`, is stored.
    pub(crate) fn alone(&self, node: &Node, names: &[&str]) -> Vec<u8> {
        let weights: BTreeMap<&str, &Weight> =
            names.iter().filter_map(|name| self.weights.get_key_value(*name)).map(|(n, w)| (&n[..], w)).collect();
        let output = |name: &String| ValueInfoProto { name: Some(name.clone()), r#type: None };
        let graph = GraphProto {
            node: vec![node.write()],
            initializer: weights.iter().map(|(name, weight)| weight.write(name)).collect(),
            output: node.outputs.iter().map(output).collect(),
            ..GraphProto::default()
        };
        file::write(&self.rest_alone(), &graph, &self.name)
    }

    fn rest_alone(&self) -> ModelProto {
        ModelProto {
            ir_version: self.rest.ir_version,
            opset_import: self
                .rest
                .opset_import
                .iter()
                .map(|import| OperatorSetIdProto { domain: import.domain.clone(), version: import.version })
                .collect(),
            ..ModelProto::default()
        }
    }

    /// Version of ONNX's operator set, 0 where the file does not say.
    pub(crate) fn opset(&self) -> i64 {
        let own = |domain: Option<&str>| matches!(domain, None | Some("" | "ai.onnx"));
        let import = self.rest.opset_import.iter().find(|import| own(import.domain.as_deref()));
        import.and_then(|import| import.version).unwrap_or_default()
    }

    /// The file's metadata.
    pub(crate) fn set_metadata(&mut self, key: &str, value: String) {
        let properties = &mut self.rest.metadata_props;
        match properties.iter_mut().find(|property| property.key.as_deref() == Some(key)) {
            Some(property) => property.value = Some(value),
            None => {
                properties.push(rten_onnx::onnx::StringStringEntryProto { key: Some(key.into()), value: Some(value) })
            }
        }
    }

    /// A name that nothing has.
    pub(crate) fn fresh(&mut self, stem: &str) -> String {
        loop {
            self.made += 1;
            let name = format!("{stem}.{}", self.made);
            if self.names.insert(name.clone()) {
                return name;
            }
        }
    }

    /// Stores a tensor under a name of its own.
    pub(crate) fn store(&mut self, stem: &str, weight: Weight) -> String {
        let name = self.fresh(stem);
        self.weights.insert(name.clone(), weight);
        name
    }

    /// By value: the index of the node that computes it.
    pub(crate) fn producers(&self) -> HashMap<&str, usize> {
        let mut producers = HashMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            for output in node.outputs.iter().filter(|output| !output.is_empty()) {
                producers.insert(output.as_str(), index);
            }
        }
        producers
    }

    /// How often each value is read, `score` once more than by nodes.
    pub(crate) fn uses(&self) -> HashMap<&str, usize> {
        let mut uses = HashMap::from([(SCORE, 1)]);
        for name in self.nodes.iter().flat_map(Node::reads) {
            *uses.entry(name).or_default() += 1;
        }
        uses
    }

    /// Lets all who read one value read another.
    pub(crate) fn redirect(&mut self, renamed: &HashMap<String, String>) {
        for input in self.nodes.iter_mut().flat_map(|node| &mut node.inputs) {
            if let Some(name) = renamed.get(input) {
                name.clone_into(input);
            }
        }
    }
}

/// The tensor of a `Constant`.
fn constant(node: &Node) -> Option<Weight> {
    if !node.is("Constant") {
        return None;
    }
    let [attribute] = &node.attributes[..] else { return None };
    let scalar = |weight: Weight| Weight { dims: Vec::new(), ..weight };
    match attribute.name.as_deref()? {
        "value" => Weight::read(attribute.t.as_ref()?),
        "value_float" => Some(scalar(Weight::floats(&[1], &[attribute.f.unwrap_or_default()]))),
        "value_floats" => Some(Weight::floats(&[attribute.floats.len()], &attribute.floats)),
        "value_int" => Some(scalar(Weight::ints(&[attribute.i.unwrap_or_default()]))),
        "value_ints" => Some(Weight::ints(&attribute.ints)),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use rten_onnx::onnx::TensorProto;

    use super::*;

    /// A graph over inputs of the contract, which declare no shapes.
    pub(crate) fn graph(inputs: &[&str], weights: &[(&str, Weight)], nodes: Vec<Node>) -> Graph {
        let port = |name: &str| ValueInfoProto { name: Some(name.into()), r#type: None };
        let opset = OperatorSetIdProto { domain: None, version: Some(17) };
        let mut names: BTreeSet<String> = nodes.iter().flat_map(|node| node.outputs.clone()).collect();
        names.extend(weights.iter().map(|(name, _)| (*name).into()).chain(inputs.iter().map(|name| (*name).into())));
        Graph {
            nodes,
            weights: weights.iter().map(|(name, weight)| ((*name).into(), weight.clone())).collect(),
            inputs: inputs.iter().map(|name| port(name)).collect(),
            score: port(SCORE),
            rest: ModelProto { ir_version: Some(8), opset_import: vec![opset], ..ModelProto::default() },
            name: String::new(),
            names,
            made: 0,
        }
    }

    /// The nodes in short: output = operator inputs.
    pub(crate) fn told(graph: &Graph) -> Vec<String> {
        graph.nodes.iter().map(|n| format!("{} = {} {}", n.outputs.join(" "), n.operator, n.inputs.join(" "))).collect()
    }

    fn file() -> Vec<u8> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/mlp_expand_concat.onnx");
        std::fs::read(path).unwrap()
    }

    #[test]
    fn a_file_that_is_read_and_written_reads_the_same_and_keeps_its_name() {
        let (first, second) = (&mut Dropped::default(), &mut Dropped::default());
        let graph = Graph::read(&file(), first).unwrap();
        assert_eq!(graph.name, "mlp_expand_concat");
        let again = Graph::read(&graph.write(), second).unwrap();
        assert_eq!((told(&graph), &graph.weights, &graph.name), (told(&again), &again.weights, &again.name));
        assert_eq!(graph.opset(), 17);
    }

    #[test]
    fn stored_tensors_among_the_inputs_of_an_old_file_are_no_inputs_of_the_written_one() {
        let mut model = ModelProto::parse_buf(&file()).unwrap();
        model.ir_version = Some(3);
        let graph = model.graph.as_mut().unwrap();
        let inputs = graph.input.len();
        let port = |tensor: &TensorProto| ValueInfoProto { name: tensor.name.clone(), r#type: None };
        graph.input.extend(graph.initializer.iter().map(port));
        let bytes = model.write_buf().unwrap();
        let written = Graph::read(&bytes, &mut Dropped::default()).unwrap().write();
        let written = ModelProto::parse_buf(&written).unwrap();
        assert_eq!((written.ir_version, written.graph.unwrap().input.len()), (Some(4), inputs));
    }

    #[test]
    fn what_is_left_behind_is_told() {
        let mut model = ModelProto::parse_buf(&file()).unwrap();
        let named = |node: &mut NodeProto| node.name = Some("layer/one".into());
        model.graph.as_mut().unwrap().node.iter_mut().take(3).for_each(named);
        let mut bytes = model.write_buf().unwrap();
        // Field 6: documentation; field 99: nothing that is known.
        bytes.extend([6 << 3 | 2, 2, b'h', b'i', 0x9a, 0x06, 1, b'?']);
        let mut dropped = Dropped::default();
        Graph::read(&bytes, &mut dropped).unwrap();
        assert_eq!(dropped.0["names of nodes"], (3, 27));
        assert_eq!(dropped.0["documentation"], (1, 2));
        assert_eq!(dropped.0["fields that are not known here"], (1, 1));
    }
}
