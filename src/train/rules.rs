//! Item-to-item rules: for every item the few that go along with it or follow it, as an aggregate that may ship.
//!
//! An entry has a least number of units behind it: sessions, or visitors with all their sessions. What fewer name
//! leaves no trace: it is in no entry, and no entry is scaled by it. With [`Privacy`] the counts are a differentially
//! private release (`rules/privacy.rs` has the proof).
//!
//! After a session, an item's score is ln(sum over the session's steps of decay^age * weight + backoff * popularity): the
//! logarithm of a chance, but for what the sum of the decays makes of it. Every step has a small weight for its own item,
//! the same for all: shoppers come back to what they looked at. Items without an entry are ranked by popularity.

mod blend;
mod export;
mod noise;
mod privacy;
mod rule;
mod support;
mod unit;

pub use blend::Blend;
pub use export::RulesFile;
pub use noise::Entropy;
pub use privacy::Privacy;
pub use rule::Rule;
pub use unit::Unit;

use rayon::prelude::*;

use crate::error::Error;
use crate::measure::{Figures, place};
use crate::sessions::Sessions;
use privacy::Plan;
use support::{Pair, counted, units};

/// How rules are mined.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Mining {
    /// How two items are weighed. Default: association, of which more pairs reach a floor than of the others.
    pub rule: Rule,
    /// Whom an entry counts; where it is not said, [`Mining::unit_of`] chooses. Default: not said.
    pub unit: Option<Unit>,
    /// Fewest units behind an entry, 1 and up. At 1 a single session shows in the table; default 5.
    pub fewest: u32,
    /// Most entries an item keeps, 1 and up; default 20.
    pub neighbours: usize,
    /// How much a step counts beside the one after it, 0 to 1: at 0 the last step alone ranks, at 1 all of the last
    /// twenty alike. Default 0.6.
    pub decay: f32,
    /// Differential privacy of the counts, where it is asked for. An entry's strength is then its noisy number of units.
    pub privacy: Option<Privacy>,
    /// Which pairs a unit names where it has more than it may. Need not be kept secret.
    pub seed: u64,
}

impl Default for Mining {
    fn default() -> Self {
        let (rule, unit) = (Rule::Association, None);
        Mining { rule, unit, fewest: 5, neighbours: 20, decay: 0.6, privacy: None, seed: 1 }
    }
}

/// Steps of a session that are read, the newest.
const LENGTH: usize = 20;
/// Added to the sum that an item's strengths are divided by, so that few observations are not taken for certainty.
const DAMPING: f64 = 5.0;
/// How much popularity counts beside the rules.
const BACKOFF: f32 = 0.01;
/// The level of the weight that a step gives its own item: a tenth.
const REPEAT: i8 = -37;
/// Weights are stored as whole numbers: so many to a factor of e, down to exp(-127 / 16).
const LEVELS: f32 = 16.0;

/// What one item says of another.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    to: u32,
    /// The weight's logarithm, times [`LEVELS`]: -127 to 0.
    level: i8,
}

impl Entry {
    fn weight(self) -> f32 {
        (f32::from(self.level) / LEVELS).exp()
    }
}

/// A table of rules, with weights as a file holds them.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    decay: f32,
    /// By item id; that of padding is empty. The strongest first.
    rows: Vec<Vec<Entry>>,
    /// By item id: [`BACKOFF`] times the popularity, the least for unknown items.
    base: Vec<f32>,
    /// Whether all of this is made from a private release.
    private: bool,
    /// The fewest units behind an entry.
    fewest: u32,
    unit: Unit,
}

