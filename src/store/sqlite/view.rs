//! What people look at.

use diesel::deserialize::QueryableByName;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::SqliteStore;
use super::retention;
use super::rows::{StoredAggregate, parse_time};
use super::texts::of_domain;
use crate::domain::table::Columns;
use crate::domain::{Aggregate, Domain, Fold, UserId};
use crate::store::sql::{flat, list, measure_columns};
use crate::store::status_rows::{DomainRow, HourRow};
use crate::store::{AggregateQuery, History, Result, SeriesLine, Status, View, WorkerStatus};
use crate::with_domain;

impl View for SqliteStore {
    async fn status(&self, domains: &[Domain]) -> Result<Status> {
        let (domains, retains) = (domains.to_vec(), self.retains);
        self.call("read status", move |c| status(c, &domains, retains))
            .await
    }

    async fn history(&self, batches: i64) -> Result<History> {
        self.call("read history", move |c| {
            Ok(History {
                minutes: diesel::sql_query(flat(include_str!("sql/minutes.sql"))).load(c)?,
                batches: diesel::sql_query(flat(include_str!("sql/latest_batches.sql")))
                    .bind::<BigInt, _>(batches)
                    .load(c)?,
            })
        })
        .await
    }

    async fn users(&self, domain: Domain, after: UserId, limit: i64) -> Result<Vec<UserId>> {
        self.call("list users", move |c| {
            let text = of_domain(include_str!("sql/users.sql"), domain);
            let rows: Vec<UserRow> = diesel::sql_query(text)
                .bind::<BigInt, _>(after)
                .bind::<BigInt, _>(limit)
                .load(c)?;
            Ok(rows.into_iter().map(|row| row.user_id).collect())
        })
        .await
    }

    async fn series(&self, domain: Domain, user_id: UserId, limit: i64) -> Result<Vec<SeriesLine>> {
        self.call("list series", move |c| {
            let named = with_domain!(domain, F =>
                <F as Fold>::Measure::COLUMNS.iter().any(|column| column.name == "name"));
            let label = match named {
                true => "max(name)",
                false => domain.tables().series,
            };
            let text = of_domain(include_str!("sql/series.sql"), domain);
            diesel::sql_query(text.replace("{label}", label))
                .bind::<BigInt, _>(user_id)
                .bind::<BigInt, _>(limit)
                .load(c)
        })
        .await
    }

    async fn aggregates<F: Fold>(
        &self,
        query: &AggregateQuery,
    ) -> Result<Vec<Aggregate<F::Measure>>> {
        let query = query.clone();
        self.call("read aggregates", move |c| aggregates::<F>(c, &query))
            .await
    }
}

#[derive(QueryableByName)]
struct UserRow {
    #[diesel(sql_type = BigInt)]
    user_id: UserId,
}

#[derive(QueryableByName)]
struct WorkerRow {
    #[diesel(sql_type = Text)]
    worker: String,
    #[diesel(sql_type = Text)]
    mode: String,
    #[diesel(sql_type = Text)]
    activity: String,
    #[diesel(sql_type = Text)]
    folding: String,
    #[diesel(sql_type = Text)]
    started_at: String,
    #[diesel(sql_type = BigInt)]
    seen_ago: i64,
}

fn status(
    connection: &mut SqliteConnection,
    domains: &[Domain],
    retains: bool,
) -> QueryResult<Status> {
    let mut by_domain = Vec::new();
    for &domain in domains {
        let text = of_domain(include_str!("sql/status.sql"), domain);
        let row: DomainRow = diesel::sql_query(text).get_result(connection)?;
        by_domain.push(row.status(domain));
    }
    let hour: HourRow =
        diesel::sql_query(flat(include_str!("sql/last_hour.sql"))).get_result(connection)?;
    let workers: Vec<WorkerRow> =
        diesel::sql_query(flat(include_str!("sql/workers.sql"))).load(connection)?;
    let workers = workers
        .into_iter()
        .map(|row| {
            Ok(WorkerStatus {
                worker: row.worker,
                mode: row.mode,
                activity: row.activity,
                folding: serde_json::from_str(&row.folding).unwrap_or_default(),
                started_at: parse_time(&row.started_at).map_err(Error::DeserializationError)?,
                seen_seconds_ago: row.seen_ago,
            })
        })
        .collect::<QueryResult<_>>()?;
    Ok(Status {
        paused: hour.paused,
        domains: by_domain,
        workers,
        last_hour: hour.status(),
        retention: match retains {
            true => retention::status(connection)?,
            false => Vec::new(),
        },
    })
}

fn aggregates<F: Fold>(
    connection: &mut SqliteConnection,
    query: &AggregateQuery,
) -> QueryResult<Vec<Aggregate<F::Measure>>> {
    let text = of_domain(include_str!("sql/aggregates.sql"), F::DOMAIN)
        .replace("{columns}", &list("", &measure_columns::<F>()));
    let rows: Vec<StoredAggregate<F::Measure>> = diesel::sql_query(text)
        .bind::<BigInt, _>(query.user_id)
        .bind::<Text, _>(query.period.name())
        .bind::<Nullable<Text>, _>(query.series.clone())
        .bind::<Nullable<Text>, _>(query.from.map(|date| date.to_string()))
        .bind::<Nullable<Text>, _>(query.to.map(|date| date.to_string()))
        .load(connection)?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
