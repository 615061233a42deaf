//! A group's transaction.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::NaiveDate;
use diesel::QueryResult;
use diesel::result::DatabaseErrorKind::UniqueViolation;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Bool, Date, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures::future::join_all;
use futures::{TryStreamExt, join, try_join};
use tokio::sync::Semaphore;
use tokio::task::unconstrained;

use super::cached::Cached;
use super::classify;
use super::group_texts::Texts;
use super::group_write::{Expect, Writes};
use super::pool::{PgPool, answer};
use super::rows::{DayRow, Statement};
use super::session::Session;
use crate::domain::group::neighbour_dates;
use crate::domain::{Fold, FoldRules, GroupKey, UserId};
use crate::store::room::{LARGEST, ROOM, Room, TooLarge};
use crate::store::stored_group::{Folded, LeaveOut, Panicked, StoredGroup, StoredRaw};
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
    /// Another worker has this user, and what was read beside is large: closing
    /// the connection is quicker than taking the rest of it.
    Locked,
}

impl From<diesel::result::Error> for Failed {
    fn from(error: diesel::result::Error) -> Self {
        Failed::Statement(error)
    }
}

/// `large` is the turn of the one group at a time that needs more than its room.
pub(super) async fn fold<F: Fold>(
    pool: &PgPool,
    key: GroupKey,
    rules: &Arc<FoldRules>,
    isolation: Option<&Isolation>,
    large: &Semaphore,
) -> Result<GroupOutcome> {
    let mut expect = Expect::WhatDayRowsSay;
    let mut turn = None;
    let result = loop {
        let room = Room::of(if turn.is_some() { LARGEST } else { ROOM });
        let tried = transact::<F>(pool, key, rules, isolation, expect, room).await?;
        match &tried {
            // A row is there that no day row tells of: replace whatever there is.
            Err(Failed::Statement(Error::DatabaseError(UniqueViolation, _)))
                if expect != Expect::Anything =>
            {
                expect = Expect::Anything;
            }
            // Waits without a connection.
            Err(Failed::Statement(error)) if TooLarge::is(error) && turn.is_none() => {
                turn = Some(large.acquire().await.expect("it is never closed"));
            }
            _ => break tried,
        }
    };
    match result {
        Ok(outcome) => Ok(outcome),
        Err(Failed::Locked) => Ok(GroupOutcome::Locked),
        Err(Failed::Statement(error)) => Err(classify::of_group("fold group", &error)),
        Err(Failed::Panicked) => {
            let message = "the fold panicked";
            Err(StoreError::new(ErrorClass::Data, "fold group", message))
        }
    }
}

