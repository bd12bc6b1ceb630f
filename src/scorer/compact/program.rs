//! The graph of a file as a list of steps: names resolved to numbers, weights decoded, constants computed.
//!
//! The bytes were checked by [`ModelFile::read`](crate::ModelFile::read): every name is written before it is read, and
//! every tensor has as many elements as its shape says.

use std::collections::HashMap;

use nearside_operators::{Attribute, Buffer, Data, Fault, Node, Run, Tensor};

use crate::tensor::type_name;
use crate::wire::{Broken, Field, Fields};

/// One step: a node and the values it reads and writes.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) node: Node,
    pub(super) run: Run,
    /// Value numbers; `None` for an optional input that is left out.
    pub(super) inputs: Vec<Option<usize>>,
    pub(super) outputs: Vec<Option<usize>>,
}

/// A graph, reduced to what `score` needs.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) steps: Vec<Step>,
    /// How many values there are, weights and inputs among them.
    pub(super) values: usize,
    /// The weights, by value number.
    pub(super) weights: Vec<(usize, Tensor)>,
    /// The inputs, by name.
    pub(super) inputs: Vec<(String, usize)>,
    pub(super) score: usize,
}

impl Program {
    /// Reads a checked file. The error names an operator's form that this engine does not run.
    pub(super) fn read(model: &[u8], inputs: &[&str], opset: i64) -> Result<Program, Fault> {
        let graph = field_of(model, 7)?.ok_or("there is no graph")?;
        let mut reader = Reader { opset, numbers: HashMap::new(), steps: Vec::new(), weights: Vec::new() };
        let mut nodes = Vec::new();
        for field in Fields::new(graph) {
            let field = field?;
            match field.number {
                1 => nodes.push(field.bytes()?),
                5 => {
                    let (name, tensor) = tensor(field.bytes()?)?;
                    let number = reader.number(name);
                    reader.weights.push((number, tensor));
                }
                _ => {}
            }
        }
        let inputs = inputs.iter().map(|name| ((*name).to_owned(), reader.number(name))).collect();
        for node in nodes {
            reader.node(node)?;
        }
        let score = reader.number("score");
        let Reader { numbers, steps, weights, .. } = reader;
        let mut program = Program { steps, values: numbers.len(), weights, inputs, score };
        program.keep_what_score_needs();
        Ok(program)
    }

    fn keep_what_score_needs(&mut self) {
        let (kept, read) = self.leading_to_score(0..self.steps.len());
        let mut steps: Vec<_> = std::mem::take(&mut self.steps).into_iter().map(Some).collect();
        self.steps = kept.into_iter().filter_map(|step| steps[step].take()).collect();
        self.weights.retain(|(value, _)| read[*value]);
    }

    /// Those of `steps` whose outputs another of them, or the score, reads; and by value whether it is read so.
    pub(super) fn leading_to_score(&self, steps: impl DoubleEndedIterator<Item = usize>) -> (Vec<usize>, Vec<bool>) {
        let mut read = vec![false; self.values];
        read[self.score] = true;
        let mut leading = Vec::new();
        for index in steps.rev() {
            let Step { inputs, outputs, .. } = &self.steps[index];
            if outputs.iter().flatten().any(|value| read[*value]) {
                inputs.iter().flatten().for_each(|value| read[*value] = true);
                leading.push(index);
            }
        }
        leading.reverse();
        (leading, read)
    }
}

struct Reader<'a> {
    opset: i64,
    numbers: HashMap<&'a str, usize>,
    steps: Vec<Step>,
    weights: Vec<(usize, Tensor)>,
}

impl<'a> Reader<'a> {
    fn number(&mut self, name: &'a str) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(name).or_insert(next)
    }

    fn node(&mut self, message: &'a [u8]) -> Result<(), Fault> {
        let (mut inputs, mut outputs, mut attributes, mut operator) = (Vec::new(), Vec::new(), Vec::new(), "");
        for field in Fields::new(message) {
            let field = field?;
            match field.number {
                1 => inputs.push(field.text()?),
                2 => outputs.push(field.text()?),
                4 => operator = field.text()?,
                5 => attributes.push(attribute(field.bytes()?)?),
                _ => {}
            }
        }
        let mut numbers = |names: Vec<&'a str>| -> Vec<Option<usize>> {
            names.into_iter().map(|name| (!name.is_empty()).then(|| self.number(name))).collect()
        };
        let (inputs, outputs) = (numbers(inputs), numbers(outputs));
        let node = Node { operator: operator.to_owned(), opset: self.opset, outputs: outputs.len(), attributes };
        let run = nearside_operators::find(&node)?;
        match (run, outputs.first()) {
            (Run::Constant, Some(Some(output))) => self.weights.push((*output, constant(&node)?)),
            _ => self.steps.push(Step { node, run, inputs, outputs }),
        }
        Ok(())
    }
}

/// The value of a node `Constant`.
fn constant(node: &Node) -> Result<Tensor, Fault> {
    let narrow = |values: &[i64]| values.iter().map(|v| narrowed(*v)).collect();
    match node.attributes.first() {
        Some((_, Attribute::Tensor(tensor))) => Ok(tensor.clone()),
        Some((_, Attribute::Float(value))) => Ok(Tensor::floats(Vec::new(), vec![*value])),
        Some((_, Attribute::Int(value))) => Ok(Tensor::ints(Vec::new(), narrow(&[*value]))),
        Some((_, Attribute::Floats(values))) => Ok(Tensor::floats(vec![values.len()], values.clone())),
        Some((_, Attribute::Ints(values))) => Ok(Tensor::ints(vec![values.len()], narrow(values))),
        _ => Err("Constant without a number".into()),
    }
}

