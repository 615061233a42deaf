//! The search for the rows without which a group folds. Pure.

use std::ops::Range;

/// Trial folds of one group, each rolled back: enough for about twenty
/// poisonous rows among two thousand.
const MOST_TRIALS: usize = 256;

/// Finds the rows to leave out by halving: which rows to leave out next, given
/// whether the group folded without the ones before. Rows are places in the
/// order in which the group is read, so that what is left out is a few ranges.
pub(super) struct Search {
    /// Without these it folds: in order, apart from each other.
    left_out: Vec<Range<usize>>,
    /// What is to be put back, in parts.
    untried: Vec<Range<usize>>,
    trial: Option<Trial>,
    trials: usize,
    failed: bool,
}

struct Trial {
    /// Put back in this trial; none in the first, which leaves out every row.
    part: Option<Range<usize>>,
    without: Vec<Range<usize>>,
}

impl Search {
    pub(super) fn new(rows: usize) -> Self {
        let every: Vec<_> = std::iter::once(0..rows).collect();
        Search {
            trial: Some(Trial {
                part: None,
                without: every.clone(),
            }),
            left_out: every.clone(),
            untried: every,
            trials: 0,
            failed: false,
        }
    }

    /// The rows to leave out now; none when the search is over.
    pub(super) fn next_trial(&mut self) -> Option<&[Range<usize>]> {
        if self.trial.is_none() && !self.failed {
            let part = self.untried.pop()?;
            // Too many are at fault to be found.
            self.failed = self.trials == MOST_TRIALS;
            self.trial = Some(Trial {
                without: without(&self.left_out, &part),
                part: Some(part),
            });
        }
        if self.failed {
            return None;
        }
        self.trials += 1;
        self.trial.as_ref().map(|trial| &*trial.without)
    }

    pub(super) fn learn(&mut self, folds: bool) {
        let Some(trial) = self.trial.take() else {
            return;
        };
        match trial.part {
            _ if folds => self.left_out = trial.without,
            // It fails without any row: no row is at fault.
            None => self.failed = true,
            Some(part) if part.len() > 1 => {
                let middle = part.start + part.len() / 2;
                self.untried.extend([middle..part.end, part.start..middle]);
            }
            Some(_) => {}
        }
    }

    /// What the search found: none when no row is at fault, or too many are.
    pub(super) fn culprits(self) -> Option<Vec<Range<usize>>> {
        (!self.failed).then_some(self.left_out)
    }
}

/// `ranges` but for `part`, which lies within one of them.
fn without(ranges: &[Range<usize>], part: &Range<usize>) -> Vec<Range<usize>> {
    let rest = |range: &Range<usize>| {
        if range.start <= part.start && part.end <= range.end {
            [range.start..part.start, part.end..range.end]
        } else {
            [range.clone(), 0..0]
        }
    };
    let rest = ranges.iter().flat_map(rest);
    rest.filter(|range| !range.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Searches a group of `rows` that fails with any of `bad`.
    fn search(rows: usize, bad: &[usize]) -> (Option<Vec<usize>>, usize) {
        let mut search = Search::new(rows);
        while let Some(left_out) = search.next_trial() {
            let is_out = |row: &usize| left_out.iter().any(|range| range.contains(row));
            let folds = bad.iter().all(is_out);
            search.learn(folds);
        }
        let trials = search.trials;
        let found = search.culprits();
        (
            found.map(|found| found.into_iter().flatten().collect()),
            trials,
        )
    }

    #[test]
    fn exactly_the_rows_at_fault_are_left_out() {
        for bad in [&[0][..], &[999], &[3, 4], &[0, 500, 501, 999]] {
            let (found, trials) = search(1000, bad);
            assert_eq!(found.unwrap(), bad);
            assert!(trials <= 2 + bad.len() * 2 * 10, "{trials} for {bad:?}");
        }
    }

    #[test]
    fn a_group_that_fails_without_any_row_has_no_culprits() {
        assert_eq!(search(2, &[5]).0, None);
    }

    #[test]
    fn a_search_is_bounded() {
        let all: Vec<_> = (0..1000).collect();
        let (found, trials) = search(1000, &all);
        assert_eq!(found, None);
        assert!(trials <= MOST_TRIALS, "{trials}");
    }

    /// The same search over sets of rows, as slow as it is plain.
    fn by_sets(rows: usize, bad: &BTreeSet<usize>) -> (BTreeSet<usize>, usize) {
        let all: Vec<usize> = (0..rows).collect();
        let mut left_out: BTreeSet<_> = all.iter().copied().collect();
        let (mut untried, mut trials) = (vec![&all[..]], 1);
        while let Some(part) = untried.pop() {
            let without: BTreeSet<_> = left_out
                .iter()
                .copied()
                .filter(|row| !part.contains(row))
                .collect();
            trials += 1;
            if bad.is_subset(&without) {
                left_out = without;
            } else if part.len() > 1 {
                let (first, second) = part.split_at(part.len() / 2);
                untried.extend([second, first]);
            }
        }
        (left_out, trials)
    }

    proptest! {
        #[test]
        fn ranges_find_what_sets_find(
            rows in 1..300usize,
            bad in prop::collection::btree_set(0..300usize, 0..8),
        ) {
            let bad: BTreeSet<_> = bad.into_iter().filter(|row| *row < rows).collect();
            let (expected, expected_trials) = by_sets(rows, &bad);
            let bad: Vec<_> = bad.into_iter().collect();
            let (found, trials) = search(rows, &bad);
            prop_assert_eq!(found.unwrap(), Vec::from_iter(expected));
            prop_assert_eq!(trials, expected_trials);
        }
    }
}
