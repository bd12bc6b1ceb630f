//! The training sessions, looked up by what they hold.

use super::task::Task;

/// Which session holds which item.
#[derive(Debug)]
pub(crate) struct Index {
    /// By item: the sessions that hold it, oldest first.
    pub(crate) holding: Vec<Vec<u32>>,
    /// By session: its items, each once, the lowest number first.
    pub(crate) sets: Vec<Vec<u32>>,
}

impl Index {
    pub(crate) fn new(task: &Task<'_>) -> Index {
        let mut holding = vec![Vec::new(); task.items()];
        let mut sets = Vec::with_capacity(task.training.len());
        for (number, session) in task.training.iter().enumerate() {
            let mut set = session.clone();
            set.sort_unstable();
            set.dedup();
            set.iter().for_each(|item| holding[*item as usize].push(number as u32));
            sets.push(set);
        }
        Index { holding, sets }
    }
}
