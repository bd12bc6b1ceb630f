//! What an item is, as a sparse vector of hashed features.
//!
//! A field (category path, brand, price, words, sub-words) of n features gives each the weight 1 / sqrt(n), so that a
//! long title says no more than a brand does. Features are hashed into buckets (Weinberger et al. 2009,
//! arXiv 0902.2206).

use std::collections::BTreeMap;

use nearside_core::Fnv;
use nearside_core::content::{Content, normalise, prefixes, price_band};

use super::words::{Words, subwords};

/// How many buckets there are. Fewer make strangers share one; more make the encoder's file larger.
const BUCKETS: u64 = 1 << 16;

/// Numbers of a [`hashed`](Features::hashed) vector. At 64 two strangers have a cosine of about ±0.1.
pub(crate) const HASHED: usize = 64;
/// The item's own id beside a field: keeps an item closer to itself than to its twin.
const IDENTITY: f32 = 0.5;

/// Reads items.
#[derive(Clone, Debug)]
pub(crate) struct Features(Words);

impl Features {
    pub(crate) fn new() -> Features {
        Features(Words::new())
    }

    /// Buckets with their weights, by bucket. The first field, which all items have, is the mean of all.
    pub(crate) fn of(&self, item: &Content<'_>) -> Vec<(u32, f32)> {
        let mut sums = BTreeMap::new();
        add(&mut sums, "all", [""].into_iter());
        add(&mut sums, "category", prefixes(item.category));
        let brand = item.brand.to_lowercase();
        let present = |text: &str| !text.is_empty();
        add(&mut sums, "brand", [brand.as_str()].into_iter().filter(|brand| present(brand)));
        let both = format!("{}\0{brand}", item.category);
        add(&mut sums, "both", [both].into_iter().filter(|_| present(item.category) && present(&brand)));
        // Two bands, so that prices on either side of a border still have one in common.
        let band = item.price.map(price_band);
        add(&mut sums, "price", band.into_iter().flat_map(|band| [format!("1/{band}"), format!("2/{}", band / 2)]));
        let words = self.0.of(title(item));
        add(&mut sums, "subword", words.iter().flat_map(|word| subwords(word)));
        add(&mut sums, "word", words.into_iter());
        sums.into_iter().collect()
    }

    /// The features in signed buckets, of length 1: items that share some point the same way, whatever was learnt of them.
    pub(crate) fn hashed(&self, item: &Content<'_>) -> Vec<f32> {
        let mut vector = vec![0.0; HASHED];
        let all = bucket("all", "");
        let own = item.id.map(|id| (bucket("id", id), IDENTITY));
        for (bucket, weight) in self.of(item).into_iter().filter(|(bucket, _)| *bucket != all).chain(own) {
            // The lowest bit is the sign, the next ones the place.
            let sign = if bucket & 1 == 0 { 1.0 } else { -1.0 };
            vector[(bucket >> 1) as usize % HASHED] += sign * weight;
        }
        normalise(&mut vector);
        vector
    }
}

/// An item's title. One that is the item's id is none: so catalogues write items that have no name, and logs do not.
pub fn title<'a>(item: &Content<'a>) -> &'a str {
    if item.id == Some(item.title) { "" } else { item.title }
}

fn bucket(field: &str, feature: &str) -> u32 {
    let hash = Fnv::new().with(field.as_bytes()).with(b"\0").with(feature.as_bytes()).value();
    // FNV's high bits are the worse mixed ones; folded in, they still tell apart.
    ((hash ^ (hash >> 32)) % BUCKETS) as u32
}

/// Adds a field.
fn add<T: AsRef<str>>(sums: &mut BTreeMap<u32, f32>, field: &str, features: impl Iterator<Item = T>) {
    let buckets: Vec<u32> = features.map(|feature| bucket(field, feature.as_ref())).collect();
    let weight = 1.0 / (buckets.len() as f32).sqrt();
    buckets.into_iter().for_each(|bucket| *sums.entry(bucket).or_insert(0.0) += weight);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cosine of two titles' sparse vectors.
    fn alike(a: &str, b: &str) -> f32 {
        let features = Features::new();
        let of = |title| features.of(&Content { title, ..Content::default() }).into_iter().collect::<BTreeMap<_, _>>();
        let (a, b) = (of(a), of(b));
        let dot = |a: &BTreeMap<u32, f32>, b: &BTreeMap<u32, f32>| -> f32 {
            a.iter().filter_map(|(bucket, weight)| Some(weight * b.get(bucket)?)).sum()
        };
        dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
    }

    #[test]
    fn misspelt_and_inflected_titles_are_alike() {
        let stranger = alike("acoustic guitar", "electric kettle");
        for other in ["acoustic guitars", "acustic guitar", "Accoustic Guitar"] {
            assert!(alike("acoustic guitar", other) > stranger + 0.2, "{other}");
        }
    }

    #[test]
    fn chinese_titles_that_share_words_are_alike() {
        let stranger = alike("华为智能手机", "不锈钢电水壶");
        assert!(alike("华为智能手机", "小米手机") > stranger + 0.1);
        assert!(alike("智能手机", "智能手机 黑色") > alike("智能手机", "手表") + 0.1);
    }

    #[test]
    fn a_title_that_is_the_items_id_says_no_more_than_none() {
        let features = Features::new();
        let item = |title| Content { id: Some("item-7"), title, category: "A > B", ..Content::default() };
        assert_eq!(features.of(&item("item-7")), features.of(&item("")));
        assert_eq!(features.hashed(&item("item-7")), features.hashed(&item("")));
        assert_ne!(features.of(&item("item-8")), features.of(&item("")));
    }

    #[test]
    fn a_long_title_says_no_more_than_a_category() {
        let features = Features::new();
        let square = |item: Content<'_>| features.of(&item).iter().map(|(_, weight)| weight * weight).sum::<f32>();
        // Beside the field that all items have: one unit for a category, two for a title's words and sub-words.
        let category = square(Content { category: "A > B > C", ..Content::default() });
        let title = square(Content { title: "one two three four five", ..Content::default() });
        assert!((category - 2.0).abs() < 1e-3 && (title - 3.0).abs() < 0.1, "{category} {title}");
    }
}
