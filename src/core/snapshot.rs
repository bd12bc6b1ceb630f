//! Snapshots: everything the device remembers, as bytes.
//!
//! Layout: `NSSN`, version (u16), payload length (u32), FNV-1a of the payload
//! (u64), all little-endian, then the payload in the postcard format. The
//! hash finds damage; it is no protection against a forger.

use serde::{Deserialize, Serialize};

use crate::clean;
use crate::error::Error;
use crate::event::Timestamp;
use crate::feedback;
use crate::hash::Fnv;
use crate::profile::Profile;

const MAGIC: &[u8; 4] = b"NSSN";
const HEADER: usize = 4 + 2 + 4 + 8;

/// The version this build writes, and the newest it reads.
pub const VERSION: u16 = 1;

/// What the device remembers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    pub(crate) profile: Profile,
    pub(crate) cleaning: clean::Counters,
    pub(crate) counters: feedback::Counters,
    /// Times of the newest events, to tell a robot's pace.
    pub(crate) pace: Vec<Timestamp>,
}

impl Memory {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let payload = postcard::to_allocvec(self).expect("plain data serialises");
        let mut bytes = Vec::with_capacity(HEADER + payload.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&Fnv::new().with(&payload).value().to_le_bytes());
        bytes.extend_from_slice(&payload);
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Memory, Error> {
        let damaged = |what| Error::SnapshotDamaged { what };
        let (header, payload) = bytes.split_at_checked(HEADER).ok_or(damaged("it is too short"))?;
        if &header[..4] != MAGIC {
            return Err(damaged("it does not begin with NSSN"));
        }
        let found = u16::from_le_bytes([header[4], header[5]]);
        // Checked before anything else that a newer version might lay out differently.
        if found != VERSION {
            return Err(Error::SnapshotVersion { found, supported: VERSION });
        }
        let length = u32::from_le_bytes(header[6..10].try_into().expect("four bytes"));
        if length as usize != payload.len() {
            return Err(damaged("its length does not match"));
        }
        let hash = u64::from_le_bytes(header[10..].try_into().expect("eight bytes"));
        if hash != Fnv::new().with(payload).value() {
            return Err(damaged("its bytes were altered"));
        }
        postcard::from_bytes(payload).map_err(|_| damaged("its contents do not fit"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_newer_version_is_refused_by_its_number() {
        let mut bytes = Memory::default().to_bytes();
        bytes[4] = 2;
        assert_eq!(Memory::from_bytes(&bytes).unwrap_err(), Error::SnapshotVersion { found: 2, supported: 1 });
    }

    #[test]
    fn every_truncation_is_refused() {
        let bytes = Memory::default().to_bytes();
        for length in 0..bytes.len() {
            assert!(Memory::from_bytes(&bytes[..length]).is_err(), "{length}");
        }
    }

    proptest! {
        #[test]
        fn no_altered_byte_goes_unnoticed(index in any::<prop::sample::Index>(), flip in 1u8..) {
            let mut bytes = Memory::default().to_bytes();
            let index = index.index(bytes.len());
            bytes[index] ^= flip;
            prop_assert!(Memory::from_bytes(&bytes).is_err());
        }

        #[test]
        fn forged_contents_are_an_error_and_not_a_panic(payload in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = MAGIC.to_vec();
            bytes.extend_from_slice(&VERSION.to_le_bytes());
            bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
            bytes.extend_from_slice(&Fnv::new().with(&payload).value().to_le_bytes());
            bytes.extend_from_slice(&payload);
            let _ = Memory::from_bytes(&bytes);
        }
    }
}
