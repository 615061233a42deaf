//! A crash at every boundary of a group's transaction: between any two
//! messages to and from PostgreSQL, and between any two writes of SQLite.
//! Afterwards all of the transaction is there or nothing, and a next fold ends
//! in what the rows give.

use std::time::Duration;

use vitalfold::config::Config;
use vitalfold::domain::{Domain, GroupKey};
use vitalfold::store::postgres::PgStore;
use vitalfold::store::sqlite::SqliteStore;
use vitalfold::store::{ErrorClass, Failure, Failures, GroupFilter, Groups, Pull, Store};
use vitalfold::with_store;

use crate::cluster::{self, wait_until};
use crate::cutting::Cutter;
use crate::database::Database;

/// More than a fold and a failure have; each is a user of their own.
const MOST_MESSAGES: i64 = 220;

const DAY: &str = "2026-01-05";

/// A group that was folded before and has changed in every way: an edit, a
/// deletion that makes a series vanish, a new row, one that is rejected.
async fn changed_group<S: Store>(db: &Database, store: &S, users: &str) {
    let row = "user_id, metric, value, unit, started_at, ended_at, utc_offset_minutes";
    let rows = |rows: &[(&str, u32, &str, u32)]| {
        let values: Vec<_> = rows
            .iter()
            .map(|(metric, value, unit, hour)| {
                let at = format!("'{DAY} {hour:02}:00:00.000000+00:00'");
                format!("('{metric}', {value}.0, '{unit}', {at}, {at}, 0)")
            })
            .collect();
        format!(
            "insert into raw_vitals ({row}) \
             select u.user_id, v.* from ({users}) u, ({values}) v",
            values = values
                .iter()
                .map(|value| format!("select {}", &value[1..value.len() - 1]))
                .collect::<Vec<_>>()
                .join(" union all "),
        )
    };
    let first = rows(&[
        ("heart_rate", 60, "/min", 8),
        ("heart_rate", 70, "/min", 9),
        ("body_weight", 80, "kg", 10),
    ]);
    db.execute(&in_times(db, &first));
    fold_all(store).await;
    let second = rows(&[("heart_rate", 900, "/min", 11), ("steps", 100, "count", 12)]);
    db.execute(&in_times(db, &second));
    db.execute("update raw_vitals set value = 65 where value = 60");
    db.execute("delete from raw_vitals where metric = 'body_weight'");
}

/// PostgreSQL wants to be told that a text is a time.
fn in_times(db: &Database, statement: &str) -> String {
    match db {
        Database::Postgres { .. } => statement.replace("+00:00'", "+00:00'::timestamptz"),
        Database::Sqlite { .. } => statement.to_owned(),
    }
}

async fn fold_all<S: Store>(store: &S) {
    let pull = Pull {
        domain: Domain::Vitals,
        after: 0,
        limit: 100_000,
        settle: Duration::ZERO,
        within: GroupFilter::default(),
    };
    let pulled = store.pull(&pull).await.unwrap().groups;
    let due = store.due(Domain::Vitals, &pull.within, pull.limit).await;
    let pulled = pulled.into_iter().map(|group| group.key);
    for key in pulled.chain(due.unwrap()) {
        store.fold(key).await.unwrap();
    }
}

fn state(db: &Database, user: i64) -> String {
    db.value(&state_of(db, &user.to_string()))
}

