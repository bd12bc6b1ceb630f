//! The messages of a file that [`rten_onnx`] does not keep: what of them is left behind, what must not be, and the
//! graph's name, which ONNX's own checker asks for.

use std::collections::BTreeMap;

use nearside_scorer::Error;
use rten_onnx::onnx::{GraphProto, ModelProto};
use rten_onnx::protobuf::{
    EncodeMessage, FieldValue, Fields, MessageWriter, OwnedValues, ProtobufError, ReadValue, ValueReader, ValueWriter,
    WriteValue,
};

/// What a compiled file leaves behind of the original: how many of each, and their bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Dropped(pub(crate) BTreeMap<&'static str, (usize, u64)>);

impl Dropped {
    pub(crate) fn add(&mut self, what: &'static str, count: usize, bytes: u64) {
        if count > 0 {
            let entry = self.0.entry(what).or_default();
            *entry = (entry.0 + count, entry.1 + bytes);
        }
    }
}

/// A message of ONNX in which others are found.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
}

/// What becomes of a field.
enum Fate {
    Kept,
    /// Kept, with a message in it.
    Holds(Message),
    Dropped(&'static str),
    /// Nothing would compute the same without it.
    Needed(&'static str),
    GraphName,
}

/// Field numbers of <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>.
fn fate(message: Message, field: u64) -> Fate {
    use Fate::{Dropped, GraphName, Holds, Kept, Needed};
    match (message, field) {
        (Message::Model, 1 | 2 | 3 | 8 | 14) => Kept,
        (Message::Model, 7) => Holds(Message::Graph),
        (Message::Model, 4 | 5) => Dropped("the model's domain and version"),
        (Message::Graph, 1) => Holds(Message::Node),
        (Message::Graph, 2) => GraphName,
        (Message::Graph, 5) => Holds(Message::Tensor),
        (Message::Graph, 11..=13) => Kept,
        (Message::Graph, 14) => Dropped("quantisation annotations"),
        (Message::Node, 1 | 2 | 4 | 7) => Kept,
        (Message::Node, 3) => Dropped("names of nodes"),
        (Message::Node, 5) => Holds(Message::Attribute),
        (Message::Node, 8) => Needed("overloads of functions"),
        (Message::Attribute, 1..=4 | 7..=9 | 20) => Kept,
        (Message::Attribute, 5) => Holds(Message::Tensor),
        (Message::Attribute, 6) => Holds(Message::Graph),
        (Message::Attribute, 21) => Needed("references to attributes of functions"),
        (Message::Tensor, 1 | 2 | 4 | 5 | 7..=10 | 14) => Kept,
        (Message::Tensor, 11) => Needed("unsigned integers outside raw_data"),
        (Message::Model, 6)
        | (Message::Graph, 10)
        | (Message::Node, 6)
        | (Message::Attribute, 13)
        | (Message::Tensor, 12) => Dropped("documentation"),
        (Message::Graph, 16) | (Message::Node, 9) | (Message::Tensor, 16) => {
            Dropped("metadata of nodes, graphs and tensors")
        }
        _ => Dropped("fields that are not known here"),
    }
}

/// Looks through a file for what [`ModelProto`] does not keep. Gives the graph's name.
///
/// Errors: `unsupported-operator` for what a file cannot do without.
pub(crate) fn survey(bytes: &[u8], dropped: &mut Dropped) -> Result<String, Error> {
    let mut found = Found { dropped, needed: Vec::new(), name: String::new() };
    let mut reader = ValueReader::from_buf(bytes);
    found
        .walk(Fields::new(&mut reader, Some("ModelProto")), Message::Model, 0)
        .map_err(|e| Error::Damaged { part: "model".into(), fault: format!("cannot be read: {e}") })?;
    match found.needed.is_empty() {
        true => Ok(found.name),
        false => Err(Error::UnsupportedOperator { operators: found.needed, engine: None }),
    }
}

struct Found<'d> {
    dropped: &'d mut Dropped,
    needed: Vec<String>,
    name: String,
}

impl Found<'_> {
    fn walk<R: ReadValue<Types = OwnedValues>>(
        &mut self,
        mut fields: Fields<'_, R>,
        message: Message,
        depth: usize,
    ) -> Result<(), ProtobufError> {
        while let Some(mut field) = fields.next()? {
            match fate(message, field.number()) {
                Fate::GraphName if depth == 1 => self.name = field.read_string()?,
                Fate::Kept | Fate::GraphName => field.skip()?,
                Fate::Holds(inner) => self.walk(field.read_message(None)?, inner, depth + 1)?,
                Fate::Dropped(what) => {
                    let bytes = if let FieldValue::Len(bytes) = field.value() { bytes } else { 1 };
                    if bytes > 0 {
                        self.dropped.add(what, 1, bytes);
                    }
                    field.skip()?;
                }
                Fate::Needed(what) => {
                    self.needed.push(what.into());
                    field.skip()?;
                }
            }
        }
        Ok(())
    }
}

/// [`GraphProto`] with its name.
struct Named<'a>(&'a GraphProto, &'a str);

impl EncodeMessage for Named<'_> {
    fn encode_fields<W: WriteValue>(&self, fields: &mut MessageWriter<'_, W>) -> Result<(), ProtobufError> {
        self.0.encode_fields(fields)?;
        fields.write_string(2, self.1)
    }
}

/// [`ModelProto`] with another graph.
struct Whole<'a>(&'a ModelProto, Named<'a>);

impl EncodeMessage for Whole<'_> {
    fn encode_fields<W: WriteValue>(&self, fields: &mut MessageWriter<'_, W>) -> Result<(), ProtobufError> {
        self.0.encode_fields(fields)?;
        fields.write_message(7, &self.1)
    }
}

/// A file: what `rest` says, with this graph.
pub(crate) fn write(rest: &ModelProto, graph: &GraphProto, name: &str) -> Vec<u8> {
    let name = if name.is_empty() { "graph" } else { name };
    let mut bytes = Vec::new();
    Whole(rest, Named(graph, name)).encode(ValueWriter::new(&mut bytes)).expect("a vector takes every byte");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_cannot_do_without_is_refused() {
        // A graph (7) with an initializer (5) with a list of unsigned integers (11).
        let bytes = [7 << 3 | 2, 5, 5 << 3 | 2, 3, 11 << 3 | 2, 1, 9];
        let error = survey(&bytes, &mut Dropped::default()).unwrap_err();
        assert_eq!(error.code(), "unsupported-operator");
        assert_eq!(error.value().as_deref(), Some("unsigned integers outside raw_data"));
    }
}
