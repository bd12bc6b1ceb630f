//! Work that several threads share.

use std::num::NonZeroUsize;
use std::thread;

use crate::error::Error;

/// How many threads are wanted: as many as there are cores where nothing is asked for.
pub(crate) fn count(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZeroUsize::get))
}

/// Runs `work` in each of so many threads, 1 at least, and gives what each made of it. A panic goes on in the caller.
pub(crate) fn each<T: Send>(threads: usize, work: impl Fn() -> Result<T, Error> + Sync) -> Result<Vec<T>, Error> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(&work)).collect();
        let results = threads.into_iter().map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        // All are waited for before the first error counts.
        results.collect::<Vec<_>>().into_iter().collect()
    })
}
