//! What a model file says, read before any engine sees its bytes.

use std::fmt;

use nearside_core::Fnv;
use nearside_core::feature::{Element, Values};
use serde::{Deserialize, Serialize};

use crate::graph::{self, Ports, Walk};
use crate::segments::{self, Segment};
use crate::wire::{Broken, Fields};
use crate::{Error, SCHEMA, limits};

/// One dimension of an input or output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Dim {
    /// Always this size.
    Fixed(usize),
    /// Decided by the values; the file's name for it, `?` where it has none.
    Symbol(String),
}

impl Dim {
    /// Whether a value of this size fits.
    pub fn allows(&self, size: usize) -> bool {
        match self {
            Dim::Fixed(fixed) => *fixed == size,
            Dim::Symbol(_) => true,
        }
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dim::Fixed(size) => size.fmt(f),
            Dim::Symbol(name) => name.fmt(f),
        }
    }
}

/// An input or output as the file declares it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Port {
    /// The name.
    pub name: String,
    /// The element type in ONNX's word, such as `float` or `int64`; `undefined` where the file does not say.
    pub dtype: &'static str,
    /// The dimensions. `None`: the file does not say.
    pub shape: Option<Vec<Dim>>,
}

impl Port {
    /// The shape as text, like `[N, 64]`.
    pub fn shape_text(&self) -> String {
        self.shape.as_deref().map_or_else(|| "unknown".into(), shape_text)
    }
}

/// A shape as text, like `[N, 64]`.
pub(crate) fn shape_text<D: fmt::Display>(dims: &[D]) -> String {
    let dims: Vec<_> = dims.iter().map(D::to_string).collect();
    format!("[{}]", dims.join(", "))
}

/// What the output `score` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// A probability, 0 to 1. What a file means that does not say.
    Probability,
    /// A logit: the probability is its logistic function.
    Logit,
}

/// A correction of the logit: `scale * logit + offset`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Calibration {
    /// Factor, finite. 1 changes nothing; below 1 draws probabilities towards a half.
    pub scale: f32,
    /// Summand, finite. 0 changes nothing; negative lowers every probability.
    pub offset: f32,
}

/// One golden input.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenInput {
    /// The dimensions.
    pub shape: Vec<usize>,
    /// The values, row-major.
    pub data: Vec<f64>,
}

impl GoldenInput {
    /// The values as an engine takes them.
    pub fn values(&self, element: Element) -> Values<'static> {
        match element {
            Element::Id => Values::Id(self.data.iter().map(|v| *v as i32).collect()),
            Element::Float => Values::Float(self.data.iter().map(|v| *v as f32).collect()),
        }
    }
}

/// Inputs and the scores that the framework which wrote the file computed for them, before calibration.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// Every input of the file, by name.
    pub inputs: std::collections::BTreeMap<String, GoldenInput>,
    /// The output `score`, flattened.
    pub score: Vec<f32>,
}

/// The summary of a file that passed every check which needs no engine.
#[derive(Clone, Debug)]
pub struct ModelFile {
    /// FNV-1a of the bytes, 16 hexadecimal digits.
    pub hash: String,
    /// The size of the file.
    pub bytes: usize,
    /// Version of ONNX's operator set, 0 where the file does not say.
    pub opset: i64,
    /// The inputs, without those that have a default.
    pub inputs: Vec<Port>,
    /// The outputs.
    pub outputs: Vec<Port>,
    /// The operators, with their domain where it is not ONNX's own, sorted.
    pub operators: Vec<String>,
    /// How many nodes there are, those of subgraphs included.
    pub nodes: usize,
    /// Stored numbers: weights and constants.
    pub parameters: u64,
    /// `nearside.output`.
    pub output: Output,
    /// `nearside.vocabulary`.
    pub vocabulary: Option<String>,
    /// `nearside.calibration`.
    pub calibration: Option<Calibration>,
    /// `nearside.description`.
    pub description: Option<String>,
    /// `nearside.golden`.
    pub golden: Vec<Golden>,
    /// `nearside.segments`; empty where the file has none.
    pub segments: Vec<Segment>,
    /// What is odd but works.
    pub warnings: Vec<String>,
}