/// The first field of a number, where it holds bytes.
fn field_of(message: &[u8], number: u64) -> Result<Option<&[u8]>, Broken> {
    for field in Fields::new(message) {
        let field = field?;
        if field.number == number {
            return field.bytes().map(Some);
        }
    }
    Ok(None)
}

/// `AttributeProto`. Its type decides, since writers leave out a number that is zero.
fn attribute(message: &[u8]) -> Result<(String, Attribute), Fault> {
    let (mut name, mut kind) = ("", 0);
    let (mut int, mut float, mut bytes, mut stored) = (0, 0.0, &[][..], None);
    let (mut ints, mut floats, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    let mut present = 0;
    for field in Fields::new(message) {
        let field = field?;
        match field.number {
            1 => name = field.text()?,
            2 => float = field.float()?,
            3 => int = field.int()?,
            4 => bytes = field.bytes()?,
            5 => stored = Some(tensor(field.bytes()?)?.1),
            7 => field.each_float(|v| floats.push(v))?,
            8 => field.each_int(|v| ints.push(v))?,
            9 => texts.push(String::from_utf8_lossy(field.bytes()?).into_owned()),
            20 => kind = field.int()?,
            _ => {}
        }
        // The old format has no type: whichever field is there.
        present = match field.number {
            2 => 1,
            3 => 2,
            4 => 3,
            5 => 4,
            7 => 6,
            8 => 7,
            9 => 8,
            _ => present,
        };
    }
    let attribute = match if kind == 0 { present } else { kind } {
        1 => Attribute::Float(float),
        3 => Attribute::Text(String::from_utf8_lossy(bytes).into_owned()),
        4 => Attribute::Tensor(stored.ok_or("a tensor is missing")?),
        6 => Attribute::Floats(floats),
        7 => Attribute::Ints(ints),
        8 => Attribute::Texts(texts),
        _ => Attribute::Int(int),
    };
    Ok((name.to_owned(), attribute))
}

/// `int64` as the engine holds it. What does not fit is an open end of a slice.
fn narrowed(value: i64) -> i32 {
    value.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

/// `TensorProto`: its name and its elements.
fn tensor(message: &[u8]) -> Result<(&str, Tensor), Fault> {
    let (mut name, mut kind, mut shape, mut raw, mut typed) = ("", 0, Vec::new(), None, Vec::new());
    for field in Fields::new(message) {
        let field = field?;
        match field.number {
            1 => field.each_int(|dim| shape.push(dim as usize))?,
            2 => kind = field.int()?,
            8 => name = field.text()?,
            9 => raw = Some(field.bytes()?),
            4 | 5 | 7 | 10 | 11 => typed.push(field),
            _ => {}
        }
    }
    let data = elements(type_name(kind), raw, &typed)?;
    if data.len() != shape.iter().product::<usize>() {
        return Err(format!("the tensor {name} has {} elements for {shape:?}", data.len()));
    }
    Ok((name, Tensor { shape, data }))
}

fn elements(kind: &str, raw: Option<&[u8]>, typed: &[Field<'_>]) -> Result<Data, Fault> {
    let ints = || -> Result<Vec<i64>, Broken> {
        let mut all = Vec::new();
        typed.iter().try_for_each(|field| field.each_int(|v| all.push(v)))?;
        Ok(all)
    };
    let raw = raw.filter(|_| typed.is_empty());
    Ok(match (kind, raw) {
        ("float", Some(raw)) => Data::Float(chunks(raw, f32::from_le_bytes)),
        ("float", None) => {
            let mut all = Vec::new();
            typed.iter().try_for_each(|field| field.each_float(|v| all.push(v)))?;
            Data::Float(all.into())
        }
        ("double", Some(raw)) => Data::Float(chunks(raw, |bytes| f64::from_le_bytes(bytes) as f32)),
        ("double", None) => {
            let mut all = Vec::new();
            typed.iter().try_for_each(|field| field.each_double(|v| all.push(v as f32)))?;
            Data::Float(all.into())
        }
        ("int64", Some(raw)) => Data::Int(chunks(raw, |bytes| narrowed(i64::from_le_bytes(bytes)))),
        ("int32", Some(raw)) => Data::Int(chunks(raw, i32::from_le_bytes)),
        ("bool", Some(raw)) => Data::Int(chunks(raw, |[byte]| i32::from(byte != 0))),
        ("int8", Some(raw)) => Data::I8(chunks(raw, i8::from_le_bytes)),
        ("uint8", Some(raw)) => Data::U8(chunks(raw, u8::from_le_bytes)),
        ("int64" | "int32" | "bool", None) => Data::Int(ints()?.into_iter().map(narrowed).collect::<Vec<_>>().into()),
        ("int8", None) => Data::I8(ints()?.into_iter().map(|v| v as i8).collect::<Vec<_>>().into()),
        ("uint8", None) => Data::U8(ints()?.into_iter().map(|v| v as u8).collect::<Vec<_>>().into()),
        (kind, _) => return Err(format!("weights of type {kind}")),
    })
}

fn chunks<const N: usize, T: Clone>(raw: &[u8], read: impl Fn([u8; N]) -> T) -> Buffer<T> {
    raw.as_chunks().0.iter().map(|bytes| read(*bytes)).collect::<Vec<T>>().into()
}
