//! The graph of a file: order, names, sizes.
//!
//! What holds after [`read`] returns: every name is written once and before it is read, so there is no
//! cycle and no dangling edge; every stored tensor matches its dimensions; every constant shape stays
//! under [`limits::ELEMENTS`]; every message an engine's reader will descend into was descended into
//! here, with its lengths checked and its nesting bounded.
//!
//! The size of a shape that depends on the number of candidates cannot be known here; its constant part can,
//! see [`Known`].

use std::collections::{BTreeSet, HashMap};

use crate::file::{Dim, Port};
use crate::wire::{Broken, Field, Fields};
use crate::{Error, limits, tensor};

/// What the walk over all graphs of a file collects.
#[derive(Default)]
pub(crate) struct Walk {
    /// Operators, with their domain where it is not ONNX's own.
    pub(crate) operators: BTreeSet<String>,
    /// Constructs that no engine here reads, in words.
    pub(crate) foreign: BTreeSet<String>,
    /// Elements of all stored tensors.
    pub(crate) parameters: u64,
    /// Nodes of all graphs.
    pub(crate) nodes: usize,
    records: usize,
    skipped: usize,
}

impl Walk {
    /// Counts one message or string.
    pub(crate) fn record(&mut self) -> Result<(), Error> {
        self.records += 1;
        within("messages and strings", limits::RECORDS, self.records)
    }

    /// Counts a field that nothing here looks into.
    pub(crate) fn skip(&mut self, field: &Field<'_>) -> Result<(), Error> {
        self.skipped += field.size();
        within("documentation and annotations", limits::SKIPPED_BYTES, self.skipped)
    }
}

fn within(what: &str, limit: usize, got: usize) -> Result<(), Error> {
    if got > limit {
        return Err(Error::TooLarge { what: what.into(), limit: limit as u64, got: got as u64 });
    }
    Ok(())
}

/// What is known of a value before the file runs.
#[derive(Clone, Default)]
struct Known {
    /// Nodes on the longest path to it.
    path: u32,
    /// For a short integer tensor, which may be a shape: the values that are known, in order.
    ints: Vec<i64>,
    /// Whether these are all.
    whole: bool,
}

impl Known {
    fn whole(ints: Option<Vec<i64>>) -> Self {
        ints.map_or_else(Self::default, |ints| Self { ints, whole: true, path: 0 })
    }

    /// At least this many elements make up a tensor of this shape, unless it is empty.
    fn elements(&self) -> u64 {
        self.ints.iter().map(|d| d.unsigned_abs().max(1)).fold(1, u64::saturating_mul)
    }
}

/// The names that can be read at one place.
struct Scope<'a, 'p> {
    names: HashMap<&'a str, Known>,
    outer: Option<&'p Scope<'a, 'p>>,
}

impl<'a> Scope<'a, '_> {
    fn define(&mut self, name: &'a str, known: Known) -> Result<(), Error> {
        if self.names.insert(name, known).is_some() {
            return Err(Error::damaged(format!("value \"{name}\""), "is defined twice"));
        }
        Ok(())
    }

    fn find(&self, name: &str) -> Option<&Known> {
        self.names.get(name).or_else(|| self.outer?.find(name))
    }

    /// What the node computes, as far as shapes are commonly computed.
    fn fold(&self, operator: &str, inputs: &[&str]) -> Known {
        let known = |index: usize| inputs.get(index).and_then(|name| self.find(name)).cloned().unwrap_or_default();
        match operator {
            "Identity" | "Cast" | "Squeeze" | "Unsqueeze" | "Reshape" | "Flatten" => known(0),
            "Concat" => {
                let mut all = Known { whole: true, ..Known::default() };
                for part in (0..inputs.len()).map(known) {
                    all.whole &= part.whole;
                    all.ints.extend(part.ints);
                }
                all.ints.truncate(limits::RANK * 2);
                all
            }
            "Mul" | "Add" => {
                let (a, b) = (known(0), known(1));
                let step = if operator == "Mul" { i64::saturating_mul } else { i64::saturating_add };
                match (a.whole && b.whole, &a.ints[..], &b.ints[..]) {
                    (true, [one], many) | (true, many, [one]) => {
                        Known::whole(Some(many.iter().map(|v| step(*v, *one)).collect()))
                    }
                    (true, a, b) if a.len() == b.len() => {
                        Known::whole(Some(a.iter().zip(b).map(|(a, b)| step(*a, *b)).collect()))
                    }
                    _ => Known::default(),
                }
            }
            _ => Known::default(),
        }
    }
}

