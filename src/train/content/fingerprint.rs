//! Fingerprints: which content encoder belongs to which network.
//!
//! An encoder's vectors mean nothing to another network, even where both have the same width. The encoder, the network's
//! file and a catalogue with vectors of the encoder therefore carry one fingerprint: the last two in their description,
//! behind the words "content encoder".

use nearside_core::Fnv;

use super::NewItems;
use crate::network::Network;

/// What stands before a fingerprint in a description.
const BEFORE: &str = "content encoder ";
/// Hexadecimal digits of a fingerprint.
const DIGITS: usize = 16;

impl NewItems {
    /// The fingerprint that an encoder for this network and the network's file have in common.
    pub(crate) fn fingerprint(&self, network: &Network) -> String {
        let NewItems { novelty, repeat, profile, context } = self;
        let numbers = network.table().into_iter().chain([*novelty, *repeat, *profile, *context]);
        numbers.fold(Fnv::new(), |hash, number| hash.with(&number.to_le_bytes())).hex()
    }
}

/// A phrase that names an encoder in a description.
pub(crate) fn phrase(fingerprint: &str) -> String {
    format!("{BEFORE}{fingerprint}")
}

/// The fingerprint of the content encoder that a description names: that of a network's file, or of a catalogue.
pub fn named_encoder(description: &str) -> Option<&str> {
    let mut places = description.match_indices(BEFORE).map(|(place, _)| place + BEFORE.len());
    places.find_map(|start| {
        let digits = description.get(start..start + DIGITS)?;
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(digits)
    })
}

/// A catalogue's description with one more sentence, which names the encoder that its vectors are of; in place of that
/// sentence where there is one. Without a fingerprint, the description without the sentence.
pub fn described(description: &str, fingerprint: Option<&str>) -> String {
    let sentence = |fingerprint: &str| format!("The embeddings are those of the {}.", phrase(fingerprint));
    let old = named_encoder(description).map(sentence);
    let rest = old.map_or_else(|| description.to_owned(), |old| description.replace(&old, ""));
    let parts = [rest.trim().to_owned(), fingerprint.map(sentence).unwrap_or_default()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_names_the_last_encoder_alone_and_keeps_the_shops_own_words() {
        let (a, b) = ("0123456789abcdef", "fedcba9876543210");
        let own = "A shop with a content encoder of its own.";
        assert_eq!(named_encoder(own), None);
        let once = described(own, Some(a));
        assert!(once.starts_with(own) && named_encoder(&once) == Some(a), "{once}");
        assert_eq!(described(&once, Some(b)), described(own, Some(b)));
        assert_eq!(described(&once, None), own);
        assert_eq!((named_encoder(&described("", Some(b))), described("", None)), (Some(b), String::new()));
    }
}
