//! Damaged and hostile files: whatever the bytes are, there is a typed error or a finite score.
//!
//! Sound files are taken apart field by field, changed where it hurts (lengths, dimensions, names,
//! operators, weights) and put together again; some get plain byte damage on top. The mutations come from a
//! fixed seed. `NEARSIDE_MUTATIONS` sets how many are tried per engine, for longer runs by hand.

mod vectors;

use std::borrow::Cow;

use nearside_core::feature::Values;
use nearside_scorer::{Dim, Engine, Error, Input, Model, ModelFile, Network};

/// Mutations per engine in an ordinary test run: seconds. tract takes ten times as long per file.
const MUTATIONS: u64 = 600;

/// xorshift64*: the mutations must be the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// A Protocol Buffers value without its schema: bytes that read as a message are taken for one.
#[derive(Clone)]
enum Part {
    Number(u64),
    Fixed(Vec<u8>),
    Bytes(Vec<u8>),
    Message(Vec<(u64, Part)>),
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn parse(mut bytes: &[u8]) -> Option<Vec<(u64, Part)>> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let part = match tag & 7 {
            0 => Part::Number(varint(&mut bytes)?),
            1 | 5 => {
                let (value, rest) = bytes.split_at_checked(if tag & 7 == 1 { 8 } else { 4 })?;
                bytes = rest;
                Part::Fixed(value.into())
            }
            2 => {
                let len = varint(&mut bytes)? as usize;
                let (value, rest) = bytes.split_at_checked(len)?;
                bytes = rest;
                match parse(value) {
                    Some(parts) if !parts.is_empty() => Part::Message(parts),
                    _ => Part::Bytes(value.into()),
                }
            }
            _ => return None,
        };
        (1..64).contains(&(tag >> 3)).then(|| parts.push((tag >> 3, part)))?;
    }
    Some(parts)
}

fn put(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn write(parts: &[(u64, Part)], out: &mut Vec<u8>) {
    for (number, part) in parts {
        match part {
            Part::Number(value) => {
                put(number << 3, out);
                put(*value, out);
            }
            Part::Fixed(bytes) => {
                put(number << 3 | if bytes.len() == 8 { 1 } else { 5 }, out);
                out.extend(bytes);
            }
            Part::Bytes(bytes) => {
                put(number << 3 | 2, out);
                put(bytes.len() as u64, out);
                out.extend(bytes);
            }
            Part::Message(parts) => {
                let mut inner = Vec::new();
                write(parts, &mut inner);
                put(number << 3 | 2, out);
                put(inner.len() as u64, out);
                out.extend(inner);
            }
        }
    }
}

/// The message at a random depth.
fn somewhere<'a>(parts: &'a mut Vec<(u64, Part)>, random: &mut Random) -> &'a mut Vec<(u64, Part)> {
    let inner: Vec<_> = (0..parts.len()).filter(|i| matches!(parts[*i].1, Part::Message(_))).collect();
    if inner.is_empty() || random.below(6) == 0 {
        return parts;
    }
    let index = inner[random.below(inner.len())];
    match &mut parts[index].1 {
        Part::Message(parts) => somewhere(parts, random),
        _ => unreachable!("only messages were listed"),
    }
}

const NUMBERS: [u64; 14] = [0, 1, 2, 3, 5, 7, 8, 16, 127, 1 << 20, 1 << 26, 1 << 31, i64::MAX as u64, u64::MAX];
const WORDS: [&str; 24] = [
    "",
    "score",
    "ad.item",
    "session.item",
    "ad.embedding",
    "axis",
    "axes",
    "perm",
    "hidden_size",
    "direction",
    "Gather",
    "Concat",
    "LSTM",
    "MatMul",
    "Expand",
    "Reshape",
    "Softmax",
    "Transpose",
    "Split",
    "Slice",
    "Unsqueeze",
    "ReduceSum",
    "Loop",
    "ConstantOfShape",
];

fn mutate(file: &[u8], random: &mut Random) -> Vec<u8> {
    let mut parts = parse(file).expect("the vectors are sound");
    for _ in 0..=random.below(3) {
        let message = somewhere(&mut parts, random);
        if message.is_empty() {
            continue;
        }
        let index = random.below(message.len());
        let other = message[random.below(message.len())].clone();
        match random.below(9) {
            0 => drop(message.remove(index)),
            1 => message.insert(index, other),
            2 => message[index].1 = other.1,
            3 => message[index].0 = random.below(26) as u64 + 1,
            4 => {
                let other = random.below(message.len());
                message.swap(index, other);
            }
            _ => match &mut message[index].1 {
                Part::Number(value) => *value = NUMBERS[random.below(NUMBERS.len())],
                Part::Fixed(bytes) => {
                    let value = [f32::NAN, f32::INFINITY, 0.0, -1e30, 1e-40][random.below(5)].to_le_bytes();
                    bytes.iter_mut().zip(value).for_each(|(to, from)| *to = from);
                }
                Part::Bytes(bytes) => match random.below(4) {
                    0 => *bytes = WORDS[random.below(WORDS.len())].into(),
                    1 => bytes.truncate(random.below(bytes.len() + 1)),
                    2 => *bytes = NUMBERS[random.below(NUMBERS.len())].to_le_bytes().into(),
                    _ => {
                        let at = random.below(bytes.len());
                        bytes.iter_mut().skip(at).take(1).for_each(|b| *b = random.next() as u8);
                    }
                },
                Part::Message(_) => message[index].1 = Part::Bytes(WORDS[random.below(WORDS.len())].into()),
            },
        }
    }
    let mut bytes = Vec::new();
    write(&parts, &mut bytes);
    match random.below(8) {
        0 => bytes.truncate(random.below(bytes.len())),
        1 => {
            let at = random.below(bytes.len());
            bytes.iter_mut().skip(at).take(1).for_each(|b| *b ^= 1 << random.below(8));
        }
        _ => {}
    }
    bytes
}

