//! What a group's transaction writes.

use chrono::{DateTime, NaiveDate, Utc};
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
        let states = &states.changed;
        let completed = states.iter().filter(|state| state.reason.is_none());
        let completed: Vec<_> = completed.map(|state| state.id).collect();
        if !(fold.aggregates.is_empty() && completed.is_empty()) {
            let aggregates = std::mem::take(&mut fold.aggregates);
            let empty = || RowArrays::of::<F>(aggregates.len());
            let (mut new, mut known) = (empty(), empty());
            for row in aggregates {
                let is_new = !careful && fold.is_new(&row.key);
                if is_new { &mut new } else { &mut known }.push(row);
            }
            writes.add(&texts.write, write::<F>(user_id, &completed, [new, known]));
        }
        if completed.len() < states.len() {
            writes.add(&texts.reject, reject::<F>(user_id, states));
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

fn write<F: Fold>(user_id: UserId, completed: &[i64], rows: [RowArrays; 2]) -> Statement {
    let statement = diesel::sql_query(&Texts::of::<F>().write)
        .into_boxed()
        .bind::<BigInt, _>(user_id)
        .bind::<Integer, _>(F::ALGORITHM_VERSION)
        .bind::<Array<BigInt>, _>(PgArray::of(completed.iter().copied()));
    rows.into_iter().fold(statement, |statement, rows| {
        rows.measures.bind(rows.keys.bind(statement))
    })
}

/// Aggregates, one array per column.
struct RowArrays {
    keys: KeyArrays,
    measures: ColumnArrays,
}

impl RowArrays {
    /// Empty, with room for `rows`.
    fn of<F: Fold>(rows: usize) -> RowArrays {
        RowArrays {
            keys: KeyArrays::with_capacity(rows),
            measures: ColumnArrays::of(F::Measure::COLUMNS, rows),
        }
    }

    fn push<M: Columns>(&mut self, row: Aggregate<M>) {
        self.keys.push(&row.key);
        self.measures.push(row.measure.into_values());
    }
}

/// Keys of aggregates, one array per column.
struct KeyArrays {
    periods: PgArray,
    local_dates: PgArray,
    period_starts: PgArray,
    series: PgArray,
    units: PgArray,
}

impl KeyArrays {
    fn with_capacity(keys: usize) -> KeyArrays {
        KeyArrays {
            periods: PgArray::with_capacity::<&str>(keys),
            local_dates: PgArray::with_capacity::<NaiveDate>(keys),
            period_starts: PgArray::with_capacity::<DateTime<Utc>>(keys),
            series: PgArray::with_capacity::<&str>(keys),
            units: PgArray::with_capacity::<&str>(keys),
        }
    }

    fn push(&mut self, key: &AggregateKey) {
        self.periods.push(key.period.name());
        self.local_dates.push(key.local_date);
        self.period_starts.push(key.period_start);
        self.series.push(&*key.series);
        self.units.push(&*key.unit);
    }

    /// Binds five arrays, in the order of `group_texts::KEYS`.
    fn bind(self, statement: Statement) -> Statement {
        statement
            .bind::<Array<Text>, _>(self.periods)
            .bind::<Array<Date>, _>(self.local_dates)
            .bind::<Array<Timestamptz>, _>(self.period_starts)
            .bind::<Array<Text>, _>(self.series)
            .bind::<Array<Text>, _>(self.units)
    }
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
    let mut keys = KeyArrays::with_capacity(fold.aggregates.len());
    for row in &fold.aggregates {
        keys.push(&row.key);
    }
    keys.bind(statement)
}

fn reject<F: Fold>(user_id: UserId, states: &[RowState]) -> Statement {
    let rejected = states
        .iter()
        .filter_map(|row| Some((row.id, row.reason.as_deref()?)));
    let (ids, reasons): (Vec<_>, Vec<_>) = rejected.unzip();
    diesel::sql_query(&Texts::of::<F>().reject)
        .into_boxed()
        .bind::<BigInt, _>(user_id)
        .bind::<Array<BigInt>, _>(PgArray::of(ids.into_iter()))
        .bind::<Array<Text>, _>(PgArray::of(reasons.into_iter()))
}

fn unmark(key: GroupKey, version: i64) -> Statement {
    diesel::sql_query(UNMARK)
        .into_boxed()
        .bind::<BigInt, _>(key.user_id)
        .bind::<Text, _>(key.domain.name())
        .bind::<Date, _>(key.local_date)
        .bind::<BigInt, _>(version)
}