/// An expression of all that a fold may change of a user.
fn state_of(db: &Database, user: &str) -> String {
    let agg = |columns: &str, from: &str, order: &str| match db {
        Database::Postgres { .. } => format!(
            "(select string_agg(concat_ws(',', {columns}), ';' order by {order}) \
              from {from} where user_id = {user})"
        ),
        Database::Sqlite { .. } => format!(
            "(select group_concat(concat_ws(',', {columns}), ';' order by {order}) \
              from {from} where user_id = {user})"
        ),
    };
    let raw = agg(
        "metric, value, state, reason",
        "raw_vitals_states",
        "started_at, id",
    );
    let aggregates = agg(
        "period, local_date, period_start, metric, \"count\", total, value_sum, \"min\", \"max\", \
         \"first\", \"last\", hours_covered, days_covered, rejected_count",
        "vitals_aggregates",
        "period, local_date, period_start, metric",
    );
    let lines = agg(
        "local_date, kind, rows",
        "group_changes",
        "local_date, kind, rows",
    );
    let failed = agg(
        "local_date, state, attempts, rows, emptied",
        "failed_groups",
        "local_date",
    );
    let rejected = agg("local_date, reason", "rejected_rows", "local_date, reason");
    format!("concat_ws(' | ', {raw}, {aggregates}, {lines}, {failed}, {rejected})")
}

fn key(user_id: i64) -> GroupKey {
    GroupKey {
        domain: Domain::Vitals,
        user_id,
        local_date: DAY.parse().unwrap(),
    }
}

fn failure() -> Failure {
    Failure {
        error: "forced".into(),
        class: ErrorClass::Data,
        worker: "test".into(),
        max_attempts: 100,
        backoff: Duration::ZERO,
        max_backoff: Duration::ZERO,
        jitter: 1.0,
    }
}

/// What is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    /// On a new connection, step by step.
    FirstFold,
    /// On a connection that has folded such a group: in two round trips.
    LaterFold,
    MarkFailed,
}

async fn cut_at_every_message(operation: Operation) {
    let db = Database::postgres();
    let name = db.url().rsplit('/').next().unwrap().to_owned();
    let cutter = Cutter::before(cluster::shared());
    let vitalfold::store::AnyStore::Postgres(direct) = db.store().await else {
        unreachable!("a PostgreSQL database has a PostgreSQL store")
    };
    // User 0 is never cut off: the reference.
    // Those behind the last are folded before.
    let most = 2 * MOST_MESSAGES;
    let users = format!("select generate_series(0, {most}) as user_id");
    changed_group(&db, &direct, &users).await;
    let before = state(&db, 0);
    let done = match operation {
        Operation::FirstFold | Operation::LaterFold => None,
        Operation::MarkFailed => {
            direct.mark_failed(key(0), &failure()).await.unwrap();
            Some(state(&db, 0))
        }
    };
    direct.fold(key(0)).await.unwrap();
    let folded = state(&db, 0);
    let done = done.unwrap_or_else(|| folded.clone());
    assert_ne!(before, done);

    let mut results = Vec::new();
    for user in 1..=MOST_MESSAGES {
        let mut config = Config::default();
        config.database.url = cutter.url(&name);
        let store = PgStore::new(&config, "cut off").unwrap();
        let message = user.try_into().unwrap();
        if operation == Operation::LaterFold {
            cutter.cut_at(u64::MAX);
            let warm = MOST_MESSAGES + user;
            store.fold(key(warm)).await.unwrap();
            cutter.cut_after(message);
        } else {
            cutter.cut_at(message);
        }
        let result = match operation {
            Operation::FirstFold | Operation::LaterFold => store.fold(key(user)).await.map(drop),
            Operation::MarkFailed => {
                let marked = store.mark_failed(key(user), &failure()).await;
                marked.map(drop)
            }
        };
        results.push(result);
        if !cutter.has_cut() {
            break;
        }
    }
    let messages = results.len();
    assert!(results[messages - 1].is_ok(), "an operation has an end");
    // What was under way when it was cut off may still commit.
    wait_until("the server has ended the sessions", || {
        db.value("(select count(*) from pg_stat_activity where application_name = 'cut off')")
            == "0"
    });
    let (mut lost, mut unheard) = (0, 0);
    let states = states(&db, messages);
    for ((result, left), message) in results.into_iter().zip(states).zip(1..) {
        let Err(error) = result else {
            assert_eq!(left, done, "message {message}: it said that it was done");
            continue;
        };
        assert_eq!(
            error.class,
            ErrorClass::Transient,
            "message {message}: {error}"
        );
        assert!(
            left == before || left == done,
            "message {message}: a part is left: {left}"
        );
        lost += u32::from(left == before);
        unheard += u32::from(left == done);
    }
    assert!(
        lost > 20 && unheard > 0,
        "{operation:?}: {lost} lost, {unheard} unheard"
    );
    fold_all(&direct).await;
    for (left, message) in self::states(&db, messages).into_iter().zip(1..) {
        assert_eq!(left, folded, "{operation:?}, message {message}");
    }
}

