//! A group as it was read, and what folding it will write: alike on both
//! backends.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::NaiveDate;

use super::group_states::{RowStates, RowStatus, row_states};
use super::room::LONG_FOLD;
use super::sql::text_columns;
use super::{GroupOutcome, Isolation};
use crate::domain::group::{GroupFold, fold_group};
use crate::domain::{Aggregate, Fold, FoldRules, RawRow, Rejection, bounds};

/// Begins the reason of rows without which their group folds.
pub(super) const POISON: &str = "poison: ";

/// Why rows of a sealed group are rejected.
const TOO_LATE: &str = "too_late: the raw rows of this day were removed by retention; its \
     aggregates stay as they are";

/// A raw row with the state it was in.
pub(super) struct StoredRaw<P> {
    pub(super) row: RawRow<P>,
    pub(super) status: RowStatus,
    /// Rejected because its group cannot be folded with it.
    pub(super) poison: bool,
    /// See [`place_of_too_long`](super::sql::place_of_too_long).
    pub(super) too_long: u8,
    /// What its texts take, in bytes.
    pub(super) text_bytes: u32,
}

impl<P> StoredRaw<P> {
    /// Bytes that it takes, with what an allocation adds to each of its texts.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.text_bytes as usize
    }
}

/// All that a group's fold needs.
pub(super) struct StoredGroup<F: Fold> {
    /// In (time, id) order.
    pub(super) rows: Vec<StoredRaw<F::Payload>>,
    pub(super) day_rows: Vec<Aggregate<F::Measure>>,
    /// Its raw rows were removed by retention: folding what is there now
    /// would replace right aggregates by partial ones.
    pub(super) sealed: bool,
}

/// Which rows a fold leaves out.
pub(super) enum LeaveOut {
    /// None: a marked group gives its poison another chance.
    Nothing,
    Poison,
    /// And rejects them.
    Suspects(Isolation),
}

impl LeaveOut {
    pub(super) fn of(isolation: Option<&Isolation>, marked: bool) -> Self {
        match isolation {
            Some(isolation) => LeaveOut::Suspects(isolation.clone()),
            None if marked => LeaveOut::Nothing,
            None => LeaveOut::Poison,
        }
    }
}

/// The fold panicked.
#[derive(Debug)]
pub(super) struct Panicked;

pub(super) struct Folded<F: Fold> {
    /// Its rejections are in `states`.
    pub(super) fold: GroupFold<F::Measure>,
    pub(super) states: RowStates,
}

impl<F: Fold> Folded<F> {
    pub(super) fn outcome(&self) -> GroupOutcome {
        self.states.outcome()
    }
}

impl<F: Fold> StoredGroup<F> {
    /// Whether its fold takes long enough for a thread of its own.
    pub(super) fn is_long(&self) -> bool {
        self.rows.len() + self.day_rows.len() >= LONG_FOLD
    }

    /// Whether every row is `completed` or `rejected`.
    pub(super) fn is_settled(&self) -> bool {
        self.rows.iter().all(|row| row.status != RowStatus::Open)
    }

    pub(super) fn fold(
        self,
        local_date: NaiveDate,
        rules: &FoldRules,
        leave_out: &LeaveOut,
    ) -> Result<Folded<F>, Panicked> {
        if self.sealed {
            return Ok(self.too_late());
        }
        let mut statuses = Vec::with_capacity(self.rows.len());
        let mut rows = Vec::with_capacity(self.rows.len());
        let mut left_out = Vec::new();
        let columns = text_columns::<F>();
        for stored in self.rows {
            let id = stored.row.id;
            match leave_out {
                LeaveOut::Poison if stored.poison => continue,
                LeaveOut::Suspects(isolation) if isolation.rows.contains(&id) => {
                    left_out.push(Rejection {
                        row_id: id,
                        reason: format!("{POISON}{}", isolation.error),
                    });
                }
                _ if stored.too_long > 0 => left_out.push(Rejection {
                    row_id: id,
                    reason: bounds::too_long(columns[usize::from(stored.too_long) - 1]),
                }),
                _ => rows.push(stored.row),
            }
            statuses.push((id, stored.status));
        }
        let mut fold = catch_unwind(AssertUnwindSafe(|| {
            fold_group::<F>(local_date, &rows, self.day_rows, rules)
        }))
        .map_err(|_| Panicked)?;
        fold.rejected.extend(left_out);
        Ok(Folded {
            states: row_states(&statuses, std::mem::take(&mut fold.rejected)),
            fold,
        })
    }

    /// Rejects every row and touches no aggregate.
    fn too_late(self) -> Folded<F> {
        let rows = self.rows.into_iter();
        let statuses: Vec<_> = rows.map(|stored| (stored.row.id, stored.status)).collect();
        let rejected: Vec<_> = statuses
            .iter()
            .map(|(row_id, _)| Rejection {
                row_id: *row_id,
                reason: TOO_LATE.to_owned(),
            })
            .collect();
        Folded {
            states: row_states(&statuses, rejected),
            fold: GroupFold {
                aggregates: Vec::new(),
                periods: Vec::new(),
                replaces: false,
                first_fold: false,
                shared: BTreeSet::new(),
                rejected: Vec::new(),
            },
        }
    }
}
