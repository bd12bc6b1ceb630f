//! Tensors stored in a file: does the data match the dimensions, and are the weights numbers?

use crate::Error;
use crate::limits;
use crate::wire::{Broken, Field, Fields};

/// Constants of at most this many elements are kept, to check the shapes they ask for.
const KEPT_INTS: usize = 16;

/// What the checks need to remember of a tensor.
pub(crate) struct Stored<'a> {
    pub(crate) name: &'a str,
    pub(crate) elements: u64,
    /// The values of a short `int64` tensor, which may be a shape.
    pub(crate) ints: Option<Vec<i64>>,
    /// The element type's name, where neither engine has it.
    pub(crate) foreign: Option<&'static str>,
}

/// ONNX element types by number, with the bytes an element takes in `raw_data`. Zero: neither engine reads them.
const TYPES: [(&str, u64); 24] = [
    ("undefined", 0),
    ("float", 4),
    ("uint8", 1),
    ("int8", 1),
    ("uint16", 2),
    ("int16", 2),
    ("int32", 4),
    ("int64", 8),
    ("string", 0),
    ("bool", 1),
    ("float16", 2),
    ("double", 8),
    ("uint32", 4),
    ("uint64", 8),
    ("complex64", 0),
    ("complex128", 0),
    ("bfloat16", 2),
    ("float8e4m3fn", 0),
    ("float8e4m3fnuz", 0),
    ("float8e5m2", 0),
    ("float8e5m2fnuz", 0),
    ("uint4", 0),
    ("int4", 0),
    ("float4e2m1", 0),
];

/// The name of an ONNX element type.
pub(crate) fn type_name(number: i64) -> &'static str {
    usize::try_from(number).ok().and_then(|n| TYPES.get(n)).map_or("undefined", |(name, _)| name)
}

/// What has been seen of the values so far.
#[derive(Default)]
struct Values {
    count: u64,
    nan: bool,
    infinite: bool,
    /// A finite value other than zero.
    ordinary: bool,
    ints: Vec<i64>,
}

impl Values {
    fn int(&mut self, value: i64) {
        self.count += 1;
        if self.ints.len() <= KEPT_INTS {
            self.ints.push(value);
        }
    }

    fn float(&mut self, value: f64) {
        self.count += 1;
        self.nan |= value.is_nan();
        self.infinite |= value.is_infinite();
        self.ordinary |= value.is_finite() && value != 0.0;
    }

    /// `float16` and `bfloat16`: only the class matters.
    fn half(&mut self, bits: u16, exponent: u16, mantissa: u16) {
        self.float(match (bits & exponent == exponent, bits & mantissa != 0) {
            (true, true) => f64::NAN,
            (true, false) => f64::INFINITY,
            (false, _) if bits & !0x8000 == 0 => 0.0,
            (false, _) => 1.0,
        });
    }

    fn raw(&mut self, data_type: &str, raw: &[u8]) {
        match data_type {
            "float" => raw.as_chunks().0.iter().for_each(|b| self.float(f32::from_le_bytes(*b).into())),
            "double" => raw.as_chunks().0.iter().for_each(|b| self.float(f64::from_le_bytes(*b))),
            "float16" => raw.as_chunks().0.iter().for_each(|b| self.half(u16::from_le_bytes(*b), 0x7c00, 0x03ff)),
            "bfloat16" => raw.as_chunks().0.iter().for_each(|b| self.half(u16::from_le_bytes(*b), 0x7f80, 0x007f)),
            "int64" => raw.as_chunks().0.iter().for_each(|b| self.int(i64::from_le_bytes(*b))),
            _ => {}
        }
    }
}

