//! The lanes of a run: batches side by side, each on its way in one.

use std::sync::atomic::Ordering;
use std::time::Instant;

use tracing::{debug, info};

use super::{Run, Turn};
use crate::backoff::poll_pause;
use crate::domain::Domain;
use crate::store::{ErrorClass, Result, Store, StoreError};
use crate::worker::Engine;
use crate::worker::batch::{self, BatchReport, BatchRun};
use crate::worker::batch_size::Went;

/// How the batch of a lane ended.
pub(super) type LaneEnd = (Domain, Result<BatchReport>);

impl<S: Store> Run<'_, S> {
    /// Leaves one slot while the run makes room, else all of them.
    pub(super) fn withhold(&mut self) {
        let slots = &self.engine.slots;
        if self.pace.makes_room() {
            // Those in use are taken as they come back.
            let rest = self.engine.concurrency - 1 - self.withheld;
            self.withheld += slots.forget_permits(rest);
        } else {
            slots.add_permits(std::mem::take(&mut self.withheld));
        }
    }

    /// Starts a batch of the next domain that has work, unless the last one has
    /// yet to begin with some of its users.
    pub(super) async fn start_lane(&mut self) -> Result<Turn> {
        let mut turn = if self.lanes.is_empty() {
            Turn::Idle
        } else {
            Turn::Nothing
        };
        let may_start = !self.pace.makes_room() || self.lanes.is_empty();
        if !may_start || self.is_over() || !self.pace.wait().is_zero() {
            return Ok(Turn::Nothing);
        }
        let Ok(permit) = self.handing_out.clone().try_acquire_owned() else {
            return Ok(Turn::Full);
        };
        let count = self.states.len();
        for index in 0..count {
            let busy = !self.lanes.is_empty();
            let state = &mut self.states[(self.first + index) % count];
            let now = Instant::now();
            // Other workers hold what it had, its last batch was small, or it
            // was empty a moment ago.
            let ask_at = match busy {
                true => state.not_before.max(state.empty_until),
                false => state.not_before,
            };
            if ask_at > now {
                let earlier = self.next_look.map_or(ask_at, |at| at.min(ask_at));
                self.next_look = Some(earlier);
                turn = Turn::Nothing;
                continue;
            }
            let cursor = state.cursor(self.engine).await?;
            let mut pull = state.pull(cursor, self.mode);
            if self.pace.takes_small_batches() {
                pull.limit = state.size.smallest();
            }
            let batch = batch::find(self.engine, &pull).await?;
            self.pace.started(batch.rows());
            state.cursor = batch.cursor.or(state.cursor);
            if batch.is_empty() {
                if batch.crowded {
                    turn = Turn::Nothing;
                } else {
                    debug!(domain = %state.domain, "nothing to do");
                    state.empty_until = now + poll_pause(self.engine.config.poll);
                }
                continue;
            }
            let domain = state.domain;
            let engine = Engine {
                stop: self.stop_lanes.clone(),
                ..self.engine.clone()
            };
            let lane = BatchRun::new(&engine, domain, batch, permit);
            let mode = self.mode.name;
            self.lanes
                .spawn(async move { (domain, lane.run(mode).await) });
            self.first = (self.first + index + 1) % count;
            return Ok(Turn::Started);
        }
        Ok(turn)
    }

    /// Counts the batch of a lane that ended, and learns from it for the next.
    pub(super) fn finish_lane(
        &mut self,
        ended: std::result::Result<LaneEnd, tokio::task::JoinError>,
        progress: &mut impl FnMut(&BatchReport),
    ) -> Result<()> {
        let (domain, ran) = ended.map_err(|error| {
            let message = format!("the task of a batch ended: {error}");
            StoreError::new(ErrorClass::Fatal, "fold batch", message)
        })?;
        let ran = ran?;
        self.report.add(&ran);
        self.pace.ended(ran.took, ran.rows_pulled);
        progress(&ran);
        let until_idle = self.mode.until_idle;
        let poll = poll_pause(self.engine.config.poll);
        if let Some(state) = self.states.iter_mut().find(|state| state.domain == domain) {
            let went = Went {
                full: ran.full,
                groups_failed: ran.groups_failed,
                retries: self.engine.retries.swap(0, Ordering::Relaxed),
                pressure: ran.pressure,
                per_group: ran.took / u32::try_from(ran.groups.max(1)).unwrap_or(u32::MAX),
            };
            if let Some(change) = state.size.after_batch(&went) {
                let rows = state.size.rows();
                info!(domain = %domain, rows, "pace: {domain} in batches of {rows} rows: {change}");
            }
            // Two workers at the same users would go on side by side.
            if ran.met_others() {
                state.cursor = None;
            }
            // Other workers hold these users or have folded their rows.
            if !ran.made_progress() || !(ran.full || until_idle) {
                state.not_before = Instant::now() + poll;
            }
        }
        Ok(())
    }

    /// Waits until no batch is in flight.
    pub(super) async fn drain(&mut self, progress: &mut impl FnMut(&BatchReport)) -> Result<()> {
        let mut first_error = Ok(());
        while let Some(ended) = self.lanes.join_next().await {
            let taken = self.finish_lane(ended, progress);
            first_error = first_error.and(taken);
        }
        first_error
    }
}
