//! Names as numbers, so that a log of millions of events holds each name once.

use std::collections::HashMap;

/// Names and their numbers, 1 the first; 0 is the empty name.
#[derive(Clone, Debug)]
pub struct Names {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Default for Names {
    fn default() -> Self {
        Names { names: vec![String::new()], numbers: HashMap::from([(String::new(), 0)]) }
    }
}

impl Names {
    /// The number of a name, which is given the next one where it is new.
    pub(crate) fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).expect("a log of under four thousand million names");
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    /// The number of a name that occurs.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// The name with this number, which must be at most [`len`](Names::len).
    pub fn name(&self, number: u32) -> &str {
        &self.names[number as usize]
    }

    /// Every name in the order of its number, the empty one left out.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.names[1..].iter().map(String::as_str)
    }

    /// How many names there are, the empty one not counted: the highest number.
    pub fn len(&self) -> usize {
        self.names.len() - 1
    }

    /// Whether there is none but the empty name.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