/// Reads and checks one `TensorProto`. `owner` names it where it has no name of its own.
pub(crate) fn read<'a>(message: &'a [u8], owner: &str) -> Result<Stored<'a>, Error> {
    let name = name(message).map_err(|fault| Error::damaged(owner, fault))?;
    let part = if name.is_empty() { owner.to_string() } else { format!("tensor \"{name}\"") };
    let broken = |fault: Broken| Error::damaged(part.as_str(), fault);

    let mut dims = Vec::new();
    let mut number = None;
    let mut raw: Option<&[u8]> = None;
    let mut typed: Vec<Field<'a>> = Vec::new();
    for field in Fields::new(message) {
        let field = field.map_err(broken)?;
        match field.number {
            1 => field
                .each_int(|d| {
                    if dims.len() <= limits::RANK {
                        dims.push(d)
                    }
                })
                .map_err(broken)?,
            2 if number.is_none() => number = Some(field.int().map_err(broken)?),
            9 if raw.is_none() => raw = Some(field.bytes().map_err(broken)?),
            2 | 9 => return Err(broken("has a type or data twice")),
            3 => return Err(broken("is stored in segments")),
            4 | 5 | 7 | 10 | 11 => typed.push(field),
            13 => return Err(broken("has its data in another file, which a page cannot open")),
            14 if field.int().map_err(broken)? != 0 => {
                return Err(broken("has its data in another file, which a page cannot open"));
            }
            _ => {}
        }
    }

    if dims.len() > limits::RANK {
        let got = dims.len() as u64;
        return Err(Error::TooLarge { what: format!("rank of {part}"), limit: limits::RANK as u64, got });
    }
    let mut elements = 1u64;
    for dim in &dims {
        let dim = u64::try_from(*dim).map_err(|_| broken("has a negative dimension"))?;
        elements = elements.saturating_mul(dim);
    }
    // A zero would hide the others from the product, and engines multiply them in another order.
    let widest = dims.iter().map(|d| d.unsigned_abs()).filter(|d| *d > 0).fold(1, u64::saturating_mul);
    if widest > limits::ELEMENTS {
        return Err(Error::TooLarge { what: format!("size of {part}"), limit: limits::ELEMENTS, got: widest });
    }

    let number = number.ok_or_else(|| broken("has no element type"))?;
    let data_type = type_name(number);
    let size = usize::try_from(number).ok().and_then(|n| TYPES.get(n)).map_or(0, |(_, size)| *size);
    if size == 0 {
        return Ok(Stored { name, elements, ints: None, foreign: Some(data_type) });
    }

    let mut values = Values::default();
    let stored = if let Some(raw) = raw {
        if !typed.is_empty() {
            return Err(broken("has its data twice"));
        }
        values.raw(data_type, raw);
        if !(raw.len() as u64).is_multiple_of(size) {
            return Err(broken("has data that does not divide into elements"));
        }
        raw.len() as u64 / size
    } else {
        // Each element type has one field for its values. A reader ignores the others, so they are refused.
        let home = match data_type {
            "float" => 4,
            "int64" => 7,
            "double" => 10,
            "uint32" | "uint64" => 11,
            _ => 5,
        };
        for field in &typed {
            if field.number != home {
                return Err(broken("has data in a field of another element type"));
            }
            match home {
                4 => field.each_float(|v| values.float(v.into())),
                10 => field.each_double(|v| values.float(v)),
                _ => field.each_int(|v| match data_type {
                    "float16" => values.half((v & 0xffff) as u16, 0x7c00, 0x03ff),
                    "bfloat16" => values.half((v & 0xffff) as u16, 0x7f80, 0x007f),
                    _ => values.int(v),
                }),
            }
            .map_err(broken)?;
        }
        values.count
    };
    if stored != elements {
        return Err(Error::damaged(part, format!("has {stored} elements and dimensions for {elements}")));
    }
    if values.nan {
        return Err(broken("holds a value that is not a number"));
    }
    // Attention masks and open bounds are zeros and infinities; an infinite weight among others is damage.
    if values.infinite && values.ordinary {
        return Err(broken("holds an infinite weight"));
    }
    let ints = (data_type == "int64" && elements <= KEPT_INTS as u64).then_some(values.ints);
    Ok(Stored { name, elements, ints, foreign: None })
}

fn name(message: &[u8]) -> Result<&str, Broken> {
    let mut name = None;
    for field in Fields::new(message) {
        let field = field?;
        if field.number == 8 {
            if name.is_some() {
                return Err("has a tensor with two names");
            }
            name = Some(field.text()?);
        }
    }
    Ok(name.unwrap_or_default())
}
