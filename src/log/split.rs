//! Splits: which sessions a model learns from, and which it is measured on.
//!
//! The rules are those of the public tables (SR-GNN's preprocessing, Wu et al., AAAI 2019): sessions of one step
//! go, then items that are rare in the whole log, then sessions that have become too short; the rest is split by
//! time, sessions whole. Only steps that name an item count.

use std::collections::BTreeMap;

use nearside_core::{EventName, Timestamp};

use crate::Log;

const DAY_MS: f64 = 24.0 * 60.0 * 60.0 * 1000.0;

/// What of a log is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Kinds of event that are steps; where the list is empty, those that are steps to a model
    /// ([`EventName::is_step`]).
    pub kinds: Vec<EventName>,
    /// Items with fewer steps in the whole log are left out; at 1 every item stays.
    pub min_support: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Rules { kinds: Vec::new(), min_support: 1 }
    }
}

/// A session as training and measurement see it: the steps that were kept, two at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Which of [`Log::sessions`].
    pub session: usize,
    /// Which of its steps, in time order. Each has a target.
    pub steps: Vec<usize>,
}

impl Sequence {
    /// The item of each step, as numbers of [`Log::items`].
    pub fn items<'a>(&'a self, log: &'a Log) -> impl Iterator<Item = u32> + 'a {
        let steps = &log.sessions()[self.session].steps;
        self.steps.iter().filter_map(|step| steps[*step].target)
    }

    /// Leaves out the steps whose items do not stay, then the sequences that are too short without them.
    pub fn retain_items(sequences: &mut Vec<Sequence>, log: &Log, stays: impl Fn(u32) -> bool) {
        for sequence in sequences.iter_mut() {
            let steps = &log.sessions()[sequence.session].steps;
            sequence.steps.retain(|step| steps[*step].target.is_some_and(&stays));
        }
        sequences.retain(|sequence| sequence.steps.len() > 1);
    }

    /// When its last step was.
    pub fn end(&self, log: &Log) -> Timestamp {
        let steps = &log.sessions()[self.session].steps;
        self.steps.last().map_or(Timestamp(0), |step| steps[*step].at)
    }
}

/// What the rules left of a log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// In the order of their first events.
    pub sequences: Vec<Sequence>,
    /// Sessions left out because fewer than two steps were, or remained.
    pub short_sessions: usize,
    /// Items left out because too few steps name them.
    pub rare_items: usize,
}

impl Rules {
    /// Whether events of this kind are steps.
    pub(crate) fn takes(&self, kind: EventName) -> bool {
        if self.kinds.is_empty() { kind.is_step() } else { self.kinds.contains(&kind) }
    }

    /// Applies the rules.
    pub fn keep(&self, log: &Log) -> Kept {
        let mut sequences = Vec::new();
        for (index, session) in log.sessions().iter().enumerate() {
            let steps = session.steps.iter().enumerate();
            let steps = steps
                .filter(|(_, step)| step.target.is_some() && step.kind().is_some_and(|kind| self.takes(kind)))
                .map(|(index, _)| index);
            sequences.push(Sequence { session: index, steps: steps.collect() });
        }
        sequences.retain(|sequence| sequence.steps.len() > 1);
        let mut rare_items = 0;
        if self.min_support > 1 {
            let mut support: BTreeMap<u32, usize> = BTreeMap::new();
            for item in sequences.iter().flat_map(|sequence| sequence.items(log)) {
                *support.entry(item).or_insert(0) += 1;
            }
            rare_items = support.values().filter(|steps| **steps < self.min_support).count();
            let frequent = |item: u32| support.get(&item).is_some_and(|steps| *steps >= self.min_support);
            Sequence::retain_items(&mut sequences, log, frequent);
        }
        let short_sessions = log.sessions().len() - sequences.len();
        Kept { sequences, short_sessions, rare_items }
    }
}

/// How sequences are parted into those to learn from and those to be measured on, which end later.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Split {
    /// The second part ended in the last so many days before the log's last step.
    Days(f64),
    /// The second part is this share of the sequences, 0 to 1, the last ones by their end.
    Share(f64),
}

impl Split {
    /// Parts the sequences of one log; each part keeps their order.
    ///
    /// Every step of the first part is before the end of every sequence of the second. Sequences that end at the
    /// same moment stay together, so a share may come out a little larger than asked.
    pub fn apply(self, log: &Log, sequences: Vec<Sequence>) -> (Vec<Sequence>, Vec<Sequence>) {
        let mut ends: Vec<Timestamp> = sequences.iter().map(|sequence| sequence.end(log)).collect();
        let from = self.moment(&mut ends);
        sequences.into_iter().partition(|sequence| from.is_none_or(|from| sequence.end(log) < from))
    }

