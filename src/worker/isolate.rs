//! Poison: finding the rows without which a group folds.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing::{info, warn};

use super::Engine;
use super::group::GroupResult;
use crate::domain::GroupKey;
use crate::store::{ErrorClass, GroupOutcome, Isolation, Result, Store, StoreError};
use crate::with_domain;

/// Trial folds of one group, each rolled back: enough for about twenty
/// poisonous rows among two thousand.
const MOST_TRIALS: usize = 256;

/// Another worker has a user for one short transaction at a time.
const LOCK_TRIES: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Rejects the rows of a failing group that are at fault, and folds the rest.
/// Returns none where no rows are, so that the group stays failed.
///
/// # Errors
/// A fatal one.
pub async fn isolate<S: Store>(
    engine: &Engine<S>,
    key: GroupKey,
    error: &StoreError,
) -> Result<Option<GroupResult>> {
    let found = match find(engine, key, &error.message).await {
        Err(trouble) if trouble.class != ErrorClass::Fatal => {
            info!(
                domain = %key.domain, user.id = key.user_id, date = %key.local_date,
                "the rows at fault were not found this time: {trouble}"
            );
            return Ok(None);
        }
        found => found?,
    };
    let Some((rows, outcome)) = found else {
        return Ok(None);
    };
    let GroupOutcome::Folded {
        completed,
        rejected,
    } = outcome
    else {
        return Ok(None);
    };
    warn!(
        domain = %key.domain, user.id = key.user_id, date = %key.local_date, rows = rows.len(),
        "group of user {} on {} folded without {} rows at fault, which are rejected: {}",
        key.user_id, key.local_date, rows.len(), error.message
    );
    Ok(Some(GroupResult::Folded {
        completed,
        rejected,
    }))
}

async fn find<S: Store>(
    engine: &Engine<S>,
    key: GroupKey,
    error: &str,
) -> Result<Option<(BTreeSet<i64>, GroupOutcome)>> {
    let ids = with_domain!(key.domain, F => engine.store.row_ids::<F>(key).await)?;
    let isolation = |rows: &BTreeSet<i64>, trial| Isolation {
        rows: rows.clone(),
        error: error.to_owned(),
        trial,
    };
    let mut search = Search::new(&ids);
    while let Some(rows) = search.next_trial() {
        match fold_without(engine, key, &isolation(rows, true)).await {
            Ok(GroupOutcome::Folded { .. }) => search.learn(true),
            Err(error) if error.class == ErrorClass::Data => search.learn(false),
            Ok(GroupOutcome::Locked) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    let Some(rows) = search.culprits() else {
        return Ok(None);
    };
    // Without a culprit it folds by now: the next attempt will show. Where every
    // row of several is one, it is the group that cannot be folded.
    if rows.is_empty() || (rows.len() == ids.len() && ids.len() > 1) {
        return Ok(None);
    }
    let outcome = fold_without(engine, key, &isolation(&rows, false)).await?;
    Ok(Some((rows, outcome)))
}

/// Waits for another worker that has this user: the search may be the group's
/// last, because it follows the last attempt.
async fn fold_without<S: Store>(
    engine: &Engine<S>,
    key: GroupKey,
    isolation: &Isolation,
) -> Result<GroupOutcome> {
    for _ in 0..LOCK_TRIES {
        let tried = with_domain!(key.domain, F =>
            engine.store.fold_without::<F>(key, isolation).await)?;
        if tried != GroupOutcome::Locked || engine.stop.is_cancelled() {
            return Ok(tried);
        }
        tokio::time::sleep(LOCK_PAUSE).await;
    }
    Ok(GroupOutcome::Locked)
}

/// Finds the rows to leave out by halving: which rows to leave out next, given
/// whether the group folded without the ones before.
struct Search<'a> {
    /// Without these it folds.
    left_out: BTreeSet<i64>,
    /// What is to be put back, in parts.
    untried: Vec<&'a [i64]>,
    trial: Option<Trial<'a>>,
    trials: usize,
    failed: bool,
}

struct Trial<'a> {
    /// Put back in this trial; none in the first, which leaves out every row.
    part: Option<&'a [i64]>,
    without: BTreeSet<i64>,
}

impl<'a> Search<'a> {
    fn new(ids: &'a [i64]) -> Self {
        let left_out: BTreeSet<i64> = ids.iter().copied().collect();
        Search {
            trial: Some(Trial {
                part: None,
                without: left_out.clone(),
            }),
            left_out,
            untried: vec![ids],
            trials: 0,
            failed: false,
        }
    }

    /// The rows to leave out now; none when the search is over.
    fn next_trial(&mut self) -> Option<&BTreeSet<i64>> {
        if self.trial.is_none() && !self.failed {
            let part = self.untried.pop()?;
            // Too many are at fault to be found.
            self.failed = self.trials == MOST_TRIALS;
            let kept = |id: &i64| !part.contains(id);
            self.trial = Some(Trial {
                part: Some(part),
                without: self.left_out.iter().copied().filter(kept).collect(),
            });
        }
        if self.failed {
            return None;
        }
        self.trials += 1;
        self.trial.as_ref().map(|trial| &trial.without)
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
                let (first, second) = part.split_at(part.len() / 2);
                self.untried.extend([second, first]);
            }
            Some(_) => {}
        }
    }

    /// What the search found: none when no row is at fault, or too many are.
    fn culprits(self) -> Option<BTreeSet<i64>> {
        (!self.failed).then_some(self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches a group that fails with any of `bad`.
    fn search(rows: i64, bad: &[i64]) -> (Option<BTreeSet<i64>>, usize) {
        let ids: Vec<_> = (0..rows).collect();
        let mut search = Search::new(&ids);
        while let Some(without) = search.next_trial() {
            let folds = bad.iter().all(|id| without.contains(id));
            search.learn(folds);
        }
        let trials = search.trials;
        (search.culprits(), trials)
    }

    #[test]
    fn exactly_the_rows_at_fault_are_left_out() {
        for bad in [&[0][..], &[999], &[3, 4], &[0, 500, 501, 999]] {
            let (found, trials) = search(1000, bad);
            assert_eq!(found.unwrap(), bad.iter().copied().collect());
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
}
