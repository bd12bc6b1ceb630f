//! Groups: questions that are alike, so that a figure shows for whom it holds.

use super::task::{Task, TestSession};

/// One way to part the questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grouping {
    /// By how many steps the whole session has.
    SessionLength,
    /// By how many steps came before the question.
    PrefixLength,
    /// By how often training went for the next item: head, torso and tail each take a third of the training steps.
    Popularity,
    /// By whether the next item occurred in the session before.
    Repeat,
}

impl Grouping {
    pub(crate) const ALL: [Grouping; 4] =
        [Grouping::SessionLength, Grouping::PrefixLength, Grouping::Popularity, Grouping::Repeat];

    /// Its name in the report.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Grouping::SessionLength => "session_length",
            Grouping::PrefixLength => "prefix_length",
            Grouping::Popularity => "popularity",
            Grouping::Repeat => "repeat",
        }
    }

    /// The names of its groups.
    pub(crate) const fn groups(self) -> &'static [&'static str] {
        match self {
            Grouping::SessionLength => &["2", "3-5", "6-10", "11+"],
            Grouping::PrefixLength => &["1", "2", "3-5", "6+"],
            Grouping::Popularity => &["head", "torso", "tail"],
            Grouping::Repeat => &["seen_in_session", "new_in_session"],
        }
    }

    /// The group of the question that `prefix` steps of a session come before.
    pub(crate) fn group(self, session: &TestSession, prefix: usize, thirds: &Thirds) -> usize {
        let next = session.items[prefix];
        match self {
            Grouping::SessionLength => between(session.length, &[3, 6, 11]),
            Grouping::PrefixLength => between(prefix, &[2, 3, 6]),
            Grouping::Popularity => thirds.of[next as usize] as usize,
            Grouping::Repeat => usize::from(!session.items[..prefix].contains(&next)),
        }
    }
}

/// How many of the limits a number has reached.
fn between(number: usize, limits: &[usize]) -> usize {
    limits.iter().filter(|limit| number >= **limit).count()
}

/// Head, torso and tail: the items by popularity, parted where each third of the training steps ends.
#[derive(Debug)]
pub(crate) struct Thirds {
    /// By item: 0 head, 1 torso, 2 tail.
    pub(crate) of: Vec<u8>,
    /// How many items each has.
    pub(crate) items: [usize; 3],
    /// How many training steps the least popular item of each has.
    pub(crate) least: [u32; 3],
}

impl Thirds {
    pub(crate) fn new(task: &Task<'_>) -> Thirds {
        Thirds::of_support(&task.support)
    }

    /// By how many steps each item has.
    pub(crate) fn of_support(support: &[u32]) -> Thirds {
        let mut order: Vec<usize> = (0..support.len()).collect();
        order.sort_by_key(|item| std::cmp::Reverse(support[*item]));
        let all: u64 = support.iter().map(|steps| u64::from(*steps)).sum();
        let (mut thirds, mut before) = (Thirds { of: vec![0; support.len()], items: [0; 3], least: [0; 3] }, 0);
        for item in order {
            let third = (3 * before / all.max(1)).min(2) as usize;
            thirds.of[item] = third as u8;
            thirds.items[third] += 1;
            thirds.least[third] = support[item];
            before += u64::from(support[item]);
        }
        thirds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_third_of_the_steps_has_its_items() {
        let thirds = Thirds::of_support(&[1, 6, 1, 3, 2, 1, 3, 1]);
        assert_eq!(thirds.of, [2, 0, 2, 1, 2, 2, 1, 2]);
        assert_eq!((thirds.items, thirds.least), ([1, 2, 5], [6, 3, 1]));
    }

    #[test]
    fn a_number_belongs_to_the_last_limit_it_has_reached() {
        let groups: Vec<usize> = [2, 3, 5, 6, 10, 11, 500].into_iter().map(|n| between(n, &[3, 6, 11])).collect();
        assert_eq!(groups, [0, 1, 1, 2, 2, 3, 3]);
    }
}