/// The inputs and outputs of the main graph.
pub(crate) struct Ports {
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
}

/// Checks the main graph and everything in it.
pub(crate) fn read(message: &[u8], walk: &mut Walk) -> Result<Ports, Error> {
    graph(message, walk, None, 0)
}

fn graph<'a>(message: &'a [u8], walk: &mut Walk, outer: Option<&Scope<'a, '_>>, depth: usize) -> Result<Ports, Error> {
    within("nesting of subgraphs", limits::SUBGRAPH_DEPTH, depth)?;
    let broken = |fault: Broken| Error::damaged("graph", fault);
    let (mut nodes, mut initializers, mut inputs, mut outputs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for field in Fields::new(message) {
        let field = field.map_err(broken)?;
        walk.record()?;
        match field.number {
            1 => nodes.push(field.bytes().map_err(broken)?),
            5 => initializers.push(field.bytes().map_err(broken)?),
            11 => inputs.push(port(field.bytes().map_err(broken)?, walk)?),
            12 => outputs.push(port(field.bytes().map_err(broken)?, walk)?),
            // Shapes the exporter inferred. Engines read them, so they are checked and forgotten.
            13 => drop(port(field.bytes().map_err(broken)?, walk)?),
            15 => drop(walk.foreign.insert("sparse initializers".into())),
            _ => walk.skip(&field)?,
        }
    }
    walk.nodes += nodes.len();
    within("nodes", limits::NODES, walk.nodes)?;

    let mut scope = Scope { names: HashMap::new(), outer };
    for message in initializers {
        let stored = stored(message, "initializer", walk)?;
        if stored.name.is_empty() {
            return Err(Error::damaged("initializer", "has no name"));
        }
        scope.define(stored.name, Known::whole(stored.ints))?;
    }
    // Files of IR version 3 list initializers among the inputs; those are defaults, not inputs.
    let mut ports = Ports { inputs: Vec::new(), outputs: Vec::new() };
    for (name, input) in inputs {
        if !scope.names.contains_key(name) {
            scope.define(name, Known::default())?;
            ports.inputs.push(input);
        }
    }
    for message in nodes {
        node(message, walk, &mut scope, depth)?;
    }
    for (name, output) in outputs {
        if scope.find(name).is_none() {
            return Err(Error::damaged(format!("output \"{name}\""), "is computed by no node"));
        }
        ports.outputs.push(output);
    }
    Ok(ports)
}

fn stored<'a>(message: &'a [u8], owner: &str, walk: &mut Walk) -> Result<tensor::Stored<'a>, Error> {
    let stored = tensor::read(message, owner)?;
    walk.parameters = walk.parameters.saturating_add(stored.elements);
    if let Some(name) = stored.foreign {
        walk.foreign.insert(format!("weights of type {name}"));
    }
    Ok(stored)
}

fn node<'a>(message: &'a [u8], walk: &mut Walk, scope: &mut Scope<'a, '_>, depth: usize) -> Result<(), Error> {
    let (mut inputs, mut outputs, mut attributes) = (Vec::new(), Vec::new(), Vec::new());
    let (mut name, mut operator, mut domain) = ("", None, "");
    let broken = |fault: Broken| Error::damaged("node", fault);
    for field in Fields::new(message) {
        let field = field.map_err(broken)?;
        walk.record()?;
        match field.number {
            1 => inputs.push(field.text().map_err(broken)?),
            2 => outputs.push(field.text().map_err(broken)?),
            3 => name = field.text().map_err(broken)?,
            4 if operator.is_none() => operator = Some(field.text().map_err(broken)?),
            4 => return Err(broken("has two operators")),
            5 => attributes.push(field.bytes().map_err(broken)?),
            7 => domain = field.text().map_err(broken)?,
            _ => walk.skip(&field)?,
        }
    }
    let operator = operator.unwrap_or_default();
    let part = || {
        let name = if name.is_empty() { outputs.first().copied().unwrap_or_default() } else { name };
        format!("node \"{name}\" ({operator})")
    };
    if operator.is_empty() {
        return Err(Error::damaged(part(), "has no operator"));
    }
    if outputs.iter().all(|o| o.is_empty()) {
        return Err(Error::damaged(part(), "has no output"));
    }
    if inputs.is_empty() && operator != "Constant" {
        return Err(Error::damaged(part(), "has no input"));
    }
    walk.operators.insert(match domain {
        "" | "ai.onnx" => operator.to_string(),
        _ => format!("{domain}.{operator}"),
    });

    for input in inputs.iter().filter(|i| !i.is_empty()) {
        if scope.find(input).is_none() {
            return Err(Error::damaged(part(), format!("reads \"{input}\", which nothing before it computes")));
        }
    }
    let path = 1 + inputs.iter().filter_map(|name| scope.find(name)).map(|known| known.path).max().unwrap_or(0);
    within("nodes on one path", limits::PATH as usize, path as usize)?;
    let mut first = scope.fold(operator, &inputs);
    let mut seen = BTreeSet::new();
    for message in attributes {
        let attribute = attribute(message, walk, scope, depth, &part)?;
        if !seen.insert(attribute.name) {
            return Err(Error::damaged(part(), format!("has the attribute {} twice", attribute.name)));
        }
        let ints = attribute.ints.as_deref().unwrap_or_default();
        match (operator, attribute.name) {
            ("Constant", _) => first = Known::whole(attribute.ints),
            ("Transpose", "perm") if !is_permutation(ints) => {
                return Err(Error::damaged(part(), format!("reorders dimensions by {ints:?}")));
            }
            (_, "axis" | "axes") => axes(ints, &part)?,
            _ => {}
        }
    }
    if matches!(operator, "Squeeze" | "Unsqueeze") || operator.starts_with("Reduce") {
        let known = inputs.get(1).and_then(|name| scope.find(name));
        axes(known.map_or(&[][..], |k| &k.ints), &part)?;
    }
    check_size(operator, &inputs, scope, &part)?;
    for (index, output) in outputs.iter().enumerate().filter(|(_, o)| !o.is_empty()) {
        let known = if index == 0 { std::mem::take(&mut first) } else { Known::default() };
        scope.define(output, Known { path, ..known })?;
    }
    Ok(())
}

