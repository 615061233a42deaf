//! A group as it was read, and what folding it will write: alike on both
//! backends.

use std::collections::{BTreeSet, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::rejections::{POISON, Rejections, StoredRejection};
use super::room::LONG_FOLD;
use super::sql::text_columns;
use super::{GroupOutcome, Isolation};
use crate::domain::group::{GroupFold, fold_group};
use crate::domain::{Aggregate, Fold, FoldRules, GroupKey, RawRow, Rejection, bounds};

/// Why rows of a sealed group are rejected.
const TOO_LATE: &str = "too_late: the raw rows of this day were removed by retention; its \
     aggregates stay as they are";

/// Why a group is reported whose raw rows are gone or hidden.
pub(super) const ROWS_MISSING: &str = "rows_missing: the group has aggregates and no raw row, and \
     no change says that its rows were deleted; they may be hidden from this role or lost. Bring \
     them back, then run `vitalfold failed retry`; if they are gone for good, run `vitalfold \
     verify --all --repair --accept-missing`";

/// A raw row as it was read.
pub(super) struct StoredRaw<P> {
    pub(super) row: RawRow<P>,
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

/// What the lines of `group_changes` and `failed_groups` say of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// The lines that were read.
    pub(super) ids: Vec<i64>,
    /// Rows that they tell of.
    pub(super) rows: u64,
    /// A line is no plain insert.
    pub(super) not_only_inserts: bool,
    /// Rows were deleted or edited: all of them may be gone.
    pub(super) may_be_empty: bool,
    pub(super) failure: Option<Standing>,
}

/// How a failed group stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its next attempt is due.
    Due,
    /// Its next attempt is not due yet.
    PutOff,
    Dead,
}

impl Changes {
    /// Whether an attempt is to be made now: not where another worker has folded
    /// the group or failed at it. `isolated`: the attempt belongs to a search
    /// that follows a failure.
    pub(super) fn call_for_attempt(&self, isolated: bool) -> bool {
        isolated
            || match self.failure {
                None | Some(Standing::Dead) => !self.ids.is_empty(),
                Some(Standing::Due) => true,
                Some(Standing::PutOff) => false,
            }
    }

    /// Whether what may be wrong is to be mended: poison has another chance, and
    /// stored aggregates are not trusted to be those of the last fold.
    pub(super) fn call_for_care(&self) -> bool {
        self.not_only_inserts || self.failure.is_some()
    }
}

/// All that a group's fold needs.
pub(super) struct StoredGroup<F: Fold> {
    /// Those that belong to the group, in (time, id) order.
    pub(super) rows: Vec<StoredRaw<F::Payload>>,
    pub(super) rejections: Vec<StoredRejection>,
    pub(super) day_rows: Vec<Aggregate<F::Measure>>,
    /// Its raw rows were removed by retention: folding what is there now
    /// would replace right aggregates by partial ones.
    pub(super) sealed: bool,
}

/// Which rows a fold leaves out.
pub(super) enum LeaveOut {
    Nothing,
    Poison,
    /// And rejects them.
    Suspects(Isolation),
}

impl LeaveOut {
    pub(super) fn of(isolation: Option<&Isolation>, changes: &Changes) -> Self {
        match isolation {
            Some(isolation) => LeaveOut::Suspects(isolation.clone()),
            None if changes.call_for_care() => LeaveOut::Nothing,
            None => LeaveOut::Poison,
        }
    }
}

/// The fold panicked.
#[derive(Debug)]
pub(super) struct Panicked;

pub(super) struct Folded<F: Fold> {
    /// Its rejections are in `rejections`.
    pub(super) fold: GroupFold<F::Measure>,
    pub(super) rejections: Rejections,
}

impl<F: Fold> Folded<F> {
    pub(super) fn outcome(&self, changes: &Changes) -> GroupOutcome {
        let rejected = self.rejections.new;
        GroupOutcome::Folded {
            completed: changes.rows.saturating_sub(rejected),
            rejected,
        }
    }
}

impl<F: Fold> StoredGroup<F> {
    /// Takes rows in any order, of neighbouring days too.
    pub(super) fn new(
        key: GroupKey,
        mut rows: Vec<StoredRaw<F::Payload>>,
        rejections: Vec<StoredRejection>,
        day_rows: Vec<Aggregate<F::Measure>>,
        sealed: bool,
    ) -> Self {
        rows.retain(|stored| F::belongs(key.local_date, &stored.row));
        rows.sort_by_key(|stored| (F::time(&stored.row.payload), stored.row.id));
        StoredGroup {
            rows,
            rejections,
            day_rows,
            sealed,
        }
    }

    /// Whether its fold takes long enough for a thread of its own.
    pub(super) fn is_long(&self) -> bool {
        self.rows.len() + self.day_rows.len() >= LONG_FOLD
    }

    /// Whether it has aggregates of its own day and no raw rows.
    pub(super) fn lacks_rows(&self, key: GroupKey) -> bool {
        let stands = |row: &Aggregate<F::Measure>| row.key.local_date == key.local_date;
        !self.sealed && self.rows.is_empty() && self.day_rows.iter().any(stands)
    }

    pub(super) fn is_empty(&self, key: GroupKey) -> bool {
        let stands = |row: &Aggregate<F::Measure>| row.key.local_date == key.local_date;
        self.rows.is_empty() && !self.day_rows.iter().any(stands)
    }

    pub(super) fn fold(
        self,
        key: GroupKey,
        rules: &FoldRules,
        leave_out: &LeaveOut,
    ) -> Result<Folded<F>, Panicked> {
        if self.sealed {
            return Ok(self.too_late());
        }
        let mut rows = Vec::with_capacity(self.rows.len());
        let mut left_out = Vec::new();
        let mut kept = Vec::new();
        let columns = text_columns::<F>();
        let poison = self.rejections.iter().filter(|line| line.poison);
        let poison: HashSet<i64> = poison.map(|line| line.row_id).collect();
        for stored in self.rows {
            let id = stored.row.id;
            match leave_out {
                LeaveOut::Poison if poison.contains(&id) => kept.push(id),
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
        }
        let mut fold = catch_unwind(AssertUnwindSafe(|| {
            fold_group::<F>(key.local_date, &rows, self.day_rows, rules)
        }))
        .map_err(|_| Panicked)?;
        fold.rejected.extend(left_out);
        let rejected = std::mem::take(&mut fold.rejected);
        Ok(Folded {
            rejections: Rejections::of(self.rejections, rejected, &kept),
            fold,
        })
    }

    /// Rejects every row and touches no aggregate.
    fn too_late(self) -> Folded<F> {
        let rejected = self.rows.into_iter().map(|stored| Rejection {
            row_id: stored.row.id,
            reason: TOO_LATE.to_owned(),
        });
        Folded {
            rejections: Rejections::of(self.rejections, rejected.collect(), &[]),
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
