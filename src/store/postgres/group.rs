//! A group's transaction.

use chrono::NaiveDate;
use diesel::QueryResult;
use diesel::result::DatabaseErrorKind::UniqueViolation;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Bool, Date, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures::join;

use super::cached::Cached;
use super::classify;
use super::group_texts::Texts;
use super::group_write::{Expect, write};
use super::pool::{PgPool, answer};
use super::rows::StoredAggregate;
use crate::domain::group::neighbour_dates;
use crate::domain::{Fold, FoldRules, GroupKey, UserId};
use crate::store::stored_group::{LeaveOut, Panicked, StoredGroup};
use crate::store::{ErrorClass, GroupOutcome, Isolation, Result, StoreError};

#[derive(diesel::QueryableByName)]
struct Sealed {
    #[diesel(sql_type = Bool)]
    sealed: bool,
}

#[derive(diesel::QueryableByName)]
pub(super) struct Lock {
    #[diesel(sql_type = Bool)]
    pub(super) taken: bool,
    /// Of the group's mark, if it has one.
    #[diesel(sql_type = Nullable<BigInt>)]
    version: Option<i64>,
    /// Its next attempt is not yet due.
    #[diesel(sql_type = Bool)]
    put_off: bool,
}

enum Failed {
    Statement(diesel::result::Error),
    Panicked,
}

impl From<diesel::result::Error> for Failed {
    fn from(error: diesel::result::Error) -> Self {
        Failed::Statement(error)
    }
}

pub(super) async fn fold<F: Fold>(
    pool: &PgPool,
    key: GroupKey,
    rules: &FoldRules,
    isolation: Option<&Isolation>,
) -> Result<GroupOutcome> {
    let tried = transact::<F>(pool, key, rules, isolation, Expect::WhatDayRowsSay).await?;
    let result = match tried {
        // A row is there that no day row tells of: replace whatever there is.
        Err(Failed::Statement(Error::DatabaseError(UniqueViolation, _))) => {
            transact::<F>(pool, key, rules, isolation, Expect::Anything).await?
        }
        tried => tried,
    };
    result.map_err(|failed| match failed {
        Failed::Statement(error) => classify::statement("fold group", &error),
        Failed::Panicked => StoreError::new(ErrorClass::Data, "fold group", "the fold panicked"),
    })
}

/// Runs the transaction on a connection that goes back to the pool only when
/// it ended well. It is opened and closed by hand, so that it opens in the
/// lock's round trip; whatever fails closes the connection, and with it the
/// transaction.
async fn transact<F: Fold>(
    pool: &PgPool,
    key: GroupKey,
    rules: &FoldRules,
    isolation: Option<&Isolation>,
    expect: Expect,
) -> Result<std::result::Result<GroupOutcome, Failed>> {
    let mut lease = pool.get("fold group").await?;
    let limit = lease.answer_timeout();
    let connection = &mut *lease;
    let result = answer(limit, async move {
        let (outcome, end) = in_transaction::<F>(connection, key, rules, isolation, expect).await?;
        connection.batch_execute(end).await?;
        Ok(outcome)
    })
    .await;
    if result.is_ok() {
        lease.give_back();
    }
    Ok(result)
}

const COMMIT: &str = "commit";
const ROLLBACK: &str = "rollback";

/// What a group's transaction does between its begin and its end; returns how
/// it is to end.
async fn in_transaction<F: Fold>(
    connection: &mut AsyncPgConnection,
    key: GroupKey,
    rules: &FoldRules,
    isolation: Option<&Isolation>,
    expect: Expect,
) -> std::result::Result<(GroupOutcome, &'static str), Failed> {
    let (user_id, local_date) = (key.user_id, key.local_date);
    let lock = begin_with_user_lock::<F>(connection, user_id, local_date).await?;
    // Put off since it was found: another worker tried it meanwhile.
    if !lock.taken || (lock.put_off && isolation.is_none()) {
        return Ok((GroupOutcome::Locked, ROLLBACK));
    }
    let group = read::<F>(connection, user_id, local_date).await?;
    let leave_out = LeaveOut::of(isolation, lock.version.is_some());
    let folded = group
        .fold(local_date, rules, &leave_out)
        .map_err(|Panicked| Failed::Panicked)?;
    let outcome = folded.outcome();
    write::<F>(connection, key, folded, lock.version, expect).await?;
    if isolation.is_some_and(|isolation| isolation.trial) {
        // What a commit would check, too.
        connection
            .batch_execute("set constraints all immediate")
            .await?;
        return Ok((outcome, ROLLBACK));
    }
    Ok((outcome, COMMIT))
}

