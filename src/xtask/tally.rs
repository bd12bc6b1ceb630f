//! Counting tests from what cargo's and Node's test runners print.

use std::ops::AddAssign;

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that ran and passed.
    pub(crate) passed: usize,
    /// Tests that failed or were cancelled.
    pub(crate) failed: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Sums the `test result:` lines of `cargo test`.
pub(crate) fn of_cargo(output: &str) -> Tally {
    let mut tally = Tally::default();
    for line in output.lines().filter_map(|line| line.trim().strip_prefix("test result: ")) {
        // `ok. 12 passed; 0 failed; 1 ignored; …`: the first part begins with the verdict.
        for part in line.split(['.', ';']).map(str::trim) {
            match part.split_once(' ') {
                Some((number, "passed")) => tally.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => tally.failed += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
    tally
}

/// Reads the closing comments of `node --test --test-reporter=tap`.
pub(crate) fn of_node(output: &str) -> Tally {
    let mut tally = Tally::default();
    // Only lines at the margin close the run; those of a test's own output are indented or quoted.
    for line in output.lines().filter_map(|line| line.strip_prefix("# ")) {
        match line.split_once(' ') {
            Some(("pass", number)) => tally.passed += number.trim().parse().unwrap_or(0),
            Some(("fail" | "cancelled", number)) => tally.failed += number.trim().parse().unwrap_or(0),
            _ => {}
        }
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_binary_of_a_cargo_run_is_counted() {
        let output = "running 3 tests\ntest a ... ok\n\
            test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            test result: FAILED. 12 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.20s\n";
        assert_eq!(of_cargo(output), Tally { passed: 15, failed: 2 });
    }

    #[test]
    fn a_cancelled_node_test_counts_as_failed() {
        let output = "TAP version 13\n# Subtest: a\nok 1 - a\n1..2\n# tests 7\n# suites 0\n# pass 4\n# fail 2\n\
            # cancelled 1\n# skipped 0\n# todo 0\n# duration_ms 51.2\n";
        assert_eq!(of_node(output), Tally { passed: 4, failed: 3 });
    }

    #[test]
    fn output_without_a_summary_counts_nothing() {
        assert_eq!(of_cargo("error: could not compile `core`"), Tally::default());
        assert_eq!(of_node("not ok 1 - # pass 3"), Tally::default());
    }
}
