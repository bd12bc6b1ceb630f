//! A node of a graph: which operator, with which attributes.

use crate::tensor::Tensor;

/// An attribute of a node.
#[derive(Clone, Debug)]
pub enum Attribute {
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f32),
    /// A word.
    Text(String),
    /// A tensor.
    Tensor(Tensor),
    /// Whole numbers.
    Ints(Vec<i64>),
    /// Numbers.
    Floats(Vec<f32>),
    /// Words.
    Texts(Vec<String>),
}

/// An operator as a file means it.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name in ONNX.
    pub operator: String,
    /// The version of ONNX's operators that is meant.
    pub opset: i64,
    /// How many outputs are named.
    pub outputs: usize,
    /// The attributes, by name.
    pub attributes: Vec<(String, Attribute)>,
}

/// One reader for each kind of attribute; `None` where it is not there or of another kind.
macro_rules! readers {
    ($($(#[$doc:meta])* $name:ident: $kind:ident($value:ident) -> $type:ty = $read:expr;)*) => {
        impl Node {
            $($(#[$doc])* pub fn $name(&self, name: &str) -> Option<$type> {
                match self.attribute(name) {
                    Some(Attribute::$kind($value)) => Some($read),
                    _ => None,
                }
            })*
        }
    };
}

readers! {
    /// A whole number.
    int: Int(value) -> i64 = *value;
    /// A number.
    float: Float(value) -> f32 = *value;
    /// A word.
    text: Text(value) -> &str = value;
    /// A tensor.
    tensor: Tensor(value) -> &Tensor = value;
    /// Whole numbers.
    ints: Ints(values) -> &[i64] = values;
    /// Words.
    texts: Texts(values) -> &[String] = values;
}

impl Node {
    fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|(found, _)| found == name).map(|(_, attribute)| attribute)
    }

    /// Whether the attribute is there.
    pub fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }
}
