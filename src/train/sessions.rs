//! Sessions as item ids, in the order of their dates, with what each step was and whose each session is where that is
//! known.

use std::ops::Range;

/// What a step was, beside its item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// The kind of event, as `nearside_core::EventName::id` numbers them; 0 where it is not known.
    pub kind: u8,
    /// Whole seconds since the session's step before, at most 65,535; 0 for the first.
    pub pause_s: u16,
}

/// Sessions of item ids, 1 and up, end to end. 0 pads and stands for unknown items, as in the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sessions {
    ids: Vec<u32>,
    /// One for each id, or none at all.
    details: Vec<Detail>,
    ends: Vec<usize>,
    /// One for each session, or none at all.
    visitors: Vec<u32>,
}

impl Default for Sessions {
    fn default() -> Self {
        Sessions { ids: Vec::new(), details: Vec::new(), ends: vec![0], visitors: Vec::new() }
    }
}

impl Sessions {
    /// Adds a session of whose steps the items alone are known.
    pub fn push(&mut self, session: &[u32]) {
        self.ids.extend_from_slice(session);
        self.end();
        if !self.details.is_empty() {
            self.details.resize(self.ids.len(), Detail::default());
        }
    }

    /// Adds a session with what its steps were.
    pub fn push_detailed(&mut self, session: &[(u32, Detail)]) {
        self.details.resize(self.ids.len(), Detail::default());
        self.ids.extend(session.iter().map(|(id, _)| id));
        self.details.extend(session.iter().map(|(_, detail)| detail));
        self.end();
    }

    fn end(&mut self) {
        self.ends.push(self.ids.len());
        if !self.visitors.is_empty() {
            self.visitors.push(0);
        }
    }

    /// Says whose the session is that was added last: a visitor by number, 0 where it is not known.
    pub fn set_visitor(&mut self, visitor: u32) {
        if visitor != 0 {
            self.visitors.resize(self.len(), 0);
        }
        if let Some(last) = self.visitors.last_mut() {
            *last = visitor;
        }
    }

    /// The number of the visitor whose the session at `index` is; 0 where it is not known.
    pub fn visitor(&self, index: usize) -> u32 {
        self.visitors.get(index).copied().unwrap_or(0)
    }

    /// How many sessions there are of which it is not known whose they are.
    pub fn without_visitor(&self) -> usize {
        self.len() - self.visitors.iter().filter(|visitor| **visitor != 0).count()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len() - 1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The session at `index`; empty beyond the end.
    pub fn get(&self, index: usize) -> &[u32] {
        &self.ids[self.place(index)]
    }

    /// What the steps of the session at `index` were; empty where no session's details are known, and beyond the end.
    pub fn details(&self, index: usize) -> &[Detail] {
        self.details.get(self.place(index)).unwrap_or_default()
    }

    fn place(&self, index: usize) -> Range<usize> {
        match self.ends.get(index..index + 2) {
            Some([start, end]) => *start..*end,
            _ => 0..0,
        }
    }

    /// All sessions.
    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Some sessions, in their order.
    pub fn range(&self, range: Range<usize>) -> Sessions {
        let mut some = Sessions::default();
        range.for_each(|index| some.push_from(self, index));
        some
    }

    /// Adds all sessions of `others`.
    pub fn append(&mut self, others: &Sessions) {
        (0..others.len()).for_each(|index| self.push_from(others, index));
    }

    fn push_from(&mut self, others: &Sessions, index: usize) {
        if others.details.is_empty() {
            self.push(others.get(index));
        } else {
            let steps = others.get(index).iter().copied().zip(others.details(index).iter().copied());
            self.push_detailed(&steps.collect::<Vec<_>>());
        }
        self.set_visitor(others.visitor(index));
    }

    /// How many next items there are to predict: one for every step but a session's first.
    pub fn pairs(&self) -> usize {
        self.iter().map(|session| session.len().saturating_sub(1)).sum()
    }

    /// How often each id occurs; index 0 counts padding.
    pub fn counts(&self, items: usize) -> Vec<u32> {
        let mut counts = vec![0; items + 1];
        for id in &self.ids {
            if let Some(count) = counts.get_mut(*id as usize) {
                *count += 1;
            }
        }
        counts
    }
}

impl<'a> FromIterator<&'a [u32]> for Sessions {
    fn from_iter<I: IntoIterator<Item = &'a [u32]>>(sessions: I) -> Sessions {
        let mut all = Sessions::default();
        sessions.into_iter().for_each(|session| all.push(session));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_stay_with_their_steps_whatever_is_added_before_and_after() {
        let detail = |kind| Detail { kind, pause_s: 7 };
        let mut sessions = Sessions::default();
        sessions.push(&[1, 2]);
        assert_eq!(sessions.details(0), []);
        sessions.push_detailed(&[(3, detail(1)), (4, detail(3))]);
        sessions.push(&[5]);
        let mut twice = sessions.range(1..3);
        twice.append(&sessions);
        assert_eq!(twice.iter().collect::<Vec<_>>(), [&[3, 4][..], &[5], &[1, 2], &[3, 4], &[5]]);
        assert_eq!(twice.details(0), [detail(1), detail(3)]);
        assert_eq!(twice.details(2), [Detail::default(); 2]);
        assert_eq!(twice.details(3), twice.details(0));
    }

    #[test]
    fn visitors_stay_with_their_sessions_and_take_no_memory_where_none_is_known() {
        let mut sessions = Sessions::default();
        sessions.set_visitor(7);
        sessions.push(&[1, 2]);
        sessions.set_visitor(0);
        assert_eq!((sessions.visitors.capacity(), sessions.without_visitor()), (0, 1));
        sessions.push(&[3, 4]);
        sessions.set_visitor(7);
        sessions.push_detailed(&[(5, Detail::default())]);
        let mut twice = sessions.range(1..3);
        twice.append(&sessions);
        assert_eq!((0..6).map(|index| twice.visitor(index)).collect::<Vec<_>>(), [7, 0, 0, 7, 0, 0]);
        assert_eq!((twice.without_visitor(), sessions.visitors), (3, vec![0, 7, 0]));
    }
}
