//! Content vectors: what a product is, as a direction in space.
//!
//! A catalogue may bring its own embeddings. Where it does not, a product's
//! words are hashed into [`WIDTH`] signed buckets (the hashing trick,
//! Weinberger et al., ICML 2009, arXiv:0902.2206) and scaled to length 1, so
//! that products which share a category, a brand or title words point the same
//! way. No training and no behaviour data is behind it.

use crate::catalogue::Product;
use crate::hash::Fnv;

/// Width of a hashed content vector. At 64 two unrelated products have a cosine of about ±0.1.
pub const WIDTH: usize = 64;

/// Weight of each level of the category path, the deepest first. Siblings share all but the first.
const LEVEL_WEIGHTS: [f32; 4] = [1.0, 0.8, 0.6, 0.4];
const BRAND_WEIGHT: f32 = 0.7;
const PRICE_BAND_WEIGHT: f32 = 0.3;
/// The item's own id: keeps a product closer to itself than to its twin.
const IDENTITY_WEIGHT: f32 = 0.5;
/// All title words together.
const TITLE_WEIGHT: f32 = 1.0;

/// What is known of a product, for its content vector.
#[derive(Clone, Copy, Debug, Default)]
pub struct Content<'a> {
    /// The product's id.
    pub id: Option<&'a str>,
    /// Its title.
    pub title: &'a str,
    /// Its category path, levels joined by ` > `.
    pub category: &'a str,
    /// Its brand.
    pub brand: &'a str,
    /// Its price, in the catalogue's currency.
    pub price: Option<f32>,
}

impl<'a> From<&'a Product> for Content<'a> {
    fn from(product: &'a Product) -> Content<'a> {
        let Product { id, title, category, brand, price, .. } = product;
        Content { id: Some(id), title, category, brand, price: *price }
    }
}

impl Content<'_> {
    /// The vector, of length 1, or all zeros where nothing is known.
    pub fn vector(&self) -> [f32; WIDTH] {
        self.finish(Content::beginning(self.category))
    }

    /// The part of a vector that comes from the category path, which many products share.
    pub(crate) fn beginning(category: &str) -> [f32; WIDTH] {
        let mut vector = [0.0; WIDTH];
        for (path, weight) in prefixes(category).rev().zip(LEVEL_WEIGHTS) {
            add(&mut vector, kind("c").with(path.as_bytes()), weight);
        }
        vector
    }

    /// The vector, given the [`beginning`](Content::beginning) of its category.
    pub(crate) fn finish(&self, beginning: [f32; WIDTH]) -> [f32; WIDTH] {
        let mut vector = beginning;
        if !self.brand.is_empty() {
            add(&mut vector, lower_case(kind("b"), self.brand), BRAND_WEIGHT);
        }
        if let Some(price) = self.price {
            add(&mut vector, kind("p").with(&[price_band(price)]), PRICE_BAND_WEIGHT);
        }
        if let Some(id) = self.id {
            add(&mut vector, kind("i").with(id.as_bytes()), IDENTITY_WEIGHT);
        }
        add_words(&mut vector, words(self.title));
        normalise(&mut vector);
        vector
    }
}

/// The vector of free words, such as a search, in the same space as titles and categories.
pub fn words_vector<'a>(words: impl Iterator<Item = &'a str>) -> [f32; WIDTH] {
    let mut vector = [0.0; WIDTH];
    add_words(&mut vector, words);
    normalise(&mut vector);
    vector
}

/// The words of a title: runs of letters and digits; single characters are of no use.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().nth(1).is_some())
}

fn add_words<'a>(vector: &mut [f32; WIDTH], words: impl Iterator<Item = &'a str>) {
    let words: Vec<&str> = words.collect();
    let weight = TITLE_WEIGHT / libm::sqrtf(words.len() as f32);
    for word in words {
        add(vector, lower_case(kind("t"), word), weight);
    }
}

