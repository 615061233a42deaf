//! What people look at.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::sql_types::{BigInt, Date, Jsonb, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::retention_runs;
use super::rows::{self, StoredAggregate};
use crate::domain::{Aggregate, Domain, Fold};
use crate::store::status_rows::{DomainRow, HourRow};
use crate::store::{AggregateQuery, Status, WorkerStatus};
use crate::with_domain;

#[derive(diesel::QueryableByName)]
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

pub(super) async fn status(
    connection: &mut AsyncPgConnection,
    domains: &[Domain],
    retains: bool,
) -> QueryResult<Status> {
    let mut by_domain = Vec::new();
    for &domain in domains {
        let table = with_domain!(domain, F => F::RAW_TABLE);
        let row: DomainRow = diesel::sql_query(format!(
            "select p.pending, p.oldest, r.failed, r.rejected, g.due, g.dead from \
             (select count(*) as pending, \
                extract(epoch from now() - min(created_at))::bigint as oldest \
              from {table} where status = 'pending') p, \
             (select count(*) filter (where status = 'failed') as failed, \
                count(*) filter (where status = 'rejected') as rejected \
              from {table} where status in ('failed', 'rejected')) r, \
             (select count(*) filter (where state = 'due') as due, \
                count(*) filter (where state = 'dead') as dead \
              from aggregation_groups where domain = $1) g"
        ))
        .bind::<Text, _>(domain.name())
        .get_result(connection)
        .await?;
        by_domain.push(row.status(domain));
    }
    let hour: HourRow = diesel::sql_query(
        "select (select paused from worker_control) as paused, count(*) as batches, \
           coalesce(sum(rows_completed), 0)::bigint as rows_completed, \
           coalesce(sum(rows_rejected), 0)::bigint as rows_rejected, \
           coalesce(sum(groups_ok), 0)::bigint as groups_ok, \
           coalesce(sum(groups_failed), 0)::bigint as groups_failed \
         from aggregation_batches where started_at > now() - interval '1 hour'",
    )
    .get_result(connection)
    .await?;
    let workers: Vec<WorkerRow> = diesel::sql_query(
        "select worker, mode, activity, folding, started_at, \
           extract(epoch from now() - seen_at)::bigint as seen_ago \
         from worker_heartbeats where seen_at > now() - interval '1 minute' \
         order by started_at, worker",
    )
    .load(connection)
    .await?;
    Ok(Status {
        paused: hour.paused,
        domains: by_domain,
        workers: workers
            .into_iter()
            .map(|row| WorkerStatus {
                worker: row.worker,
                mode: row.mode,
                activity: row.activity,
                folding: serde_json::from_value(row.folding).unwrap_or_default(),
                started_at: row.started_at,
                seen_seconds_ago: row.seen_ago,
            })
            .collect(),
        last_hour: hour.status(),
        retention: match retains {
            true => retention_runs::status(connection).await?,
            false => Vec::new(),
        },
    })
}

pub(super) async fn aggregates<F: Fold>(
    connection: &mut AsyncPgConnection,
    query: &AggregateQuery,
) -> QueryResult<Vec<Aggregate<F::Measure>>> {
    let rows: Vec<StoredAggregate<F::Measure>> = diesel::sql_query(format!(
        "select period, local_date, period_start, {series} as series, unit, {columns} \
         from {table} where user_id = $1 and period = $2 \
           and ($3::text is null or {series} = $3) \
           and ($4::date is null or local_date >= $4) and ($5::date is null or local_date <= $5) \
         order by {series}, unit, local_date, period_start",
        series = F::SERIES_COLUMN,
        columns = rows::select_list::<F::Measure>(),
        table = F::AGGREGATE_TABLE,
    ))
    .bind::<BigInt, _>(query.user_id)
    .bind::<Text, _>(query.period.name())
    .bind::<Nullable<Text>, _>(query.series.clone())
    .bind::<Nullable<Date>, _>(query.from)
    .bind::<Nullable<Date>, _>(query.to)
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
