//! The feature table: every number a model may read, by name.
//!
//! This is the ONNX contract's one source. The scorers check a file's inputs
//! against [`Feature::ALL`], and the documentation and the TypeScript types are
//! checked against the same table. The first part of a name says what the
//! value depends on, and so how often it has to be computed.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Weak};

use serde::Serialize;

/// Most events of the current session that a model sees. Longer sessions keep the newest.
pub const SESSION_LIMIT: usize = 50;
/// Width of `profile.basic`: six age bands, three genders, seven hashed regions.
pub const BASIC_WIDTH: usize = 16;
/// Width of `profile.stage`: one position per [`Stage`](crate::Stage).
pub const STAGE_WIDTH: usize = 6;
/// Width of `context.page`: one position per [`PageType`](crate::PageType).
pub const PAGE_WIDTH: usize = 7;
/// Width of `context.time`: sine and cosine of the hour, sine and cosine of the weekday (UTC).
pub const TIME_WIDTH: usize = 4;
/// Width of `context.device`: one position per [`Device`](crate::Device).
pub const DEVICE_WIDTH: usize = 3;

/// What a feature depends on: the first part of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The current session; changes with every event.
    Session,
    /// The profile.
    Profile,
    /// This request: page, time, device.
    Context,
    /// The catalogue alone; the same for every shopper.
    Ad,
    /// Shopper and ad together.
    Pair,
}

/// A feature's element type in the ONNX file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Element {
    /// ONNX `int64`. Ids stay below 2^31, so the table stores them as `i32`.
    #[serde(rename = "int64")]
    Id,
    /// ONNX `float`.
    #[serde(rename = "float")]
    Float,
}

/// A feature's shape in the ONNX file. `N` is the number of candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `[1, L]`: one value per session position, zeros on the left, the newest event last.
    PerEvent,
    /// `[1, W]` with a fixed width.
    Row(usize),
    /// `[1, D]`: as wide as the catalogue's embeddings.
    Embedding,
    /// `[N]` or `[N, 1]`, whichever the file declares.
    PerAd,
    /// `[N, D]`.
    AdEmbedding,
}

macro_rules! features {
    ($($variant:ident, $name:literal, $source:ident, $element:ident, $shape:expr, $unit:literal;)*) => {
        /// One named input of the ONNX contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Feature { $(#[doc = concat!("`", $name, "`: ", $unit, ".")] $variant,)* }

        impl Feature {
            /// Every feature, in the table's order.
            pub const ALL: &'static [Feature] = &[$(Feature::$variant,)*];

            /// The input name in an ONNX file.
            pub const fn name(self) -> &'static str {
                match self { $(Feature::$variant => $name,)* }
            }

            /// What the value depends on.
            pub const fn source(self) -> Source {
                match self { $(Feature::$variant => Source::$source,)* }
            }

            /// The element type in an ONNX file.
            pub const fn element(self) -> Element {
                match self { $(Feature::$variant => Element::$element,)* }
            }

            /// The shape in an ONNX file.
            pub const fn shape(self) -> Shape {
                match self { $(Feature::$variant => $shape,)* }
            }

            /// Meaning, unit and range, for people.
            pub const fn unit(self) -> &'static str {
                match self { $(Feature::$variant => $unit,)* }
            }
        }
    };
}

