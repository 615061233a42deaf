//! One group: fold it, retry what is transient, record what is not.

use tracing::{debug, warn};

use super::Engine;
use super::retry::{TRANSIENT_RETRIES, jitter, transient_pause};
use crate::domain::GroupKey;
use crate::store::{ErrorClass, Failure, GroupOutcome, GroupState, Result, Store, StoreError};
use crate::with_domain;

/// What became of one group in this pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupResult {
    Folded {
        completed: u64,
        rejected: u64,
    },
    /// Another worker has this user.
    Skipped,
    /// Rolled back and marked.
    Failed,
    /// A stop came while it waited for a retry: nothing was done.
    Interrupted,
}

/// Folds one group.
///
/// # Errors
/// A fatal error, or that the failure could not be recorded: the pass ends.
pub async fn process<S: Store>(engine: &Engine<S>, key: GroupKey) -> Result<GroupResult> {
    let mut retry = 0;
    let error = loop {
        let error = match with_domain!(key.domain, F =>
            engine.store.fold_group::<F>(key.user_id, key.local_date).await)
        {
            Ok(GroupOutcome::Folded {
                completed,
                rejected,
            }) => {
                return Ok(GroupResult::Folded {
                    completed,
                    rejected,
                });
            }
            Ok(GroupOutcome::Locked) => return Ok(GroupResult::Skipped),
            Err(error) => error,
        };
        if !error.is_transient() || error.is_lock_timeout() || retry == TRANSIENT_RETRIES {
            break error;
        }
        let pause = transient_pause(retry);
        retry += 1;
        debug!(
            domain = %key.domain, user.id = key.user_id, date = %key.local_date, retry,
            "group failed for now, tried again in {pause:.1?}: {error}"
        );
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = engine.stop.cancelled() => return Ok(GroupResult::Interrupted),
        }
    };
    if error.class == ErrorClass::Fatal {
        return Err(error);
    }
    mark_failed(engine, key, &error).await?;
    Ok(GroupResult::Failed)
}

async fn mark_failed<S: Store>(
    engine: &Engine<S>,
    key: GroupKey,
    error: &StoreError,
) -> Result<()> {
    let failure = Failure {
        error: error.to_string(),
        class: error.class,
        max_attempts: engine.config.max_attempts,
        backoff: engine.config.retry_backoff,
        max_backoff: engine.config.max_retry_backoff,
        jitter: jitter(),
    };
    let state = with_domain!(key.domain, F => engine.store.mark_failed::<F>(key, &failure).await)?;
    let what = match state {
        GroupState::Due { attempts } => format!("attempt {attempts} failed, will be tried again"),
        GroupState::Dead { attempts } => format!("dead after {attempts} attempts"),
    };
    warn!(
        domain = %key.domain, user.id = key.user_id, date = %key.local_date,
        error.class = error.class.name(),
        "group of user {} on {} {what}: {error}", key.user_id, key.local_date
    );
    Ok(())
}
