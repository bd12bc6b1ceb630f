//! A text's words and sub-words.
//!
//! Words are those of Unicode (UAX 29), and where a script writes none, as Chinese, Japanese and Thai do, those of
//! ICU's dictionary. A word's sub-words are its sequences of 3 to 5 characters, with its ends marked (fastText,
//! Bojanowski et al. 2017, arXiv 1607.04606), so that misspelt and inflected forms share most of them. Where
//! characters are syllables or words themselves, sub-words are the characters.

use icu_segmenter::{WordSegmenter, WordSegmenterBorrowed};

/// Shortest and longest sub-word of an alphabetic script, in characters.
const GRAMS: std::ops::RangeInclusive<usize> = 3..=5;
/// From here on Unicode has the scripts of East Asia, whose characters mean something alone.
const FIRST_EAST_ASIAN: char = '\u{2e80}';

/// Cuts texts into words.
#[derive(Clone, Debug)]
pub(crate) struct Words(WordSegmenterBorrowed<'static>);

impl Words {
    pub(crate) fn new() -> Words {
        Words(WordSegmenter::new_dictionary(Default::default()))
    }

    /// The words of a text and its numbers, in small letters, in their order.
    pub(crate) fn of(&self, text: &str) -> Vec<String> {
        let mut start = 0;
        let mut words = Vec::new();
        for (end, kind) in self.0.segment_str(text).iter_with_word_type() {
            if kind.is_word_like() {
                words.push(text[start..end].to_lowercase());
            }
            start = end;
        }
        words
    }
}

/// The sub-words of a word; none for a number, whose parts say nothing.
pub(crate) fn subwords(word: &str) -> Vec<String> {
    let characters: Vec<char> = word.chars().collect();
    if characters.iter().any(|c| *c >= FIRST_EAST_ASIAN) {
        return characters.into_iter().map(String::from).collect();
    }
    if !characters.iter().any(|c| c.is_alphabetic()) {
        return Vec::new();
    }
    let marked: Vec<char> = [&['<'], &characters[..], &['>']].concat();
    GRAMS.flat_map(|length| marked.windows(length).map(String::from_iter).collect::<Vec<_>>()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_and_chinese_are_cut_into_words() {
        let words = Words::new();
        assert_eq!(words.of("Women's Running-Shoes, 42"), ["women's", "running", "shoes", "42"]);
        assert_eq!(words.of("智能手机充电器"), ["智能", "手机", "充电", "器"]);
        assert_eq!(words.of("iPhone手机壳 防摔"), ["iphone", "手机", "壳", "防", "摔"]);
        assert!(words.of(" · – ").is_empty());
    }

    #[test]
    fn subwords_mark_the_ends_of_a_word_and_numbers_have_none() {
        assert_eq!(subwords("cap"), ["<ca", "cap", "ap>", "<cap", "cap>", "<cap>"]);
        assert_eq!(subwords("手机"), ["手", "机"]);
        assert!(subwords("256").is_empty());
    }
}
