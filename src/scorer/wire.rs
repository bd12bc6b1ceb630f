//! Protocol Buffers, as far as an ONNX file needs them: fields over a borrowed slice.
//!
//! Nothing is allocated and no length is believed before it is compared with the bytes that are
//! there, so no input can make this module read outside its slice, loop, or reserve memory.
//! Groups (wire types 3 and 4) are refused: ONNX has none, and readers disagree about skipping them.

/// Why a message cannot be read. A phrase without a subject: the caller knows which part it was reading.
pub(crate) type Broken = &'static str;

/// One field: its number and its value as it stands in the file.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) number: u64,
    value: Wire<'a>,
}

#[derive(Clone, Copy)]
enum Wire<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32([u8; 4]),
}

/// The fields of one message, in file order. Ends after the first error.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn field(&mut self) -> Result<Field<'a>, Broken> {
        let tag = varint(&mut self.rest)?;
        let number = tag >> 3;
        if number == 0 {
            return Err("has a field without a number");
        }
        let value = match tag & 7 {
            0 => Wire::Varint(varint(&mut self.rest)?),
            1 => Wire::Fixed64(fixed(&mut self.rest)?),
            2 => {
                let len = varint(&mut self.rest)?;
                let len = usize::try_from(len).map_err(|_| "is cut short")?;
                let (bytes, rest) = self.rest.split_at_checked(len).ok_or("is cut short")?;
                self.rest = rest;
                Wire::Bytes(bytes)
            }
            5 => Wire::Fixed32(fixed(&mut self.rest)?),
            _ => return Err("has a field of an unknown wire type"),
        };
        Ok(Field { number, value })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'a> Field<'a> {
    pub(crate) fn bytes(&self) -> Result<&'a [u8], Broken> {
        match self.value {
            Wire::Bytes(bytes) => Ok(bytes),
            _ => Err("has a field of the wrong wire type"),
        }
    }

    pub(crate) fn text(&self) -> Result<&'a str, Broken> {
        std::str::from_utf8(self.bytes()?).map_err(|_| "has text that is not UTF-8")
    }

    /// `int32`, `int64` and enumerations.
    pub(crate) fn int(&self) -> Result<i64, Broken> {
        match self.value {
            Wire::Varint(value) => Ok(value.cast_signed()),
            _ => Err("has a field of the wrong wire type"),
        }
    }

    pub(crate) fn float(&self) -> Result<f32, Broken> {
        match self.value {
            Wire::Fixed32(bytes) => Ok(f32::from_le_bytes(bytes)),
            _ => Err("has a field of the wrong wire type"),
        }
    }

    /// How many bytes the value takes, zero for numbers.
    pub(crate) fn size(&self) -> usize {
        match self.value {
            Wire::Bytes(bytes) => bytes.len(),
            _ => 0,
        }
    }

    /// Every value of a repeated integer field, packed or not.
    pub(crate) fn each_int(&self, mut visit: impl FnMut(i64)) -> Result<(), Broken> {
        match self.value {
            Wire::Varint(value) => visit(value.cast_signed()),
            Wire::Bytes(mut packed) => {
                while !packed.is_empty() {
                    visit(varint(&mut packed)?.cast_signed());
                }
            }
            _ => return Err("has a field of the wrong wire type"),
        }
        Ok(())
    }

    /// Every value of a repeated `float` field, packed or not.
    pub(crate) fn each_float(&self, mut visit: impl FnMut(f32)) -> Result<(), Broken> {
        match self.value {
            Wire::Fixed32(bytes) => visit(f32::from_le_bytes(bytes)),
            Wire::Bytes(packed) => {
                let (values, rest) = packed.as_chunks::<4>();
                if !rest.is_empty() {
                    return Err("has packed floats of a broken length");
                }
                values.iter().for_each(|v| visit(f32::from_le_bytes(*v)));
            }
            _ => return Err("has a field of the wrong wire type"),
        }
        Ok(())
    }

    /// Every value of a repeated `double` field, packed or not.
    pub(crate) fn each_double(&self, mut visit: impl FnMut(f64)) -> Result<(), Broken> {
        match self.value {
            Wire::Fixed64(bytes) => visit(f64::from_le_bytes(bytes)),
            Wire::Bytes(packed) => {
                let (values, rest) = packed.as_chunks::<8>();
                if !rest.is_empty() {
                    return Err("has packed doubles of a broken length");
                }
                values.iter().for_each(|v| visit(f64::from_le_bytes(*v)));
            }
            _ => return Err("has a field of the wrong wire type"),
        }
        Ok(())
    }
}

fn fixed<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Broken> {
    let (bytes, tail) = rest.split_first_chunk().ok_or("is cut short")?;
    *rest = tail;
    Ok(*bytes)
}

fn varint(rest: &mut &[u8]) -> Result<u64, Broken> {
    let mut value = 0u64;
    // Ten groups of seven bits hold 64; the tenth has room for one bit.
    for shift in (0..70).step_by(7) {
        let (&byte, tail) = rest.split_first().ok_or("is cut short")?;
        *rest = tail;
        if shift == 63 && byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err("has a number of more than 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_beyond_the_slice_is_refused_without_allocating() {
        let lie = [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 1, 2, 3];
        assert_eq!(Fields::new(&lie).next().unwrap().err(), Some("is cut short"));
    }

    #[test]
    fn a_number_of_eleven_bytes_is_refused() {
        let long = [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00];
        assert_eq!(Fields::new(&long).next().unwrap().err(), Some("has a number of more than 64 bits"));
    }

    #[test]
    fn a_negative_number_takes_ten_bytes_and_is_read_back() {
        let minus_one = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        let field = Fields::new(&minus_one).next().unwrap().unwrap();
        assert_eq!((field.number, field.int()), (1, Ok(-1)));
    }

    #[test]
    fn reading_stops_after_the_first_broken_field() {
        assert_eq!(Fields::new(&[0x0b, 0x08, 0x01]).count(), 1);
    }

    #[test]
    fn packed_and_unpacked_numbers_read_alike() {
        let (mut packed, mut unpacked) = (Vec::new(), Vec::new());
        for field in Fields::new(&[0x0a, 0x03, 1, 0x96, 0x01]) {
            field.unwrap().each_int(|v| packed.push(v)).unwrap();
        }
        for field in Fields::new(&[0x08, 1, 0x08, 0x96, 0x01]) {
            field.unwrap().each_int(|v| unpacked.push(v)).unwrap();
        }
        assert_eq!((packed, unpacked), (vec![1, 150], vec![1, 150]));
    }
}
