//! What stands behind each pair of items.

use std::collections::BTreeMap;

use crate::random::{Random, Stream};
use crate::rules::rule::Rule;
use crate::rules::unit::Unit;
use crate::sessions::Sessions;

/// A rule from one item to another, and what is behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pair {
    pub(crate) from: u32,
    pub(crate) to: u32,
    /// How many units name it.
    pub(crate) units: u32,
    /// The sum of its weights.
    pub(crate) strength: f64,
}

/// Sessions by unit. Visitors are counted only where every session has one.
pub(crate) fn units(unit: Unit, sessions: &Sessions) -> Vec<Vec<usize>> {
    match unit {
        Unit::Session => (0..sessions.len()).map(|session| vec![session]).collect(),
        Unit::Visitor => {
            let mut named: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
            (0..sessions.len()).for_each(|session| named.entry(sessions.visitor(session)).or_default().push(session));
            named.into_values().collect()
        }
    }
}

/// The pairs that a unit names, each once, with their weights, in the order of the steps.
fn named(rule: Rule, unit: &[usize], sessions: &Sessions) -> Vec<((u32, u32), f64)> {
    let mut places = BTreeMap::new();
    let mut pairs: Vec<((u32, u32), f64)> = Vec::new();
    for steps in unit.iter().map(|session| sessions.get(*session)) {
        for (step, item) in steps.iter().enumerate().filter(|(step, item)| !steps[..*step].contains(item)) {
            rule.weigh(*item, steps, |other, weight| {
                let place = *places.entry((steps[step], other)).or_insert(pairs.len());
                match pairs.get_mut(place) {
                    Some((_, sum)) => *sum += weight,
                    None => pairs.push(((steps[step], other), weight)),
                }
            });
        }
    }
    pairs
}

/// At most `most` of a unit's pairs: those of the largest weight, of equals as the seed has it.
///
/// Depends on nothing but the unit's own steps and the seed. Not on the items' numbers either, which another unit may
/// shift.
pub(crate) fn contribution(
    rule: Rule,
    unit: &[usize],
    sessions: &Sessions,
    most: usize,
    seed: u64,
) -> Vec<((u32, u32), f64)> {
    let mut pairs = named(rule, unit, sessions);
    if pairs.len() > most {
        Random::new(seed, Stream::Contributions, pairs.len() as u64).shuffle(&mut pairs);
        pairs.sort_by(|a, b| b.1.total_cmp(&a.1));
        pairs.truncate(most);
    }
    pairs
}

/// All pairs, in order, with at most `most` of each unit.
pub(crate) fn counted(rule: Rule, units: &[Vec<usize>], sessions: &Sessions, most: usize, seed: u64) -> Vec<Pair> {
    let mut all: Vec<((u32, u32), f32)> = Vec::new();
    for unit in units {
        let pairs = contribution(rule, unit, sessions, most, seed).into_iter();
        all.extend(pairs.map(|(pair, weight)| (pair, weight as f32)));
    }
    // Stable, so that sums are the same every time.
    all.sort_by_key(|(pair, _)| *pair);
    let pair = |same: &[((u32, u32), f32)]| {
        let ((from, to), _) = same[0];
        let strength = same.iter().map(|(_, weight)| f64::from(*weight)).sum();
        Pair { from, to, units: same.len() as u32, strength }
    };
    all.chunk_by(|a, b| a.0 == b.0).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(rule: Rule, sessions: &Sessions, unit: Unit) -> Vec<(u32, u32, u32, f64)> {
        let all = counted(rule, &units(unit, sessions), sessions, usize::MAX, 1);
        all.into_iter().map(|pair| (pair.from, pair.to, pair.units, pair.strength)).collect()
    }

    #[test]
    fn sequential_rules_look_forward_and_count_by_distance() {
        let sessions = [&[1, 2, 3][..], &[1, 3, 1]].into_iter().collect();
        let found = pairs(Rule::Sequential, &sessions, Unit::Session);
        assert_eq!(found, [(1, 2, 1, 1.0), (1, 3, 2, 1.5), (2, 3, 1, 1.0), (3, 1, 1, 1.0)]);
    }

    #[test]
    fn association_rules_look_both_ways_and_count_pairs_of_steps() {
        let sessions = [&[1, 2, 1][..], &[2, 1]].into_iter().collect();
        let found = pairs(Rule::Association, &sessions, Unit::Session);
        assert_eq!(found, [(1, 1, 1, 2.0), (1, 2, 2, 3.0), (2, 1, 2, 3.0)]);
    }

    #[test]
    fn a_visitor_is_one_unit_however_many_the_sessions() {
        let mut sessions = Sessions::default();
        for visitor in [7, 7, 3, 9] {
            sessions.push(&[1, 2]);
            sessions.set_visitor(visitor);
        }
        assert_eq!(pairs(Rule::Markov, &sessions, Unit::Visitor), [(1, 2, 3, 4.0)]);
        assert_eq!(pairs(Rule::Markov, &sessions, Unit::Session), [(1, 2, 4, 4.0)]);
    }

    #[test]
    fn a_unit_names_its_nearest_pairs_and_always_the_same() {
        let sessions: Sessions = [&[1, 2, 3, 4, 5][..]].into_iter().collect();
        let named = |most, seed| contribution(Rule::Sequential, &[0], &sessions, most, seed);
        let near = named(4, 1);
        assert!(
            near.len() == 4 && near.iter().all(|((from, to), weight)| to - from == 1 && *weight == 1.0),
            "{near:?}"
        );
        assert_eq!(named(2, 1), named(2, 1));
        assert!((2..20).any(|seed| named(2, seed) != named(2, 1)));
        assert_eq!(named(100, 1).len(), 10);
    }

    #[test]
    fn other_numbers_for_the_items_leave_the_choice_of_pairs_as_it_was() {
        let steps = [3u32, 1, 4, 1, 5, 9, 2, 6];
        let renumbered = |item: u32| 40 - item;
        let sessions: Sessions = [&steps[..], &steps.map(renumbered)].into_iter().collect();
        let named = |session| contribution(Rule::Association, &[session], &sessions, 7, 3);
        let expected: Vec<((u32, u32), f64)> =
            named(0).into_iter().map(|((a, b), weight)| ((renumbered(a), renumbered(b)), weight)).collect();
        assert_eq!(named(1), expected);
    }
}
