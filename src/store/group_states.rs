//! Which state each row of a folded group goes into.

use std::collections::HashMap;

use super::GroupOutcome;
use crate::domain::Rejection;

/// Begins the reason of rows whose group an operator gave up.
pub(super) const DISCARDED: &str = "discarded: ";

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
}

/// The states of exactly the rows that were read, given as (id, status).
pub(super) fn row_states(rows: &[(i64, String)], rejected: &[Rejection]) -> RowStates {
    let reasons: HashMap<_, _> = rejected
        .iter()
        .map(|rejection| (rejection.row_id, &rejection.reason))
        .collect();
    let mut states = RowStates {
        changed: Vec::new(),
        completed: 0,
        rejected: 0,
    };
    for (id, status) in rows {
        match reasons.get(id) {
            Some(reason) => {
                states.rejected += u64::from(status != "rejected");
                states.changed.push(RowState {
                    id: *id,
                    reason: Some((*reason).clone()),
                });
            }
            None if status != "completed" => {
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

/// How many of the rows, all of them `completed` or `rejected`, are in the
/// other of the two states than the fold says.
pub(super) fn misjudged(rows: &[(i64, String)], rejected: &[Rejection]) -> usize {
    let states = row_states(rows, rejected);
    usize::try_from(states.completed + states.rejected).unwrap_or(usize::MAX)
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
        .map(|(id, status)| (id, status.to_owned()))
        .into();
        let rejected = [Rejection {
            row_id: 3,
            reason: "unit_missing: none".into(),
        }];
        let states = row_states(&rows, &rejected);
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
