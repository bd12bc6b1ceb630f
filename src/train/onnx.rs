//! ONNX files, written: nodes, weights, inputs, metadata.
//!
//! The few messages of <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto> that a ranker needs, field
//! numbers as there. Reading and judging files is the scorer's business.

/// IR version 8 goes with operator set 17.
const IR_VERSION: u64 = 8;
const OPSET: u64 = 17;

/// An element type, with its number in ONNX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    Float = 1,
    Int8 = 3,
    Int32 = 6,
    Int64 = 7,
}

/// An attribute of a node.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Attribute<'a> {
    Float(&'a str, f32),
    Int(&'a str, i64),
    Ints(&'a str, &'a [i64]),
    Text(&'a str, &'a str),
}

/// A protobuf message under construction.
#[derive(Clone, Debug, Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn int(mut self, field: u64, value: u64) -> Message {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    fn float(mut self, field: u64, value: f32) -> Message {
        self.varint(field << 3 | 5);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn bytes(mut self, field: u64, bytes: &[u8]) -> Message {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    fn text(self, field: u64, text: &str) -> Message {
        self.bytes(field, text.as_bytes())
    }

    fn message(self, field: u64, message: &Message) -> Message {
        self.bytes(field, &message.0)
    }
}

/// A graph under construction. Values are named as they are made.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: Vec<Message>,
    weights: Vec<Message>,
    inputs: Vec<Message>,
    outputs: Vec<Message>,
    /// The value that is to be an output, and the output's name.
    output: Option<(String, String)>,
    made: usize,
}

/// The dimensions of an input or output; a name where the size is not fixed.
pub(crate) type Dims<'a> = &'a [Result<u64, &'a str>];

impl Graph {
    fn name(&mut self, stem: &str) -> String {
        self.made += 1;
        format!("{stem}.{}", self.made)
    }

    /// A named input.
    pub(crate) fn input(&mut self, name: &str, element: Element, dims: Dims<'_>) -> String {
        self.inputs.push(port(name, element, dims));
        name.into()
    }

    /// Names a value as the output.
    pub(crate) fn output(&mut self, value: &str, name: &str, dims: Dims<'_>) {
        self.output = Some((value.into(), name.into()));
        self.outputs.push(port(name, Element::Float, dims));
    }

    /// A node whose value is an output.
    pub(crate) fn output_of(&mut self, operator: &str, inputs: &[&str], name: &str, dims: Dims<'_>) {
        self.nodes.push(node(operator, inputs, &[name], &[]));
        self.outputs.push(port(name, Element::Float, dims));
    }

    /// Adds a value to the output.
    pub(crate) fn add_to_output(&mut self, value: &str) {
        if let Some((output, name)) = self.output.take() {
            self.output = Some((self.node("Add", &[&output, value], &[]), name));
        }
    }

    /// Stored `float` numbers.
    pub(crate) fn floats(&mut self, stem: &str, dims: &[usize], values: &[f32]) -> String {
        self.weight(stem, Element::Float, dims, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// Stored `int8` numbers.
    pub(crate) fn bytes(&mut self, stem: &str, dims: &[usize], values: &[i8]) -> String {
        self.weight(stem, Element::Int8, dims, values.iter().map(|v| *v as u8).collect())
    }

    /// Stored `int32` numbers, which are enough for ids.
    pub(crate) fn indices(&mut self, stem: &str, dims: &[usize], values: &[i32]) -> String {
        self.weight(stem, Element::Int32, dims, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// Stored `int64` numbers.
    pub(crate) fn ints(&mut self, stem: &str, dims: &[usize], values: &[i64]) -> String {
        self.weight(stem, Element::Int64, dims, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    fn weight(&mut self, stem: &str, element: Element, dims: &[usize], raw: Vec<u8>) -> String {
        let name = self.name(stem);
        let message = dims.iter().fold(Message::default(), |m, dim| m.int(1, *dim as u64));
        self.weights.push(message.int(2, element as u64).text(8, &name).bytes(9, &raw));
        name
    }

    /// A node with one output.
    pub(crate) fn node(&mut self, operator: &str, inputs: &[&str], attributes: &[Attribute<'_>]) -> String {
        let output = self.name(operator);
        self.nodes.push(node(operator, inputs, &[&output], attributes));
        output
    }

    /// A node whose first output is not asked for.
    pub(crate) fn second_output(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[Attribute<'_>],
    ) -> [String; 2] {
        let outputs = [self.name(operator), self.name(operator)];
        self.nodes.push(node(operator, inputs, &[&outputs[0], &outputs[1]], attributes));
        outputs
    }

    /// The whole file.
    pub(crate) fn file(mut self, name: &str, metadata: &[(&str, String)]) -> Vec<u8> {
        if let Some((value, name)) = &self.output {
            self.nodes.push(node("Identity", &[value], &[name], &[]));
        }
        let mut graph = Message::default();
        for (field, messages) in [(1, &self.nodes), (5, &self.weights), (11, &self.inputs), (12, &self.outputs)] {
            graph = messages.iter().fold(graph, |graph, message| graph.message(field, message));
            if field == 1 {
                graph = graph.text(2, name);
            }
        }
        let file = Message::default().int(1, IR_VERSION).text(2, "nearside-train").text(3, env!("CARGO_PKG_VERSION"));
        let file = file.message(7, &graph).message(8, &Message::default().text(1, "").int(2, OPSET));
        let property = |(key, value): &(&str, String)| Message::default().text(1, key).text(2, value);
        metadata.iter().fold(file, |file, pair| file.message(14, &property(pair))).0
    }
}

fn node(operator: &str, inputs: &[&str], outputs: &[&str], attributes: &[Attribute<'_>]) -> Message {
    let message = inputs.iter().fold(Message::default(), |m, input| m.text(1, input));
    let message = outputs.iter().fold(message, |m, output| m.text(2, output));
    let message = message.text(3, outputs[0]).text(4, operator);
    attributes.iter().fold(message, |message, attribute| {
        let attribute = match attribute {
            Attribute::Float(name, value) => Message::default().text(1, name).float(2, *value).int(20, 1),
            Attribute::Int(name, value) => Message::default().text(1, name).int(3, *value as u64).int(20, 2),
            Attribute::Ints(name, values) => {
                let message = Message::default().text(1, name);
                values.iter().fold(message, |m, value| m.int(8, *value as u64)).int(20, 7)
            }
            Attribute::Text(name, text) => Message::default().text(1, name).text(4, text).int(20, 3),
        };
        message.message(5, &attribute)
    })
}

fn port(name: &str, element: Element, dims: Dims<'_>) -> Message {
    let shape = dims.iter().fold(Message::default(), |shape, dim| {
        let dim = match dim {
            Ok(size) => Message::default().int(1, *size),
            Err(name) => Message::default().text(2, name),
        };
        shape.message(1, &dim)
    });
    let tensor = Message::default().int(1, element as u64).message(2, &shape);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}
