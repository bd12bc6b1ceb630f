//! Membership: whether someone who holds a shipped file can tell which sessions it was learnt from.
//!
//! The attacker scores a session by the mean logarithm of the chance that the file gives to each next item, less that of
//! popularity, which takes off how common the session is anyway (Yeom et al., CSF 2018; Watson et al., ICLR 2022). A model
//! that knows its own training sessions by heart gives them higher scores.

use rayon::prelude::*;

use crate::error::Error;
use crate::measure::scores;
use crate::network::encode;
use crate::rules::Rules;
use crate::run::Outcome;
use crate::sessions::Sessions;

/// How well scores tell members from others.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Told {
    /// The chance that a member's score is above another's (area under the ROC curve), ties counted half: 0.5 tells
    /// nothing, 1 everything.
    pub auc: f64,
    /// The share of members that are found where at most one other in a hundred is taken for one, 0 to 1: 0.01 tells
    /// nothing (Carlini et al., IEEE S&P 2022).
    pub found: f64,
}

/// The share of others that may be taken for members.
const FALSE: f64 = 0.01;

/// Scores of members and of others.
#[derive(Clone, Debug)]
pub struct Membership {
    /// Highest first: the score, where it was in the list, whether it is a member's.
    ranked: Vec<(f64, u32, bool)>,
}

impl Membership {
    /// Of scores, each with whether it is a member's.
    pub fn new(scores: impl IntoIterator<Item = (f64, bool)>) -> Membership {
        let mut ranked: Vec<(f64, u32, bool)> =
            (0..).zip(scores).map(|(place, (score, member))| (score, place, member)).collect();
        ranked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        Membership { ranked }
    }

    /// How well the scores tell, with each taken as often as `times` says of its place, as a bootstrap draws them. `None`
    /// where that leaves no member or no other.
    pub fn told(&self, times: impl Fn(usize) -> f64) -> Option<Told> {
        let taken = |wanted: bool| -> f64 {
            self.ranked
                .iter()
                .filter(|(.., member)| *member == wanted)
                .map(|(_, place, _)| times(*place as usize))
                .sum()
        };
        let (members, others) = (taken(true), taken(false));
        if members == 0.0 || others == 0.0 {
            return None;
        }
        let (mut above, mut right, mut found) = ([0.0; 2], 0.0, 0.0);
        for same in self.ranked.chunk_by(|a, b| a.0 == b.0) {
            let mut here = [0.0; 2];
            same.iter().for_each(|(_, place, member)| here[usize::from(*member)] += times(*place as usize));
            right += here[0] * (above[1] + here[1] / 2.0);
            above = [above[0] + here[0], above[1] + here[1]];
            if above[0] <= FALSE * others {
                found = above[1] / members;
            }
        }
        Some(Told { auc: right / (members * others), found })
    }
}

impl Outcome {
    /// By session, the mean logarithm of the chance that the network, as it ships with whole numbers up to `levels`,
    /// gives to each step but the first. Sessions have two steps or more.
    pub fn log_chances(&self, sessions: &Sessions, levels: u8) -> Result<Vec<f64>, Error> {
        let shipped = self.shipped(levels);
        let width = shipped.network.shape.width;
        let queries = encode(shipped.network.shape, &shipped.network.weights, &shipped.table, sessions)?;
        let targets: Vec<u32> = sessions.iter().flat_map(|session| session.iter().skip(1).copied()).collect();
        let mut chances = vec![0.0; targets.len()];
        scores(&shipped.table, width, queries.iter().flatten(), |first, scores| {
            let asked =
                scores.par_chunks(shipped.table.len() / width).zip(&mut chances[first..]).zip(&targets[first..]);
            asked.for_each(|((scores, chance), target)| *chance = log_chance(scores, *target));
        })?;
        let mut chances = chances.into_iter();
        Ok(sessions.iter().map(|session| mean(chances.by_ref().take(session.len() - 1))).collect())
    }
}

impl Rules {
    /// By session, the mean logarithm of the chance that the rules give to each step but the first. Sessions have two
    /// steps or more.
    pub fn log_chances(&self, sessions: &Sessions) -> Vec<f64> {
        let sessions: Vec<&[u32]> = sessions.iter().collect();
        let of = |session: &&[u32]| {
            mean((1..session.len()).map(|end| log_chance(&self.scores(&session[..end]), session[end])))
        };
        sessions.par_iter().map(of).collect()
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

/// The logarithm of one item's softmax over all items; scores start with padding, which has no chance.
fn log_chance(scores: &[f32], target: u32) -> f64 {
    let largest = scores[1..].iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = scores[1..].chunks(1024).map(|part| part.iter().map(|s| (s - largest).exp()).sum::<f32>()).sum();
    f64::from(scores[target as usize] - largest) - f64::from(sum).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Entropy, Mining};

    #[test]
    fn the_area_and_the_share_found_are_those_of_a_calculation_by_hand() {
        // Of six pairs of member and other, the member is above in four and level in one.
        let scores = [(3.0, true), (2.0, false), (2.0, true), (1.0, true), (0.5, false)];
        let told = Membership::new(scores).told(|_| 1.0).unwrap();
        assert!((told.auc - 4.5 / 6.0).abs() < 1e-12, "{told:?}");
        // One member stands above every other.
        assert!((told.found - 1.0 / 3.0).abs() < 1e-12, "{told:?}");
        // With the level other left out, and the highest member twice, all members are above.
        let told = Membership::new(scores).told(|place| [2.0, 0.0, 1.0, 1.0, 1.0][place]).unwrap();
        assert_eq!(told, Told { auc: 1.0, found: 1.0 });
        assert_eq!(Membership::new([(1.0, true)]).told(|_| 1.0), None);
    }

    /// Sessions of five steps among two hundred items at random.
    fn drawn(seed: u64) -> Sessions {
        let mut random = crate::random::Random::of_seed(seed);
        let session = |_| -> Vec<u32> { (0..5).map(|_| random.below(200) as u32 + 1).collect() };
        let sessions: Vec<Vec<u32>> = (0..200).map(session).collect();
        sessions.iter().map(Vec::as_slice).collect()
    }

    /// How well rules mined from one part of three tell the first part from the second.
    fn told(mined_from: u64) -> Told {
        let mining = Mining { fewest: 1, ..Mining::default() };
        let rules = Rules::mine(&mining, &drawn(mined_from), 200, &mut Entropy::of_seed(1)).unwrap();
        let of = |seed: u64| rules.log_chances(&drawn(seed)).into_iter().map(move |chance| (chance, seed == 1));
        Membership::new(of(1).chain(of(2))).told(|_| 1.0).unwrap()
    }

    #[test]
    fn what_knows_its_sessions_by_heart_is_caught() {
        let told = told(1);
        assert!(told.auc > 0.95 && told.found > 0.5, "{told:?}");
    }

    #[test]
    fn what_has_seen_neither_kind_tells_nothing() {
        let told = told(3);
        // Two standard errors of the area under chance: sqrt(401 / (12 * 200 * 200)) each.
        assert!((told.auc - 0.5).abs() < 0.058, "{told:?}");
    }

    #[test]
    fn chances_add_up_to_one_without_padding() {
        let scores = [50.0, 1.0, 2.0, 3.0];
        let all: f64 = (1..4).map(|item| log_chance(&scores, item).exp()).sum();
        assert!((all - 1.0).abs() < 1e-6 && log_chance(&scores, 3) > log_chance(&scores, 2), "{all}");
    }
}
