//! Which state each row of a folded group goes into.

use std::collections::HashMap;

use super::GroupOutcome;
use crate::domain::Rejection;

/// Begins the reason of rows whose group an operator gave up.
pub(super) const DISCARDED: &str = "discarded: ";

/// The state that a row is in, as far as a fold tells states apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowStatus {
    Completed,
    Rejected,
    /// `pending` or `failed`.
    Open,
}

impl RowStatus {
    pub(super) fn from_name(name: &[u8]) -> RowStatus {
        match name {
            b"completed" => RowStatus::Completed,
            b"rejected" => RowStatus::Rejected,
            _ => RowStatus::Open,
        }
    }
}

/// A row whose state changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RowState {
    pub(super) id: i64,
    /// Why it is rejected; a row without a reason is completed.
    pub(super) reason: Option<String>,
}

impl RowState {
    pub(super) fn status(&self) -> &'static str {
        if self.reason.is_some() {
            "rejected"
        } else {
            "completed"
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct RowStates {
    /// In the order of the rows. Rejected rows are always among them, because
    /// the reason may be another one now.
    pub(super) changed: Vec<RowState>,
    completed: u64,
    rejected: u64,
}

impl RowStates {
    pub(super) fn outcome(&self) -> GroupOutcome {
        GroupOutcome::Folded {
            completed: self.completed,
            rejected: self.rejected,
        }
    }

    /// How many rows are in another state than the fold says.
    pub(super) fn misjudged(&self) -> usize {
        usize::try_from(self.completed + self.rejected).unwrap_or(usize::MAX)
    }
}

/// The states of exactly the rows that were read, given as (id, status).
pub(super) fn row_states(rows: &[(i64, RowStatus)], rejected: Vec<Rejection>) -> RowStates {
    let mut reasons: HashMap<_, _> = rejected
        .into_iter()
        .map(|rejection| (rejection.row_id, rejection.reason))
        .collect();
    let mut states = RowStates {
        changed: Vec::with_capacity(rows.len()),
        completed: 0,
        rejected: 0,
    };
    for (id, status) in rows {
        match reasons.remove(id) {
            Some(reason) => {
                states.rejected += u64::from(*status != RowStatus::Rejected);
                states.changed.push(RowState {
                    id: *id,
                    reason: Some(reason),
                });
            }
            None if *status != RowStatus::Completed => {
                states.completed += 1;
                states.changed.push(RowState {
                    id: *id,
                    reason: None,
                });
            }
            None => {}
        }
    }
    states
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_whose_state_changes_are_written() {
        let rows: Vec<_> = [
            (1, "pending"),
            (2, "completed"),
            (3, "failed"),
            (4, "rejected"),
        ]
        .map(|(id, status)| (id, RowStatus::from_name(status.as_bytes())))
        .into();
        let rejected = [Rejection {
            row_id: 3,
            reason: "unit_missing: none".into(),
        }];
        let states = row_states(&rows, rejected.into());
        assert_eq!(
            states.outcome(),
            GroupOutcome::Folded {
                completed: 2,
                rejected: 1
            }
        );
        let changed: Vec<_> = states
            .changed
            .iter()
            .map(|state| (state.id, state.status()))
            .collect();
        assert_eq!(
            changed,
            [(1, "completed"), (3, "rejected"), (4, "completed")]
        );
    }
}
