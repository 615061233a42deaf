//! Removing what is older than it is to be kept, a group or a month of one
//! user at a time, beside the folding.

mod round;

use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::Engine;
use crate::config::RetentionConfig;
use crate::domain::Domain;
use crate::store::{Clock, ErrorClass, Result, Store, StoreError};
use round::Round;

const EVERY: Duration = Duration::from_secs(3600);

/// Furthest that the clock may be ahead of the last round: a week and a day, so
/// that a weekly `run-once` is never refused.
const MOST_DAYS_AHEAD: f64 = 8.0;
/// Furthest that it may be behind.
const MOST_DAYS_BEHIND: f64 = 1.0;

/// What a round may do that one is not to do unless told.
#[derive(Debug, Default, Clone, Copy)]
pub struct Told {
    /// The clock is right, although it jumped.
    pub accept_clock: bool,
    /// Remove all that is old today.
    pub all: bool,
}

/// What a round removed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Removed {
    groups: u64,
    raw_rows: u64,
    late_rows: u64,
    hour_rows: u64,
    /// Not sealed, because they do not fold to what is stored.
    drifted: u64,
    /// Not sealed, because they failed or wait to be folded.
    unsettled: u64,
}

/// A round now and then, until the run stops.
pub async fn run<S: Store>(engine: &Engine<S>, config: &RetentionConfig, domains: &[Domain]) {
    while config.is_on() && !engine.stop.is_cancelled() {
        // The database may be away: the next round finds what this one left.
        if let Err(error) = once(engine, config, domains, Told::default(), None).await {
            warn!("retention, tried again in an hour: {error}");
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = engine.stop.cancelled() => {}
        }
    }
}

/// Why the clock is not to be believed: days that are recent would be taken
/// for old. It is believed in a database without raw rows.
fn jump(clock: Clock) -> Option<String> {
    let days = clock.hours_ahead? / 24.0;
    if (-MOST_DAYS_BEHIND..=MOST_DAYS_AHEAD).contains(&days) {
        return None;
    }
    let side = if days > 0.0 { "ahead of" } else { "behind" };
    let trace = match clock.by_round {
        true => "the last round of retention",
        false => "the newest raw row",
    };
    let days = days.abs();
    Some(format!(
        "nothing was removed: the database's clock is {days:.1} days {side} {trace} (at most \
         {MOST_DAYS_AHEAD} days ahead and {MOST_DAYS_BEHIND} behind); set the clock, or give \
         `vitalfold run-once --accept-clock` once if it is right"
    ))
}

/// One round; ends early at the deadline, at a stop and at a pause.
///
/// # Errors
/// A fatal one where the clock jumped, that says how to allow it; the
/// database's.
pub async fn once<S: Store>(
    engine: &Engine<S>,
    config: &RetentionConfig,
    domains: &[Domain],
    told: Told,
    deadline: Option<Instant>,
) -> Result<()> {
    let store = &engine.store;
    if let Some(reason) = jump(store.clock().await?) {
        if !told.accept_clock {
            for &domain in domains {
                store.refuse_retention(domain, &reason).await?;
            }
            return Err(StoreError::new(ErrorClass::Fatal, "retention", reason));
        }
        store.forget_clock().await?;
    }
    let round = Round {
        engine,
        config,
        told,
        deadline,
    };
    let mut removed = Removed::default();
    for &domain in domains {
        round.domain(domain, &mut removed).await?;
    }
    report(&removed);
    Ok(())
}

fn report(removed: &Removed) {
    let anything = removed.raw_rows + removed.groups + removed.late_rows + removed.hour_rows;
    if anything > 0 {
        info!(
            groups = removed.groups,
            raw_rows = removed.raw_rows,
            late_rows = removed.late_rows,
            hour_rows = removed.hour_rows,
            "retention: {} raw rows of {} groups, {} rows that came too late and {} hour \
             aggregates removed",
            removed.raw_rows,
            removed.groups,
            removed.late_rows,
            removed.hour_rows
        );
    }
    if removed.unsettled > 0 {
        warn!(
            groups = removed.unsettled,
            "retention: {} groups failed or wait to be folded and keep their raw rows and hours; \
             see `vitalfold failed list`",
            removed.unsettled
        );
    }
    if removed.drifted > 0 {
        warn!(
            groups = removed.drifted,
            "retention: {} groups do not fold to what is stored and keep their raw rows; see \
             `vitalfold verify --all`, and `backfill --outdated` after an upgrade",
            removed.drifted
        );
    }
}
