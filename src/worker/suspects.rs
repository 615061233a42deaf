//! After an unclean end: the groups that a worker was folding when it died are
//! tried one at a time, so that a group that kills its process is told apart
//! from its neighbours and reaches its limit too.

use std::path::Path;
use std::time::Duration;

use tracing::{info, warn};

use super::group::{process, record_failure};
use super::{Engine, beat};
use crate::domain::GroupKey;
use crate::store::{ErrorClass, FailedFilter, GroupFilter, LastSeen, Result, Store, StoreError};

/// A worker that was not seen for this long is dead, wherever it ran.
const SILENT_SECONDS: i64 = 60;

/// Workers that ended without saying so. `starting`: this process has sent no
/// sign of life yet, so one in its name is of an earlier process.
///
/// # Errors
/// The database could not be asked.
pub async fn dead_workers<S: Store>(engine: &Engine<S>, starting: bool) -> Result<Vec<LastSeen>> {
    let mut seen = engine.store.workers_seen().await?;
    seen.retain(|other| {
        if *other.worker == *engine.worker {
            return starting;
        }
        other.seen_seconds_ago >= SILENT_SECONDS || ended_here(engine, &other.worker)
    });
    // Whoever died over one group first: blamed, it is not tried again with
    // the suspects of an earlier death.
    seen.sort_by_key(|dead| dead.folding.len());
    Ok(seen)
}

/// Whether the worker ran on this machine, as a process that is gone. Where
/// other processes are hidden, as by systemd's `ProtectProc`, nobody can tell:
/// then its silence does.
fn ended_here<S>(engine: &Engine<S>, worker: &str) -> bool {
    if !Path::new("/proc/1").exists() {
        return false;
    }
    let parts = |name: &str| {
        let mut parts = name.rsplitn(3, ':').map(str::to_owned);
        let (_mode, pid) = (parts.next()?, parts.next()?);
        Some((parts.next()?, pid))
    };
    match (parts(&engine.worker), parts(worker)) {
        (Some((here, _)), Some((there, pid))) => {
            here == there && !Path::new("/proc").join(pid).exists()
        }
        _ => false,
    }
}

/// Tries what a dead worker was folding, then removes it. Nothing else may be
/// in flight.
///
/// # Errors
/// A fatal error, or the database could not be asked.
pub async fn try_suspects<S: Store>(
    engine: &Engine<S>,
    mode: &'static str,
    dead: &LastSeen,
) -> Result<()> {
    match &dead.folding[..] {
        [] => info!("worker {} ended without saying so", dead.worker),
        [alone] => {
            warn!("worker {} died while it folded one group", dead.worker);
            blame(engine, mode, *alone).await?;
        }
        several => {
            warn!(
                "worker {} died while it folded {} groups: they are tried one at a time",
                dead.worker,
                several.len()
            );
            for &group in several {
                if engine.stop.is_cancelled() {
                    return Ok(());
                }
                try_alone(engine, mode, group).await?;
            }
        }
    }
    engine.store.forget_worker(&dead.worker).await
}

/// Tries a group that may kill this process too: what is in flight is recorded
/// first, so that the next process finds this group alone.
async fn try_alone<S: Store>(
    engine: &Engine<S>,
    mode: &'static str,
    group: GroupKey,
) -> Result<()> {
    if engine.store.is_put_off(group).await? {
        return Ok(());
    }
    engine.in_flight.add([group]);
    let tried = match beat::announce(engine, mode).await {
        Ok(()) => process(engine, group).await.map(|_| ()),
        Err(error) => Err(error),
    };
    engine.in_flight.remove([group]);
    tried
}

const DIED: &str = "the process died while it folded this group alone";

/// Records that a process died over this group. The first time since it was
/// last folded may have been anybody's kill: it does not count, and the group is
/// tried again at once.
async fn blame<S: Store>(engine: &Engine<S>, mode: &'static str, group: GroupKey) -> Result<()> {
    let again = last_error(engine, group).await?.contains(DIED);
    let (class, backoff) = if again {
        (ErrorClass::Data, engine.config.retry_backoff)
    } else {
        (ErrorClass::Transient, Duration::ZERO)
    };
    let error = StoreError::new(class, "fold group", DIED);
    record_failure(engine, group, &error, backoff).await?;
    if again {
        return Ok(());
    }
    try_alone(engine, mode, group).await
}

/// The error of the group's last attempt; empty where it was folded since.
async fn last_error<S: Store>(engine: &Engine<S>, group: GroupKey) -> Result<String> {
    let filter = FailedFilter {
        within: GroupFilter {
            users: vec![group.user_id],
            from: Some(group.local_date),
            to: Some(group.local_date),
        },
        ..FailedFilter::default()
    };
    let failed = engine.store.failed_groups(group.domain, &filter, None, 1);
    Ok(failed
        .await?
        .pop()
        .map(|group| group.error)
        .unwrap_or_default())
}
