//! Passes, one after another, until it is time to stop.

use std::time::{Duration, Instant};

use rand::RngExt;
use tracing::{debug, info, warn};

use super::Engine;
use super::batch_size::BatchSize;
use super::pass::{self, PassReport, Plan};
use super::retry::{jitter, transient_pause};
use crate::domain::{Domain, UserId};
use crate::store::{GroupFilter, Heartbeat, Result, Store};
use crate::with_domain;

/// How a run differs from another: what it takes and when it ends.
#[derive(Debug, Clone)]
pub struct Mode {
    pub name: &'static str,
    pub settle: Duration,
    /// End when nothing is left to do; otherwise wait for more.
    pub until_idle: bool,
    /// Longest run; none is without limit.
    pub budget: Option<Duration>,
    /// Only these marked groups.
    pub only_due: Option<GroupFilter>,
}

/// Sums over a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct RunReport {
    pub batches: u64,
    pub rows_completed: u64,
    pub rows_rejected: u64,
    pub groups_ok: u64,
    pub groups_failed: u64,
    /// Ended by its budget or by a signal while work was left.
    pub work_left: bool,
    /// Ended because an operator paused every worker.
    pub paused: bool,
}

/// A database that stays away this many passes in a row ends a one-shot run.
const ONE_SHOT_PATIENCE: u32 = 3;

const HEARTBEAT_EVERY: Duration = Duration::from_secs(5);
const PRUNE_EVERY: Duration = Duration::from_secs(3600);
/// Small, so that pruning is a short transaction like any other.
const PRUNE_ROWS: usize = 500;

/// What a run knows of one domain.
struct DomainState {
    domain: Domain,
    cursor: Option<UserId>,
    size: BatchSize,
}

/// Runs passes until the mode, its budget or the stop token ends them.
/// `progress` hears of every batch.
///
/// # Errors
/// A fatal error; in one-shot modes also a database that stays away.
pub async fn run<S: Store>(
    engine: &Engine<S>,
    domains: &[Domain],
    mode: &Mode,
    mut progress: impl FnMut(&PassReport),
) -> Result<RunReport> {
    let mut states: Vec<_> = domains
        .iter()
        .map(|&domain| DomainState {
            domain,
            cursor: None,
            size: BatchSize::new(engine.config.batch_size, engine.config.max_batch_size),
        })
        .collect();
    let started = Instant::now();
    let mut report = RunReport::default();
    let mut beat = Beat::default();
    let mut outages = 0;
    let result = loop {
        if engine.stop.is_cancelled()
            || mode
                .budget
                .is_some_and(|budget| started.elapsed() >= budget)
        {
            report.work_left = mode.until_idle && work_is_left(engine, &states, mode).await;
            break Ok(());
        }
        let round = match round(
            engine,
            &mut states,
            mode,
            &mut beat,
            &mut report,
            &mut progress,
        )
        .await
        {
            Ok(round) => {
                outages = 0;
                round
            }
            Err(error)
                if error.is_transient() && (!mode.until_idle || outages < ONE_SHOT_PATIENCE) =>
            {
                let pause = transient_pause(outages);
                outages = outages.saturating_add(1);
                warn!("pass failed, next one in {pause:.1?}: {error}");
                wait(engine, pause).await;
                continue;
            }
            Err(error) => break Err(error),
        };
        match round {
            Round::More => {}
            Round::Done if mode.until_idle => break Ok(()),
            // Cron starts the next run: waiting ones would pile up.
            Round::Paused if mode.until_idle => {
                report.paused = true;
                report.work_left = work_is_left(engine, &states, mode).await;
                break Ok(());
            }
            Round::Done | Round::Blocked | Round::Paused => {
                wait(engine, engine.config.poll.mul_f64(jitter())).await
            }
        }
    };
    if let Err(error) = engine.store.forget_worker(&engine.worker).await {
        debug!("heartbeat not removed: {error}");
    }
    result.map(|()| report)
}

/// How a round over all domains went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    /// There is more to do at once.
    More,
    /// Nothing was found.
    Done,
    /// There is work, but others hold it.
    Blocked,
    /// An operator paused everything.
    Paused,
}

