//! Finding a batch: groups with changes, and failed groups whose time has come.

use std::collections::BTreeSet;

use crate::domain::{GroupKey, UserId};
use crate::store::{Pull, Pulled, Result, Store};
use crate::worker::Engine;

/// What is folded together.
#[derive(Debug, Default)]
pub struct Batch {
    /// In order of user and date.
    pub(super) groups: BTreeSet<GroupKey>,
    /// Changed rows of the groups.
    pub(super) rows: u64,
    /// More work waits.
    pub(super) full: bool,
    /// The last user with changes: the next pull begins behind them.
    pub cursor: Option<UserId>,
    /// Groups were left out because this process folds their user already.
    pub crowded: bool,
}

impl Batch {
    /// Changed rows of its groups.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

/// Pulls one batch.
///
/// # Errors
/// The database could not be asked.
pub async fn find<S: Store>(engine: &Engine<S>, pull: &Pull) -> Result<Batch> {
    // Taken before the pull: a user who finishes meanwhile may be pulled with
    // groups that are folded already.
    let in_flight = engine.in_flight.users(pull.domain);
    let (pulled, due) = engine.observe(find_work(engine, pull).await)?;
    let fresh = !pulled.groups.is_empty();
    let mut batch = Batch {
        cursor: pulled.groups.last().map(|group| group.key.user_id),
        full: pulled.full || due.len() >= due_share(pull, fresh),
        ..Batch::default()
    };
    let pulled = pulled.groups.iter();
    let pulled = pulled.map(|group| (group.key, group.rows as u64));
    for (key, rows) in pulled.chain(due.iter().map(|key| (*key, 0))) {
        if in_flight.contains(&key.user_id) {
            batch.crowded = true;
        } else {
            batch.groups.insert(key);
            batch.rows += rows;
        }
    }
    Ok(batch)
}

/// Whether a pull would find anything.
///
/// # Errors
/// The database could not be asked.
pub async fn any_work<S: Store>(engine: &Engine<S>, pull: &Pull) -> Result<bool> {
    let (pulled, due) = find_work(engine, pull).await?;
    Ok(!pulled.groups.is_empty() || !due.is_empty())
}

/// Due groups are at most a quarter of a batch, so that failed work never
/// stands ahead of fresh work; where there is no fresh work they may fill it.
fn due_share(pull: &Pull, fresh: bool) -> usize {
    if fresh {
        (pull.limit / 4).max(1)
    } else {
        pull.limit
    }
}

async fn find_work<S: Store>(engine: &Engine<S>, pull: &Pull) -> Result<(Pulled, Vec<GroupKey>)> {
    let store = &engine.store;
    let pulled = store.pull(pull).await?;
    // Those in flight are still due: they must not hide the ones behind.
    let limit = due_share(pull, !pulled.groups.is_empty()) + engine.in_flight.len();
    let due = store.due(pull.domain, &pull.within, limit).await?;
    Ok((pulled, due))
}