/// Engines index shapes by these before they compare them with a rank.
fn axes(axes: &[i64], part: &impl Fn() -> String) -> Result<(), Error> {
    let most = limits::RANK as i64;
    match axes.iter().find(|axis| !(-most..most).contains(axis)) {
        Some(axis) => Err(Error::damaged(part(), format!("names dimension {axis}"))),
        None => Ok(()),
    }
}

fn is_permutation(order: &[i64]) -> bool {
    (0..order.len() as i64).all(|axis| order.contains(&axis))
}

struct Attribute<'a> {
    name: &'a str,
    /// The integers it holds, where they are few.
    ints: Option<Vec<i64>>,
}

fn attribute<'a>(
    message: &'a [u8],
    walk: &mut Walk,
    scope: &Scope<'a, '_>,
    depth: usize,
    part: &impl Fn() -> String,
) -> Result<Attribute<'a>, Error> {
    let broken = |fault: Broken| Error::damaged(part(), fault);
    let mut name = None;
    let mut ints: Option<Vec<i64>> = None;
    let (mut tensors, mut graphs) = (0, 0);
    for field in Fields::new(message) {
        let field = field.map_err(broken)?;
        walk.record()?;
        match field.number {
            1 if name.is_none() => name = Some(field.text().map_err(broken)?),
            1 => return Err(broken("has an attribute with two names")),
            2 => drop(field.float().map_err(broken)?),
            3 => ints.get_or_insert_default().push(field.int().map_err(broken)?),
            4 | 9 => drop(field.bytes().map_err(broken)?),
            5 => {
                tensors += 1;
                ints = stored(field.bytes().map_err(broken)?, &part(), walk)?.ints;
            }
            6 => {
                graphs += 1;
                graph(field.bytes().map_err(broken)?, walk, Some(scope), depth + 1)?;
            }
            7 => field.each_float(|_| ()).map_err(broken)?,
            8 => {
                let list = ints.get_or_insert_default();
                field.each_int(|v| list.push(v)).map_err(broken)?;
            }
            10 | 11 | 14 | 15 | 22 | 23 => {
                walk.foreign.insert("lists of tensors or graphs, sparse tensors and types as attributes".into());
            }
            20 => drop(field.int().map_err(broken)?),
            _ => walk.skip(&field)?,
        }
    }
    if tensors > 1 || graphs > 1 {
        return Err(broken("has an attribute with two values"));
    }
    Ok(Attribute { name: name.unwrap_or_default(), ints })
}