impl ModelFile {
    /// Reads and checks `bytes`. See [`limits`](crate::limits) for how much is accepted.
    ///
    /// Errors: `model-damaged`, `model-too-large`, `unsupported-operator` (for constructs that neither
    /// engine reads) and `schema-mismatch`.
    pub fn read(bytes: &[u8]) -> Result<ModelFile, Error> {
        if bytes.len() > limits::FILE_BYTES {
            let (limit, got) = (limits::FILE_BYTES as u64, bytes.len() as u64);
            return Err(Error::TooLarge { what: "bytes".into(), limit, got });
        }
        let broken = |fault: Broken| Error::damaged("model", fault);
        let mut walk = Walk::default();
        let mut metadata = Vec::new();
        let (mut main, mut ir_version, mut opset) = (None, None, 0);
        for field in Fields::new(bytes) {
            let field = field.map_err(broken)?;
            walk.record()?;
            match field.number {
                1 => ir_version = Some(field.int().map_err(broken)?),
                7 if main.is_none() => main = Some(field.bytes().map_err(broken)?),
                7 => return Err(broken("has two graphs")),
                8 => {
                    if let ("" | "ai.onnx", version) = opset_import(field.bytes().map_err(broken)?).map_err(broken)? {
                        opset = version;
                    }
                }
                14 => metadata.push(property(field.bytes().map_err(broken)?).map_err(broken)?),
                20 => drop(walk.foreign.insert("training graphs".into())),
                25 => drop(walk.foreign.insert("local functions".into())),
                2 | 3 | 4 | 6 => drop(field.text().map_err(broken)?),
                5 => drop(field.int().map_err(broken)?),
                _ => walk.skip(&field)?,
            }
        }
        if ir_version.is_none() {
            return Err(broken("has no ONNX version, so it is not an ONNX file or only a part of one"));
        }
        let main = main.ok_or_else(|| broken("has no graph"))?;
        let Ports { inputs, outputs } = graph::read(main, &mut walk)?;
        if !walk.foreign.is_empty() {
            return Err(Error::UnsupportedOperator { operators: walk.foreign.into_iter().collect(), engine: None });
        }
        let mut file = ModelFile {
            hash: Fnv::new().with(bytes).hex(),
            bytes: bytes.len(),
            opset,
            inputs,
            outputs,
            operators: walk.operators.into_iter().collect(),
            nodes: walk.nodes,
            parameters: walk.parameters,
            output: Output::Probability,
            vocabulary: None,
            calibration: None,
            description: None,
            golden: Vec::new(),
            segments: Vec::new(),
            warnings: Vec::new(),
        };
        file.read_metadata(&metadata)?;
        Ok(file)
    }

    fn read_metadata(&mut self, properties: &[(&str, &str)]) -> Result<(), Error> {
        let mut schema = None;
        let mut output = None;
        for (key, value) in properties {
            match *key {
                "nearside.schema" => schema = Some(*value),
                "nearside.output" => output = Some(*value),
                "nearside.vocabulary" => self.vocabulary = Some(value.to_string()),
                "nearside.description" => self.description = Some(value.to_string()),
                "nearside.calibration" => {
                    let calibration: Calibration = serde_json::from_str(value)
                        .map_err(|e| Error::damaged(*key, format!("cannot be read: {e}")))?;
                    if !calibration.scale.is_finite() || !calibration.offset.is_finite() {
                        return Err(Error::damaged(*key, "holds a value that is not finite"));
                    }
                    self.calibration = Some(calibration);
                }
                "nearside.golden" => {
                    self.golden =
                        serde_json::from_str(value).map_err(|e| Error::GoldenUnusable { fault: e.to_string() })?;
                }
                segments::KEY => self.segments = segments::read(value)?,
                key if key.starts_with("nearside.") => {
                    self.warnings.push(format!("the metadata {key} means nothing to this build"));
                }
                _ => {}
            }
        }
        match schema.map(|s| (s, s.trim().parse::<u32>())) {
            None => self.warnings.push(format!("the metadata nearside.schema is missing; {SCHEMA} is assumed")),
            Some((_, Ok(version))) if version == SCHEMA => {}
            Some((got, _)) => return Err(Error::SchemaMismatch { expected: SCHEMA, got: got.into() }),
        }
        match output {
            Some("logit") => self.output = Output::Logit,
            Some("probability") => {}
            None => self.warnings.push("the metadata nearside.output is missing; probability is assumed".into()),
            Some(other) => {
                let fault = format!("is {other:?}; it must be \"probability\" or \"logit\"");
                return Err(Error::damaged("nearside.output", fault));
            }
        }
        if self.golden.is_empty() {
            self.warnings.push("the file has no golden cases, so nothing shows that it still computes the same".into());
        }
        Ok(())
    }
}

fn opset_import(message: &[u8]) -> Result<(&str, i64), Broken> {
    let (mut domain, mut version) = ("", 0);
    for field in Fields::new(message) {
        let field = field?;
        match field.number {
            1 => domain = field.text()?,
            2 => version = field.int()?,
            _ => {}
        }
    }
    Ok((domain, version))
}

fn property(message: &[u8]) -> Result<(&str, &str), Broken> {
    let (mut key, mut value) = ("", "");
    for field in Fields::new(message) {
        let field = field?;
        match field.number {
            1 => key = field.text()?,
            2 => value = field.text()?,
            _ => {}
        }
    }
    Ok((key, value))
}
