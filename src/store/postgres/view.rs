//! What people look at.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date, Jsonb, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::rows::{self, StoredAggregate};
use super::{PgStore, pool, retention};
use crate::domain::{Aggregate, Columns, Domain, Fold, UserId};
use crate::store::sql::{flat, of_domain};
use crate::store::status_rows::{DomainRow, HourRow};
use crate::store::{AggregateQuery, History, Result, SeriesLine, Status, View, WorkerStatus};
use crate::with_domain;

impl View for PgStore {
    async fn status(&self, domains: &[Domain]) -> Result<Status> {
        on_connection!(self, "read status", c => status(c, domains, self.retains))
    }

    async fn history(&self, batches: i64) -> Result<History> {
        on_connection!(self, "read history", c => history(c, batches))
    }

    async fn users(&self, domain: Domain, after: UserId, limit: i64) -> Result<Vec<UserId>> {
        on_connection!(self, "list users", c => users(c, domain, after, limit))
    }

    async fn series(&self, domain: Domain, user_id: UserId, limit: i64) -> Result<Vec<SeriesLine>> {
        on_connection!(self, "list series", c => series(c, domain, user_id, limit))
    }

    async fn aggregates<F: Fold>(
        &self,
        query: &AggregateQuery,
    ) -> Result<Vec<Aggregate<F::Measure>>> {
        on_connection!(self, "read aggregates", c => aggregates::<F>(c, query))
    }
}

#[derive(QueryableByName)]
struct WorkerRow {
    #[diesel(sql_type = Text)]
    worker: String,
    #[diesel(sql_type = Text)]
    mode: String,
    #[diesel(sql_type = Text)]
    activity: String,
    #[diesel(sql_type = Jsonb)]
    folding: serde_json::Value,
    #[diesel(sql_type = Timestamptz)]
    started_at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    seen_ago: i64,
}

async fn status(
    connection: &mut AsyncPgConnection,
    domains: &[Domain],
    retains: bool,
) -> QueryResult<Status> {
    let names: Vec<_> = domains.iter().map(|domain| domain.name()).collect();
    let rows: Vec<DomainRow> = diesel::sql_query(flat(include_str!("sql/status_domains.sql")))
        .bind::<Array<Text>, _>(names)
        .load(connection)
        .await?;
    let by_domain = domains.iter().zip(rows);
    let hour: HourRow = diesel::sql_query(flat(include_str!("sql/status_hour.sql")))
        .get_result(connection)
        .await?;
    let workers: Vec<WorkerRow> = diesel::sql_query(flat(include_str!("sql/status_workers.sql")))
        .load(connection)
        .await?;
    let workers = workers.into_iter().map(|row| WorkerStatus {
        worker: row.worker,
        mode: row.mode,
        activity: row.activity,
        folding: serde_json::from_value(row.folding).unwrap_or_default(),
        started_at: row.started_at,
        seen_seconds_ago: row.seen_ago,
    });
    Ok(Status {
        paused: hour.paused,
        domains: by_domain.map(|(domain, row)| row.status(*domain)).collect(),
        workers: workers.collect(),
        last_hour: hour.status(),
        retention: match retains {
            true => retention::status(connection).await?,
            false => Vec::new(),
        },
    })
}

async fn history(connection: &mut AsyncPgConnection, batches: i64) -> QueryResult<History> {
    Ok(History {
        minutes: diesel::sql_query(flat(include_str!("sql/minutes.sql")))
            .load(connection)
            .await?,
        batches: diesel::sql_query(flat(include_str!("sql/latest_batches.sql")))
            .bind::<BigInt, _>(batches)
            .load(connection)
            .await?,
    })
}

#[derive(QueryableByName)]
struct UserRow {
    #[diesel(sql_type = BigInt)]
    user_id: UserId,
}

async fn users(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    after: UserId,
    limit: i64,
) -> QueryResult<Vec<UserId>> {
    let rows: Vec<UserRow> = diesel::sql_query(of_domain(include_str!("sql/users.sql"), domain))
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(limit)
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.user_id).collect())
}

async fn series(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    user_id: UserId,
    limit: i64,
) -> QueryResult<Vec<SeriesLine>> {
    let columns = with_domain!(domain, F => <F as Fold>::Measure::COLUMNS);
    let label = match columns.iter().any(|column| column.name == "name") {
        true => "max(name)",
        false => domain.tables().series,
    };
    let text = of_domain(include_str!("sql/series.sql"), domain).replace("{label}", label);
    diesel::sql_query(text)
        .bind::<BigInt, _>(user_id)
        .bind::<BigInt, _>(limit)
        .load(connection)
        .await
}

async fn aggregates<F: Fold>(
    connection: &mut AsyncPgConnection,
    query: &AggregateQuery,
) -> QueryResult<Vec<Aggregate<F::Measure>>> {
    let text = of_domain(include_str!("sql/aggregates.sql"), F::DOMAIN)
        .replace("{columns}", &rows::select_list::<F::Measure>());
    let rows: Vec<StoredAggregate<F::Measure>> = diesel::sql_query(text)
        .bind::<BigInt, _>(query.user_id)
        .bind::<Text, _>(query.period.name())
        .bind::<Nullable<Text>, _>(query.series.clone())
        .bind::<Nullable<Date>, _>(query.from)
        .bind::<Nullable<Date>, _>(query.to)
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
