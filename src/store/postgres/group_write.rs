//! What a group's transaction writes.

use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Date, Integer, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures::future::join_all;

use super::array::PgArray;
use super::cached::Cached;
use super::group_texts::{Texts, UNMARK};
use super::rows::{ColumnArrays, Statement};
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

/// The statements that write a group, in order: a fixed number of them,
/// whatever the number of rows.
pub(super) struct Writes(Vec<(&'static str, Cached<Statement>)>);

impl Writes {
    pub(super) fn new<F: Fold>(
        key: GroupKey,
        folded: Folded<F>,
        mark: Option<i64>,
        expect: Expect,
    ) -> Writes {
        let Folded {
            mut fold, states, ..
        } = folded;
        // A marked group is cleaned whatever its day rows say: that is how what
        // was changed behind our back is mended.
        let careful = mark.is_some() || expect == Expect::Anything;
        let user_id = key.user_id;
        let texts = Texts::of::<F>();
        let mut writes = Writes(Vec::with_capacity(4));
        if fold.replaces || careful {
            let statement = delete_vanished::<F>(user_id, &fold);
            writes.add(&texts.delete_vanished, statement);
        }
        let (rejected, completed): (Vec<_>, Vec<_>) =
            (states.changed.into_iter()).partition(|state| state.reason.is_some());
        if !(fold.aggregates.is_empty() && completed.is_empty()) {
            let aggregates = std::mem::take(&mut fold.aggregates);
            let (new, known): (Vec<_>, Vec<_>) =
                (aggregates.into_iter()).partition(|row| !careful && fold.is_new(&row.key));
            let statement = write::<F>(user_id, [new, known], &completed);
            writes.add(&texts.write, statement);
        }
        if !rejected.is_empty() {
            writes.add(&texts.reject, reject::<F>(user_id, rejected));
        }
        if let Some(version) = mark {
            writes.add(UNMARK, unmark(key, version));
        }
        writes
    }

    fn add(&mut self, text: &'static str, statement: Statement) {
        self.0.push((text, Cached(statement)));
    }

    pub(super) fn texts(&self) -> Vec<&'static str> {
        self.0.iter().map(|(text, _)| *text).collect()
    }

    /// All in one round trip where they are prepared.
    pub(super) async fn send(self, connection: &AsyncPgConnection) -> QueryResult<()> {
        let send = |(_, statement)| async move {
            let mut connection = connection;
            RunQueryDsl::execute(statement, &mut connection).await
        };
        // The first that failed: those behind it say only that it did.
        let sent = join_all(self.0.into_iter().map(send)).await;
        sent.into_iter().collect::<QueryResult<Vec<_>>>().map(drop)
    }
}

fn write<F: Fold>(
    user_id: UserId,
    aggregates: [Vec<Aggregate<F::Measure>>; 2],
    completed: &[RowState],
) -> Statement {
    let mut statement = diesel::sql_query(&Texts::of::<F>().write)
        .into_boxed()
        .bind::<BigInt, _>(user_id)
        .bind::<Integer, _>(F::ALGORITHM_VERSION)
        .bind::<Array<BigInt>, _>(PgArray::of(completed.iter().map(|row| row.id)));
    for aggregates in aggregates {
        statement = bind_keys(statement, aggregates.iter().map(|row| &row.key));
        let mut measures = ColumnArrays::of(F::Measure::COLUMNS, aggregates.len());
        for row in aggregates {
            measures.push(row.measure.into_values());
        }
        statement = measures.bind(statement);
    }
    statement
}

/// Binds five arrays: period, `local_date`, `period_start`, series, unit.
fn bind_keys<'k>(
    statement: Statement,
    keys: impl ExactSizeIterator<Item = &'k AggregateKey> + Clone,
) -> Statement {
    statement
        .bind::<Array<Text>, _>(PgArray::of(keys.clone().map(|key| key.period.name())))
        .bind::<Array<Date>, _>(PgArray::of(keys.clone().map(|key| key.local_date)))
        .bind::<Array<Timestamptz>, _>(PgArray::of(keys.clone().map(|key| key.period_start)))
        .bind::<Array<Text>, _>(PgArray::of(keys.clone().map(|key| &*key.series)))
        .bind::<Array<Text>, _>(PgArray::of(keys.map(|key| &*key.unit)))
}

/// Deletes what the group's periods no longer have.
fn delete_vanished<F: Fold>(user_id: UserId, fold: &GroupFold<F::Measure>) -> Statement {
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
    bind_keys(statement, fold.aggregates.iter().map(|row| &row.key))
}

fn reject<F: Fold>(user_id: UserId, rows: Vec<RowState>) -> Statement {
    let (ids, reasons): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .map(|row| (row.id, row.reason.unwrap_or_default()))
        .unzip();
    diesel::sql_query(&Texts::of::<F>().reject)
        .into_boxed()
        .bind::<BigInt, _>(user_id)
        .bind::<Array<BigInt>, _>(ids)
        .bind::<Array<Text>, _>(reasons)
}

fn unmark(key: GroupKey, version: i64) -> Statement {
    diesel::sql_query(UNMARK)
        .into_boxed()
        .bind::<BigInt, _>(key.user_id)
        .bind::<Text, _>(key.domain.name())
        .bind::<Date, _>(key.local_date)
        .bind::<BigInt, _>(version)
}