features! {
    SessionItem, "session.item", Session, Id, Shape::PerEvent, "item id, 1 + its index in the item vocabulary; 0 pads and stands for unknown items";
    SessionCategory, "session.category", Session, Id, Shape::PerEvent, "category id, 1 + its index in the category vocabulary; 0 is unknown";
    SessionBrand, "session.brand", Session, Id, Shape::PerEvent, "brand id, 1 + its index in the brand vocabulary; 0 is unknown";
    SessionKind, "session.kind", Session, Id, Shape::PerEvent, "kind of event, see `EventName::id`; 0 pads";
    SessionPrice, "session.price", Session, Float, Shape::PerEvent, "ln(1 + unit price) in the catalogue's currency; 0 is unknown";
    SessionAge, "session.age_s", Session, Float, Shape::PerEvent, "ln(1 + seconds before now)";
    ProfileInterest, "profile.interest", Profile, Float, Shape::Embedding, "sum over items of decayed weight times content vector, scaled to length 1; zeros for an empty profile";
    ProfileBasic, "profile.basic", Profile, Float, Shape::Row(BASIC_WIDTH), "one-hot age band (6), gender (3) and hashed region (7); zeros where not told";
    ProfileStage, "profile.stage", Profile, Float, Shape::Row(STAGE_WIDTH), "one-hot funnel stage";
    ContextPage, "context.page", Context, Float, Shape::Row(PAGE_WIDTH), "one-hot page type";
    ContextTime, "context.time", Context, Float, Shape::Row(TIME_WIDTH), "sine and cosine of the hour of day, then of the weekday, UTC";
    ContextDevice, "context.device", Context, Float, Shape::Row(DEVICE_WIDTH), "one-hot device class; zeros where not told";
    ContextInterest, "context.interest", Context, Float, Shape::Embedding, "content vector of the page's item, category and search words, scaled to length 1; zeros where the page names none";
    AdItem, "ad.item", Ad, Id, Shape::PerAd, "item id as in `session.item`";
    AdCategory, "ad.category", Ad, Id, Shape::PerAd, "category id as in `session.category`";
    AdBrand, "ad.brand", Ad, Id, Shape::PerAd, "brand id as in `session.brand`";
    AdPrice, "ad.price", Ad, Float, Shape::PerAd, "ln(1 + price to pay) in the catalogue's currency; 0 is unknown";
    AdDiscount, "ad.discount", Ad, Float, Shape::PerAd, "share taken off the list price, 0 to 1";
    AdEmbedding, "ad.embedding", Ad, Float, Shape::AdEmbedding, "content vector of length 1: the catalogue's own, or hashed from its text";
    PairCosine, "pair.cosine", Pair, Float, Shape::PerAd, "cosine of `profile.interest` and `ad.embedding`, -1 to 1";
    PairContext, "pair.context", Pair, Float, Shape::PerAd, "cosine of `context.interest` and `ad.embedding`, -1 to 1";
    PairCategory, "pair.category", Pair, Float, Shape::PerAd, "the ad's category path in the profile's category weights, -1 to 1";
    PairBrand, "pair.brand", Pair, Float, Shape::PerAd, "the ad's brand in the profile's brand weights, -1 to 1";
    PairItem, "pair.item", Pair, Float, Shape::PerAd, "interest in this very item, -1 to 1; the strongest is 1";
    PairViews, "pair.views", Pair, Float, Shape::PerAd, "ln(1 + times this item was looked at)";
    PairPriceGap, "pair.price_gap", Pair, Float, Shape::PerAd, "`ad.price` minus the profile's mean of it; 0 where either is unknown";
}

