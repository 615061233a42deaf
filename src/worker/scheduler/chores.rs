//! What a run does beside its batches.

use tracing::info;

use super::Run;
use crate::store::{Result, Store};
use crate::telemetry::metrics;
use crate::worker::beat::{self, Chore};
use crate::worker::pass::PassReport;
use crate::worker::unclean;

/// Small, so that pruning is a short transaction like any other.
const PRUNE_ROWS: usize = 500;

impl<S: Store> Run<'_, S> {
    pub(super) async fn attend_to(
        &mut self,
        chore: Chore,
        progress: &mut impl FnMut(&PassReport),
    ) -> Result<()> {
        match chore {
            Chore::Heartbeat => {
                let paused = beat::send(self.engine, self.mode.name, self.paused).await?;
                if paused != self.paused {
                    info!("{}", if paused { "paused" } else { "resumed" });
                }
                self.paused = paused;
                metrics::paused(paused);
                Ok(())
            }
            Chore::Look => {
                let load = self.engine.store.server_load().await;
                self.pace.look(&self.engine.observe(load)?);
                Ok(())
            }
            Chore::BuryTheDead => {
                let dead = unclean::dead_workers(self.engine, false).await;
                if !self.engine.observe(dead)?.is_empty() {
                    // Their groups are tried with nothing else in flight.
                    self.drain(progress).await?;
                    self.try_suspects(false).await?;
                }
                Ok(())
            }
            Chore::Prune => loop {
                let (keep, store) = (self.engine.config.keep_history, &self.engine.store);
                let pruned = store.prune_history(keep, PRUNE_ROWS).await;
                if self.engine.observe(pruned)? < PRUNE_ROWS as u64 || self.is_over() {
                    return Ok(());
                }
            },
        }
    }

    pub(super) async fn try_suspects(&self, starting: bool) -> Result<()> {
        for dead in unclean::dead_workers(self.engine, starting).await? {
            unclean::try_suspects(self.engine, self.mode.name, &dead).await?;
        }
        Ok(())
    }
}