/// The beginning of a hash that keeps a brand apart from a title word of the same letters.
fn kind(kind: &str) -> Fnv {
    Fnv::new().with(kind.as_bytes()).with(b"\0")
}

fn lower_case(mut hash: Fnv, word: &str) -> Fnv {
    if word.is_ascii() {
        return word.bytes().fold(hash, |hash, byte| hash.with(&[byte.to_ascii_lowercase()]));
    }
    let mut utf8 = [0; 4];
    for c in word.chars().flat_map(char::to_lowercase) {
        hash = hash.with(c.encode_utf8(&mut utf8).as_bytes());
    }
    hash
}

fn add(vector: &mut [f32; WIDTH], hash: Fnv, weight: f32) {
    let hash = hash.value();
    let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
    // FNV's low bits are its best mixed.
    vector[(hash % WIDTH as u64) as usize] += sign * weight;
}

/// Every prefix of a category path, the shortest first: `A`, `A > B`, `A > B > C`.
pub fn prefixes(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    let ends = path.bytes().enumerate().filter(|(_, byte)| *byte == b'>').map(|(end, _)| end);
    ends.map(|end| path[..end].trim_end()).chain([path]).filter(|prefix| !prefix.is_empty())
}

/// The band of a price: steps of a factor 1.65, so that 10 and 16 are neighbours and 10 and 100 are not.
pub fn price_band(price: f32) -> u8 {
    (libm::log1pf(price.max(0.0)) * 2.0) as u8
}

/// The middle of a band, as ln(1 + price).
pub(crate) fn band_middle(band: u8) -> f64 {
    (f64::from(band) + 0.5) / 2.0
}

/// Dot product in a fixed order of additions, so that every platform rounds alike.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    dot_with(a, b, |x| x)
}

/// The same with numbers that `to_float` reads.
pub(crate) fn dot_with<T: Copy>(a: &[f32], b: &[T], to_float: impl Fn(T) -> f32) -> f32 {
    const LANES: usize = 8;
    let mut lanes = [0.0f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * to_float(*y)).sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            lanes[lane] += x[lane] * to_float(y[lane]);
        }
    }
    ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7])) + tail
}

/// Scales to length 1; zeros stay zeros.
pub fn normalise(vector: &mut [f32]) {
    let length = libm::sqrtf(dot(vector, vector));
    if length > f32::MIN_POSITIVE && length.is_finite() {
        vector.iter_mut().for_each(|x| *x /= length);
    } else {
        vector.fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn content<'a>(title: &'a str, category: &'a str, brand: &'a str) -> Content<'a> {
        Content { title, category, brand, ..Content::default() }
    }

    #[test]
    fn products_of_one_category_are_closer_than_products_of_two() {
        let guitar = content("Acoustic Guitar", "Music > Guitars > Acoustic", "Fender").vector();
        let other = content("Classical Guitar", "Music > Guitars > Classical", "Yamaha").vector();
        let fridge = content("French Door Refrigerator", "Appliances > Refrigerators", "LG").vector();
        assert!(dot(&guitar, &other) > dot(&guitar, &fridge) + 0.2);
    }

    #[test]
    fn nothing_known_is_the_zero_vector() {
        assert_eq!(Content::default().vector(), [0.0; WIDTH]);
    }

    #[test]
    fn a_path_has_its_prefixes_shortest_first() {
        let all: Vec<&str> = prefixes("A > B>C").collect();
        assert_eq!(all, ["A", "A > B", "A > B>C"]);
        assert_eq!(prefixes("").count(), 0);
    }

    proptest! {
        #[test]
        fn the_dot_product_is_the_sum_of_products(pairs in prop::collection::vec((-1.0f32..1.0, -1.0f32..1.0), 0..100)) {
            let (a, b): (Vec<f32>, Vec<f32>) = pairs.iter().copied().unzip();
            let exact: f64 = pairs.iter().map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            prop_assert!((f64::from(dot(&a, &b)) - exact).abs() < 1e-5);
        }
    }
}
