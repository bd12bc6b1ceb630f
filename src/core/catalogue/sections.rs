//! The container of a catalogue's binary files: named sections behind one hash.
//!
//! Layout, all little-endian: `NSCA`, schema (u16), kind (u16), hash (u64) of everything but `NSCA` and itself; the
//! number of sections (u32) and four zeros; for each its tag (u32) and length in bytes (u32); then the sections, each
//! filled up with zeros to a multiple of eight. A column is one section and is copied whole.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::texts::Texts;
use crate::error::Error;
use crate::hash::Fnv;

const MAGIC: &[u8; 4] = b"NSCA";
const HEADER: usize = 16;
/// The layout this build writes and reads.
const SCHEMA: u16 = 1;
const ALIGNMENT: usize = 8;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A catalogue, or the first shard of one.
    Catalogue = 1,
    /// Another shard.
    Shard = 2,
    /// A delta.
    Delta = 3,
}

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Meta = 1,
    IdText,
    IdEnds,
    Category,
    Brand,
    Price,
    State,
    Sales,
    Item,
    Embedding,
    Scale,
    CategoryText,
    CategoryEnds,
    BrandText,
    BrandEnds,
    ItemWordText,
    ItemWordEnds,
    CategoryWordText,
    CategoryWordEnds,
    BrandWordText,
    BrandWordEnds,
    Campaigns,
    GoneText,
    GoneEnds,
    AnchorModel,
    AnchorText,
    AnchorEnds,
    AnchorMix,
    AnchorVector,
    AnchorScale,
}

/// Whether bytes are one of these files.
pub(super) fn is_binary(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

pub(super) fn damaged(what: &'static str) -> Error {
    Error::CatalogueDamaged { what }
}

/// A file being written.
#[derive(Default)]
pub(super) struct Writer {
    sections: Vec<(Tag, Vec<u8>)>,
}

impl Writer {
    pub(super) fn bytes(&mut self, tag: Tag, bytes: Vec<u8>) {
        self.sections.push((tag, bytes));
    }

    pub(super) fn numbers<const N: usize>(&mut self, tag: Tag, numbers: impl Iterator<Item = [u8; N]>) {
        self.bytes(tag, numbers.flatten().collect());
    }

    pub(super) fn texts(&mut self, [text, ends]: [Tag; 2], texts: &Texts) {
        self.bytes(text, texts.text().as_bytes().to_vec());
        self.numbers(ends, texts.ends().iter().map(|end| end.to_le_bytes()));
    }

    pub(super) fn value<T: Serialize>(&mut self, tag: Tag, value: &T) {
        self.bytes(tag, postcard::to_allocvec(value).expect("plain data serialises"));
    }

    pub(super) fn finish(self, kind: Kind) -> Vec<u8> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).expect("sections of less than 4 GiB");
        let mut body = Vec::new();
        body.extend_from_slice(&(self.sections.len() as u32).to_le_bytes());
        body.extend_from_slice(&[0; 4]);
        for (tag, bytes) in &self.sections {
            body.extend_from_slice(&(*tag as u32).to_le_bytes());
            body.extend_from_slice(&length(bytes).to_le_bytes());
        }
        for (_, bytes) in &self.sections {
            body.extend_from_slice(bytes);
            body.resize(body.len().next_multiple_of(ALIGNMENT), 0);
        }
        let mut front = SCHEMA.to_le_bytes().to_vec();
        front.extend_from_slice(&(kind as u16).to_le_bytes());
        let hash = hash(&front, &body);
        [MAGIC.as_slice(), &front, &hash.value().to_le_bytes(), &body].concat()
    }
}

fn hash(front: &[u8], body: &[u8]) -> Fnv {
    Fnv::new().with(front).with_words(body)
}

/// A file's sections, whole and unaltered.
pub(super) struct Sections<'a> {
    pub(super) kind: u16,
    hash: Fnv,
    sections: Vec<(u32, &'a [u8])>,
}

impl<'a> Sections<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Sections<'a>, Error> {
        if !is_binary(bytes) {
            return Err(damaged("it does not begin with NSCA"));
        }
        let (header, body) = bytes.split_at_checked(HEADER).ok_or(damaged("it is too short"))?;
        let found = u16::from_le_bytes([header[4], header[5]]);
        // Checked before anything else that another schema might lay out differently.
        if found != SCHEMA {
            return Err(Error::CatalogueSchema { found, supported: SCHEMA });
        }
        let stated = u64::from_le_bytes(header[8..].try_into().expect("eight bytes"));
        let hash = hash(&header[4..8], body);
        if stated != hash.value() {
            return Err(damaged("its bytes were altered, or some are missing"));
        }
        let short = || damaged("a section is cut short");
        let (count, rest) = body.split_at_checked(ALIGNMENT).ok_or_else(short)?;
        let count = number(&count[..4]);
        let (table, mut rest) = rest.split_at_checked(count.saturating_mul(8)).ok_or_else(short)?;
        let mut sections = Vec::new();
        for entry in table.chunks_exact(8) {
            let (tag, length) = (number(&entry[..4]) as u32, number(&entry[4..]));
            let (section, behind) = rest.split_at_checked(length.next_multiple_of(ALIGNMENT)).ok_or_else(short)?;
            sections.push((tag, &section[..length]));
            rest = behind;
        }
        Ok(Sections { kind: u16::from_le_bytes([header[6], header[7]]), hash, sections })
    }

    /// The hash of what the file holds: 16 hexadecimal digits.
    pub(super) fn hash(&self) -> String {
        self.hash.hex()
    }

    pub(super) fn find(&self, tag: Tag) -> Option<&'a [u8]> {
        self.sections.iter().find(|(found, _)| *found == tag as u32).map(|(_, bytes)| *bytes)
    }

    /// Reads what rests on a section that not every file has; `None` where it is missing.
    pub(super) fn optional<T>(&self, tag: Tag, read: impl FnOnce() -> Result<T, Error>) -> Result<Option<T>, Error> {
        self.find(tag).map(|_| read()).transpose()
    }

    pub(super) fn bytes(&self, tag: Tag) -> Result<&'a [u8], Error> {
        self.find(tag).ok_or(damaged("a section is missing"))
    }

    pub(super) fn numbers<T>(&self, tag: Tag, number: impl Fn([u8; 4]) -> T) -> Result<Vec<T>, Error> {
        let (numbers, rest) = self.bytes(tag)?.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(damaged("a column is cut short"));
        }
        Ok(numbers.iter().map(|bytes| number(*bytes)).collect())
    }

    pub(super) fn texts(&self, [text, ends]: [Tag; 2]) -> Result<Texts, Error> {
        let text = std::str::from_utf8(self.bytes(text)?).map_err(|_| damaged("a text is not UTF-8"))?;
        Texts::new(text.to_owned(), self.numbers(ends, u32::from_le_bytes)?).ok_or(damaged("texts do not fit"))
    }

    pub(super) fn value<T: DeserializeOwned>(&self, tag: Tag) -> Result<T, Error> {
        postcard::from_bytes(self.bytes(tag)?).map_err(|_| damaged("a section's contents do not fit"))
    }
}

