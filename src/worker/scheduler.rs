//! Batches, several at a time, until it is time to stop.

mod chores;
mod domain_state;
mod lanes;
mod outage;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::Engine;
use super::batch::{self, BatchReport};
use super::batch_size::BatchSize;
use super::beat::Chores;
use super::pace::Pace;
use crate::backoff::poll_pause;
use crate::domain::{Domain, UserId};
use crate::store::{GroupFilter, Probe, Result, Store, StoreError};
use domain_state::DomainState;
use lanes::LaneEnd;

/// How a run differs from another: what it takes and when it ends.
#[derive(Debug, Clone)]
pub struct Mode {
    pub name: &'static str,
    pub settle: Duration,
    /// End when nothing is left to do; otherwise wait for more.
    pub until_idle: bool,
    /// Longest run; none is without limit.
    pub budget: Option<Duration>,
    /// Only these groups.
    pub within: Option<GroupFilter>,
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

/// Runs batches until the mode, its budget or the stop token ends them.
/// `progress` hears of every batch.
///
/// # Errors
/// A fatal error; in one-shot modes also a database that stays away.
pub async fn run<S: Store>(
    engine: &Engine<S>,
    domains: &[Domain],
    mode: &Mode,
    mut progress: impl FnMut(&BatchReport),
) -> Result<RunReport> {
    let mut run = Run::new(engine, domains, mode);
    let ended = run.until_stopped(&mut progress).await;
    // Whatever ended the run: groups in flight finish.
    run.stop_lanes.cancel();
    let drained = match run.drain(&mut progress).await {
        // What the last batches could not do waits in the database.
        Err(error) if run.ended_early && error.is_transient() => {
            warn!("left for the next run: {error}");
            Ok(())
        }
        drained => drained,
    };
    let result = ended.and(drained);
    if result.is_ok() && mode.until_idle && (run.ended_early || run.report.paused) {
        run.report.work_left = run.work_is_left().await;
    }
    let forgotten = engine.store.forget_worker(&engine.worker).await;
    result?;
    if let Err(error) = forgotten {
        // A worker that stops, or a run that was stopped, ends without its
        // database too: the next one finds that it is gone.
        if !mode.until_idle || (run.ended_early && error.is_transient()) {
            debug!("heartbeat not removed: {error}");
        } else {
            let message = format!(
                "what was folded is recorded, but not that the run ended: {}",
                error.message
            );
            return Err(StoreError::new(error.class, "forget worker", message));
        }
    }
    Ok(run.report)
}

struct Run<'a, S> {
    /// Each lane gets a copy whose `stop` is `stop_lanes`.
    engine: &'a Engine<S>,
    mode: &'a Mode,
    states: Vec<DomainState>,
    /// The domain that is asked first: each in turn.
    first: usize,
    lanes: JoinSet<LaneEnd>,
    /// One permit: a lane has it until the last of its users is being folded.
    handing_out: Arc<Semaphore>,
    stop_lanes: CancellationToken,
    started: Instant,
    chores: Chores,
    pace: Pace,
    /// What is asked while idle.
    probe: Probe,
    /// There are other workers, or what dead ones left.
    accompanied: bool,
    /// When the first domain that the last turn passed over is to be asked.
    next_look: Option<Instant>,
    /// Slots taken away from the lanes while the run makes room.
    withheld: usize,
    report: RunReport,
    paused: bool,
    /// The last turn found nothing at all: the next one only asks whether that
    /// has changed.
    idle: bool,
    ended_early: bool,
    /// Tries in a row that found no database.
    outages: u32,
}

/// What a turn of the loop found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// A batch was started: there may be more.
    Started,
    /// Users of the last batch wait for a slot.
    Full,
    /// Nothing to start now.
    Nothing,
    /// Nothing is left to do at all.
    Idle,
}

impl<'a, S: Store> Run<'a, S> {
    fn new(engine: &'a Engine<S>, domains: &[Domain], mode: &'a Mode) -> Self {
        let now = Instant::now();
        let state = |&domain| DomainState {
            domain,
            cursor: None,
            size: BatchSize::new(engine.config.batch_size, engine.config.max_batch_size),
            not_before: now,
            empty_until: now,
        };
        Run {
            engine,
            mode,
            states: domains.iter().map(state).collect(),
            first: 0,
            lanes: JoinSet::new(),
            handing_out: Arc::new(Semaphore::new(1)),
            stop_lanes: engine.stop.child_token(),
            started: now,
            chores: Chores::default(),
            pace: Pace::new(&engine.pace),
            probe: Probe {
                domains: domains.to_vec(),
                settle: mode.settle,
            },
            accompanied: false,
            next_look: None,
            withheld: 0,
            report: RunReport::default(),
            paused: false,
            idle: false,
            ended_early: false,
            outages: 0,
        }
    }

