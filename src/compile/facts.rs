//! What is known of every value of a graph before it runs: on what it depends, its shape, and the numbers of small
//! tensors that are shapes themselves.
//!
//! What is not known is `None`, and a pass that would need it leaves the node alone.

mod shapes;

use std::collections::HashMap;

use nearside_core::Feature;
use nearside_core::feature::{Shape, Source};
use rten_onnx::onnx::ValueInfoProto;

use crate::graph::{Graph, Node};
use crate::size::Size;
use crate::weight::Weight;

pub(crate) use shapes::{BROADCAST, ELEMENTWISE, axes, axis, broadcast, same};

/// Tensors of at most this many whole numbers may be shapes.
const SHAPE_LENGTH: usize = 64;

/// How often a value has to be computed, from the least to the most often. An engine that hoists tells it by the inputs
/// that a value depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Per {
    /// Once: it depends on no input.
    Model,
    /// Once per catalogue: it depends on `ad.` inputs alone.
    Catalogue,
    /// Once per ranking: it depends on `session.`, `profile.` and `context.` inputs alone.
    Ranking,
    /// For every ad of every ranking.
    Ad,
}

impl Per {
    /// How often what depends on both has to be computed.
    pub(crate) fn with(self, other: Per) -> Per {
        match (self, other) {
            (Per::Model, per) | (per, Per::Model) => per,
            (a, b) if a == b => a,
            _ => Per::Ad,
        }
    }

    /// Whether it spares an engine work that it stands apart.
    pub(crate) fn is_hoisted(self) -> bool {
        self != Per::Ad
    }
}

/// Dimensions, each where it is known.
pub(crate) type Dims = Vec<Option<Size>>;

/// What is known of a value.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    pub(crate) per: Per,
    pub(crate) dims: Option<Dims>,
    /// The numbers of an `int64` tensor of one dimension or none; 1 and 0 for what is true and false.
    pub(crate) ints: Option<Dims>,
}

impl Fact {
    fn unknown(per: Per) -> Fact {
        Fact { per, dims: None, ints: None }
    }

    fn of_weight(weight: &Weight) -> Fact {
        let dims = weight.dims.iter().map(|d| Some(Size::fixed(*d as i64))).collect();
        let short = weight.dims.len() < 2 && weight.dims.iter().product::<usize>() <= SHAPE_LENGTH;
        let whole = weight.element == rten_onnx::onnx::DataType::INT64;
        let ints = (short && whole).then(|| weight.to_ints()).flatten();
        let ints = ints.map(|ints| ints.into_iter().map(|i| Some(Size::fixed(i))).collect());
        Fact { per: Per::Model, dims: Some(dims), ints }
    }

    /// The dimensions, where all are known.
    pub(crate) fn sizes(&self) -> Option<Vec<Size>> {
        self.dims.as_ref()?.iter().copied().collect()
    }

    /// The last dimension, where it is a number.
    pub(crate) fn columns(&self) -> Option<usize> {
        usize::try_from(self.dims.as_ref()?.last()?.as_ref()?.known()?).ok()
    }
}

/// What is known of the values of one graph.
#[derive(Debug)]
pub(crate) struct Facts(HashMap<String, Fact>);

impl Facts {
    pub(crate) fn new(graph: &Graph) -> Facts {
        let mut facts = Facts(HashMap::new());
        for input in &graph.inputs {
            if let Some(name) = &input.name {
                facts.0.insert(name.clone(), of_input(name, input));
            }
        }
        facts.0.extend(graph.weights.iter().map(|(name, weight)| (name.clone(), Fact::of_weight(weight))));
        for node in &graph.nodes {
            for (output, fact) in node.outputs.iter().zip(facts.infer(node)) {
                facts.0.insert(output.clone(), fact);
            }
        }
        facts
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Fact> {
        self.0.get(name)
    }

    /// How often a value is computed; every ad's, where nothing is known of it.
    pub(crate) fn per(&self, name: &str) -> Per {
        self.get(name).map_or(Per::Ad, |fact| fact.per)
    }

    /// The dimensions, where all are known.
    pub(crate) fn sizes(&self, name: &str) -> Option<Vec<Size>> {
        self.get(name)?.sizes()
    }

    /// One fact for each output of a node.
    pub(crate) fn infer(&self, node: &Node) -> Vec<Fact> {
        let per = node.reads().into_iter().fold(Per::Model, |per, name| match self.get(name) {
            Some(fact) => per.with(fact.per),
            // A subgraph's own value.
            None if node.has_subgraph() => per,
            None => Per::Ad,
        });
        let mut facts = vec![Fact::unknown(per); node.outputs.len()];
        if !node.domain.is_empty() {
            return facts;
        }
        for (fact, dims) in facts.iter_mut().zip(shapes::dims(node, self)) {
            fact.dims = dims;
        }
        if let Some(fact) = facts.first_mut() {
            fact.ints = shapes::ints(node, self);
        }
        facts
    }
}

/// The contract's dimensions, with the numbers that the file fixes.
fn of_input(name: &str, input: &ValueInfoProto) -> Fact {
    let Some(feature) = Feature::from_name(name) else { return Fact::unknown(Per::Ad) };
    let per = match feature.source() {
        Source::Ad => Per::Catalogue,
        Source::Session | Source::Profile | Source::Context => Per::Ranking,
        Source::Pair => Per::Ad,
    };
    let contract = match feature.shape() {
        Shape::PerEvent => [Size::ONE, Size::STEPS],
        Shape::Row(width) => [Size::ONE, Size::fixed(width as i64)],
        Shape::Embedding => [Size::ONE, Size::WIDTH],
        Shape::PerAd => [Size::ADS, Size::ONE],
        Shape::AdEmbedding => [Size::ADS, Size::WIDTH],
    };
    let tensor = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let declared = tensor.and_then(|tensor| tensor.shape.as_ref()).map(|shape| &shape.dim);
    let dims = match declared {
        // What the scorer hands over where a file declares nothing.
        None if feature.shape() == Shape::PerAd => vec![Some(Size::ADS)],
        None => contract.map(Some).to_vec(),
        Some(dims) => {
            dims.iter().zip(contract).map(|(dim, size)| Some(dim.dim_value.map_or(size, Size::fixed))).collect()
        }
    };
    Fact { per, dims: Some(dims), ints: None }
}
