//! Recomputing a group without writing.

use std::sync::Arc;
use std::time::Duration;

use diesel::QueryResult;
use diesel::deserialize::{self, QueryableByName};
use diesel::pg::Pg;
use diesel::result::Error as QueryError;
use diesel::row::NamedRow;
use diesel::sql_types::{Array, BigInt, Bool, Date, Integer, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::fold_apart;
use super::read::read;
use crate::domain::drift::compare;
use crate::domain::table::Columns;
use crate::domain::{Aggregate, Fold, FoldRules, GroupKey};
use crate::store::GroupCheck;
use crate::store::postgres::retention::first_kept;
use crate::store::postgres::rows::{self, StoredAggregate};
use crate::store::room::{LARGEST, Room};
use crate::store::sql::flat;
use crate::store::stored_group::{LeaveOut, Panicked, StoredGroup};

struct Versioned<M>(Aggregate<M>, i32);

impl<M: Columns> QueryableByName<Pg> for Versioned<M> {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let version = NamedRow::get::<Integer, i32>(row, "algorithm_version")?;
        Ok(Versioned(StoredAggregate::build(row)?.0, version))
    }
}

#[derive(diesel::QueryableByName)]
pub(super) struct Standing {
    #[diesel(sql_type = Bool)]
    pub(super) has_changes: bool,
    #[diesel(sql_type = Bool)]
    pub(super) failed: bool,
}

impl Standing {
    pub(super) fn is_unsettled(&self) -> bool {
        self.has_changes || self.failed
    }
}

pub(super) async fn standing(
    connection: &mut AsyncPgConnection,
    key: GroupKey,
) -> QueryResult<Standing> {
    diesel::sql_query(flat(include_str!("../sql/standing.sql")))
        .bind::<BigInt, _>(key.user_id)
        .bind::<Text, _>(key.domain.name())
        .bind::<Date, _>(key.local_date)
        .get_result(connection)
        .await
}

pub(super) async fn check<F: Fold>(
    connection: &mut AsyncPgConnection,
    key: GroupKey,
    rules: &Arc<FoldRules>,
    keep_hours: Option<Duration>,
) -> QueryResult<GroupCheck> {
    connection
        .build_transaction()
        .repeatable_read()
        .read_only()
        .run(async |connection| {
            let standing = standing(connection, key).await?;
            if standing.has_changes {
                return Ok(GroupCheck::Unsettled);
            }
            let group = read::<F>(connection, key, Room::of(LARGEST)).await?;
            if group.is_empty(key) && !standing.failed {
                return Ok(GroupCheck::Empty);
            }
            if group.lacks_rows(key) {
                return Ok(GroupCheck::RowsMissing);
            }
            if standing.failed {
                return Ok(GroupCheck::Unsettled);
            }
            compare_stored::<F>(connection, key, group, rules, keep_hours).await
        })
        .await
}

/// Folds a settled group and compares, without hour rows that are no longer
/// kept. In a transaction, so that it sees one moment.
pub(super) async fn compare_stored<F: Fold>(
    connection: &mut AsyncPgConnection,
    key: GroupKey,
    group: StoredGroup<F>,
    rules: &Arc<FoldRules>,
    keep_hours: Option<Duration>,
) -> QueryResult<GroupCheck> {
    let folded = fold_apart(group, key, rules, LeaveOut::Poison)
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
        series = F::DOMAIN.tables().series,
        columns = rows::select_list::<F::Measure>(),
        table = F::DOMAIN.tables().aggregates,
    ))
    .bind::<BigInt, _>(key.user_id)
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
        misjudged_rows: folded.rejections.misjudged(),
    })
}