impl Rules {
    /// Mines the rules of sessions with item ids up to `items`.
    ///
    /// With [`Mining::privacy`] the promise holds for the units of these sessions as they are handed over: leave no item
    /// and no session out because of what others did.
    ///
    /// Errors: `option-out-of-range`, `unknown-visitor`, `no-rules`, and `no-entropy` where the noise cannot be drawn.
    pub fn mine(mining: &Mining, sessions: &Sessions, items: usize, entropy: &mut Entropy) -> Result<Rules, Error> {
        let refuse = |name, got: String, range: &str| Err(Error::Option { name, got, range: range.into() });
        if mining.fewest == 0 {
            return refuse("fewest", mining.fewest.to_string(), "1 or more");
        }
        if mining.neighbours == 0 {
            return refuse("neighbours", mining.neighbours.to_string(), "1 or more");
        }
        if !(0.0..=1.0).contains(&mining.decay) {
            return refuse("decay", mining.decay.to_string(), "0 to 1");
        }
        if let Some(id) = sessions.iter().flatten().max().filter(|id| **id as usize > items) {
            return refuse("items", items.to_string(), &format!("{id} or more"));
        }
        let unit = mining.unit_of(&[sessions])?;
        let units = units(unit, sessions);
        let most = mining.privacy.map_or(usize::MAX, |privacy| privacy.pairs);
        let plan = mining.privacy.map(|privacy| Plan::new(privacy, mining.fewest)).transpose()?;
        let mut pairs = counted(mining.rule, &units, sessions, most, mining.seed);
        match plan {
            Some(plan) => pairs = plan.release(pairs, entropy)?,
            None => pairs.retain(|pair| pair.units >= mining.fewest),
        }
        if pairs.is_empty() {
            return Err(Error::NoRules { fewest: plan.map_or(mining.fewest, |plan| plan.threshold as u32) });
        }
        let mut rows = vec![Vec::new(); items + 1];
        for row in pairs.chunk_by(|a, b| a.from == b.from) {
            rows[row[0].from as usize] = entries(row, mining.neighbours);
        }
        let popularity = match plan {
            Some(_) => {
                let mut counts = vec![0.0; items + 1];
                pairs.iter().for_each(|pair| counts[pair.to as usize] += pair.strength);
                counts
            }
            None => sessions.counts(items).into_iter().map(f64::from).collect(),
        };
        Ok(Rules {
            decay: mining.decay,
            rows,
            base: base(popularity),
            private: plan.is_some(),
            fewest: mining.fewest,
            unit,
        })
    }

    /// Whom the entries count.
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// How many entries there are.
    pub fn entries(&self) -> usize {
        self.rows.iter().map(Vec::len).sum()
    }

    /// The items that an entry is about, on either side, the lowest id first.
    pub fn items(&self) -> Vec<u32> {
        let from = (0..).zip(&self.rows).filter(|(_, row)| !row.is_empty()).map(|(item, _)| item);
        let mut items: Vec<u32> = from.chain(self.rows.iter().flatten().map(|entry| entry.to)).collect();
        items.sort_unstable();
        items.dedup();
        items
    }

    /// The table of these items alone, as ids from 1 in their order. All other items become unknown.
    pub fn of_items(&self, items: &[u32]) -> Rules {
        let mut ids = vec![0; self.rows.len()];
        items.iter().zip(1..).for_each(|(item, id)| ids[*item as usize] = id);
        let row = |item: &u32| {
            let kept = self.rows[*item as usize].iter().filter(|entry| ids[entry.to as usize] != 0);
            kept.map(|entry| Entry { to: ids[entry.to as usize], ..*entry }).collect()
        };
        Rules {
            rows: std::iter::once(Vec::new()).chain(items.iter().map(row)).collect(),
            base: std::iter::once(self.base[0]).chain(items.iter().map(|item| self.base[*item as usize])).collect(),
            ..self.clone()
        }
    }

    /// The scores of all items by id after a session's steps, padding's first.
    pub fn scores(&self, session: &[u32]) -> Vec<f32> {
        let mut sums = self.base.clone();
        let mut factor = 1.0;
        for item in session.iter().rev().take(LENGTH) {
            let own = Entry { to: *item, level: REPEAT };
            for entry in std::iter::once(&own).chain(&self.rows[*item as usize]) {
                sums[entry.to as usize] += factor * entry.weight();
            }
            factor *= self.decay;
        }
        sums.iter_mut().for_each(|sum| *sum = sum.ln());
        sums
    }

