//! What a run knows of one domain.

use std::time::Instant;

use rand::RngExt;

use super::Mode;
use crate::domain::{Domain, UserId};
use crate::store::{Result, Store};
use crate::with_domain;
use crate::worker::Engine;
use crate::worker::batch_size::BatchSize;
use crate::worker::pass::Plan;

pub(super) struct DomainState {
    pub(super) domain: Domain,
    pub(super) cursor: Option<UserId>,
    pub(super) size: BatchSize,
    /// Before this nothing new is expected.
    pub(super) not_before: Instant,
    /// Found empty: asked again only now, unless nothing else is left to do.
    pub(super) empty_until: Instant,
}

impl DomainState {
    pub(super) fn plan(&self, cursor: UserId, mode: &Mode) -> Plan {
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
    pub(super) async fn cursor<S: Store>(
        &mut self,
        engine: &Engine<S>,
        mode: &Mode,
    ) -> Result<UserId> {
        if mode.only_due.is_some() {
            return Ok(UserId::MIN);
        }
        if let Some(cursor) = self.cursor {
            return Ok(cursor);
        }
        let users = with_domain!(self.domain, F => engine.store.pending_users::<F>().await);
        let cursor = match engine.observe(users)? {
            Some((lowest, highest)) => rand::rng().random_range(lowest..=highest),
            // No backlog to meet in.
            None => UserId::MIN,
        };
        self.cursor = Some(cursor);
        Ok(cursor)
    }
}