fn number(bytes: &[u8]) -> usize {
    u32::from_le_bytes(bytes.try_into().expect("four bytes")) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::{Engine, Request, Retrieve, Timestamp};
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp(1_795_514_400_000);

    fn catalogue(version: &str, products: &str) -> Catalogue {
        let json = format!(
            r#"{{"version":"{version}","products":[{products}],"campaigns":[{{"id":"c","creatives":[{{"id":"k","item_id":"b"}}]}}],
                "placements":[{{"id":"p"}}]}}"#
        );
        Catalogue::read(json.as_bytes()).unwrap().0.quantised()
    }

    fn old() -> Catalogue {
        let mut old = catalogue(
            "1",
            r#"{"id":"a","title":"Guitar","product_type":"M > G","brand":"F","price":9,"sale_price":5},
               {"id":"b","title":"Fridge","brand":"L","price":7},{"id":"c","title":"Oven"}"#,
        );
        let anchors = crate::Anchors::new("m", ["a", "b"].into_iter(), vec![1.0, -1.0], vec![0.1, 0.2, 0.3]).unwrap();
        old.set_anchors(anchors).unwrap();
        old
    }

    fn delta() -> Vec<u8> {
        let products =
            r#"{"id":"a","title":"Guitar","price":8},{"id":"b","title":"Fridge"},{"id":"d","title":"Drum","price":1}"#;
        old().delta(&catalogue("2", products)).unwrap()
    }

    /// Whatever the bytes say, reading, ranking and a delta end in an answer.
    fn use_them(catalogue: &[u8], delta: &[u8]) -> bool {
        let mut engine = Engine::new();
        if engine.load_catalogue(catalogue, NOW).is_err() {
            return false;
        }
        let sound = engine.apply_delta(delta, NOW).is_ok();
        let placements: Vec<String> = engine.catalogue().unwrap().placements().iter().map(|p| p.id.clone()).collect();
        for placement in placements {
            for retrieve in [Retrieve::All, Retrieve::Best(2)] {
                let request = Request { placement: placement.clone(), retrieve, ..Request::default() };
                engine.rank(&request, NOW).unwrap();
            }
        }
        sound
    }

    /// The bytes with one other, and a hash that fits.
    fn forged(bytes: &[u8], index: usize, flip: u8) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        bytes[index] ^= flip;
        let hash = hash(&bytes[4..8], &bytes[HEADER..]).value();
        bytes[8..HEADER].copy_from_slice(&hash.to_le_bytes());
        bytes
    }

    #[test]
    fn whole_files_are_read() {
        assert!(use_them(&old().to_bytes(), &delta()));
    }

    #[test]
    fn every_truncation_and_every_altered_byte_is_refused() {
        let (whole, delta) = (old().to_bytes(), delta());
        for (bytes, is_catalogue) in [(&whole, true), (&delta, false)] {
            let accepted =
                |bytes: &[u8]| if is_catalogue { Catalogue::read(bytes).is_ok() } else { use_them(&whole, bytes) };
            for length in 0..bytes.len() {
                assert!(!accepted(&bytes[..length]), "{length}");
            }
            for index in 0..bytes.len() {
                let mut altered = bytes.clone();
                altered[index] ^= 0x41;
                assert!(!accepted(&altered), "{index}");
            }
        }
    }

    #[test]
    fn another_schema_is_refused_by_its_number() {
        let mut bytes = old().to_bytes();
        bytes[4] = 9;
        let error = Catalogue::read(&bytes).unwrap_err();
        assert_eq!(error, Error::CatalogueSchema { found: 9, supported: SCHEMA });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn forged_contents_are_an_error_or_a_catalogue_and_never_a_panic(
            at in any::<prop::sample::Index>(),
            also in any::<prop::sample::Index>(),
            flip in 1u8..,
            in_delta in any::<bool>(),
        ) {
            let (whole, delta) = (old().to_bytes(), delta());
            let bytes = if in_delta { &delta } else { &whole };
            let body = bytes.len() - HEADER;
            let bytes = forged(&forged(bytes, HEADER + at.index(body), flip), HEADER + also.index(body), flip);
            let _ = if in_delta { use_them(&whole, &bytes) } else { use_them(&bytes, &delta) };
        }
    }
}
