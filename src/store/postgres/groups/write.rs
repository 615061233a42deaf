//! What a group's transaction writes.

use std::vec::IntoIter;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::sql_types::{Array, BigInt, Bool, Date, Integer, Text, Timestamptz};

use super::texts::Texts;
use crate::domain::group::GroupFold;
use crate::domain::table::Columns;
use crate::domain::{Aggregate, AggregateKey, Fold, GroupKey, UserId};
use crate::store::postgres::array::PgArray;
use crate::store::postgres::connection::cached::Cached;
use crate::store::postgres::rows::{ColumnArrays, Statement};
use crate::store::rejections::StoredRejection;
use crate::store::stored_group::{Changes, Folded};

/// What aggregates are stored already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// Those that the day rows tell of, so that new ones are inserted plainly.
    WhatDayRowsSay,
    Anything,
}

/// Aggregates, rejections or changes that one statement is about: it ends long before `statement_timeout`, and its message is far from
/// the gigabyte at which the server closes the connection.
const AT_ONCE: usize = 20_000;

/// The statements that write a group, in order: a fixed number of them for all
/// but the largest groups. Each is built when it is its turn.
pub(super) struct Writes<F: Fold> {
    key: GroupKey,
    /// Without its aggregates, which are in `aggregates`.
    fold: GroupFold<F::Measure>,
    /// Replace and delete whatever there is.
    careful: bool,
    cleans: bool,
    aggregates: IntoIter<Aggregate<F::Measure>>,
    rejected: IntoIter<StoredRejection>,
    accepted: IntoIter<i64>,
    changes: IntoIter<i64>,
    failed: bool,
}

impl<F: Fold> Writes<F> {
    pub(super) fn new(key: GroupKey, folded: Folded<F>, changes: Changes, expect: Expect) -> Self {
        let Folded {
            mut fold,
            rejections,
        } = folded;
        // A group that asks for care is cleaned whatever its day rows say: that is
        // how what was changed behind our back is mended.
        let careful = changes.call_for_care() || expect == Expect::Anything;
        Writes {
            key,
            careful,
            cleans: fold.replaces || careful,
            aggregates: std::mem::take(&mut fold.aggregates).into_iter(),
            rejected: rejections.written.into_iter(),
            accepted: rejections.deleted.into_iter(),
            failed: changes.failure.is_some(),
            changes: changes.ids.into_iter(),
            fold,
        }
    }

    /// Whether they are more than a fixed number of statements.
    pub(super) fn are_many(&self) -> bool {
        let longest = (self.aggregates.len())
            .max(self.rejected.len())
            .max(self.accepted.len())
            .max(self.changes.len());
        longest > AT_ONCE
    }

    fn write(&mut self) -> (&'static str, Statement) {
        let room = self.aggregates.len().min(AT_ONCE);
        let empty = || RowArrays::of::<F>(room);
        let (mut new, mut known) = (empty(), empty());
        for row in self.aggregates.by_ref().take(AT_ONCE) {
            let is_new = !self.careful && self.fold.is_new(&row.key);
            if is_new { &mut new } else { &mut known }.push(row);
        }
        let texts = Texts::of::<F>();
        let (text, rows) = match (new.rows, known.rows) {
            (_, 0) => (&texts.insert, vec![new]),
            (0, _) => (&texts.replace, vec![known]),
            _ => (&texts.write, vec![new, known]),
        };
        (text, write::<F>(text, self.key.user_id, rows))
    }
}

impl<F: Fold> Iterator for Writes<F> {
    type Item = (&'static str, Cached<Statement>);

    fn next(&mut self) -> Option<Self::Item> {
        let texts = Texts::of::<F>();
        let user_id = self.key.user_id;
        let (text, statement): (&'static str, _) = if std::mem::take(&mut self.cleans) {
            let stay = self.aggregates.as_slice();
            let statement = delete_vanished::<F>(user_id, &self.fold, stay);
            (&texts.delete_vanished, statement)
        } else if self.aggregates.len() > 0 {
            self.write()
        } else if self.rejected.len() > 0 {
            let rejected = self.rejected.by_ref().take(AT_ONCE).collect();
            (&texts.reject, reject::<F>(self.key, rejected))
        } else if self.accepted.len() > 0 {
            let ids = self.accepted.by_ref().take(AT_ONCE);
            (
                &texts.accept,
                of_group(&texts.accept, self.key).bind::<Array<BigInt>, _>(PgArray::of(ids)),
            )
        } else if self.changes.len() > 0 {
            let ids = self.changes.by_ref().take(AT_ONCE);
            (
                &texts.settle,
                of_group(&texts.settle, self.key).bind::<Array<BigInt>, _>(PgArray::of(ids)),
            )
        } else if std::mem::take(&mut self.failed) {
            (&texts.recover, of_group(&texts.recover, self.key))
        } else {
            return None;
        };
        Some((text, Cached(statement)))
    }
}

fn write<F: Fold>(text: &'static str, user_id: UserId, rows: Vec<RowArrays>) -> Statement {
    let statement = diesel::sql_query(text)
        .into_boxed()
        .bind::<BigInt, _>(user_id)
        .bind::<Integer, _>(F::ALGORITHM_VERSION);
    rows.into_iter().fold(statement, |statement, rows| {
        rows.measures.bind(rows.keys.bind(statement))
    })
}

/// Aggregates, one array per column.
struct RowArrays {
    rows: usize,
    keys: KeyArrays,
    measures: ColumnArrays,
}

impl RowArrays {
    /// Empty, with room for `rows`.
    fn of<F: Fold>(rows: usize) -> RowArrays {
        RowArrays {
            rows: 0,
            keys: KeyArrays::with_capacity(rows),
            measures: ColumnArrays::of(F::Measure::COLUMNS, rows),
        }
    }

    fn push<M: Columns>(&mut self, row: Aggregate<M>) {
        self.rows += 1;
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

    /// Binds five arrays, in the order of `texts::KEYS`.
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
fn delete_vanished<F: Fold>(
    user_id: UserId,
    fold: &GroupFold<F::Measure>,
    stay: &[Aggregate<F::Measure>],
) -> Statement {
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
    let mut keys = KeyArrays::with_capacity(stay.len());
    for row in stay {
        keys.push(&row.key);
    }
    keys.bind(statement)
}

fn reject<F: Fold>(key: GroupKey, rejected: Vec<StoredRejection>) -> Statement {
    let ids = rejected.iter().map(|line| line.row_id);
    let reasons = rejected.iter().map(|line| &*line.reason);
    let poison: Vec<_> = rejected.iter().map(|line| line.poison).collect();
    of_group(&Texts::of::<F>().reject, key)
        .bind::<Array<BigInt>, _>(PgArray::of(ids))
        .bind::<Array<Text>, _>(PgArray::of(reasons))
        .bind::<Array<Bool>, _>(poison)
}

/// A statement that begins with a group's key.
fn of_group(text: &'static str, key: GroupKey) -> Statement {
    diesel::sql_query(text)
        .into_boxed()
        .bind::<BigInt, _>(key.user_id)
        .bind::<Text, _>(key.domain.name())
        .bind::<Date, _>(key.local_date)
}
