//! One group: fold it, retry what is transient, record what is not.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tracing::{debug, warn};

use super::Engine;
use super::poison::isolate;
use crate::backoff::{TRANSIENT_RETRIES, jitter, transient_pause};
use crate::domain::GroupKey;
use crate::store::{
    ErrorClass, Failure, GroupOutcome, GroupState, Result, Store, StoreError, Suspicion,
};
use crate::telemetry::metrics::{self, Outcome};

/// What became of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupResult {
    Folded {
        completed: u64,
        rejected: u64,
    },
    /// Another worker has this user.
    Skipped,
    /// Rolled back and recorded.
    Failed,
    /// A stop came while it waited for a retry, or the database went away:
    /// nothing was done.
    Interrupted,
}

/// Folds one group.
///
/// # Errors
/// A fatal error, or that the failure could not be recorded: the batch ends.
pub async fn process<S: Store>(engine: &Engine<S>, key: GroupKey) -> Result<GroupResult> {
    let started = Instant::now();
    let result = fold_or_record(engine, key).await?;
    let outcome = match result {
        GroupResult::Folded {
            completed,
            rejected,
        } => {
            metrics::rows(key.domain, completed, rejected);
            Outcome::Folded
        }
        GroupResult::Failed => Outcome::Failed,
        GroupResult::Skipped => Outcome::Locked,
        GroupResult::Interrupted => Outcome::Interrupted,
    };
    metrics::group(key.domain, outcome, started.elapsed());
    engine.progress.made();
    Ok(result)
}

async fn fold_or_record<S: Store>(engine: &Engine<S>, key: GroupKey) -> Result<GroupResult> {
    let mut retry = 0;
    // Each try so far failed in a way that may be the group's own.
    let mut alone = true;
    let mut folded_before = 0;
    let folded_groups = &engine.folded[key.domain as usize];
    let error = loop {
        if engine.breaker.is_open() {
            return Ok(GroupResult::Interrupted);
        }
        let error = match engine.observe(engine.store.fold(key).await) {
            Ok(GroupOutcome::Folded {
                completed,
                rejected,
            }) => {
                folded_groups.fetch_add(1, Ordering::Relaxed);
                engine.failing[key.domain as usize].store(0, Ordering::Relaxed);
                return Ok(GroupResult::Folded {
                    completed,
                    rejected,
                });
            }
            Ok(GroupOutcome::Locked) => return Ok(GroupResult::Skipped),
            Err(error) => error,
        };
        metrics::error(error.class.name());
        engine.progress.made();
        let folded = folded_groups.load(Ordering::Relaxed);
        // The first try has no time before it.
        let others_fold = retry == 0 || folded > folded_before;
        folded_before = folded;
        alone = alone && fails_alone(engine, &error, others_fold).await;
        let may_pass = match error.class {
            ErrorClass::Transient => !error.is_lock_timeout,
            ErrorClass::Data => false,
            // What others do without needs no one's hand.
            ErrorClass::Fatal => alone,
        };
        if !may_pass || retry == TRANSIENT_RETRIES {
            break error;
        }
        let pause = transient_pause(retry);
        retry += 1;
        metrics::retry(key.domain);
        engine.retries.fetch_add(1, Ordering::Relaxed);
        debug!(
            domain = %key.domain, user.id = key.user_id, date = %key.local_date, retry,
            "group failed for now, tried again in {pause:.1?}: {error}"
        );
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = engine.stop.cancelled() => return Ok(GroupResult::Interrupted),
        }
    };
    if error.class == ErrorClass::Fatal && !alone {
        return Err(error);
    }
    if engine.breaker.is_open() {
        return Ok(GroupResult::Interrupted);
    }
    let has_poison = error.class == ErrorClass::Data;
    let error = if alone {
        own_failure(&error, retry + 1)
    } else {
        error
    };
    engine.failing[key.domain as usize].fetch_add(1, Ordering::Relaxed);
    let recorded = record_failure(engine, key, &error, engine.config.retry_backoff).await?;
    let Some(state) = recorded else {
        return Ok(GroupResult::Skipped);
    };
    let keeps_failing = match state {
        GroupState::Waiting { attempts } => attempts > 1,
        GroupState::Dead { .. } => true,
    };
    if has_poison
        && keeps_failing
        && let Some(result) = isolate(engine, key, &error, state).await?
    {
        return Ok(result);
    }
    Ok(GroupResult::Failed)
}

/// Whether a failure may be of this group alone. In an outage, on a server that
/// is slow for all, and beside a schema that is wrong for all, it is not.
/// `others_fold`: others were folded since the group's last try.
async fn fails_alone<S: Store>(engine: &Engine<S>, error: &StoreError, others_fold: bool) -> bool {
    !engine.breaker.is_open()
        && match error.suspicion {
            Suspicion::Never => false,
            Suspicion::BesideOthers => others_fold,
            Suspicion::WhileAnswered => engine.observe(engine.store.ping().await).is_ok(),
        }
}

/// A failure that counts as an attempt, because the group alone has it.
fn own_failure(error: &StoreError, tries: u32) -> StoreError {
    let message = format!(
        "failed {tries} times in a row while the server answered others: {}",
        error.message
    );
    StoreError::new(ErrorClass::Data, error.operation, message)
}

/// Records a failed attempt, in a transaction of its own. `backoff` is the pause
/// before its second attempt. Returns none where another worker has recorded
/// the same attempt.
///
/// # Errors
/// The failure could not be recorded.
pub async fn record_failure<S: Store>(
    engine: &Engine<S>,
    key: GroupKey,
    error: &StoreError,
    backoff: Duration,
) -> Result<Option<GroupState>> {
    let failure = Failure {
        error: error.to_string(),
        class: error.class,
        worker: engine.worker.to_string(),
        max_attempts: engine.config.max_attempts,
        backoff,
        max_backoff: engine.config.max_retry_backoff,
        jitter: jitter(),
    };
    let marked = engine.store.mark_failed(key, &failure).await;
    let Some(state) = engine.observe(marked)? else {
        return Ok(None);
    };
    let what = match state {
        GroupState::Waiting { attempts } => {
            format!("attempt {attempts} failed, will be tried again")
        }
        GroupState::Dead { attempts } => format!("dead after {attempts} attempts"),
    };
    warn!(
        domain = %key.domain, user.id = key.user_id, date = %key.local_date,
        error.class = error.class.name(),
        "group of user {} on {} {what}: {error}", key.user_id, key.local_date
    );
    Ok(Some(state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_of_error_is_counted_from_the_start() {
        let shown = metrics::render(&metrics::Now::default());
        for class in [ErrorClass::Transient, ErrorClass::Data, ErrorClass::Fatal] {
            let series = format!("vitalfold_errors_total{{class=\"{}\"}}", class.name());
            assert!(shown.contains(&series), "{series} is missing");
        }
    }
}
