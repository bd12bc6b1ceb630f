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

/// Which of the different values each product has: in sixteen bits each until there are too many values.
#[derive(Clone, Debug)]
pub(super) enum Indices {
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
}

impl Indices {
    pub(super) fn get(&self, row: usize) -> u32 {
        match self {
            Indices::Narrow(indices) => u32::from(indices[row]),
            Indices::Wide(indices) => indices[row],
        }
    }

    /// Writes the index of a row, or of the one behind the last.
    pub(super) fn put(&mut self, row: usize, index: u32) {
        match (&mut *self, u16::try_from(index)) {
            (Indices::Narrow(indices), Ok(index)) if row < indices.len() => indices[row] = index,
            (Indices::Narrow(indices), Ok(index)) => indices.push(index),
            (Indices::Narrow(indices), Err(_)) => {
                *self = Indices::Wide(indices.iter().map(|index| u32::from(*index)).collect());
                self.put(row, index);
            }
            (Indices::Wide(indices), _) if row < indices.len() => indices[row] = index,
            (Indices::Wide(indices), _) => indices.push(index),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Indices::Narrow(indices) => indices.len(),
            Indices::Wide(indices) => indices.len(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        (0..self.len()).map(|row| self.get(row))
    }

    pub(super) fn reserve_exact(&mut self, more: usize) {
        match self {
            Indices::Narrow(indices) => indices.reserve_exact(more),
            Indices::Wide(indices) => indices.reserve_exact(more),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Indices::Narrow(indices) => size_of::<u16>() * indices.capacity(),
            Indices::Wide(indices) => size_of::<u32>() * indices.capacity(),
        }
    }
}

impl FromIterator<u32> for Indices {
    fn from_iter<I: IntoIterator<Item = u32>>(indices: I) -> Indices {
        let mut column = Indices::Narrow(Vec::new());
        let indices = indices.into_iter();
        column.reserve_exact(indices.size_hint().0);
        indices.enumerate().for_each(|(row, index)| column.put(row, index));
        column
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_stay_what_they_were_when_they_outgrow_sixteen_bits() {
        let given = [1, 65_535, 65_536, 3, 70_000];
        let mut indices: Indices = given.into_iter().collect();
        assert!(matches!(given[..2].iter().copied().collect(), Indices::Narrow(_)));
        indices.put(0, 2);
        indices.put(5, 9);
        assert_eq!(indices.iter().collect::<Vec<u32>>(), [2, 65_535, 65_536, 3, 70_000, 9]);
    }
}