/// Runs a file on sizes it declares, with 3 for every free dimension. Returns what went wrong.
fn run(bytes: &[u8], engine: Engine) -> Option<Error> {
    let mut network = match Network::load(bytes, engine) {
        Ok(network) => network,
        Err(e) => return Some(e),
    };
    let ports = network.file().inputs.clone();
    let shapes: Vec<Vec<usize>> = ports
        .iter()
        .map(|port| {
            port.shape
                .iter()
                .flatten()
                .map(|dim| match dim {
                    Dim::Fixed(size) => *size,
                    Dim::Symbol(_) => 3,
                })
                .collect()
        })
        .collect();
    if shapes.iter().any(|s| s.iter().product::<usize>() > 1 << 20) {
        return None;
    }
    let inputs: Vec<_> = ports
        .iter()
        .zip(&shapes)
        .map(|(port, shape)| {
            let count = shape.iter().product();
            let values = match port.dtype {
                "int64" => Values::Id(Cow::Owned(vec![1; count])),
                _ => Values::Float(Cow::Owned(vec![0.5; count])),
            };
            Input { name: &port.name, shape, values }
        })
        .collect();
    match network.run(&inputs) {
        Ok(scores) => {
            assert!(scores.values.iter().all(|s| s.is_finite()));
            None
        }
        Err(e) => Some(e),
    }
}

fn survives(engine: Engine) {
    let count = std::env::var("NEARSIDE_MUTATIONS").map_or(MUTATIONS, |n| n.parse().expect("a number"));
    let seed = std::env::var("NEARSIDE_SEED").map_or(20_261_124, |n| n.parse().expect("a number"));
    let files: Vec<_> = vectors::runs().into_iter().map(|c| c.bytes).filter(|b| b.len() < 50_000).collect();
    let mut random = Random(seed);
    let (mut refused, mut failed) = (0, 0);
    for round in 0..count {
        let bytes = mutate(&files[round as usize % files.len()], &mut random);
        for error in [Model::load(&bytes, engine).err(), run(&bytes, engine)].into_iter().flatten() {
            assert!(!error.code().is_empty() && !error.remedy().is_empty() && !error.to_string().is_empty());
            match error {
                Error::EngineFailed { message, .. } => {
                    failed += 1;
                    if std::env::var_os("NEARSIDE_MUTATIONS").is_some() {
                        eprintln!("round {round}: {message}");
                    }
                }
                _ => refused += 1,
            }
        }
    }
    // Most damage has to be found here, not by the engines: in a browser their panic is a trap.
    assert!(refused > failed * 2, "{refused} refused, {failed} left to the engine");
}

#[cfg(feature = "compact")]
#[test]
fn damaged_files_never_bring_down_the_compact_engine() {
    survives(Engine::Compact);
}

#[cfg(feature = "full")]
#[test]
fn damaged_files_never_bring_down_the_full_engine() {
    survives(Engine::Full);
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let file = vectors::case("content").bytes;
    for end in 0..file.len() {
        // A cut between two fields of the outermost message may leave a whole file without its metadata.
        if let Ok(file) = ModelFile::read(&file[..end]) {
            assert!(!file.warnings.is_empty(), "cut at {end}");
        }
    }
}

fn put_bytes(number: u64, bytes: &[u8], out: &mut Vec<u8>) {
    put(number << 3 | 2, out);
    put(bytes.len() as u64, out);
    out.extend(bytes);
}

/// One message inside another, `count` times, after `before` each.
fn nested(before: &[u8], numbers: &[u64], count: usize) -> Vec<u8> {
    let mut inner = Vec::new();
    for _ in 0..count {
        for number in numbers {
            let mut outer = if *number == numbers[numbers.len() - 2] { before.to_vec() } else { Vec::new() };
            put_bytes(*number, &inner, &mut outer);
            inner = outer;
        }
    }
    inner
}

fn with_graph(graph: &[u8]) -> Vec<u8> {
    let mut file = vec![0x08, 8];
    put_bytes(7, graph, &mut file);
    file
}

#[test]
fn graphs_nested_a_thousand_times_do_not_reach_the_stack() {
    // node.input "", node.output "o", node.op_type "If"; then graph.node > node.attribute > attribute.g, from the inside out.
    let node = [0x0a, 0, 0x12, 1, b'o', 0x22, 2, b'I', b'f'];
    let graph = nested(&node, &[6, 5, 1], 3000);
    assert_eq!(ModelFile::read(&with_graph(&graph)).unwrap_err().code(), "model-too-large");
}

#[test]
fn types_nested_a_thousand_times_do_not_reach_the_stack() {
    // graph.value_info > info.type > type.sequence > sequence.elem_type, from the inside out.
    let mut info = vec![0x0a, 1, b'x'];
    put_bytes(2, &nested(&[], &[1, 4], 3000), &mut info);
    let mut graph = Vec::new();
    put_bytes(13, &info, &mut graph);
    assert_eq!(ModelFile::read(&with_graph(&graph)).unwrap_err().code(), "unsupported-operator");
}

#[test]
fn a_million_empty_records_are_refused_before_they_are_stored() {
    let graph = [0x2a, 0].repeat(1_000_000);
    assert_eq!(ModelFile::read(&with_graph(&graph)).unwrap_err().code(), "model-too-large");
}

#[test]
fn more_than_64_mib_are_refused_unread() {
    assert_eq!(ModelFile::read(&vec![0; (64 << 20) + 1]).unwrap_err().code(), "model-too-large");
}
