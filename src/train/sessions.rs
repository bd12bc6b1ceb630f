//! Sessions as item ids, in the order of their dates.

use std::ops::Range;

/// Sessions of item ids, 1 and up, end to end. 0 pads and stands for unknown items, as in the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sessions {
    ids: Vec<u32>,
    ends: Vec<usize>,
}

impl Default for Sessions {
    fn default() -> Self {
        Sessions { ids: Vec::new(), ends: vec![0] }
    }
}

impl Sessions {
    /// Adds a session.
    pub fn push(&mut self, session: &[u32]) {
        self.ids.extend_from_slice(session);
        self.ends.push(self.ids.len());
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
        match self.ends.get(index..index + 2) {
            Some([start, end]) => &self.ids[*start..*end],
            _ => &[],
        }
    }

    /// All sessions.
    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Some sessions, in their order.
    pub fn range(&self, range: Range<usize>) -> Sessions {
        range.map(|index| self.get(index)).collect()
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
