//! What a session says of two of its items.

/// How far apart two steps may be for a sequential rule.
const REACH: usize = 10;

/// How a rule between two items of a session is weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Times the second came right after the first (Markov chain).
    Markov,
    /// Sum of 1 / distance over the times the second came up to ten steps after the first (Ludewig and Jannach,
    /// User Modeling and User-Adapted Interaction, 2018, arXiv 1803.09587).
    Sequential,
    /// Pairs of steps of one session, in any order, that the items stand on. An item goes along with itself where
    /// it is repeated (AR of Ludewig and Jannach, 2018).
    Association,
}

impl Rule {
    /// Hands `add` what one session says of the items beside `item`, an item and a positive weight at a time.
    pub fn weigh(self, item: u32, steps: &[u32], mut add: impl FnMut(u32, f64)) {
        match self {
            Rule::Markov => {
                steps.windows(2).filter(|pair| pair[0] == item).for_each(|pair| add(pair[1], 1.0));
            }
            Rule::Sequential => {
                for (place, other) in steps.iter().enumerate().filter(|(_, other)| **other != item) {
                    let before = steps[place.saturating_sub(REACH)..place].iter().rev().enumerate();
                    for (between, _) in before.filter(|(_, earlier)| **earlier == item) {
                        add(*other, 1.0 / (between + 1) as f64);
                    }
                }
            }
            Rule::Association => {
                let times = steps.iter().filter(|step| **step == item).count() as f64;
                steps.iter().filter(|other| **other != item).for_each(|other| add(*other, times));
                if times > 1.0 {
                    add(item, times * (times - 1.0));
                }
            }
        }
    }
}
