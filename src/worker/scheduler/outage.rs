//! A run while the database is away.

use std::time::Duration;

use tracing::{info, warn};

use super::Run;
use crate::backoff::transient_pause;
use crate::store::{Result, Store, StoreError};
use crate::telemetry::metrics;

/// A database that stays away this many tries in a row ends a one-shot run.
const ONE_SHOT_PATIENCE: u32 = 3;

impl<S: Store> Run<'_, S> {
    /// A transient error is waited out; others end the run, and so does a
    /// database that stays away from a run that somebody waits for.
    pub(super) async fn wait_out(&mut self, error: StoreError) -> Result<()> {
        metrics::error(error.class.name());
        self.engine.progress.made();
        if !error.is_transient() || (self.mode.until_idle && self.outages == ONE_SHOT_PATIENCE) {
            return Err(error);
        }
        let pause = transient_pause(self.outages);
        self.outages = self.outages.saturating_add(1);
        if !self.engine.breaker.is_open() {
            warn!("tried again in {pause:.1?}: {error}");
            self.pause(pause).await;
        }
        Ok(())
    }

    /// Waits for the open breaker's next probe and makes it.
    pub(super) async fn probe(&mut self) -> Result<()> {
        let breaker = &self.engine.breaker;
        self.pause(breaker.until_probe().unwrap_or_default()).await;
        if self.engine.stop.is_cancelled() {
            return Ok(());
        }
        match self.engine.store.ping().await {
            Ok(()) => {
                let open = breaker.close();
                info!("circuit breaker closes after {open:.1?}: the database answers");
                Ok(())
            }
            Err(error) => {
                let (probes, pause) = breaker.probe_failed();
                warn!(
                    "circuit breaker stays open, probe {probes} failed, next in {pause:.1?}: {error}"
                );
                Err(error)
            }
        }
    }

    pub(super) async fn pause(&self, pause: Duration) {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.engine.stop.cancelled() => {}
        }
    }
}
