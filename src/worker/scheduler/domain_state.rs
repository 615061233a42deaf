//! What a run knows of one domain.

use std::time::Instant;

use rand::RngExt;

use super::Mode;
use crate::domain::{Domain, UserId};
use crate::store::{Pull, Result, Store};
use crate::worker::Engine;
use crate::worker::batch_size::BatchSize;

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
    pub(super) fn pull(&self, after: UserId, mode: &Mode) -> Pull {
        Pull {
            domain: self.domain,
            after,
            limit: self.size.rows(),
            settle: mode.settle,
            within: mode.within.clone().unwrap_or_default(),
        }
    }

    /// Each process begins at a random user, so that several of them meet
    /// seldom.
    pub(super) async fn cursor<S: Store>(&mut self, engine: &Engine<S>) -> Result<UserId> {
        if let Some(cursor) = self.cursor {
            return Ok(cursor);
        }
        let users = engine.store.pending_users(self.domain).await;
        let cursor = match engine.observe(users)? {
            Some((lowest, highest)) => rand::rng().random_range(lowest..=highest),
            // No backlog to meet in.
            None => UserId::MIN,
        };
        self.cursor = Some(cursor);
        Ok(cursor)
    }
}
