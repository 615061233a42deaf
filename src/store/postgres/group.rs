//! A group's transaction.

use chrono::NaiveDate;
use diesel::QueryResult;
use diesel::result::DatabaseErrorKind::UniqueViolation;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Bool, Date, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures::join;
use tokio::task::unconstrained;

use super::cached::Cached;
use super::classify;
use super::group_texts::Texts;
use super::group_write::{Expect, Writes};
use super::pool::{PgPool, answer};
use super::rows::DayRow;
use super::session::Session;
use crate::domain::group::neighbour_dates;
use crate::domain::{Fold, FoldRules, GroupKey, UserId};
use crate::store::stored_group::{LeaveOut, Panicked, StoredGroup};
use crate::store::{ErrorClass, GroupOutcome, Isolation, Result, StoreError};

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
/// it ended well. It is opened and closed by hand, so that it takes two round
/// trips; whatever fails closes the connection, and with it the transaction.
async fn transact<F: Fold>(
    pool: &PgPool,
    key: GroupKey,
    rules: &FoldRules,
    isolation: Option<&Isolation>,
    expect: Expect,
) -> Result<std::result::Result<GroupOutcome, Failed>> {
    let mut lease = pool.get("fold group").await?;
    let limit = lease.answer_timeout();
    let session = lease.session();
    let result = answer(
        limit,
        in_transaction::<F>(session, key, rules, isolation, expect),
    )
    .await;
    if result.is_ok() {
        lease.give_back();
    }
    Ok(result)
}

/// At any other level the lock's snapshot would be that of the reads too.
///
/// The commit does not wait for the disk. A server that crashes may forget the
/// last moments as a whole: rows are pending again, and aggregates are as they
/// were before. The end of a run, behind its groups in the log, waits.
const BEGIN: &str = "begin isolation level read committed; set local synchronous_commit = off";
const COMMIT: &str = "commit";
const ROLLBACK: &str = "rollback";

async fn in_transaction<F: Fold>(
    session: &mut Session,
    key: GroupKey,
    rules: &FoldRules,
    isolation: Option<&Isolation>,
    expect: Expect,
) -> std::result::Result<GroupOutcome, Failed> {
    let (lock, group) = begin_and_read::<F>(session, key).await?;
    // Put off since it was found: another worker tried it meanwhile.
    let group = group.filter(|_| !lock.put_off || isolation.is_some());
    let Some(group) = group else {
        session.connection.batch_execute(ROLLBACK).await?;
        return Ok(GroupOutcome::Locked);
    };
    let leave_out = LeaveOut::of(isolation, lock.version.is_some());
    let folded = group
        .fold(key.local_date, rules, &leave_out)
        .map_err(|Panicked| Failed::Panicked)?;
    let outcome = folded.outcome();
    let writes = Writes::new::<F>(key, folded, lock.version, expect);
    if isolation.is_some_and(|isolation| isolation.trial) {
        writes.send(&session.connection).await?;
        // What a commit would check, too.
        let checked = "set constraints all immediate";
        session.connection.batch_execute(checked).await?;
        session.connection.batch_execute(ROLLBACK).await?;
    } else {
        write_and_commit(session, writes).await?;
    }
    Ok(outcome)
}

/// Opens the transaction, takes the user's lock and reads the group, in one
/// round trip; no group where another worker has the lock.
///
/// The lock is taken in a statement of its own before the rows are read: a
/// snapshot taken before it would miss what the lock's last holder wrote. The
/// mark is read with it: an edit that commits later raises a version which this
/// fold does not delete.
async fn begin_and_read<F: Fold>(
    session: &mut Session,
    key: GroupKey,
) -> QueryResult<(Lock, Option<StoredGroup<F>>)> {
    let (user_id, local_date) = (key.user_id, key.local_date);
    let texts = Texts::of::<F>();
    let used = [&*texts.lock, &*texts.raw_rows, &*texts.day_rows];
    let mut connection = &session.connection;
    let begun = connection.batch_execute(BEGIN);
    let lock = try_user_lock::<F>(&session.connection, user_id, local_date);
    let group = read::<F>(&session.connection, user_id, local_date);
    if session.prepared.has_all(&used) {
        let (begun, lock, group) = unconstrained(async { join!(begun, lock, group) }).await;
        begun?;
        let lock = lock?;
        if !lock.taken {
            return Ok((lock, None));
        }
        return Ok((lock, Some(group?)));
    }
    begun.await?;
    let lock = lock.await?;
    if !lock.taken {
        return Ok((lock, None));
    }
    let group = group.await?;
    session.prepared.add(&used);
    Ok((lock, Some(group)))
}

/// With the commit in the writes' round trip. Where one of them fails, the
/// server makes it a rollback.
async fn write_and_commit(session: &mut Session, writes: Writes) -> QueryResult<()> {
    let used = writes.texts();
    let connection = &session.connection;
    let mut committing = connection;
    let commit = committing.batch_execute(COMMIT);
    if session.prepared.has_all(&used) {
        let written = writes.send(connection);
        let (written, committed) = unconstrained(async { join!(written, commit) }).await;
        return written.and(committed);
    }
    writes.send(connection).await?;
    commit.await?;
    session.prepared.add(&used);
    Ok(())
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
    connection: &AsyncPgConnection,
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
            .bind::<Date, _>(last)
            .bind::<Date, _>(local_date)
            .bind::<Text, _>(F::DOMAIN.name()),
    );
    let (mut a, mut b) = (connection, connection);
    let (raw, days) = join!(raw.load(&mut a), days.load(&mut b));
    // The first that failed: the one behind it says only that it did.
    let rows = raw?;
    let days: Vec<DayRow<F::Measure>> = days?;
    Ok(StoredGroup {
        rows,
        sealed: days.iter().any(|day| day.sealed),
        day_rows: days.into_iter().filter_map(|day| day.aggregate).collect(),
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