/// Refuses operators whose arguments ask for a huge tensor, before an engine reserves it.
fn check_size(operator: &str, inputs: &[&str], scope: &Scope<'_, '_>, part: &impl Fn() -> String) -> Result<(), Error> {
    let known = |index: usize| inputs.get(index).and_then(|name| scope.find(name));
    let got = match operator {
        "ConstantOfShape" => known(0).map(Known::elements),
        "Expand" | "Tile" | "Reshape" | "TopK" => known(1).map(Known::elements),
        "Resize" => known(3).map(Known::elements),
        "OneHot" | "Pad" => known(1).map(|k| k.ints.iter().map(|d| d.unsigned_abs()).fold(0, u64::saturating_add)),
        "Range" => match (known(0), known(1), known(2)) {
            (Some(from), Some(to), Some(step)) => match (&from.ints[..], &to.ints[..], &step.ints[..]) {
                ([from], [to], [step]) => Some(to.abs_diff(*from).checked_div(step.unsigned_abs()).unwrap_or(u64::MAX)),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    match got {
        Some(got) if got > limits::ELEMENTS => {
            Err(Error::TooLarge { what: format!("size asked for by {}", part()), limit: limits::ELEMENTS, got })
        }
        _ => Ok(()),
    }
}

/// Reads a `ValueInfoProto`: a name, an element type and a shape.
fn port<'a>(message: &'a [u8], walk: &mut Walk) -> Result<(&'a str, Port), Error> {
    let broken = |fault: Broken| Error::damaged("a declared value", fault);
    let (mut name, mut tensor) = (None, None);
    for field in Fields::new(message) {
        let field = field.map_err(broken)?;
        walk.record()?;
        match field.number {
            1 if name.is_none() => name = Some(field.text().map_err(broken)?),
            2 if tensor.is_none() => tensor = Some(tensor_type(field.bytes().map_err(broken)?, walk)?),
            1 | 2 => return Err(broken("has two names or types")),
            _ => walk.skip(&field)?,
        }
    }
    let name = name.unwrap_or_default();
    let (data_type, shape) = tensor.unwrap_or_default();
    if name.is_empty() {
        return Err(broken("has no name"));
    }
    Ok((name, Port { name: name.into(), dtype: tensor::type_name(data_type.unwrap_or(0)), shape }))
}

type TensorType = (Option<i64>, Option<Vec<Dim>>);

fn tensor_type(message: &[u8], walk: &mut Walk) -> Result<TensorType, Error> {
    let broken = |fault: Broken| Error::damaged("a declared type", fault);
    let mut tensor = None;
    for field in Fields::new(message) {
        let field = field.map_err(broken)?;
        walk.record()?;
        match field.number {
            1 if tensor.is_none() => tensor = Some(field.bytes().map_err(broken)?),
            1 => return Err(broken("is given twice")),
            4 | 5 | 8 | 9 => drop(walk.foreign.insert("sequences, maps, optionals and sparse values".into())),
            _ => walk.skip(&field)?,
        }
    }
    let (mut data_type, mut shape) = (None, None);
    for field in Fields::new(tensor.unwrap_or_default()) {
        let field = field.map_err(broken)?;
        walk.record()?;
        match field.number {
            1 => data_type = Some(field.int().map_err(broken)?),
            2 if shape.is_none() => shape = Some(dims(field.bytes().map_err(broken)?, walk)?),
            2 => return Err(broken("has two shapes")),
            _ => walk.skip(&field)?,
        }
    }
    Ok((data_type, shape))
}

fn dims(message: &[u8], walk: &mut Walk) -> Result<Vec<Dim>, Error> {
    let broken = |fault: Broken| Error::damaged("a declared shape", fault);
    let mut dims = Vec::new();
    for field in Fields::new(message) {
        let field = field.map_err(broken)?;
        walk.record()?;
        if field.number != 1 {
            walk.skip(&field)?;
            continue;
        }
        let mut dim = Dim::Symbol("?".into());
        for field in Fields::new(field.bytes().map_err(broken)?) {
            let field = field.map_err(broken)?;
            walk.record()?;
            match field.number {
                1 => dim = size(field.int().map_err(broken)?)?,
                2 => {
                    let name = field.text().map_err(broken)?;
                    if !name.is_empty() {
                        dim = Dim::Symbol(name.into());
                    }
                }
                _ => walk.skip(&field)?,
            }
        }
        dims.push(dim);
        within("rank of a declared shape", limits::RANK, dims.len())?;
    }
    Ok(dims)
}

/// Some exporters write -1, or 0, for a dimension they do not know.
fn size(value: i64) -> Result<Dim, Error> {
    match u64::try_from(value) {
        Err(_) | Ok(0) => Ok(Dim::Symbol("?".into())),
        Ok(got) if got > limits::ELEMENTS => {
            Err(Error::TooLarge { what: "a declared dimension".into(), limit: limits::ELEMENTS, got })
        }
        Ok(size) => Ok(Dim::Fixed(size as usize)),
    }
}
