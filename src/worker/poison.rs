//! Poison: rejecting the rows without which a group folds.

mod search;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::Engine;
use super::group::GroupResult;
use crate::domain::GroupKey;
use crate::store::{ErrorClass, GroupOutcome, GroupState, Isolation, Result, Store, StoreError};
use search::Search;

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