    async fn until_stopped(&mut self, progress: &mut impl FnMut(&BatchReport)) -> Result<()> {
        self.try_suspects(true).await?;
        loop {
            self.engine.turns.fetch_add(1, Ordering::Relaxed);
            if self.is_over() {
                self.ended_early = true;
                return Ok(());
            }
            let turn = match self.turn(progress).await {
                Ok(turn) => {
                    self.outages = 0;
                    // While batches are in flight, their groups are what must
                    // move.
                    if self.lanes.is_empty() {
                        self.engine.progress.made();
                    }
                    turn
                }
                Err(error) => {
                    self.wait_out(error).await?;
                    continue;
                }
            };
            self.idle = turn == Turn::Idle || (turn == Turn::Nothing && self.awaits_work());
            match turn {
                Turn::Started => {}
                Turn::Idle if self.mode.until_idle => return Ok(()),
                // Cron starts the next run: waiting ones would pile up.
                Turn::Nothing if self.paused && self.mode.until_idle => {
                    self.report.paused = true;
                    return Ok(());
                }
                Turn::Full | Turn::Nothing | Turn::Idle => {
                    if let Err(error) = self.wait(turn, progress).await {
                        self.wait_out(error).await?;
                    }
                }
            }
        }
    }

    fn is_over(&self) -> bool {
        let spent = |budget| self.started.elapsed() >= budget;
        self.engine.stop.is_cancelled() || self.mode.budget.is_some_and(spent)
    }

    async fn turn(&mut self, progress: &mut impl FnMut(&BatchReport)) -> Result<Turn> {
        if self.engine.breaker.is_open() {
            self.drain(progress).await?;
            self.probe().await?;
            return Ok(Turn::Started);
        }
        while let Some(ended) = self.lanes.try_join_next() {
            self.finish_lane(ended, progress)?;
        }
        self.next_look = None;
        let asked = self.attend_to_chores(progress).await?;
        if self.paused {
            self.drain(progress).await?;
            return Ok(Turn::Nothing);
        }
        if self.waits_for_work() {
            let work_waits = match asked {
                Some(work_waits) => work_waits,
                None => {
                    let store = &self.engine.store;
                    self.engine.observe(store.work_waits(&self.probe).await)?
                }
            };
            if !work_waits {
                return Ok(Turn::Idle);
            }
            self.idle = false;
            self.attend_to_chores(progress).await?;
        }
        self.withhold();
        self.start_lane().await
    }

    /// Nothing is in flight and nothing holds a batch back: it was only too
    /// early to look again.
    fn awaits_work(&self) -> bool {
        !self.paused && self.lanes.is_empty() && self.pace.wait().is_zero()
    }

    /// Whether all there is to do is to ask, for all domains at once, whether
    /// there is anything to pull.
    fn waits_for_work(&self) -> bool {
        self.idle && self.mode.within.is_none()
    }

    /// Waits for the last batch to begin with all its users, for a batch to end,
    /// or for the next poll.
    async fn wait(&mut self, turn: Turn, progress: &mut impl FnMut(&BatchReport)) -> Result<()> {
        let poll = poll_pause(self.engine.config.poll);
        let mut pause = poll;
        if let Some(at) = self.next_look {
            pause = pause.min(at.saturating_duration_since(Instant::now()));
        }
        let rest = self.pace.wait();
        if !rest.is_zero() {
            pause = pause.min(rest);
        }
        let handing_out = self.handing_out.clone();
        tokio::select! {
            Some(ended) = self.lanes.join_next() => self.finish_lane(ended, progress),
            // Given back at once: the lane that is started next takes it.
            _ = handing_out.acquire(), if turn == Turn::Full => Ok(()),
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.engine.stop.cancelled() => Ok(()),
        }
    }

    /// A database that cannot be asked has not been emptied.
    async fn work_is_left(&self) -> bool {
        for state in &self.states {
            if batch::any_work(self.engine, &state.pull(UserId::MIN, self.mode))
                .await
                .unwrap_or(true)
            {
                return true;
            }
        }
        false
    }
}

impl RunReport {
    fn add(&mut self, batch: &BatchReport) {
        self.batches += 1;
        self.rows_completed += batch.rows_completed;
        self.rows_rejected += batch.rows_rejected;
        self.groups_ok += batch.groups_ok;
        self.groups_failed += batch.groups_failed;
    }
}
