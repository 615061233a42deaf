//! A group's transaction.

mod check;
mod read;
mod seal;
mod texts;
mod write;

use std::sync::Arc;
use std::time::Duration;

use diesel::QueryResult;
use diesel::result::DatabaseErrorKind::UniqueViolation;
use diesel::result::Error;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures::future::join_all;
use futures::join;
use tokio::task::unconstrained;

use super::PgStore;
use super::connection::cached::Cached;
use super::connection::classify;
use super::connection::pool::{self, PgPool, answer};
use super::connection::session::Session;
use super::rows::Statement;
use crate::domain::{Fold, FoldRules, GroupKey};
use crate::store::room::{LARGEST, ROOM, Room, TooLarge};
use crate::store::stored_group::{Folded, LeaveOut, Panicked, ROWS_MISSING, StoredGroup};
use crate::store::{
    ErrorClass, GroupCheck, GroupOutcome, Groups, Isolation, Result, Seal, StoreError,
};
use crate::with_domain;
use read::{Lock, read};
use write::{Expect, Writes};

impl Groups for PgStore {
    async fn fold(&self, key: GroupKey) -> Result<GroupOutcome> {
        with_domain!(key.domain, F => fold::<F>(self, key, None).await)
    }

    async fn fold_without(&self, key: GroupKey, isolation: &Isolation) -> Result<GroupOutcome> {
        with_domain!(key.domain, F => fold::<F>(self, key, Some(isolation)).await)
    }

    async fn row_ids(&self, key: GroupKey) -> Result<Vec<i64>> {
        on_connection!(self, "read row ids", c => row_ids(c, key))
    }

    async fn check(&self, key: GroupKey) -> Result<GroupCheck> {
        let (rules, hours) = (&self.rules, self.keep_hours);
        with_domain!(key.domain, F =>
            on_connection!(self, "check group", c => check::check::<F>(c, key, rules, hours)))
    }

    async fn seal(&self, key: GroupKey, of_share: bool) -> Result<Seal> {
        let (rules, hours) = (&self.rules, self.keep_hours);
        with_domain!(key.domain, F =>
            on_connection!(self, "seal group", c => seal::seal::<F>(c, key, rules, hours, of_share)))
    }
}

async fn row_ids(connection: &mut AsyncPgConnection, key: GroupKey) -> QueryResult<Vec<i64>> {
    with_domain!(key.domain, F => {
        let group = read::<F>(connection, key, Room::of(LARGEST)).await?;
        Ok(group.rows.iter().map(|stored| stored.row.id).collect())
    })
}

enum Failed {
    Statement(diesel::result::Error),
    Panicked,
    RowsMissing,
    /// Another worker has this user, and what was read beside is large: closing
    /// the connection is quicker than taking the rest of it.
    Locked,
}

impl From<diesel::result::Error> for Failed {
    fn from(error: diesel::result::Error) -> Self {
        Failed::Statement(error)
    }
}

async fn fold<F: Fold>(
    store: &PgStore,
    key: GroupKey,
    isolation: Option<&Isolation>,
) -> Result<GroupOutcome> {
    let (pool, rules, large) = (&store.pool, &store.rules, &store.large);
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
        Err(Failed::Panicked) => Err(data_error("the fold panicked")),
        Err(Failed::RowsMissing) => Err(data_error(ROWS_MISSING)),
    }
}

fn data_error(message: &str) -> StoreError {
    StoreError::new(ErrorClass::Data, "fold group", message)
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
    // Another worker folded it or failed at it meanwhile.
    let group = group.filter(|_| lock.changes.call_for_attempt(isolation.is_some()));
    let Some(group) = group else {
        answer(limit, session.connection.batch_execute(ROLLBACK)).await?;
        return Ok(GroupOutcome::Locked);
    };
    let changes = lock.changes;
    if group.lacks_rows(key) && !changes.may_be_empty {
        return Err(Failed::RowsMissing);
    }
    let leave_out = LeaveOut::of(isolation, &changes);
    let folded = fold_apart(group, key, rules, leave_out).await;
    let folded = folded.map_err(|Panicked| Failed::Panicked)?;
    let outcome = folded.outcome(&changes);
    let writes = Writes::<F>::new(key, folded, changes, expect);
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
async fn fold_apart<F: Fold>(
    group: StoredGroup<F>,
    key: GroupKey,
    rules: &Arc<FoldRules>,
    leave_out: LeaveOut,
) -> std::result::Result<Folded<F>, Panicked> {
    if !group.is_long() {
        return group.fold(key, rules, &leave_out);
    }
    let rules = rules.clone();
    let fold = move || group.fold(key, &rules, &leave_out);
    let folded = tokio::task::spawn_blocking(fold).await;
    folded.unwrap_or(Err(Panicked))
}

/// Opens the transaction, takes the user's lock and reads the group, in one
/// round trip; no group where another worker has the lock.
///
/// The lock is taken in a statement of its own before the rows are read: a
/// snapshot taken before it would miss what the lock's last holder wrote.
async fn begin_and_read<F: Fold>(
    session: &mut Session,
    key: GroupKey,
    room: Room,
) -> std::result::Result<(Lock, Option<StoredGroup<F>>), Failed> {
    let used = read::texts::<F>();
    let mut connection = &session.connection;
    let begun = connection.batch_execute(BEGIN);
    let lock = read::lock::<F>(&session.connection, key);
    let group = read::<F>(&session.connection, key, room);
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
