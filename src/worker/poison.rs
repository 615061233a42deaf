//! Poison: finding the rows without which a group folds.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::Engine;
use super::group::GroupResult;
use crate::domain::GroupKey;
use crate::store::{ErrorClass, GroupOutcome, GroupState, Isolation, Result, Store, StoreError};

/// Trial folds of one group, each rolled back: enough for about twenty
/// poisonous rows among two thousand.
const MOST_TRIALS: usize = 256;

/// A search ends after its trials took this long together, because other days
/// of its user wait meanwhile: enough for a day of a million rows.
const LONGEST_SEARCH: Duration = Duration::from_secs(600);

/// How long a trial waits for a user that another worker has: longer than that
/// worker's own search.
const LONGEST_WAIT: Duration = Duration::from_secs(660);
/// After this many failures in a row it is no row's fault.
const FAILING_ALL: u64 = 10;

const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Rejects the rows of a failing group that are at fault, and folds the rest.
/// Returns none where no rows are, so that the group stays in `state`; where the
/// search could not be made, a dead one is given another chance.
///
/// # Errors
/// A fatal one.
pub async fn isolate<S: Store>(
    engine: &Engine<S>,
    key: GroupKey,
    error: &StoreError,
    state: GroupState,
) -> Result<Option<GroupResult>> {
    let (rows, outcome) = match find(engine, key, &error.message).await {
        Ok(Found::Rows(rows, outcome)) => (rows, outcome),
        Ok(Found::Nobody) => return Ok(None),
        Ok(Found::Interrupted) => {
            if matches!(state, GroupState::Dead { .. }) {
                engine.observe(engine.store.retry_failed(key).await)?;
            }
            return Ok(None);
        }
        Err(trouble) if trouble.class != ErrorClass::Fatal => {
            info!(
                domain = %key.domain, user.id = key.user_id, date = %key.local_date,
                "the rows at fault were not found this time: {trouble}"
            );
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let GroupOutcome::Folded {
        completed,
        rejected,
    } = outcome
    else {
        return Ok(None);
    };
    warn!(
        domain = %key.domain, user.id = key.user_id, date = %key.local_date, rows,
        "group of user {} on {} folded without {rows} rows at fault, which are rejected: {}",
        key.user_id, key.local_date, error.message
    );
    Ok(Some(GroupResult::Folded {
        completed,
        rejected,
    }))
}

enum Found {
    /// No row is at fault, or so many that it is the group.
    Nobody,
    /// How many rows were rejected, and how the rest was folded.
    Rows(usize, GroupOutcome),
    /// A stop came, or another worker had the user all the time.
    Interrupted,
}

async fn find<S: Store>(engine: &Engine<S>, key: GroupKey, error: &str) -> Result<Found> {
    let ids = engine.store.row_ids(key).await?;
    let error: Arc<str> = error.into();
    let isolation = |left_out: &[Range<usize>], trial| Isolation {
        rows: Arc::new(rows_of(&ids, left_out).collect()),
        error: error.clone(),
        trial,
    };
    let mut search = Search::new(ids.len());
    let mut took = Duration::ZERO;
    while let Some(left_out) = search.next_trial() {
        let (folded, trial_took) = fold_without(engine, key, &isolation(left_out, true)).await;
        match folded {
            Ok(GroupOutcome::Folded { .. }) => search.learn(true),
            Err(error) if error.class == ErrorClass::Data => search.learn(false),
            Ok(GroupOutcome::Locked) => return Ok(Found::Interrupted),
            Err(error) => return Err(error),
        }
        engine.progress.made();
        if engine.stop.is_cancelled() {
            return Ok(Found::Interrupted);
        }
        took += trial_took;
        if took > LONGEST_SEARCH {
            let message = "it took too long and is broken off";
            let class = ErrorClass::Transient;
            return Err(StoreError::new(class, "search for rows at fault", message));
        }
    }
    let Some(culprits) = search.culprits() else {
        return Ok(Found::Nobody);
    };
    let count = culprits.iter().map(ExactSizeIterator::len).sum();
    // Without a culprit it folds by now: the next attempt will show. Where every
    // row of several is one, it is the group that cannot be folded. Whether that
    // is so where it has one row, other groups tell.
    let failing = engine.failing[key.domain as usize].load(Ordering::Relaxed);
    let cannot_fold = count > 1 || failing >= FAILING_ALL;
    if count == 0 || (count == ids.len() && cannot_fold) {
        return Ok(Found::Nobody);
    }
    match fold_without(engine, key, &isolation(&culprits, false))
        .await
        .0?
    {
        GroupOutcome::Locked => Ok(Found::Interrupted),
        outcome => Ok(Found::Rows(count, outcome)),
    }
}

fn rows_of<'a>(ids: &'a [i64], places: &'a [Range<usize>]) -> impl Iterator<Item = i64> + 'a {
    places.iter().flat_map(|part| &ids[part.clone()]).copied()
}

/// Folds, and says how long the fold itself took. Waits for another worker that
/// has this user, because the search may be the group's last: it follows the last
/// attempt. Two that search the same user's days take turns.
async fn fold_without<S: Store>(
    engine: &Engine<S>,
    key: GroupKey,
    isolation: &Isolation,
) -> (Result<GroupOutcome>, Duration) {
    let asked = Instant::now();
    loop {
        let started = Instant::now();
        let tried = engine.store.fold_without(key, isolation).await;
        let is_locked = matches!(tried, Ok(GroupOutcome::Locked));
        if !is_locked || asked.elapsed() > LONGEST_WAIT || engine.stop.is_cancelled() {
            return (tried, started.elapsed());
        }
        tokio::time::sleep(LOCK_PAUSE).await;
    }
}

/// Finds the rows to leave out by halving: which rows to leave out next, given
/// whether the group folded without the ones before. Rows are places in the
/// order in which the group is read, so that what is left out is a few ranges.
struct Search {
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
    fn new(rows: usize) -> Self {
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
    fn next_trial(&mut self) -> Option<&[Range<usize>]> {
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

    fn learn(&mut self, folds: bool) {
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
    fn culprits(self) -> Option<Vec<Range<usize>>> {
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
