//! One vector against all ads, turned so that it costs one pass over them.
//!
//! A two-tower model ends in `MatMul(ads [N, D], Transpose(shopper [1, D]))`. To the engine that is a matrix product
//! whose second factor has one column, which it pads to the width of its kernel: most of the work is on zeros. The
//! same product turned, `Transpose(MatMul(shopper, Transpose(ads)))`, is a vector times a matrix, which it has a
//! kernel for. Sums run in another order, so scores may differ in the last bits.

use std::collections::{HashMap, HashSet};

use nearside_core::Feature;

use crate::wire::{Broken, Fields};

/// Numbers of the fields of ONNX's messages, <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>.
mod field {
    pub(super) const MODEL_GRAPH: u64 = 7;
    pub(super) const GRAPH_NODE: u64 = 1;
    pub(super) const NODE_INPUT: u64 = 1;
    pub(super) const NODE_OUTPUT: u64 = 2;
    pub(super) const NODE_OPERATOR: u64 = 4;
    pub(super) const NODE_ATTRIBUTE: u64 = 5;
    pub(super) const ATTRIBUTE_INTS: u64 = 8;
}

/// The file with every such product turned; `None` where it has none. `bytes` were checked before.
pub(super) fn turned(bytes: &[u8]) -> Option<Vec<u8>> {
    let graph = fields(bytes).find(|(number, _, _)| *number == field::MODEL_GRAPH)?.2?;
    let products = products(graph).ok().filter(|products| !products.is_empty())?;
    let mut index = 0;
    let graph = rewritten(graph, field::GRAPH_NODE, |out| {
        index += 1;
        products.get(&(index - 1)).map(|product| product.write(out)).is_some()
    });
    Some(rewritten(bytes, field::MODEL_GRAPH, |out| {
        message(out, field::MODEL_GRAPH, &graph);
        true
    }))
}

/// The fields of a message: number, the field as it stands there, and its contents where it is a message or text.
fn fields(bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8], Option<&[u8]>)> {
    let mut fields = Fields::new(bytes);
    std::iter::from_fn(move || {
        let before = fields.rest();
        let field = fields.next()?.ok()?;
        Some((field.number, &before[..before.len() - fields.rest().len()], field.bytes().ok()))
    })
}

/// A message copied, but for the fields of one number that `replace` writes anew.
fn rewritten(bytes: &[u8], number: u64, mut replace: impl FnMut(&mut Vec<u8>) -> bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 256);
    for (found, raw, _) in fields(bytes) {
        if found != number || !replace(&mut out) {
            out.extend_from_slice(raw);
        }
    }
    out
}

/// A product to be turned.
struct Product<'a> {
    shopper: &'a str,
    ads: &'a str,
    score: &'a str,
}

impl Product<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let (ads, score) = (self.ads_turned(), self.score_turned());
        node(out, "Transpose", &[self.ads], &ads);
        node(out, "MatMul", &[self.shopper, &ads], &score);
        node(out, "Transpose", &[&score], self.score);
    }

    fn ads_turned(&self) -> String {
        format!("{}/ads", self.score)
    }

    fn score_turned(&self) -> String {
        format!("{}/turned", self.score)
    }
}

/// The products to be turned, by the index of their node.
fn products(graph: &[u8]) -> Result<HashMap<usize, Product<'_>>, Broken> {
    let mut found = HashMap::new();
    let mut names = HashSet::new();
    // A row per ad: what is known to be a matrix without running the file.
    let mut rows = HashSet::from([Feature::AdEmbedding.name()]);
    let mut turned = HashMap::new();
    let nodes = fields(graph).filter(|(number, _, _)| *number == field::GRAPH_NODE);
    for (index, (_, _, contents)) in nodes.enumerate() {
        let node = Node::read(contents.unwrap_or_default())?;
        let Some(output) = node.output else { continue };
        names.insert(output);
        match (node.operator, &node.inputs[..]) {
            ("Gemm", _) => {
                rows.insert(output);
            }
            ("Transpose", [matrix]) if node.perm == [1, 0] => {
                turned.insert(output, *matrix);
            }
            ("MatMul", [ads, shopper]) if rows.contains(ads) => {
                if let Some(shopper) = turned.get(shopper) {
                    found.insert(index, Product { shopper, ads, score: output });
                }
            }
            _ => {}
        }
    }
    let free = |name: String| !names.contains(name.as_str());
    found.retain(|_, product| free(product.ads_turned()) && free(product.score_turned()));
    Ok(found)
}

