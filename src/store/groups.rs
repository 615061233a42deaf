//! Folding, checking and sealing groups.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;

use super::Result;
use crate::domain::GroupKey;
use crate::domain::drift::Drift;

/// The door of folds.
pub trait Groups: Clone + Send + Sync + 'static {
    /// Folds one group in one transaction: takes the user lock, reads the
    /// group's changes and its rows, folds, writes the aggregates of every
    /// period touched that differ, deletes those that vanished, writes and
    /// deletes rejections, deletes exactly the changes read. All of it or
    /// nothing. A group that is put off or dead is left alone: each attempt is
    /// made once, by one worker.
    fn fold(&self, key: GroupKey) -> impl Future<Output = Result<GroupOutcome>> + Send;

    /// Like [`Groups::fold`], without some of the rows, which are rejected.
    fn fold_without(
        &self,
        key: GroupKey,
        isolation: &Isolation,
    ) -> impl Future<Output = Result<GroupOutcome>> + Send;

    /// The ids of a group's raw rows, in (time, id) order.
    fn row_ids(&self, key: GroupKey) -> impl Future<Output = Result<Vec<i64>>> + Send;

    /// Recomputes a group from its raw rows and compares, all as of one moment;
    /// writes nothing.
    fn check(&self, key: GroupKey) -> impl Future<Output = Result<GroupCheck>> + Send;

    /// Removes a group's raw rows for good, in one transaction, if they are
    /// settled and fold to exactly what is stored. From then on the group is
    /// sealed: it is never folded again, and rows that come later are rejected
    /// as `too_late`. Rows that reach into a day that is not sealed stay until
    /// it is. `of_share` counts it against the day's share.
    fn seal(&self, key: GroupKey, of_share: bool) -> impl Future<Output = Result<Seal>> + Send;
}

/// What became of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupOutcome {
    Folded {
        /// Rows that its changes told of, without those that were rejected.
        completed: u64,
        /// Rows that were not rejected before.
        rejected: u64,
    },
    /// Another worker has this user or has folded the group, or the group waits
    /// for its next attempt by now; nothing was done.
    Locked,
}

/// Rows that a fold leaves out and rejects, to find those at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isolation {
    /// Ids of raw rows.
    pub rows: Arc<HashSet<i64>>,
    /// How the group fails with them; becomes their reason.
    pub error: Arc<str>,
    /// Roll back at the end: only find out whether the rest can be folded.
    pub trial: bool,
}

/// What recomputing a group from its raw rows showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupCheck {
    /// It has neither raw rows nor aggregates.
    Empty,
    /// It has changes that are not folded yet, or failed: it is not meant to
    /// agree yet.
    Unsettled,
    /// It has aggregates and no raw rows, and nothing tells that they were
    /// deleted.
    RowsMissing,
    Settled {
        /// Aggregates of any period touched that differ.
        drifts: Vec<Drift>,
        /// Raw rows that are rejected and should not be, or the other way round.
        misjudged_rows: usize,
    },
}

/// What became of a group that is to be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    Sealed {
        /// Raw rows removed.
        rows: u64,
    },
    /// It has no raw rows to remove.
    Empty,
    /// Another worker has this user.
    Locked,
    /// The day's share is used up.
    Spent,
    /// It has changes that are not folded yet, or failed.
    Unsettled,
    /// Its rows do not fold to what is stored.
    Drifted,
}
