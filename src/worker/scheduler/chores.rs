//! What a run does beside its batches.

use tracing::info;

use super::Run;
use crate::store::{Control, Result, Store};
use crate::telemetry::metrics;
use crate::worker::batch::BatchReport;
use crate::worker::beat::{self, Chore};
use crate::worker::suspects;

/// Small, so that pruning is a short transaction like any other.
const PRUNE_ROWS: usize = 500;

impl<S: Store> Run<'_, S> {
    /// Does what is due. Says whether work waits, where the heartbeat asked: an
    /// idle worker sends one query per poll.
    pub(super) async fn attend_to_chores(
        &mut self,
        progress: &mut impl FnMut(&BatchReport),
    ) -> Result<Option<bool>> {
        let mut work_waits = None;
        while let Some(chore) = self.chores.due() {
            match chore {
                Chore::Heartbeat => {
                    let probe = self.waits_for_work().then_some(&self.probe);
                    let sent = beat::send(self.engine, self.mode.name, self.paused, probe).await?;
                    work_waits = probe.map(|_| sent.work_waits);
                    self.apply_control(&sent);
                }
                Chore::BuryTheDead => self.bury_the_dead(progress).await?,
                Chore::Prune => self.prune().await?,
                // Nobody is in the way of a worker that does nothing.
                Chore::Look if self.waits_for_work() => break,
                Chore::Look => {
                    let load = self.engine.store.server_load().await;
                    self.pace.look(&self.engine.observe(load)?);
                }
            }
            self.chores.done(chore);
        }
        Ok(work_waits)
    }

    fn apply_control(&mut self, control: &Control) {
        let paused = control.paused;
        if paused != self.paused {
            info!("{}", if paused { "paused" } else { "resumed" });
        }
        self.paused = paused;
        self.accompanied = control.accompanied;
        metrics::paused(paused);
    }

    async fn bury_the_dead(&mut self, progress: &mut impl FnMut(&BatchReport)) -> Result<()> {
        if !self.accompanied {
            return Ok(());
        }
        let dead = suspects::dead_workers(self.engine, false).await;
        if !self.engine.observe(dead)?.is_empty() {
            // Their groups are tried with nothing else in flight.
            self.drain(progress).await?;
            self.try_suspects(false).await?;
        }
        Ok(())
    }

    async fn prune(&self) -> Result<()> {
        loop {
            let (keep, store) = (self.engine.config.keep_history, &self.engine.store);
            let pruned = store.prune_history(keep, PRUNE_ROWS).await;
            if self.engine.observe(pruned)? < PRUNE_ROWS as u64 || self.is_over() {
                return Ok(());
            }
        }
    }

    pub(super) async fn try_suspects(&self, starting: bool) -> Result<()> {
        for dead in suspects::dead_workers(self.engine, starting).await? {
            suspects::try_suspects(self.engine, self.mode.name, &dead).await?;
        }
        Ok(())
    }
}