async fn round<S: Store>(
    engine: &Engine<S>,
    states: &mut [DomainState],
    mode: &Mode,
    beat: &mut Beat,
    report: &mut RunReport,
    progress: &mut impl FnMut(&PassReport),
) -> Result<Round> {
    if beat.send(engine, mode.name).await? {
        return Ok(Round::Paused);
    }
    let mut round = Round::Done;
    for state in states {
        if engine.stop.is_cancelled() {
            break;
        }
        let cursor = state.cursor(engine, mode).await?;
        let plan = state.plan(cursor, mode);
        let pass = pass::run(engine, &plan).await?;
        if !pass.found_work() {
            debug!(domain = %state.domain, "nothing to do");
            continue;
        }
        state
            .size
            .after_batch(pass.full, pass.groups_failed > 0 || pass.pressure);
        state.cursor = pass.cursor.or(state.cursor);
        report.add(&pass);
        beat.worked = true;
        progress(&pass);
        if pass.made_progress() && (pass.full || mode.until_idle) {
            round = Round::More;
        } else if !pass.made_progress() && round == Round::Done {
            round = Round::Blocked;
        }
    }
    Ok(round)
}

/// A database that cannot be asked has not been emptied.
async fn work_is_left<S: Store>(engine: &Engine<S>, states: &[DomainState], mode: &Mode) -> bool {
    for state in states {
        if pass::any_work(engine, &state.plan(UserId::MIN, mode))
            .await
            .unwrap_or(true)
        {
            return true;
        }
    }
    false
}

impl DomainState {
    fn plan(&self, cursor: UserId, mode: &Mode) -> Plan {
        Plan {
            domain: self.domain,
            cursor,
            batch_rows: self.size.rows(),
            settle: mode.settle,
            only_due: mode.only_due.clone(),
        }
    }

    /// Each process begins at a random user, so that several of them meet
    /// seldom.
    async fn cursor<S: Store>(&mut self, engine: &Engine<S>, mode: &Mode) -> Result<UserId> {
        if mode.only_due.is_some() {
            return Ok(UserId::MIN);
        }
        if let Some(cursor) = self.cursor {
            return Ok(cursor);
        }
        let users = with_domain!(self.domain, F => engine.store.pending_users::<F>().await)?;
        let cursor = match users {
            Some((lowest, highest)) => rand::rng().random_range(lowest..=highest),
            // No backlog to meet in.
            None => UserId::MIN,
        };
        self.cursor = Some(cursor);
        Ok(cursor)
    }
}

impl RunReport {
    fn add(&mut self, pass: &PassReport) {
        self.batches += 1;
        self.rows_completed += pass.rows_completed;
        self.rows_rejected += pass.rows_rejected;
        self.groups_ok += pass.groups_ok;
        self.groups_failed += pass.groups_failed;
    }
}

/// Signs of life at intervals, and what comes with them.
#[derive(Default)]
struct Beat {
    sent: Option<Instant>,
    pruned: Option<Instant>,
    paused: bool,
    worked: bool,
}

impl Beat {
    /// Returns whether every worker is to pause.
    async fn send<S: Store>(&mut self, engine: &Engine<S>, mode: &'static str) -> Result<bool> {
        if self
            .sent
            .is_some_and(|sent| sent.elapsed() < HEARTBEAT_EVERY)
        {
            return Ok(self.paused);
        }
        let activity = match (self.paused, std::mem::take(&mut self.worked)) {
            (true, _) => "paused",
            (false, true) => "folding",
            (false, false) => "idle",
        };
        let beat = Heartbeat {
            worker: engine.worker.to_string(),
            mode,
            activity,
        };
        let control = engine.store.heartbeat(&beat).await?;
        if control.paused != self.paused {
            info!("{}", if control.paused { "paused" } else { "resumed" });
        }
        self.paused = control.paused;
        self.sent = Some(Instant::now());
        if self
            .pruned
            .is_none_or(|pruned| pruned.elapsed() >= PRUNE_EVERY)
        {
            let deleted = engine
                .store
                .prune_history(engine.config.keep_history, PRUNE_ROWS)
                .await?;
            // A full step leaves more: the next heartbeat goes on.
            if deleted < PRUNE_ROWS as u64 {
                self.pruned = Some(Instant::now());
            }
        }
        Ok(self.paused)
    }
}

async fn wait<S>(engine: &Engine<S>, pause: Duration) {
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        () = engine.stop.cancelled() => {}
    }
}
