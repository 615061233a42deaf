//! What a group's transaction writes.

use diesel::QueryResult;
use diesel::query_builder::{QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Date, Integer, Text, Timestamptz};
use diesel_async::AsyncPgConnection;
use futures::join;

use super::cached::Cached;
use super::group_texts::Texts;
use super::rows::{self, Statement};
use crate::domain::group::GroupFold;
use crate::domain::table::Columns;
use crate::domain::{Aggregate, AggregateKey, Fold, GroupKey, UserId};
use crate::store::group_states::RowState;
use crate::store::stored_group::Folded;

/// What aggregates are stored already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// Those that the day rows tell of, so that new ones are inserted plainly.
    WhatDayRowsSay,
    Anything,
}

pub(super) async fn write<F: Fold>(
    connection: &AsyncPgConnection,
    key: GroupKey,
    folded: Folded<F>,
    mark: Option<i64>,
    expect: Expect,
) -> QueryResult<()> {
    let Folded {
        mut fold, states, ..
    } = folded;
    // A marked group is cleaned whatever its day rows say: that is how what
    // was changed behind our back is mended.
    let careful = mark.is_some() || expect == Expect::Anything;
    let user_id = key.user_id;
    let vanished = (fold.replaces || careful).then(|| delete_vanished::<F>(user_id, &fold));
    let (new, known): (Vec<_>, Vec<_>) = std::mem::take(&mut fold.aggregates)
        .into_iter()
        .partition(|row| !careful && fold.is_new(&row.key));
    let texts = Texts::of::<F>();
    let insert = (!new.is_empty()).then(|| put::<F>(&texts.insert, user_id, new));
    let upsert = (!known.is_empty()).then(|| put::<F>(&texts.upsert, user_id, known));
    let (rejected, completed): (Vec<_>, Vec<_>) =
        (states.changed.into_iter()).partition(|state| state.reason.is_some());
    let complete = (!completed.is_empty()).then(|| complete::<F>(user_id, &completed));
    let reject = (!rejected.is_empty()).then(|| reject::<F>(user_id, rejected));
    let unmark = mark.map(|version| {
        Cached(
            diesel::sql_query(
                "delete from aggregation_groups \
                 where user_id = $1 and domain = $2 and local_date = $3 and version = $4",
            )
            .bind::<BigInt, _>(user_id)
            .bind::<Text, _>(key.domain.name())
            .bind::<Date, _>(key.local_date)
            .bind::<BigInt, _>(version),
        )
    });
    let results = join!(
        execute(connection, vanished),
        execute(connection, insert),
        execute(connection, upsert),
        execute(connection, complete),
        execute(connection, reject),
        execute(connection, unmark),
    );
    let (vanished, insert, upsert, complete, reject, unmark) = results;
    // The first that failed: those behind it say only that it did.
    vanished
        .and(insert)
        .and(upsert)
        .and(complete)
        .and(reject)
        .and(unmark)
}

async fn execute<Q>(mut connection: &AsyncPgConnection, statement: Option<Q>) -> QueryResult<()>
where
    Q: QueryId + QueryFragment<diesel::pg::Pg> + Send,
{
    match statement {
        Some(statement) => diesel_async::RunQueryDsl::execute(statement, &mut connection)
            .await
            .map(|_| ()),
        None => Ok(()),
    }
}

fn put<F: Fold>(
    text: &str,
    user_id: UserId,
    aggregates: Vec<Aggregate<F::Measure>>,
) -> Cached<Statement> {
    let (keys, values): (Vec<_>, Vec<_>) = aggregates
        .into_iter()
        .map(|row| (row.key, row.measure.into_values()))
        .unzip();
    let statement = diesel::sql_query(text)
        .into_boxed()
        .bind::<BigInt, _>(user_id)
        .bind::<Integer, _>(F::ALGORITHM_VERSION);
    let statement = bind_keys(statement, &keys.iter().collect::<Vec<_>>());
    Cached(rows::bind_columns(statement, F::Measure::COLUMNS, values))
}

/// Binds five arrays: period, `local_date`, `period_start`, series, unit.
fn bind_keys(statement: Statement, keys: &[&AggregateKey]) -> Statement {
    statement
        .bind::<Array<Text>, _>(keys.iter().map(|key| key.period.name()).collect::<Vec<_>>())
        .bind::<Array<Date>, _>(keys.iter().map(|key| key.local_date).collect::<Vec<_>>())
        .bind::<Array<Timestamptz>, _>(keys.iter().map(|key| key.period_start).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(
            keys.iter()
                .map(|key| key.series.clone())
                .collect::<Vec<_>>(),
        )
        .bind::<Array<Text>, _>(keys.iter().map(|key| key.unit.clone()).collect::<Vec<_>>())
}

/// Deletes what the group's periods no longer have.
fn delete_vanished<F: Fold>(user_id: UserId, fold: &GroupFold<F::Measure>) -> Cached<Statement> {
    let keys: Vec<_> = fold.aggregates.iter().map(|row| &row.key).collect();
    let (periods, dates): (Vec<_>, Vec<_>) = fold
        .periods
        .iter()
        .map(|(period, first)| (period.name(), *first))
        .unzip();
    let statement = diesel::sql_query(&Texts::of::<F>().delete_vanished)
        .into_boxed()
        .bind::<BigInt, _>(user_id)
        .bind::<Array<Text>, _>(periods)
        .bind::<Array<Date>, _>(dates);
    Cached(bind_keys(statement, &keys))
}

fn complete<F: Fold>(user_id: UserId, rows: &[RowState]) -> Cached<Statement> {
    Cached(
        diesel::sql_query(&Texts::of::<F>().complete)
            .into_boxed()
            .bind::<BigInt, _>(user_id)
            .bind::<Array<BigInt>, _>(rows.iter().map(|row| row.id).collect::<Vec<_>>()),
    )
}

fn reject<F: Fold>(user_id: UserId, rows: Vec<RowState>) -> Cached<Statement> {
    let (ids, reasons): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .map(|row| (row.id, row.reason.unwrap_or_default()))
        .unzip();
    Cached(
        diesel::sql_query(&Texts::of::<F>().reject)
            .into_boxed()
            .bind::<BigInt, _>(user_id)
            .bind::<Array<BigInt>, _>(ids)
            .bind::<Array<Text>, _>(reasons),
    )
}
