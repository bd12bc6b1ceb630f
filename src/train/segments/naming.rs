//! Names of segments: the categories, the brand and the prices that their sessions have more of than others.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use nearside_core::content::{Content, prefixes};

/// What is known of an item, where anything is.
fn content<'c, 'a>(items: &'c [Content<'a>], id: u32) -> Option<&'c Content<'a>> {
    items.get((id as usize).checked_sub(1)?)
}

/// The category that most of a session's steps have; of equal ones, the one that came first.
pub(super) fn leading_category<'a>(items: &[Content<'a>], session: &[u32]) -> Option<&'a str> {
    let mut counts: BTreeMap<&str, (usize, Reverse<usize>)> = BTreeMap::new();
    let categories = session.iter().filter_map(|id| Some(content(items, *id)?.category));
    for (step, category) in categories.enumerate().filter(|(_, category)| !category.is_empty()) {
        counts.entry(category).or_insert((0, Reverse(step))).0 += 1;
    }
    counts.into_iter().max_by_key(|(_, rank)| *rank).map(|(category, _)| category)
}

/// Categories in a name, at most.
const CATEGORIES: usize = 2;
/// Share of a segment's sessions that a word of its name is in, at least.
const NOTABLE: f64 = 0.15;

/// How segments come to their names: by the words that are in more of their sessions than in others'.
pub(super) struct Naming<'a> {
    items: &'a [Content<'a>],
    /// How many sessions each word is in.
    overall: BTreeMap<Word<'a>, usize>,
    sessions: usize,
    fewest: usize,
}

/// A category path, any level of it, or a brand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Word<'a> {
    Category(&'a str),
    Brand(&'a str),
}

impl<'a> Naming<'a> {
    pub(super) fn new(items: &'a [Content<'a>], sessions: &[&[u32]], fewest: usize) -> Naming<'a> {
        Naming { items, overall: counts(items, sessions), sessions: sessions.len(), fewest }
    }

    /// One for each segment; those that would be equal are numbered.
    pub(super) fn names(&self, segments: &[Vec<&[u32]>]) -> Vec<String> {
        let mut used: BTreeMap<String, usize> = BTreeMap::new();
        let name = |members: &Vec<&[u32]>| {
            let name = self.name(members);
            let times = used.entry(name.clone()).or_insert(0);
            *times += 1;
            if *times == 1 { name } else { format!("{name} ({times})") }
        };
        segments.iter().map(name).collect()
    }

    fn name(&self, members: &[&[u32]]) -> String {
        let mut words: Vec<(f64, f64, Word<'_>)> = counts(self.items, members)
            .into_iter()
            .filter(|(_, count)| *count >= self.fewest)
            .map(|(word, count)| {
                let share = count as f64 / members.len() as f64;
                let elsewhere = self.overall[&word] as f64 / self.sessions as f64;
                // What the word adds to the divergence of the segment from all sessions: frequent and its own.
                (share * (share / elsewhere).ln(), share, word)
            })
            .collect();
        // A word that is rarer here than elsewhere would name what the segment is not.
        words.retain(|(adds, ..)| *adds >= 0.0);
        // Of equal ones the deeper path, which sorts later, says more.
        words.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)).then(b.2.cmp(&a.2)));
        let mut categories: Vec<&str> = Vec::new();
        let mut brand = None;
        for (_, share, word) in words {
            match word {
                Word::Category(path) => {
                    let another = categories.iter().all(|other| !within(path, other) && !within(other, path));
                    if another && share >= NOTABLE && categories.len() < CATEGORIES {
                        categories.push(path);
                    }
                }
                Word::Brand(name) if share >= NOTABLE => brand = brand.or(Some(name)),
                Word::Brand(_) => {}
            }
        }
        let led = !categories.is_empty() || brand.is_some();
        let lead = if led { categories.join(", ") } else { "mixed".into() };
        let parts = [lead, brand.unwrap_or_default().to_owned(), self.prices(members)];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
    }

    /// The middle half of the prices looked at, or nothing where too few sessions have any.
    fn prices(&self, members: &[&[u32]]) -> String {
        let price = |id: &u32| content(self.items, *id)?.price.filter(|price| price.is_finite());
        let priced = members.iter().filter(|session| session.iter().any(|id| price(id).is_some())).count();
        if priced < self.fewest {
            return String::new();
        }
        let mut prices: Vec<f32> = members.iter().flat_map(|session| session.iter().filter_map(price)).collect();
        prices.sort_by(f32::total_cmp);
        let [low, high] = [prices.len() / 4, prices.len() * 3 / 4].map(|place| two_digits(prices[place]));
        if low == high { low } else { format!("{low} to {high}") }
    }
}

/// Whether a category path is `other` or below it.
fn within(path: &str, other: &str) -> bool {
    prefixes(path).any(|prefix| prefix == other)
}

/// In how many of the sessions each word is.
fn counts<'a>(items: &'a [Content<'a>], sessions: &[&[u32]]) -> BTreeMap<Word<'a>, usize> {
    let mut counts = BTreeMap::new();
    for session in sessions {
        let known = session.iter().filter_map(|id| content(items, *id));
        let words: BTreeSet<Word<'a>> = known
            .flat_map(|c| {
                let brand = Some(c.brand).filter(|brand| !brand.is_empty());
                prefixes(c.category).map(Word::Category).chain(brand.map(Word::Brand))
            })
            .collect();
        words.into_iter().for_each(|word| *counts.entry(word).or_insert(0) += 1);
    }
    counts
}

/// A price to two digits, and no finer than a hundredth.
fn two_digits(price: f32) -> String {
    let price = f64::from(price);
    let step = if price >= 0.1 { 10f64.powf(price.log10().floor() - 1.0).max(0.01) } else { 0.01 };
    let rounded = (price / step).round() * step;
    format!("{}", (rounded * 100.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segments::tests::{ids, items};

    #[test]
    fn equal_names_are_numbered_and_a_segment_that_nothing_leads_is_mixed() {
        let ids = ids();
        let items = items(&ids);
        let (guitars, drums) = ([1, 2], [21, 22]);
        let all: [&[u32]; 4] = [&guitars, &drums, &guitars, &drums];
        let naming = Naming::new(&items, &all, 1);
        let names = naming.names(&[vec![&guitars], vec![&guitars], vec![&drums]]);
        assert_eq!(names[1], format!("{} (2)", names[0]));
        assert!(names[2].starts_with("Music > Drums"), "{names:?}");
        let all: [&[u32]; 4] = [&guitars, &[41, 42], &guitars, &[41, 42]];
        let few = Naming::new(&items, &all, 3);
        assert_eq!(few.names(&[all.to_vec()]), ["mixed · 40 to 400"]);
        let fewer = Naming::new(&items, &all, 5);
        assert_eq!(fewer.names(&[all.to_vec()]), ["mixed"]);
    }

    #[test]
    fn the_leading_category_is_that_of_most_steps_and_of_equal_ones_the_first() {
        let ids = ids();
        let items = items(&ids);
        assert_eq!(leading_category(&items, &[1, 21, 22]), Some("Music > Drums"));
        assert_eq!(leading_category(&items, &[41, 1, 2, 42]), Some("Kitchen > Kettles"));
        assert_eq!(leading_category(&items, &[0, 999]), None);
    }

    #[test]
    fn prices_have_two_digits_and_no_more_than_cents() {
        let told = [0.0, 0.014, 1.234, 40.4, 1234.0, 99_600.0].map(two_digits);
        assert_eq!(told, ["0", "0.01", "1.2", "40", "1200", "100000"]);
    }
}
