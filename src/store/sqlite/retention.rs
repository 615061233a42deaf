//! Removing what is older than it is to be kept. Everything here runs in an
//! immediate transaction: nobody writes meanwhile.

use std::time::Duration;

use chrono::NaiveDate;
use diesel::deserialize::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Double, Nullable, Text};

use super::SqliteStore;
use super::queue::{Count, PlaceRow};
use super::rows::{ago, at_most, bind_filter, date};
use super::texts::of_domain;
use crate::domain::{Domain, UserId};
use crate::store::sql::flat;
use crate::store::status_rows::RetentionRow;
use crate::store::{Backlog, Clock, GroupFilter, Place, Result, Retention, RetentionStatus};

impl Retention for SqliteStore {
    async fn clock(&self) -> Result<Clock> {
        self.call("read clock", clock).await
    }

    async fn retention(&self) -> Result<Vec<RetentionStatus>> {
        self.call("read retention", status).await
    }

    async fn refuse_retention(&self, domain: Domain, reason: &str) -> Result<()> {
        let reason = reason.to_owned();
        self.write("refuse retention", move |c| {
            diesel::sql_query(of_domain(include_str!("sql/refuse_retention.sql"), domain))
                .bind::<Text, _>(reason)
                .execute(c)
                .map(|_| ())
        })
        .await
    }

    async fn forget_clock(&self) -> Result<()> {
        self.write("accept clock", |c| {
            diesel::sql_query("update retention_runs set ran_at = null")
                .execute(c)
                .map(|_| ())
        })
        .await
    }

    async fn begin_retention(&self, domain: Domain, counted: Backlog) -> Result<()> {
        self.write("begin retention", move |c| {
            diesel::sql_query(of_domain(include_str!("sql/begin_retention.sql"), domain))
                .bind::<BigInt, _>(counted.waiting.cast_signed())
                .bind::<BigInt, _>(counted.allowance.cast_signed())
                .execute(c)
                .map(|_| ())
        })
        .await
    }

    async fn end_retention(&self, domain: Domain, first_kept: NaiveDate) -> Result<()> {
        self.write("end retention", move |c| {
            diesel::sql_query(of_domain(include_str!("sql/end_retention.sql"), domain))
                .bind::<Text, _>(first_kept.to_string())
                .execute(c)
                .map(|_| ())
        })
        .await
    }

    async fn first_kept(&self, keep: Duration) -> Result<NaiveDate> {
        self.call("read clock", move |c| first_kept(c, keep)).await
    }

    async fn oldest_rows(&self, domain: Domain, from: UserId, limit: usize) -> Result<Vec<Place>> {
        let text = of_domain(include_str!("sql/oldest_rows.sql"), domain);
        self.call("find old rows", move |c| oldest(c, text, from, limit))
            .await
    }

    async fn oldest_hours(&self, domain: Domain, from: UserId, limit: usize) -> Result<Vec<Place>> {
        let text = of_domain(include_str!("sql/oldest_hours.sql"), domain);
        self.call("find old hours", move |c| oldest(c, text, from, limit))
            .await
    }

    async fn delete_late(
        &self,
        domain: Domain,
        user_id: UserId,
        keep: Duration,
        limit: usize,
    ) -> Result<u64> {
        self.write("delete late rows", move |c| {
            diesel::sql_query(of_domain(include_str!("sql/delete_late.sql"), domain))
                .bind::<BigInt, _>(user_id)
                .bind::<Text, _>(ago(keep))
                .bind::<BigInt, _>(at_most(limit))
                .execute(c)
                .map(|deleted| deleted as u64)
        })
        .await
    }

    async fn delete_hours(
        &self,
        domain: Domain,
        user_id: UserId,
        before: NaiveDate,
        days: u32,
    ) -> Result<u64> {
        self.write("delete old hours", move |c| {
            diesel::sql_query(of_domain(include_str!("sql/delete_hours.sql"), domain))
                .bind::<BigInt, _>(user_id)
                .bind::<Text, _>(before.to_string())
                .bind::<BigInt, _>(i64::from(days))
                .execute(c)
                .map(|deleted| deleted as u64)
        })
        .await
    }

    async fn count_sealed(&self, domain: Domain, within: &GroupFilter) -> Result<u64> {
        let within = within.clone();
        self.call("count sealed groups", move |c| {
            let text = of_domain(include_str!("sql/count_sealed.sql"), domain);
            let count: Count = bind_filter!(diesel::sql_query(text), within).get_result(c)?;
            Ok(count.count.unsigned_abs())
        })
        .await
    }
}

#[derive(QueryableByName)]
struct Ahead {
    #[diesel(sql_type = Nullable<Double>)]
    hours: Option<f64>,
    #[diesel(sql_type = Bool)]
    by_round: bool,
}

fn clock(connection: &mut SqliteConnection) -> QueryResult<Clock> {
    let ahead: Ahead =
        diesel::sql_query(flat(include_str!("sql/clock.sql"))).get_result(connection)?;
    Ok(Clock {
        hours_ahead: ahead.hours,
        by_round: ahead.by_round,
    })
}

pub(super) fn status(connection: &mut SqliteConnection) -> QueryResult<Vec<RetentionStatus>> {
    let rows: Vec<RetentionRow> =
        diesel::sql_query(flat(include_str!("sql/retention.sql"))).load(connection)?;
    Ok(rows.iter().filter_map(RetentionRow::status).collect())
}

#[derive(QueryableByName)]
struct FirstKept {
    #[diesel(sql_type = Text)]
    date: String,
}

/// A day more than asked, because a local date may end half a day after the
/// same date in UTC.
pub(super) fn first_kept(
    connection: &mut SqliteConnection,
    keep: Duration,
) -> QueryResult<NaiveDate> {
    let first: FirstKept = diesel::sql_query("select date('now', ?, '-1 day') as date")
        .bind::<Text, _>(ago(keep))
        .get_result(connection)?;
    date(&first.date)
}

/// Takes one group of the day's share; false if it is used up.
pub(super) fn take_share(connection: &mut SqliteConnection, domain: Domain) -> QueryResult<bool> {
    diesel::sql_query(of_domain(include_str!("sql/take_share.sql"), domain))
        .execute(connection)
        .map(|updated| updated > 0)
}

fn oldest(
    connection: &mut SqliteConnection,
    text: String,
    from: UserId,
    limit: usize,
) -> QueryResult<Vec<Place>> {
    let oldest: Vec<PlaceRow> = diesel::sql_query(text)
        .bind::<BigInt, _>(from)
        .bind::<BigInt, _>(at_most(limit))
        .load(connection)?;
    oldest.iter().map(PlaceRow::place).collect()
}