impl Feature {
    /// Looks an input name up.
    pub fn from_name(name: &str) -> Option<Feature> {
        Feature::ALL.iter().copied().find(|f| f.name() == name)
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The values of one feature, row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum Values<'a> {
    /// Ids, for [`Element::Id`].
    Id(Cow<'a, [i32]>),
    /// Numbers, for [`Element::Float`].
    Float(Cow<'a, [f32]>),
}

impl Values<'_> {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        match self {
            Values::Id(v) => v.len(),
            Values::Float(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Stands for one set of `ad.` values: two that are equal stand for the same values, bit for bit.
#[derive(Clone, Debug, Default)]
pub struct Edition(Arc<Lineage>);

/// Where an edition came from.
#[derive(Debug, Default)]
struct Lineage {
    /// The edition before, and the ads whose values are others now. Weak: a chain of deltas keeps one link.
    before: Option<(Weak<Lineage>, Vec<usize>)>,
}

impl Edition {
    /// An edition that equals its own clones and no other.
    pub fn new() -> Edition {
        Edition::default()
    }

    /// The edition that follows `before`: the same values but for the ads in `changed`, in rising order, which may go
    /// on past the last ad of before.
    pub fn after(before: &Edition, changed: Vec<usize>) -> Edition {
        Edition(Arc::new(Lineage { before: Some((Arc::downgrade(&before.0), changed)) }))
    }

    /// The ads whose values differ from those of `known`, where this edition follows it directly.
    pub fn changed_since(&self, known: &Edition) -> Option<&[usize]> {
        let (before, changed) = self.0.before.as_ref()?;
        std::ptr::eq(before.as_ptr(), Arc::as_ptr(&known.0)).then_some(changed)
    }
}

impl PartialEq for Edition {
    fn eq(&self, other: &Edition) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The features of one ranking, for the candidates of one placement.
#[derive(Clone, Debug, Default)]
pub struct Features<'a> {
    ads: usize,
    rows: Option<&'a [usize]>,
    edition: Option<Edition>,
    columns: Vec<(Feature, Values<'a>)>,
}

impl<'a> Features<'a> {
    /// An empty table over `ads` ads, all of them candidates.
    pub fn new(ads: usize) -> Self {
        Self { ads, rows: None, edition: None, columns: Vec::new() }
    }

    /// Makes only these ads candidates, in this order. `pair.` features then hold one row for each of them; `ad.`
    /// features stay those of all ads, so that what a scorer keeps of them serves every choice of candidates.
    pub fn of_rows(mut self, rows: &'a [usize]) -> Self {
        debug_assert!(rows.iter().all(|row| *row < self.ads));
        self.rows = Some(rows);
        self
    }

    /// Which ads are candidates; `None`: all, in their order.
    pub fn rows(&self) -> Option<&'a [usize]> {
        self.rows
    }

    /// How many ads the `ad.` features describe.
    pub fn ads(&self) -> usize {
        self.ads
    }

    /// Says which `ad.` values the table will hold. A scorer may keep what it makes of them for the next table of the same
    /// edition, and of one that follows it; of a table without an edition it keeps nothing. That tables of one edition
    /// hold the same values is the caller's promise.
    pub fn of_edition(mut self, edition: Edition) -> Self {
        self.edition = Some(edition);
        self
    }

    /// Which `ad.` values the table holds, where that is known.
    pub fn edition(&self) -> Option<&Edition> {
        self.edition.as_ref()
    }

    /// How many ads are scored: `N` of the contract.
    pub fn candidates(&self) -> usize {
        self.rows.map_or(self.ads, <[usize]>::len)
    }

    /// Adds one feature. A second value for the same feature replaces the first.
    ///
    /// The number of elements is that of all ads or a multiple of it for `ad.` features, that of the candidates for
    /// `pair.` features, and the row's width for the others; the element type is the table's. Both are the caller's
    /// promise, checked in debug builds.
    pub fn set(&mut self, feature: Feature, values: Values<'a>) {
        debug_assert_eq!(feature.element() == Element::Id, matches!(values, Values::Id(_)));
        self.columns.retain(|(f, _)| *f != feature);
        self.columns.push((feature, values));
    }

    /// The values of one feature, if it was computed.
    pub fn get(&self, feature: Feature) -> Option<&Values<'a>> {
        self.columns.iter().find(|(f, _)| *f == feature).map(|(_, v)| v)
    }

    /// The dimensions of one feature as it was computed: `[1, W]`, `[N]` or `[N, D]`.
    pub fn dims(&self, feature: Feature) -> Option<Vec<usize>> {
        let len = self.get(feature)?.len();
        Some(match feature.shape() {
            Shape::PerAd => vec![len],
            Shape::AdEmbedding => vec![self.ads, len.checked_div(self.ads).unwrap_or(0)],
            Shape::PerEvent | Shape::Row(_) | Shape::Embedding => vec![1, len],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edition_knows_what_changed_since_the_one_before_and_since_no_other() {
        let (first, other) = (Edition::new(), Edition::new());
        let second = Edition::after(&first, vec![3, 7]);
        assert_eq!(second.changed_since(&first), Some(&[3, 7][..]));
        assert_eq!(second.changed_since(&other), None);
        assert_eq!(Edition::after(&second, vec![1]).changed_since(&first), None);
        assert_ne!(first, second);
    }

    #[test]
    fn chosen_rows_are_the_candidates_of_a_table_over_all_ads() {
        let features = Features::new(5).of_rows(&[4, 0]);
        assert_eq!((features.candidates(), features.ads()), (2, 5));
    }
}