/// Runs the transaction on a connection that goes back to the pool only when
/// it ended well. It is opened and closed by hand, so that it takes two round
/// trips; whatever fails closes the connection, and with it the transaction.
async fn transact<F: Fold>(
    pool: &PgPool,
    key: GroupKey,
    rules: &Arc<FoldRules>,
    isolation: Option<&Isolation>,
    expect: Expect,
    room: Room,
) -> Result<std::result::Result<GroupOutcome, Failed>> {
    let mut lease = pool.get("fold group").await?;
    let limit = lease.answer_timeout();
    let session = lease.session();
    let result = in_transaction::<F>(session, limit, key, rules, isolation, expect, room).await;
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

/// Each of its steps is answered within `limit`.
async fn in_transaction<F: Fold>(
    session: &mut Session,
    limit: Duration,
    key: GroupKey,
    rules: &Arc<FoldRules>,
    isolation: Option<&Isolation>,
    expect: Expect,
    room: Room,
) -> std::result::Result<GroupOutcome, Failed> {
    let (lock, group) = answer(limit, begin_and_read::<F>(session, key, room)).await?;
    // Put off since it was found: another worker tried it meanwhile.
    let group = group.filter(|_| !lock.put_off || isolation.is_some());
    let Some(group) = group else {
        answer(limit, session.connection.batch_execute(ROLLBACK)).await?;
        return Ok(GroupOutcome::Locked);
    };
    let leave_out = LeaveOut::of(isolation, lock.version.is_some());
    let folded = fold_apart(group, key.local_date, rules, leave_out).await;
    let folded = folded.map_err(|Panicked| Failed::Panicked)?;
    let outcome = folded.outcome();
    let writes = Writes::<F>::new(key, folded, lock.version, expect);
    let end = if isolation.is_some_and(|isolation| isolation.trial) {
        // What a commit would check, too.
        "set constraints all immediate; rollback"
    } else {
        COMMIT
    };
    write_and_end(session, limit, writes, end).await?;
    Ok(outcome)
}

/// On a thread of its own where it takes long.
pub(super) async fn fold_apart<F: Fold>(
    group: StoredGroup<F>,
    local_date: NaiveDate,
    rules: &Arc<FoldRules>,
    leave_out: LeaveOut,
) -> std::result::Result<Folded<F>, Panicked> {
    if !group.is_long() {
        return group.fold(local_date, rules, &leave_out);
    }
    let rules = rules.clone();
    let fold = move || group.fold(local_date, &rules, &leave_out);
    let folded = tokio::task::spawn_blocking(fold).await;
    folded.unwrap_or(Err(Panicked))
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
    room: Room,
) -> std::result::Result<(Lock, Option<StoredGroup<F>>), Failed> {
    let (user_id, local_date) = (key.user_id, key.local_date);
    let texts = Texts::of::<F>();
    let used = [&*texts.lock, &*texts.raw_rows, &*texts.day_rows];
    let mut connection = &session.connection;
    let begun = connection.batch_execute(BEGIN);
    let lock = try_user_lock::<F>(&session.connection, user_id, local_date);
    let group = read::<F>(&session.connection, user_id, local_date, room);
    if session.prepared.has_all(&used) {
        let (begun, lock, group) = unconstrained(async { join!(begun, lock, group) }).await;
        begun?;
        let lock = lock?;
        return match group {
            Ok(group) if lock.taken => Ok((lock, Some(group))),
            Ok(_) => Ok((lock, None)),
            Err(_) if !lock.taken => Err(Failed::Locked),
            Err(error) => Err(error.into()),
        };
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

/// With the end in the writes' round trip where they are few. Where one of them
/// fails, the server makes a commit a rollback.
async fn write_and_end<F: Fold>(
    session: &mut Session,
    limit: Duration,
    writes: Writes<F>,
    end: &str,
) -> QueryResult<()> {
    let connection = &session.connection;
    let mut ending = connection;
    if writes.are_many() {
        for (_, statement) in writes {
            answer(limit, execute(connection, statement)).await?;
        }
        return answer(limit, ending.batch_execute(end)).await;
    }
    let (used, statements): (Vec<_>, Vec<_>) = writes.unzip();
    let written = async {
        let written = statements.into_iter().map(|one| execute(connection, one));
        // The first that failed: those behind it say only that it did.
        let written = join_all(written).await;
        written
            .into_iter()
            .collect::<QueryResult<Vec<_>>>()
            .map(drop)
    };
    let end = ending.batch_execute(end);
    if session.prepared.has_all(&used) {
        let both = async { QueryResult::Ok(unconstrained(async { join!(written, end) }).await) };
        let (written, ended) = answer(limit, both).await?;
        return written.and(ended);
    }
    answer(limit, written).await?;
    answer(limit, end).await?;
    session.prepared.add(&used);
    Ok(())
}

async fn execute(mut connection: &AsyncPgConnection, one: Cached<Statement>) -> QueryResult<usize> {
    RunQueryDsl::execute(one, &mut connection).await
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

/// Ends with [`TooLarge`] as soon as the group takes more than its room.
pub(super) async fn read<F: Fold>(
    connection: &AsyncPgConnection,
    user_id: UserId,
    local_date: NaiveDate,
    room: Room,
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
    let room = Mutex::new(room);
    let take = |bytes| {
        room.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(bytes)
    };
    let (mut a, mut b) = (connection, connection);
    let raw = async {
        let mut rows = Vec::new();
        let mut stream = raw.load_stream::<StoredRaw<F::Payload>>(&mut a).await?;
        while let Some(row) = stream.try_next().await? {
            take(row.weight())?;
            rows.push(row);
        }
        QueryResult::Ok(rows)
    };
    let days = async {
        let mut rows = Vec::new();
        let mut sealed = false;
        let mut stream = days.load_stream::<DayRow<F::Measure>>(&mut b).await?;
        while let Some(row) = stream.try_next().await? {
            take(row.weight())?;
            sealed |= row.sealed;
            rows.extend(row.aggregate);
        }
        QueryResult::Ok((sealed, rows))
    };
    // The first that failed: the one behind it says only that it did.
    let (rows, (sealed, day_rows)) = try_join!(raw, days)?;
    Ok(StoredGroup {
        rows,
        sealed,
        day_rows,
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
