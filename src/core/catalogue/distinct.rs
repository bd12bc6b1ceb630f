//! The different categories and brands of a catalogue, and what interests say of them.
//!
//! A catalogue has far fewer of either than products, so what depends on one of them is computed per distinct value.

use super::texts::Texts;
use crate::content::prefixes;
use crate::hash::Index;

/// The different values of a text column.
#[derive(Clone, Debug, Default)]
pub(super) struct Distinct {
    values: Texts,
    indices: Index<u32>,
}

impl Distinct {
    /// The index of a value, which is given one where it has none.
    pub(super) fn index_of(&mut self, value: &str) -> u32 {
        if let Some(index) = self.indices.get(value) {
            return *index;
        }
        let index = self.values.len() as u32;
        self.values.push(value);
        self.indices.insert(value.to_owned(), index);
        index
    }

    pub(super) fn values(&self) -> &Texts {
        &self.values
    }

    pub(super) fn get(&self, index: u32) -> &str {
        self.values.get(index as usize)
    }

    /// What `interests` say of every value; 0 where they say nothing. Goes through the interests, which are few.
    pub(super) fn affinities(&self, interests: &[(&str, f32)]) -> Vec<f32> {
        let mut affinities = vec![0.0; self.values.len()];
        for (value, interest) in interests {
            if let Some(index) = self.indices.get(*value) {
                affinities[*index as usize] = *interest;
            }
        }
        affinities
    }

    pub(super) fn bytes(&self) -> usize {
        // Every value stands here twice, once as a key.
        2 * self.values.bytes() + size_of::<(String, u32)>() * self.indices.capacity()
    }
}

/// The levels of a category path that count for interest, and how much: the deepest and its parents.
const LEVEL_SHARES: [f32; 3] = [0.6, 0.3, 0.1];

/// The category paths, and the levels each of them goes through.
#[derive(Clone, Debug, Default)]
pub(super) struct Categories {
    paths: Distinct,
    levels: Distinct,
    /// By path: its deepest levels, the deepest first; `u32::MAX` where it has fewer.
    of_path: Vec<[u32; LEVEL_SHARES.len()]>,
}

impl Categories {
    /// The index of a path, which is given one where it has none.
    pub(super) fn index_of(&mut self, path: &str) -> u32 {
        let index = self.paths.index_of(path);
        if index as usize == self.of_path.len() {
            let mut levels = [u32::MAX; LEVEL_SHARES.len()];
            for (level, prefix) in levels.iter_mut().zip(prefixes(path).rev()) {
                *level = self.levels.index_of(prefix);
            }
            self.of_path.push(levels);
        }
        index
    }

    pub(super) fn paths(&self) -> &Distinct {
        &self.paths
    }

    /// Interest in every path, given interests in paths: the sum over its levels, the deepest counting most, -1 to 1.
    pub(super) fn affinities(&self, interests: &[(&str, f32)]) -> Vec<f32> {
        let levels = self.levels.affinities(interests);
        let affinity = |own: &[u32; LEVEL_SHARES.len()]| {
            let shares = own.iter().zip(LEVEL_SHARES);
            let shares = shares.map(|(level, share)| share * levels.get(*level as usize).copied().unwrap_or(0.0));
            shares.sum::<f32>().clamp(-1.0, 1.0)
        };
        self.of_path.iter().map(affinity).collect()
    }

    pub(super) fn bytes(&self) -> usize {
        self.paths.bytes() + self.levels.bytes() + size_of_val(self.of_path.as_slice())
    }
}
