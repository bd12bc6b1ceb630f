//! What is computed of a catalogue once, product by product: ids, content vectors, and where interests apply.
//!
//! A catalogue has far fewer categories and brands than products, so what depends on one of these is computed per
//! distinct value.

use super::{Ad, Availability, Product, Vocabulary};
use crate::content::{self, Content, prefixes};
use crate::hash::Index;

/// The different values of a text column, and which of them each product has.
#[derive(Clone, Debug, Default)]
pub(super) struct Distinct {
    indices: Index,
    of_product: Vec<usize>,
}

impl Distinct {
    pub(super) fn new<'a>(column: impl Iterator<Item = &'a str>) -> Distinct {
        let mut indices = Index::default();
        let of_product = column.map(|value| index_of(&mut indices, value)).collect();
        Distinct { indices, of_product }
    }

    /// The values, in no order.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.indices.keys().map(String::as_str)
    }

    /// `function` of every value, by the value's index. `empty` is any result, to start from.
    fn map<T: Clone>(&self, empty: T, mut function: impl FnMut(&str) -> T) -> Vec<T> {
        let mut results = vec![empty; self.indices.len()];
        self.indices.iter().for_each(|(value, index)| results[*index] = function(value));
        results
    }

    /// The id of every product's value.
    pub(super) fn ids(&self, id: impl Fn(&str) -> i32) -> impl Iterator<Item = i32> {
        let ids = self.map(0, id);
        self.of_product.iter().map(move |value| ids[*value])
    }

    /// What `interests` say of every product's value; 0 where they say nothing.
    pub(super) fn affinities(&self, interests: &[(&str, f32)]) -> Vec<f32> {
        let values = applied(&self.indices, interests);
        self.of_product.iter().map(|value| values[*value]).collect()
    }
}

/// The levels of a category path that count for interest, and how much: the deepest and its parents.
const LEVEL_SHARES: [f32; 3] = [0.6, 0.3, 0.1];

/// The category paths, and the levels each of them goes through.
#[derive(Clone, Debug, Default)]
pub(super) struct Categories {
    paths: Distinct,
    levels: Index,
    /// By path: its deepest levels, the deepest first.
    of_path: Vec<Vec<usize>>,
}

impl Categories {
    pub(super) fn new<'a>(paths: impl Iterator<Item = &'a str>) -> Categories {
        let paths = Distinct::new(paths);
        let mut levels = Index::default();
        let of_path = paths.map(Vec::new(), |path| {
            let deepest = prefixes(path).rev().take(LEVEL_SHARES.len());
            deepest.map(|level| index_of(&mut levels, level)).collect()
        });
        Categories { paths, levels, of_path }
    }

    pub(super) fn paths(&self) -> &Distinct {
        &self.paths
    }

    /// Interest in every product's category, given interests in paths: the sum over the path's levels, the deepest
    /// counting most, -1 to 1.
    pub(super) fn affinities(&self, interests: &[(&str, f32)]) -> Vec<f32> {
        let levels = applied(&self.levels, interests);
        let affinity = |own: &Vec<usize>| {
            let shares = own.iter().zip(LEVEL_SHARES).map(|(level, share)| share * levels[*level]);
            shares.sum::<f32>().clamp(-1.0, 1.0)
        };
        let of_path: Vec<f32> = self.of_path.iter().map(affinity).collect();
        self.paths.of_product.iter().map(|path| of_path[*path]).collect()
    }
}

fn index_of(indices: &mut Index, value: &str) -> usize {
    if let Some(index) = indices.get(value) {
        return *index;
    }
    let index = indices.len();
    indices.insert(value.to_owned(), index);
    index
}

/// What `interests` say of each indexed value. Goes through the interests, which are few.
fn applied(indices: &Index, interests: &[(&str, f32)]) -> Vec<f32> {
    let mut values = vec![0.0; indices.len()];
    for (value, interest) in interests {
        if let Some(index) = indices.get(*value) {
            values[*index] = *interest;
        }
    }
    values
}

/// What of the ads does not change with time, one value per ad: the `ad.` features, and whether they can be had.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    pub(super) item: Vec<i32>,
    pub(super) category: Vec<i32>,
    pub(super) brand: Vec<i32>,
    pub(super) in_stock: Vec<bool>,
}

impl Columns {
    pub(super) fn new(
        products: &[Product],
        ads: &[Ad],
        vocabulary: &Vocabulary,
        categories: &Categories,
        brands: &Distinct,
    ) -> Columns {
        let per_ad = |of_product: Vec<i32>| ads.iter().map(|ad| of_product[ad.product]).collect();
        Columns {
            item: per_ad(products.iter().map(|p| vocabulary.item(&p.id)).collect()),
            category: per_ad(categories.paths.ids(|path| vocabulary.category(path)).collect()),
            brand: per_ad(brands.ids(|brand| vocabulary.brand(brand)).collect()),
            in_stock: ads.iter().map(|ad| products[ad.product].availability != Availability::OutOfStock).collect(),
        }
    }
}

/// The products' hashed content vectors, row-major.
pub(super) fn content_vectors(products: &[Product], categories: &Categories) -> Vec<f32> {
    let beginnings = categories.paths.map([0.0; content::WIDTH], Content::beginning);
    let mut rows = Vec::with_capacity(products.len() * content::WIDTH);
    for (product, path) in products.iter().zip(&categories.paths.of_product) {
        let known = Content {
            id: Some(&product.id),
            title: &product.title,
            category: &product.category,
            brand: &product.brand,
            price: product.price,
        };
        rows.extend(known.finish(beginnings[*path]));
    }
    rows
}

/// The places of `words` in the order of the words. One kind of sort for all of a catalogue: each kind that a browser
/// has to compile takes longer than the sorting.
pub(super) fn order<'a>(words: impl Iterator<Item = &'a str>) -> Vec<usize> {
    let mut places: Vec<(&str, usize)> = words.enumerate().map(|(place, word)| (word, place)).collect();
    places.sort_unstable();
    places.into_iter().map(|(_, place)| place).collect()
}

/// Each ad's place among ads of equal score: by product id, creatives before the product itself, then by ad id.
/// `by_id` is the products in the order of their ids.
pub(super) fn tie_places(by_id: &[usize], ads: &[Ad]) -> Vec<usize> {
    let creatives = &ads[by_id.len()..];
    let mut of_product = vec![Vec::new(); if creatives.is_empty() { 0 } else { by_id.len() }];
    for creative in order(creatives.iter().map(|ad| ad.id.as_str())) {
        of_product[creatives[creative].product].push(by_id.len() + creative);
    }
    let mut places = vec![0; ads.len()];
    let mut next = 0..;
    let mut give = |ad: usize| places[ad] = next.next().expect("the range has no end");
    for product in by_id {
        of_product.get(*product).into_iter().flatten().for_each(|creative| give(*creative));
        give(*product);
    }
    places
}
