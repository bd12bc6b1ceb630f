//! Vocabularies: which integer stands for which item, category and brand.
//!
//! A model's embedding tables are indexed by these integers, so model and
//! catalogue must agree on them; the hash is how they find out.

use super::columns::order;
use crate::hash::{Fnv, Index};

/// Items, categories and brands in the order of their ids. 0 is padding and unknown; the first word has id 1.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    items: Words,
    categories: Words,
    brands: Words,
}

#[derive(Clone, Debug, Default)]
struct Words {
    ids: Index<i32>,
    hash: String,
}

impl Words {
    fn new<'a>(words: impl Iterator<Item = &'a str>) -> Words {
        let mut ids = Index::default();
        let mut hash = Fnv::new();
        for (index, word) in words.enumerate() {
            // Lengths keep ["ab"] and ["a", "b"] apart.
            hash = hash.with(&(word.len() as u32).to_le_bytes()).with(word.as_bytes());
            ids.insert(word.to_owned(), index as i32 + 1);
        }
        Words { ids, hash: hash.hex() }
    }

    fn sorted<'a>(words: impl Iterator<Item = &'a str>) -> Words {
        let words: Vec<&str> = words.filter(|w| !w.is_empty()).collect();
        Words::new(order(words.iter().copied()).into_iter().map(|place| words[place]))
    }

    fn id(&self, word: &str) -> i32 {
        self.ids.get(word).copied().unwrap_or(0)
    }
}

impl Vocabulary {
    /// The file's own lists where it has them, otherwise the words that occur, sorted. `items` are in order, and none
    /// of the words comes twice.
    pub(super) fn new<'a>(
        given: [Option<Vec<String>>; 3],
        items: impl Iterator<Item = &'a str>,
        categories: impl Iterator<Item = &'a str>,
        brands: impl Iterator<Item = &'a str>,
    ) -> Vocabulary {
        let given = given.map(|list| list.map(|list| Words::new(list.iter().map(String::as_str))));
        let [given_items, given_categories, given_brands] = given;
        Vocabulary {
            items: given_items.unwrap_or_else(|| Words::new(items)),
            categories: given_categories.unwrap_or_else(|| Words::sorted(categories)),
            brands: given_brands.unwrap_or_else(|| Words::sorted(brands)),
        }
    }

    /// A vocabulary of items alone, in this order: what a trainer numbers its sessions with.
    pub fn of_items<'a>(items: impl Iterator<Item = &'a str>) -> Vocabulary {
        Vocabulary { items: Words::new(items), ..Vocabulary::default() }
    }

    /// The id of an item; 0 where it is unknown.
    pub fn item(&self, id: &str) -> i32 {
        self.items.id(id)
    }

    /// The id of a category path; 0 where it is unknown.
    pub fn category(&self, path: &str) -> i32 {
        self.categories.id(path)
    }

    /// The id of a brand; 0 where it is unknown.
    pub fn brand(&self, brand: &str) -> i32 {
        self.brands.id(brand)
    }

    /// How many items there are.
    pub fn items(&self) -> usize {
        self.items.ids.len()
    }

    /// The hash a model's `nearside.vocabulary` must equal: 16 hexadecimal digits over the items in order.
    pub fn item_hash(&self) -> &str {
        &self.items.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(words: &[&str]) -> Vocabulary {
        let list = Some(words.iter().map(|w| (*w).to_owned()).collect());
        Vocabulary::new([list, None, None], std::iter::empty(), std::iter::empty(), std::iter::empty())
    }

    #[test]
    fn order_and_boundaries_change_the_hash() {
        let hash = |words: &[&str]| items(words).item_hash().to_owned();
        assert_eq!(hash(&["a", "b"]), hash(&["a", "b"]));
        assert_ne!(hash(&["a", "b"]), hash(&["b", "a"]));
        assert_ne!(hash(&["ab"]), hash(&["a", "b"]));
    }

    #[test]
    fn the_first_word_has_id_1_and_strangers_0() {
        let vocabulary = items(&["x", "y"]);
        assert_eq!([vocabulary.item("x"), vocabulary.item("y"), vocabulary.item("z")], [1, 2, 0]);
    }
}
