//! What people look at.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::retention_runs;
use super::rows::{NOW, StoredAggregate, now_plus, parse_time};
use crate::domain::{Aggregate, Domain, Fold};
use crate::store::sql::{list, measure_columns};
use crate::store::status_rows::{DomainRow, HourRow};
use crate::store::{AggregateQuery, Status, WorkerStatus};
use crate::with_domain;

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

/// Whole seconds since a stored time.
fn seconds_since(column: &str) -> String {
    format!("cast(round((julianday({NOW}) - julianday({column})) * 86400) as integer)")
}

pub(super) fn status(
    connection: &mut SqliteConnection,
    domains: &[Domain],
    retains: bool,
) -> QueryResult<Status> {
    let mut by_domain = Vec::new();
    for &domain in domains {
        let table = with_domain!(domain, F => F::RAW_TABLE);
        let row: DomainRow = diesel::sql_query(format!(
            "select p.pending, p.oldest, r.failed, r.rejected, g.due, g.dead from \
             (select count(*) as pending, {oldest} as oldest \
              from {table} where status = 'pending') p, \
             (select count(*) filter (where status = 'failed') as failed, \
                count(*) filter (where status = 'rejected') as rejected \
              from {table} where status in ('failed', 'rejected')) r, \
             (select count(*) filter (where state = 'due') as due, \
                count(*) filter (where state = 'dead') as dead \
              from aggregation_groups where domain = ?) g",
            oldest = seconds_since("min(created_at)"),
        ))
        .bind::<Text, _>(domain.name())
        .get_result(connection)?;
        by_domain.push(row.status(domain));
    }
    let hour: HourRow = diesel::sql_query(format!(
        "select (select paused from worker_control) as paused, count(*) as batches, \
           coalesce(sum(rows_completed), 0) as rows_completed, \
           coalesce(sum(rows_rejected), 0) as rows_rejected, \
           coalesce(sum(groups_ok), 0) as groups_ok, \
           coalesce(sum(groups_failed), 0) as groups_failed \
         from aggregation_batches where started_at > {}",
        now_plus("'-1 hour'")
    ))
    .get_result(connection)?;
    let workers: Vec<WorkerRow> = diesel::sql_query(format!(
        "select worker, mode, activity, folding, started_at, {} as seen_ago \
         from worker_heartbeats where seen_at > {} order by started_at, worker",
        seconds_since("seen_at"),
        now_plus("'-1 minute'")
    ))
    .load(connection)?;
    let workers = workers
        .into_iter()
        .map(|row| {
            Ok(WorkerStatus {
                worker: row.worker,
                mode: row.mode,
                activity: row.activity,
                folding: serde_json::from_str(&row.folding).unwrap_or_default(),
                started_at: parse_time(&row.started_at)
                    .map_err(diesel::result::Error::DeserializationError)?,
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
            true => retention_runs::status(connection)?,
            false => Vec::new(),
        },
    })
}

pub(super) fn aggregates<F: Fold>(
    connection: &mut SqliteConnection,
    query: &AggregateQuery,
) -> QueryResult<Vec<Aggregate<F::Measure>>> {
    let rows: Vec<StoredAggregate<F::Measure>> = diesel::sql_query(format!(
        "select period, local_date, period_start, {series} as series, unit, {columns} \
         from {table} where user_id = ?1 and period = ?2 \
           and (?3 is null or {series} = ?3) \
           and (?4 is null or local_date >= ?4) and (?5 is null or local_date <= ?5) \
         order by {series}, unit, local_date, period_start",
        series = F::SERIES_COLUMN,
        columns = list("", &measure_columns::<F>()),
        table = F::AGGREGATE_TABLE,
    ))
    .bind::<BigInt, _>(query.user_id)
    .bind::<Text, _>(query.period.name())
    .bind::<Nullable<Text>, _>(query.series.clone())
    .bind::<Nullable<Text>, _>(query.from.map(|date| date.to_string()))
    .bind::<Nullable<Text>, _>(query.to.map(|date| date.to_string()))
    .load(connection)?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