    /// The moment from which on the sequences end that belong to the second part, told from the ends of all, which
    /// are left in another order. `None` where the second part is empty.
    pub fn moment(self, ends: &mut [Timestamp]) -> Option<Timestamp> {
        match self {
            Split::Days(days) => {
                let last = ends.iter().max()?;
                Some(Timestamp(last.0.saturating_sub((days * DAY_MS) as u64)))
            }
            Split::Share(share) => {
                let second = (share.clamp(0.0, 1.0) * ends.len() as f64).round() as usize;
                let first = ends.len() - second;
                (second > 0).then(|| *ends.select_nth_unstable(first).1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;

    /// A log with one session a line: `hour item item ...`, a step a minute.
    fn log(name: &str, sessions: &[(u64, &str)]) -> Log {
        let mut text = "session,time,item\n".to_owned();
        for (number, (hour, items)) in sessions.iter().enumerate() {
            for (minute, item) in items.split(' ').enumerate() {
                text += &format!("{number},{},{item}\n", 1_700_000_000 + hour * 3600 + 60 * minute as u64);
            }
        }
        let path = std::env::temp_dir().join(format!("nearside-split-{name}-{}.csv", std::process::id()));
        std::fs::write(&path, text).unwrap();
        let log = Log::read(&Source { paths: vec![path.clone()], ..Source::default() }, &mut |_| ()).unwrap();
        std::fs::remove_file(path).unwrap();
        log
    }

    fn shown(log: &Log, sequences: &[Sequence]) -> Vec<String> {
        let words = |s: &Sequence| s.items(log).map(|item| log.items().name(item)).collect::<Vec<_>>().join(" ");
        sequences.iter().map(words).collect()
    }

    #[test]
    fn rare_items_go_after_short_sessions_and_take_the_sessions_they_leave_short_along() {
        // The single `a` does not count for a's support; `c` and `d` occur once each.
        let log = log("rare", &[(0, "a"), (1, "a b"), (2, "b c"), (3, "b a d")]);
        let kept = Rules { min_support: 2, ..Rules::default() }.keep(&log);
        assert_eq!(shown(&log, &kept.sequences), ["a b", "b a"]);
        assert_eq!((kept.short_sessions, kept.rare_items), (2, 2));
    }

    #[test]
    fn without_a_minimum_only_sessions_of_one_step_go() {
        let log = log("all", &[(0, "a"), (1, "a b"), (2, "c c")]);
        let kept = Rules::default().keep(&log);
        assert_eq!((shown(&log, &kept.sequences), kept.short_sessions), (vec!["a b".into(), "c c".into()], 1));
    }

    #[test]
    fn only_the_kinds_asked_for_are_steps() {
        let log = log("kinds", &[(0, "a b")]);
        let kept = Rules { kinds: vec![EventName::Purchase], ..Rules::default() }.keep(&log);
        assert_eq!((kept.sequences.len(), kept.short_sessions), (0, 1));
        let kept = Rules { kinds: vec![EventName::ViewItem], ..Rules::default() }.keep(&log);
        assert_eq!(kept.sequences.len(), 1);
    }

    #[test]
    fn the_last_days_are_measured_on_and_a_session_belongs_where_it_ends() {
        let log = log("days", &[(0, "a b"), (20, "b a"), (40, "c d"), (44, "d c")]);
        let sequences = Rules::default().keep(&log).sequences;
        // The last step is at 44:01; a day before that is 20:01, when the second session ends.
        let (first, second) = Split::Days(1.0).apply(&log, sequences);
        assert_eq!(shown(&log, &first), ["a b"]);
        assert_eq!(shown(&log, &second), ["b a", "c d", "d c"]);
    }

    #[test]
    fn a_share_is_the_last_sessions_and_ends_at_the_same_moment_stay_together() {
        let log = log("share", &[(0, "a b"), (1, "b a"), (1, "c d"), (2, "d c")]);
        let part = |share| {
            let (first, second) = Split::Share(share).apply(&log, Rules::default().keep(&log).sequences);
            (first.len(), second.len())
        };
        assert_eq!([part(0.0), part(0.25), part(0.5), part(1.0)], [(4, 0), (3, 1), (1, 3), (0, 4)]);
    }
}
