//! Rows of the status queries, alike on both backends.

use chrono::DateTime;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::{Backlog, DomainStatus, HourStatus, RetentionStatus};
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
    pending_groups: i64,
    #[diesel(sql_type = BigInt)]
    waiting: i64,
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
            pending_groups: self.pending_groups,
            waiting_groups: self.waiting,
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

/// Times are seconds of Unix time, the date is text.
#[derive(diesel::QueryableByName)]
pub(super) struct RetentionRow {
    #[diesel(sql_type = Text)]
    domain: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    ran_at: Option<i64>,
    #[diesel(sql_type = Bool)]
    ran_today: bool,
    #[diesel(sql_type = Nullable<Text>)]
    refused: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    refused_since: Option<i64>,
    #[diesel(sql_type = BigInt)]
    waiting: i64,
    #[diesel(sql_type = BigInt)]
    allowance: i64,
    #[diesel(sql_type = BigInt)]
    removed: i64,
    #[diesel(sql_type = BigInt)]
    dead_groups: i64,
    #[diesel(sql_type = Nullable<Text>)]
    oldest_dead: Option<String>,
}

impl RetentionRow {
    /// None of a domain that this version does not know.
    pub(super) fn status(&self) -> Option<RetentionStatus> {
        let time = |seconds: Option<i64>| seconds.and_then(|at| DateTime::from_timestamp(at, 0));
        Some(RetentionStatus {
            domain: *Domain::ALL
                .iter()
                .find(|domain| domain.name() == self.domain)?,
            ran_at: time(self.ran_at),
            ran_today: self.ran_today,
            refused: self.refused.clone(),
            refused_since: time(self.refused_since),
            backlog: Backlog {
                waiting: self.waiting.unsigned_abs(),
                allowance: self.allowance.unsigned_abs(),
            },
            removed: self.removed.unsigned_abs(),
            dead_groups: self.dead_groups.unsigned_abs(),
            oldest_dead: self
                .oldest_dead
                .as_deref()
                .and_then(|date| date.parse().ok()),
        })
    }
}