    /// Recall and MRR of the next item among all, on sessions that the rules were not mined from.
    pub fn figures(&self, sessions: &Sessions) -> Figures {
        let places = |session: &[u32]| -> Vec<u32> {
            (1..session.len()).map(|end| place(&self.scores(&session[..end]), session[end])).collect()
        };
        let sessions: Vec<&[u32]> = sessions.iter().collect();
        let places: Vec<u32> = sessions.into_par_iter().flat_map_iter(places).collect();
        Figures::of(&places)
    }
}

/// The strongest entries of one item.
fn entries(row: &[Pair], neighbours: usize) -> Vec<Entry> {
    let all = row.iter().map(|pair| pair.strength).sum::<f64>() + DAMPING;
    let mut strongest = row.to_vec();
    strongest.sort_by(|a, b| b.strength.total_cmp(&a.strength).then(a.to.cmp(&b.to)));
    strongest.truncate(neighbours);
    let level = |strength: f64| (f64::from(LEVELS) * (strength / all).ln()).round().clamp(-127.0, 0.0) as i8;
    strongest.iter().map(|pair| Entry { to: pair.to, level: level(pair.strength) }).collect()
}

/// What every item starts with: its share of all counts, one added to each so that none is impossible.
fn base(mut counts: Vec<f64>) -> Vec<f32> {
    counts[0] = 0.0;
    let all = counts.iter().map(|count| count + 1.0).sum::<f64>();
    counts.into_iter().map(|count| BACKOFF * ((count + 1.0) / all) as f32).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mined(mining: &Mining, sessions: &Sessions, items: usize) -> Rules {
        Rules::mine(mining, sessions, items, &mut Entropy::of_seed(1)).unwrap()
    }

    fn row(rules: &Rules, item: usize) -> Vec<(u32, f32)> {
        rules.rows[item].iter().map(|entry| (entry.to, entry.weight())).collect()
    }

    #[test]
    fn weights_are_shares_of_the_entries_that_reach_the_floor() {
        // From 1: to 2 in six sessions, to 3 in two, to 4 in one.
        let mut sessions = Sessions::default();
        (0..6).for_each(|_| sessions.push(&[1, 2]));
        (0..2).for_each(|_| sessions.push(&[1, 3]));
        sessions.push(&[1, 4]);
        let rules = mined(&Mining { fewest: 2, ..Mining::default() }, &sessions, 4);
        let found = row(&rules, 1);
        assert_eq!(found.iter().map(|(item, _)| *item).collect::<Vec<_>>(), [2, 3]);
        for ((_, weight), expected) in found.iter().zip([6.0 / 13.0, 2.0 / 13.0]) {
            // Half a step of a sixteenth of a factor of e.
            assert!((weight / expected).ln().abs() <= 0.5 / 16.0 + 1e-6, "{weight} {expected}");
        }
        let one = mined(&Mining { fewest: 2, neighbours: 1, ..Mining::default() }, &sessions, 4);
        assert_eq!(row(&one, 1), found[..1]);
    }

    #[test]
    fn a_session_that_alone_names_a_pair_changes_no_entry() {
        let mut sessions = Sessions::default();
        (0..6).for_each(|_| sessions.push(&[1, 2]));
        let before = mined(&Mining::default(), &sessions, 4);
        sessions.push(&[1, 3, 4]);
        let after = mined(&Mining::default(), &sessions, 4);
        assert_eq!(before.rows, after.rows);
    }

    #[test]
    fn newer_steps_count_more_and_the_rest_is_ranked_by_popularity() {
        let mut sessions = Sessions::default();
        (0..8).for_each(|_| sessions.push(&[1, 2]));
        (0..8).for_each(|_| sessions.push(&[3, 4]));
        (0..3).for_each(|_| sessions.push(&[5, 5]));
        sessions.push(&[6, 6]);
        let sequential = Mining { rule: Rule::Sequential, ..Mining::default() };
        let scores = mined(&sequential, &sessions, 6).scores(&[1, 3]);
        assert!(scores[4] > scores[2] && scores[2] > scores[5] && scores[5] > scores[6], "{scores:?}");
        assert!(scores[3] > scores[1] && scores[1] > scores[5], "{scores:?}");
        let last = mined(&Mining { decay: 0.0, ..sequential }, &sessions, 6).scores(&[1, 3]);
        assert!((last[2] - last[4]) < -1.0 && last[2] == last[1], "{last:?}");
    }

    #[test]
    fn a_table_of_some_items_scores_them_as_before() {
        let mut sessions = Sessions::default();
        (0..8).for_each(|_| sessions.push(&[2, 4, 2]));
        let whole = mined(&Mining::default(), &sessions, 5);
        assert_eq!(whole.items(), [2, 4]);
        let part = whole.of_items(&[2, 4]);
        let (of_whole, of_part) = (whole.scores(&[2, 4, 2]), part.scores(&[1, 2, 1]));
        assert_eq!((of_part.len(), of_part[1], of_part[2]), (3, of_whole[2], of_whole[4]));
    }

    #[test]
    fn private_tables_hold_frequent_pairs_and_no_trace_of_rare_ones() {
        let mut sessions = Sessions::default();
        (0..400).for_each(|_| sessions.push(&[1, 2]));
        (0..6).for_each(|_| sessions.push(&[3, 4]));
        let privacy = Some(Privacy { epsilon: 1.0, delta: 1e-6, pairs: 2 });
        let rules = mined(&Mining { privacy, ..Mining::default() }, &sessions, 4);
        assert_eq!(rules.items(), [1, 2]);
        assert_eq!((rules.base[3], rules.base[4]), (rules.base[0], rules.base[0]));
    }

    #[test]
    fn what_cannot_be_mined_is_refused() {
        let sessions: Sessions = [&[1, 2][..], &[2, 3]].into_iter().collect();
        let code = |mining: Mining, items| {
            let error = Rules::mine(&mining, &sessions, items, &mut Entropy::of_seed(1)).unwrap_err();
            (error.code(), error.field().map(str::to_owned))
        };
        let out = |field: &str| ("option-out-of-range", Some(field.to_owned()));
        assert_eq!(code(Mining { fewest: 0, ..Mining::default() }, 3), out("fewest"));
        assert_eq!(code(Mining { neighbours: 0, ..Mining::default() }, 3), out("neighbours"));
        assert_eq!(code(Mining { decay: 1.5, ..Mining::default() }, 3), out("decay"));
        assert_eq!(code(Mining { fewest: 1, ..Mining::default() }, 2), out("items"));
        assert_eq!(code(Mining::default(), 3), ("no-rules", Some("fewest".into())));
    }

    proptest! {
        #[test]
        fn no_entry_has_fewer_visitors_behind_it_than_the_floor(
            sessions in prop::collection::vec((1u32..9, prop::collection::vec(1u32..6, 2..7)), 1..40),
            fewest in 1u32..6,
            sequential in any::<bool>(),
        ) {
            let mut all = Sessions::default();
            for (visitor, steps) in &sessions {
                all.push(steps);
                all.set_visitor(*visitor);
            }
            let rule = if sequential { Rule::Sequential } else { Rule::Association };
            let mining = Mining { rule, fewest, ..Mining::default() };
            let Ok(rules) = Rules::mine(&mining, &all, 5, &mut Entropy::of_seed(1)) else { return Ok(()) };
            for (from, row) in (0u32..).zip(&rules.rows) {
                for entry in row {
                    // The obvious way: some step of the first item, another of the second, the right way round.
                    let holds = |steps: &[u32]| (0..steps.len()).any(|i| (0..steps.len()).any(|j| {
                        i != j && (i < j || !sequential) && steps[i] == from && steps[j] == entry.to
                    }));
                    let visitors: std::collections::BTreeSet<u32> =
                        sessions.iter().filter(|(_, steps)| holds(steps)).map(|(visitor, _)| *visitor).collect();
                    prop_assert!(visitors.len() >= fewest as usize, "{from} {} {visitors:?}", entry.to);
                }
            }
        }
    }
}
