//! Many short texts in two pieces of memory, and words looked up among them.

use std::cmp::Ordering;

/// Texts one after the other, each found by its place.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Texts {
    text: String,
    /// Where each text ends, in bytes.
    ends: Vec<u32>,
}

impl Texts {
    /// Takes apart what [`text`](Texts::text) and [`ends`](Texts::ends) gave; `None` where they do not go together.
    pub(super) fn new(text: String, ends: Vec<u32>) -> Option<Texts> {
        let mut start = 0;
        for end in &ends {
            if *end < start || !text.is_char_boundary(*end as usize) {
                return None;
            }
            start = *end;
        }
        (start as usize == text.len()).then_some(Texts { text, ends })
    }

    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(u32::try_from(self.text.len()).expect("texts of less than 4 GiB in all"));
    }

    pub(super) fn append(&mut self, more: &Texts) {
        let before = u32::try_from(self.text.len() + more.text.len()).expect("texts of less than 4 GiB in all");
        let before = before - more.text.len() as u32;
        self.text.reserve_exact(more.text.len());
        self.text.push_str(&more.text);
        self.ends.reserve_exact(more.len());
        self.ends.extend(more.ends.iter().map(|end| before + end));
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, place: usize) -> &str {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.text[start..self.ends[place] as usize]
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|place| self.get(place))
    }

    /// All texts without a gap.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Where each text ends, in bytes.
    pub(super) fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// The place of `text` among those from `from` to before `until`, which are in rising order.
    pub(super) fn find(&self, text: &str, from: usize, until: usize) -> Option<usize> {
        let (mut from, mut until) = (from, until);
        while from < until {
            let middle = from + (until - from) / 2;
            match self.get(middle).cmp(text) {
                Ordering::Less => from = middle + 1,
                Ordering::Equal => return Some(middle),
                Ordering::Greater => until = middle,
            }
        }
        None
    }

    pub(super) fn bytes(&self) -> usize {
        self.text.capacity() + size_of::<u32>() * self.ends.capacity()
    }
}

impl<T: AsRef<str>> FromIterator<T> for Texts {
    fn from_iter<I: IntoIterator<Item = T>>(texts: I) -> Texts {
        let mut all = Texts::default();
        texts.into_iter().for_each(|text| all.push(text.as_ref()));
        all.text.shrink_to_fit();
        all.ends.shrink_to_fit();
        all
    }
}

/// The places of `words` in the order of the words. One kind of sort for all of a catalogue: each kind that a browser
/// has to compile takes longer than the sorting.
pub(super) fn order<'a>(words: impl Iterator<Item = &'a str>) -> Vec<usize> {
    let mut places: Vec<(&str, usize)> = words.enumerate().map(|(place, word)| (word, place)).collect();
    places.sort_unstable();
    places.into_iter().map(|(_, place)| place).collect()
}

/// Different words, each with its place, in whatever order they were given.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    words: Texts,
    /// Places in the order of the words; empty where the words themselves are in order.
    order: Vec<u32>,
}

impl Words {
    pub(super) fn new(words: Texts) -> Words {
        let sorted = words.iter().zip(words.iter().skip(1)).all(|(word, next)| word < next);
        let order =
            if sorted { Vec::new() } else { order(words.iter()).into_iter().map(|place| place as u32).collect() };
        Words { words, order }
    }

    pub(super) fn texts(&self) -> &Texts {
        &self.words
    }

    pub(super) fn place(&self, word: &str) -> Option<usize> {
        if self.order.is_empty() {
            return self.words.find(word, 0, self.words.len());
        }
        let found = self.order.binary_search_by(|place| self.words.get(*place as usize).cmp(word));
        found.ok().map(|index| self.order[index] as usize)
    }

    pub(super) fn bytes(&self) -> usize {
        self.words.bytes() + size_of::<u32>() * self.order.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ends_that_do_not_go_with_the_text_are_refused() {
        for (text, ends) in [("ab", vec![1]), ("ab", vec![2, 1]), ("ab", vec![3]), ("ä", vec![1, 2]), ("", vec![1])] {
            assert_eq!(Texts::new(text.into(), ends), None);
        }
        assert!(Texts::new("ab".into(), vec![0, 1, 2]).is_some());
    }

    proptest! {
        #[test]
        fn every_word_is_found_at_its_place_and_no_other(words in prop::collection::hash_set("[a-c]{0,4}", 0..40)) {
            let list: Vec<&str> = words.iter().map(String::as_str).collect();
            let found = Words::new(list.iter().copied().collect());
            for (place, word) in list.iter().enumerate() {
                prop_assert_eq!(found.place(word), Some(place));
            }
            prop_assert_eq!(found.place("d"), None);
        }
    }
}
