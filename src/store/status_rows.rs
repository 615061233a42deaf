//! Rows of the status queries, alike on both backends.

use diesel::sql_types::{BigInt, Bool, Nullable};

use super::{DomainStatus, HourStatus};
use crate::domain::Domain;

#[derive(diesel::QueryableByName)]
pub(super) struct DomainRow {
    #[diesel(sql_type = BigInt)]
    pending: i64,
    #[diesel(sql_type = BigInt)]
    failed: i64,
    #[diesel(sql_type = BigInt)]
    rejected: i64,
    #[diesel(sql_type = BigInt)]
    due: i64,
    #[diesel(sql_type = BigInt)]
    dead: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    oldest: Option<i64>,
}

#[derive(diesel::QueryableByName)]
pub(super) struct HourRow {
    #[diesel(sql_type = Bool)]
    pub(super) paused: bool,
    #[diesel(sql_type = BigInt)]
    batches: i64,
    #[diesel(sql_type = BigInt)]
    rows_completed: i64,
    #[diesel(sql_type = BigInt)]
    rows_rejected: i64,
    #[diesel(sql_type = BigInt)]
    groups_ok: i64,
    #[diesel(sql_type = BigInt)]
    groups_failed: i64,
}

impl DomainRow {
    pub(super) fn status(&self, domain: Domain) -> DomainStatus {
        DomainStatus {
            domain,
            pending_rows: self.pending,
            failed_rows: self.failed,
            rejected_rows: self.rejected,
            due_groups: self.due,
            dead_groups: self.dead,
            oldest_pending_seconds: self.oldest,
        }
    }
}

impl HourRow {
    pub(super) fn status(&self) -> HourStatus {
        HourStatus {
            batches: self.batches,
            rows_completed: self.rows_completed,
            rows_rejected: self.rows_rejected,
            groups_ok: self.groups_ok,
            groups_failed: self.groups_failed,
        }
    }
}
