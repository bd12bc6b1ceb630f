//! Vocabularies: which integer stands for which item, category and brand.
//!
//! A model's embedding tables are indexed by these integers, so model and
//! catalogue must agree on them; the hash is how they find out.

use std::iter;

use super::texts::{Texts, Words, order};
use crate::hash::Fnv;

/// Items, categories and brands in the order of their ids. 0 is padding and unknown; the first word has id 1.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    /// `None` where the items are the catalogue's products, numbered by the rows themselves.
    pub(super) items: Option<Words>,
    pub(super) item_count: usize,
    pub(super) item_hash: String,
    pub(super) categories: Words,
    pub(super) brands: Words,
}

/// The hash over words in order.
pub(super) fn hash<'a>(words: impl Iterator<Item = &'a str>) -> String {
    // Lengths keep ["ab"] and ["a", "b"] apart.
    words.fold(Fnv::new(), |hash, word| hash.with(&(word.len() as u32).to_le_bytes()).with(word.as_bytes())).hex()
}

fn sorted<'a>(words: impl Iterator<Item = &'a str>) -> Words {
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    Words::new(order(words.iter().copied()).into_iter().map(|place| words[place]).collect())
}

fn id(words: &Words, word: &str) -> i32 {
    words.place(word).map_or(0, |place| place as i32 + 1)
}

impl Vocabulary {
    /// The file's own lists where it has them, otherwise the words that occur, sorted. `items` are the products' ids in
    /// rising order.
    pub(super) fn new<'a>(
        given: [Option<Texts>; 3],
        items: &Texts,
        categories: impl Iterator<Item = &'a str>,
        brands: impl Iterator<Item = &'a str>,
    ) -> Vocabulary {
        let [given_items, given_categories, given_brands] = given;
        let given_items = given_items.filter(|given| given != items);
        let numbered = given_items.as_ref().unwrap_or(items);
        Vocabulary {
            item_count: numbered.len(),
            item_hash: hash(numbered.iter()),
            items: given_items.map(Words::new),
            categories: given_categories.map_or_else(|| sorted(categories), Words::new),
            brands: given_brands.map_or_else(|| sorted(brands), Words::new),
        }
    }

    /// A vocabulary of items alone, in this order: what a trainer numbers its sessions with.
    pub fn of_items<'a>(items: impl Iterator<Item = &'a str>) -> Vocabulary {
        Vocabulary::new([Some(items.collect()), None, None], &Texts::default(), iter::empty(), iter::empty())
    }

    /// The id of a category path; 0 where it is unknown.
    pub fn category(&self, path: &str) -> i32 {
        id(&self.categories, path)
    }

    /// The id of a brand; 0 where it is unknown.
    pub fn brand(&self, brand: &str) -> i32 {
        id(&self.brands, brand)
    }

    /// The id of an item, where a list of items was given.
    pub(super) fn listed_item(&self, item: &str) -> Option<i32> {
        self.items.as_ref().map(|words| id(words, item))
    }

    /// How many items there are.
    pub fn items(&self) -> usize {
        self.item_count
    }

    /// The hash a model's `nearside.vocabulary` must equal: 16 hexadecimal digits over the items in order.
    pub fn item_hash(&self) -> &str {
        &self.item_hash
    }

    pub(super) fn bytes(&self) -> usize {
        self.items.as_ref().map_or(0, Words::bytes) + self.categories.bytes() + self.brands.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_boundaries_change_the_hash() {
        let hash = |words: &[&str]| Vocabulary::of_items(words.iter().copied()).item_hash().to_owned();
        assert_eq!(hash(&["a", "b"]), hash(&["a", "b"]));
        assert_ne!(hash(&["a", "b"]), hash(&["b", "a"]));
        assert_ne!(hash(&["ab"]), hash(&["a", "b"]));
    }

    #[test]
    fn the_first_word_has_id_1_and_strangers_0() {
        let given = [None, None, Some(["x", "y"].into_iter().collect())];
        let vocabulary = Vocabulary::new(given, &Texts::default(), iter::empty(), iter::empty());
        assert_eq!([vocabulary.brand("x"), vocabulary.brand("y"), vocabulary.brand("z")], [1, 2, 0]);
    }
}