/// The lock is taken in a statement of its own before the rows are read: a
/// snapshot taken while waiting would miss what the lock's last holder saw. The
/// mark is read with it: an edit that commits later raises a version which this
/// fold does not delete.
async fn begin_with_user_lock<F: Fold>(
    connection: &AsyncPgConnection,
    user_id: UserId,
    local_date: NaiveDate,
) -> QueryResult<Lock> {
    let lock = try_user_lock::<F>(connection, user_id, local_date);
    let mut connection = connection;
    // Sent at once, as one message without preparation, so the lock's statement
    // is always behind it.
    let (begun, lock) = join!(connection.batch_execute("begin"), lock);
    begun?;
    lock
}

pub(super) async fn try_user_lock<F: Fold>(
    mut connection: &AsyncPgConnection,
    user_id: UserId,
    local_date: NaiveDate,
) -> QueryResult<Lock> {
    Cached(
        diesel::sql_query(&Texts::of::<F>().lock)
            .bind::<Text, _>(F::DOMAIN.name())
            .bind::<BigInt, _>(user_id)
            .bind::<Date, _>(local_date),
    )
    .get_result(&mut connection)
    .await
}

pub(super) async fn read<F: Fold>(
    connection: &mut AsyncPgConnection,
    user_id: UserId,
    local_date: NaiveDate,
) -> QueryResult<StoredGroup<F>> {
    let raw = Cached(
        diesel::sql_query(&Texts::of::<F>().raw_rows)
            .bind::<BigInt, _>(user_id)
            .bind::<Date, _>(local_date),
    );
    let (first, last) = neighbour_dates::<F>(local_date);
    let days = Cached(
        diesel::sql_query(&Texts::of::<F>().day_rows)
            .bind::<BigInt, _>(user_id)
            .bind::<Date, _>(first)
            .bind::<Date, _>(last),
    );
    // Not with the lock: that statement's snapshot is older than the lock.
    let sealed = Cached(
        diesel::sql_query(
            "select exists (select from sealed_groups \
             where user_id = $1 and domain = $2 and local_date = $3) as sealed",
        )
        .bind::<BigInt, _>(user_id)
        .bind::<Text, _>(F::DOMAIN.name())
        .bind::<Date, _>(local_date),
    );
    let connection = &*connection;
    let (mut a, mut b, mut c) = (connection, connection, connection);
    let (raw, days, sealed) = join!(
        raw.load(&mut a),
        days.load(&mut b),
        sealed.get_result::<Sealed>(&mut c),
    );
    let days: Vec<StoredAggregate<F::Measure>> = days?;
    Ok(StoredGroup {
        rows: raw?,
        sealed: sealed?.sealed,
        day_rows: days.into_iter().map(|stored| stored.0).collect(),
    })
}

#[derive(diesel::QueryableByName)]
struct RowId {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

pub(super) async fn row_ids<F: Fold>(
    connection: &mut AsyncPgConnection,
    key: GroupKey,
) -> QueryResult<Vec<i64>> {
    let rows: Vec<RowId> = diesel::sql_query(format!(
        "select id from {table} where user_id = $1 and local_date = $2 order by {time}, id",
        table = F::RAW_TABLE,
        time = F::TIME_COLUMN,
    ))
    .bind::<BigInt, _>(key.user_id)
    .bind::<Date, _>(key.local_date)
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}
