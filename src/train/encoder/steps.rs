//! What is read of a step beside its item: its kind, and the pause before it.

use crate::sessions::Detail;

/// What is read of a step beside its item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StepInputs {
    /// The kind of event: `session.kind`.
    pub kind: bool,
    /// The seconds since the step before: differences of `session.age_s`.
    pub pause: bool,
}

/// How many kinds of event there are: the largest of `nearside_core::EventName::id`.
pub(crate) const KINDS: usize = nearside_core::EventName::ALL.len();

/// Seconds from which a pause counts as longer than those before. About equally far apart in the logarithm, from a
/// glance to the end of a session.
pub(crate) const PAUSES_S: [u16; 10] = [3, 6, 12, 25, 50, 100, 200, 400, 800, 1600];

impl StepInputs {
    /// Numbers by step.
    pub(crate) fn count(self) -> usize {
        usize::from(self.kind) * KINDS + usize::from(self.pause) * PAUSES_S.len()
    }

    /// Zeros and ones, [`count`](Self::count) by step: a one for the kind, and a one for each of [`PAUSES_S`] that the
    /// pause reaches. So neighbouring lengths share most of what is learnt, and a length is a sum of steps up.
    pub(crate) fn features(self, details: &[Detail]) -> Vec<f32> {
        let mut features = Vec::with_capacity(details.len() * self.count());
        for Detail { kind, pause_s } in details {
            if self.kind {
                features.extend((1..=KINDS).map(|k| f32::from(u8::from(usize::from(*kind) == k))));
            }
            if self.pause {
                features.extend(PAUSES_S.iter().map(|from| f32::from(u8::from(pause_s >= from))));
            }
        }
        features
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_place_and_a_longer_pause_all_ones_of_a_shorter() {
        assert!(nearside_core::EventName::ALL.iter().all(|kind| (1..=KINDS as i32).contains(&kind.id())));
        let both = StepInputs { kind: true, pause: true };
        let features = both.features(&[Detail { kind: 3, pause_s: 30 }, Detail::default()]);
        let ones: Vec<usize> = (0..features.len()).filter(|place| features[*place] == 1.0).collect();
        assert_eq!(ones, [2, KINDS, KINDS + 1, KINDS + 2, KINDS + 3]);
        assert_eq!(features.len(), 2 * both.count());
        assert_eq!(StepInputs::default().count(), 0);
    }
}
