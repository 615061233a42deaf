//! Recomputing a group without writing.

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use diesel::QueryResult;
use diesel::deserialize::{self, QueryableByName};
use diesel::pg::Pg;
use diesel::result::Error as QueryError;
use diesel::row::NamedRow;
use diesel::sql_types::{Array, BigInt, Bool, Date, Integer, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::group::{fold_apart, read};
use super::retention::first_kept;
use super::rows::{self, StoredAggregate};
use crate::domain::drift::compare;
use crate::domain::table::Columns;
use crate::domain::{Aggregate, Fold, FoldRules, UserId};
use crate::store::GroupCheck;
use crate::store::room::{LARGEST, Room};
use crate::store::stored_group::{LeaveOut, Panicked, StoredGroup};

struct Versioned<M>(Aggregate<M>, i32);

impl<M: Columns> QueryableByName<Pg> for Versioned<M> {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let version = NamedRow::get::<Integer, i32>(row, "algorithm_version")?;
        Ok(Versioned(StoredAggregate::build(row)?.0, version))
    }
}

#[derive(diesel::QueryableByName)]
struct Marked {
    #[diesel(sql_type = Bool)]
    marked: bool,
}

pub(super) async fn check<F: Fold>(
    connection: &mut AsyncPgConnection,
    user_id: UserId,
    local_date: NaiveDate,
    rules: &Arc<FoldRules>,
    keep_hours: Option<Duration>,
) -> QueryResult<GroupCheck> {
    connection
        .build_transaction()
        .repeatable_read()
        .read_only()
        .run(async |connection| {
            let mark: Marked = diesel::sql_query(
                "select exists (select from aggregation_groups \
                 where user_id = $1 and domain = $2 and local_date = $3) as marked",
            )
            .bind::<BigInt, _>(user_id)
            .bind::<Text, _>(F::DOMAIN.name())
            .bind::<Date, _>(local_date)
            .get_result(connection)
            .await?;
            let group = read::<F>(connection, user_id, local_date, Room::of(LARGEST)).await?;
            if mark.marked || !group.is_settled() {
                return Ok(GroupCheck::Unsettled);
            }
            compare_stored::<F>(connection, user_id, local_date, group, rules, keep_hours).await
        })
        .await
}

/// Folds a settled group and compares, without hour rows that are no longer
/// kept. In a transaction, so that it sees one moment.
pub(super) async fn compare_stored<F: Fold>(
    connection: &mut AsyncPgConnection,
    user_id: UserId,
    local_date: NaiveDate,
    group: StoredGroup<F>,
    rules: &Arc<FoldRules>,
    keep_hours: Option<Duration>,
) -> QueryResult<GroupCheck> {
    let folded = fold_apart(group, local_date, rules, LeaveOut::Poison)
        .await
        .map_err(|Panicked| QueryError::QueryBuilderError("the fold panicked".into()))?;
    let (periods, dates): (Vec<_>, Vec<_>) = folded
        .fold
        .periods
        .iter()
        .map(|(period, first)| (period.name(), *first))
        .unzip();
    let stored: Vec<Versioned<F::Measure>> = diesel::sql_query(format!(
        "select a.period, a.local_date, period_start, {series} as series, unit, \
           {columns}, algorithm_version \
         from {table} a join unnest($2::text[], $3::date[]) as p (period, local_date) \
           on a.period = p.period and a.local_date = p.local_date \
         where user_id = $1",
        series = F::SERIES_COLUMN,
        columns = rows::select_list::<F::Measure>(),
        table = F::AGGREGATE_TABLE,
    ))
    .bind::<BigInt, _>(user_id)
    .bind::<Array<Text>, _>(periods)
    .bind::<Array<Date>, _>(dates)
    .load(connection)
    .await?;
    let stored: Vec<_> = stored.into_iter().map(|row| (row.0, row.1)).collect();
    let mut drifts = compare(&folded.fold.aggregates, &stored, F::ALGORITHM_VERSION);
    if let Some(keep) = keep_hours {
        let first_kept = first_kept(connection, keep).await?;
        drifts.retain(|drift| !drift.is_of_expired_hour(first_kept));
    }
    Ok(GroupCheck::Settled {
        drifts,
        misjudged_rows: folded.states.misjudged(),
    })
}
