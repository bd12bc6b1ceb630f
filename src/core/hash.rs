//! FNV-1a, 64 bits: fast, tiny and the same everywhere.
//!
//! It tells things apart (vocabularies, files, repeats); it protects nothing.
//! <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

/// A running hash.
#[derive(Clone, Copy)]
pub struct Fnv(u64);

impl Fnv {
    /// The hash of nothing.
    pub const fn new() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }

    /// This hash continued with `bytes`.
    pub fn with(mut self, bytes: &[u8]) -> Fnv {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self
    }

    /// This hash continued with `bytes`, eight at a time: as good at finding damage, and several times as fast. What is
    /// left over at the end counts as if zeros followed.
    pub(crate) fn with_words(mut self, bytes: &[u8]) -> Fnv {
        let (words, rest) = bytes.as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        for word in words.iter().chain([&last]) {
            self.0 = (self.0 ^ u64::from_le_bytes(*word)).wrapping_mul(0x0100_0000_01b3);
        }
        self
    }

    /// The value.
    pub const fn value(self) -> u64 {
        self.0
    }

    /// The value as 16 hexadecimal digits.
    pub fn hex(self) -> String {
        format!("{:016x}", self.0)
    }
}

impl Default for Fnv {
    fn default() -> Self {
        Fnv::new()
    }
}

/// What to index by text where the order never shows: a look-up reads the text twice, a sorted map's ten times. It is
/// hashed eight bytes at a time, which FNV cannot.
pub(crate) type Index<T = usize> = HashMap<String, T, FxBuildHasher>;

/// What few rows of a catalogue have, by the row, where the order never shows.
pub(crate) type OfRows<T> = HashMap<u32, T, FxBuildHasher>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vectors_hold() {
        assert_eq!(Fnv::new().value(), 0xcbf2_9ce4_8422_2325);
        assert_eq!(Fnv::new().with(b"a").value(), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(Fnv::new().with(b"foo").with(b"bar").value(), 0x8594_4171_f739_67e8);
    }
}