#[derive(Default)]
struct Node<'a> {
    operator: &'a str,
    inputs: Vec<&'a str>,
    output: Option<&'a str>,
    perm: Vec<i64>,
}

impl<'a> Node<'a> {
    fn read(message: &'a [u8]) -> Result<Self, Broken> {
        let mut node = Node::default();
        for field in Fields::new(message) {
            let field = field?;
            match field.number {
                field::NODE_INPUT => node.inputs.push(field.text()?),
                field::NODE_OUTPUT => node.output = Some(field.text()?),
                field::NODE_OPERATOR => node.operator = field.text()?,
                field::NODE_ATTRIBUTE => {
                    for attribute in Fields::new(field.bytes()?) {
                        let attribute = attribute?;
                        if attribute.number == field::ATTRIBUTE_INTS {
                            attribute.each_int(|axis| node.perm.push(axis))?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(node)
    }
}

/// A node without attributes; a `Transpose` then reverses the dimensions.
fn node(out: &mut Vec<u8>, operator: &str, inputs: &[&str], output: &str) {
    let mut node = Vec::new();
    inputs.iter().for_each(|input| message(&mut node, field::NODE_INPUT, input.as_bytes()));
    message(&mut node, field::NODE_OUTPUT, output.as_bytes());
    message(&mut node, field::NODE_OPERATOR, operator.as_bytes());
    message(out, field::GRAPH_NODE, &node);
}

fn message(out: &mut Vec<u8>, number: u64, contents: &[u8]) {
    const LENGTH_DELIMITED: u64 = 2;
    varint(out, number << 3 | LENGTH_DELIMITED);
    varint(out, contents.len() as u64);
    out.extend_from_slice(contents);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(graph: &[u8]) -> Vec<u8> {
        let mut model = Vec::new();
        message(&mut model, field::MODEL_GRAPH, graph);
        model
    }

    /// `score = ad.embedding . Transpose(shopper)`, and one node more.
    fn two_towers(perm: [u64; 2], (operator, input, output): (&str, &str, &str)) -> Vec<u8> {
        let mut attribute = Vec::new();
        for axis in perm {
            varint(&mut attribute, field::ATTRIBUTE_INTS << 3);
            varint(&mut attribute, axis);
        }
        let mut transpose = Vec::new();
        message(&mut transpose, field::NODE_INPUT, b"shopper");
        message(&mut transpose, field::NODE_OUTPUT, b"column");
        message(&mut transpose, field::NODE_OPERATOR, b"Transpose");
        message(&mut transpose, field::NODE_ATTRIBUTE, &attribute);
        let mut graph = Vec::new();
        message(&mut graph, field::GRAPH_NODE, &transpose);
        node(&mut graph, "MatMul", &["ad.embedding", "column"], "score");
        node(&mut graph, operator, &[input], output);
        model(&graph)
    }

    fn nodes(model: &[u8]) -> Vec<String> {
        let graph = fields(model).find(|(number, _, _)| *number == field::MODEL_GRAPH).unwrap().2.unwrap();
        let said = |contents: &[u8]| {
            let Node { operator, inputs, output, .. } = Node::read(contents).unwrap();
            format!("{} = {operator} {}", output.unwrap(), inputs.join(" "))
        };
        fields(graph).map(|(_, _, contents)| said(contents.unwrap())).collect()
    }

    #[test]
    fn the_product_is_turned_and_the_rest_of_the_file_stays() {
        let turned = turned(&two_towers([1, 0], ("Sigmoid", "score", "p"))).unwrap();
        assert_eq!(
            nodes(&turned),
            [
                "column = Transpose shopper",
                "score/ads = Transpose ad.embedding",
                "score/turned = MatMul shopper score/ads",
                "score = Transpose score/turned",
                "p = Sigmoid score",
            ]
        );
    }

    #[test]
    fn a_file_without_such_a_product_stays_as_it_is() {
        let untransposed = two_towers([0, 1], ("Sigmoid", "score", "p"));
        let name_taken = two_towers([1, 0], ("Relu", "x", "score/ads"));
        let mut graph = Vec::new();
        node(&mut graph, "MatMul", &["ad.embedding", "column"], "score");
        for file in [untransposed, name_taken, model(&graph), b"no file".to_vec()] {
            assert_eq!(turned(&file), None);
        }
    }
}