/// Of users 1 to `users`.
fn states(db: &Database, users: usize) -> Vec<String> {
    let all = db.value(&format!(
        "(select string_agg({}, e'\n' order by u) from generate_series(1, {users}) u)",
        state_of(db, "u")
    ));
    all.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fold_cut_off_at_any_message_is_done_or_undone() {
    cut_at_every_message(Operation::FirstFold).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fold_in_two_round_trips_cut_off_at_any_message_is_done_or_undone() {
    cut_at_every_message(Operation::LaterFold).await;
}

/// The commit is under way before it is known whether the writes succeeded.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_before_its_commit_leaves_nothing() {
    let db = Database::postgres();
    let vitalfold::store::AnyStore::Postgres(store) = db.store().await else {
        unreachable!("a PostgreSQL database has a PostgreSQL store")
    };
    changed_group(&db, &store, "select generate_series(0, 2) as user_id").await;
    store.fold(key(0)).await.unwrap();
    let before = state(&db, 1);
    // Among the last that a fold writes.
    db.execute("alter table rejected_rows add constraint refuse check (user_id <> 1) not valid");
    let error = store.fold(key(1)).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Data, "{error}");
    assert_eq!(state(&db, 1), before);
    store.fold(key(2)).await.unwrap();
    assert_eq!(state(&db, 2), state(&db, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_cut_off_at_any_message_is_recorded_or_not() {
    cut_at_every_message(Operation::MarkFailed).await;
}

/// A process that dies leaves its writes up to some point: a prefix of the
/// log of changes, the last of them perhaps torn.
#[tokio::test(flavor = "multi_thread")]
async fn a_fold_killed_at_any_write_is_done_or_undone_on_sqlite() {
    const HEADER: usize = 32;
    const FRAME: usize = 24 + 4096;
    let db = Database::sqlite();
    let path = db.url().strip_prefix("sqlite://").unwrap().to_owned();
    let (before, folded, file, log) = with_store!(db.store().await, store => {
        changed_group(&db, &store, "select 1 as user_id").await;
        let before = state(&db, 1);
        // The next log begins where this file ends.
        db.execute("pragma wal_checkpoint(truncate)");
        let file = std::fs::read(&path).unwrap();
        store.fold(key(1)).await.unwrap();
        let log = std::fs::read(format!("{path}-wal")).unwrap();
        (before, state(&db, 1), file, log)
    });
    let frames = (log.len() - HEADER) / FRAME;
    assert!(frames > 3, "{frames} writes");
    let (mut undone, mut done) = (0, 0);
    for frame in 0..=frames {
        for torn in [0, FRAME / 2] {
            let end = (HEADER + frame * FRAME + torn).min(log.len());
            let crashed = Database::sqlite();
            let path = crashed.url().strip_prefix("sqlite://").unwrap();
            std::fs::write(path, &file).unwrap();
            std::fs::write(format!("{path}-wal"), &log[..end]).unwrap();
            let left = state(&crashed, 1);
            undone += u32::from(left == before);
            done += u32::from(left == folded);
            assert!(
                left == before || left == folded,
                "write {frame}: a part is left: {left}"
            );
            let mut config = Config::default();
            crashed.url().clone_into(&mut config.database.url);
            fold_all(&SqliteStore::new(&config).unwrap()).await;
            assert_eq!(state(&crashed, 1), folded, "write {frame}");
        }
    }
    assert!(undone > 5 && done > 0, "{undone} undone, {done} done");
}
