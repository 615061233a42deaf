//! Nothing is stuck by construction: poison, processes that die, a database
//! that goes away.

use std::process::Stdio;

use crate::cluster::{Cluster, wait_until};
use crate::database::Database;
use crate::gate::Gate;
use crate::modes::{count, insert_heart_rates, postgres};
use crate::program::{Program, Ran, Running, signal};
use crate::states::{DUE, UNSETTLED};

/// Runs until every retry has had its time; says whether a run had failures.
fn run_until_settled(db: &Database, program: &Program, max_attempts: &str) -> bool {
    let mut failures = false;
    wait_until("every retry was made", || {
        let ran = program
            .command(&["run-once"])
            .env("VITALFOLD__WORKER__RETRY_BACKOFF", "1ms")
            .env("VITALFOLD__WORKER__MAX_ATTEMPTS", max_attempts)
            .output()
            .unwrap();
        failures |= Ran::from(ran).code == Some(1);
        count(db, DUE) == 0
    });
    failures
}

/// Ten heart rates on one day. Nothing in which the row with 199 is the greatest
/// can be written.
fn poisoned(db: &Database) {
    let rows: Vec<_> = (0..10)
        .map(|minute| {
            format!(
                "(1, 'heart_rate', {}, '/min', '2026-01-05 10:{minute:02}:00.000000+00:00', \
                  '2026-01-05 10:{minute:02}:00.000000+00:00', 0, 'watch')",
                if minute == 6 { 199 } else { 60 + minute }
            )
        })
        .collect();
    db.execute(&format!(
        "insert into raw_vitals \
           (user_id, metric, value, unit, started_at, ended_at, utc_offset_minutes, source) \
         values {}",
        rows.join(", ")
    ));
}

fn the_rest_of_a_poisoned_day_is_folded(db: &Database, program: &Program, heal: &str) {
    assert!(run_until_settled(db, program, "5"));
    let rejected =
        "(select reason from raw_vitals_states where state = 'rejected' and value = 199)";
    assert!(
        db.value(rejected).starts_with("poison: "),
        "{}",
        db.value(rejected)
    );
    assert_eq!(count(db, "raw_vitals_states where state = 'completed'"), 9);
    assert_eq!(count(db, UNSETTLED), 0);
    let day = "(select \"count\" || ' ' || \"max\" from vitals_aggregates where period = 'day')";
    assert_eq!(db.value(day).replace(".0", ""), "9 69");

    // It failed once, then again, and the history says so.
    let shown = program.ok(&["failed", "show", "vitals", "1", "2026-01-05"]);
    assert!(shown.contains("folded since"), "{shown}");
    assert_eq!(shown.matches(": data: ").count(), 2, "{shown}");

    // A new row of the day does not bring the poison back.
    db.execute(
        "insert into raw_vitals \
           (user_id, metric, value, unit, started_at, ended_at, utc_offset_minutes, source) \
         values (1, 'heart_rate', 80, '/min', '2026-01-05 11:00:00.000000+00:00', \
           '2026-01-05 11:00:00.000000+00:00', 0, 'watch')",
    );
    assert!(!run_until_settled(db, program, "5"));
    assert_eq!(db.value(day).replace(".0", ""), "10 80");
    program.ok(&["verify", "--all"]);

    // Once its fault is gone, a backfill takes it in.
    db.execute(heal);
    program.ok(&["backfill", "--user", "1"]);
    assert_eq!(db.value(day).replace(".0", ""), "11 199");
    assert_eq!(count(db, "raw_vitals_states where state = 'completed'"), 11);
}

#[test]
fn poison_is_rejected_and_the_rest_is_folded_on_postgres() {
    let (db, program) = postgres();
    poisoned(&db);
    db.execute(
        "create function refuse() returns trigger language plpgsql as $$ \
         begin raise exception 'this row is poison'; end $$; \
         create trigger poison before insert or update on vitals_aggregates for each row \
         when (new.\"max\" = 199) execute function refuse()",
    );
    let heal = "drop trigger poison on vitals_aggregates";
    the_rest_of_a_poisoned_day_is_folded(&db, &program, heal);
}

#[test]
fn poison_is_rejected_and_the_rest_is_folded_on_sqlite() {
    let db = Database::sqlite();
    let program = Program::on(db.url());
    program.ok(&["migrate"]);
    poisoned(&db);
    db.execute(
        "create trigger poison before insert on vitals_aggregates when new.\"max\" = 199 \
         begin select raise(abort, 'this row is poison'); end; \
         create trigger poisoned before update on vitals_aggregates when new.\"max\" = 199 \
         begin select raise(abort, 'this row is poison'); end",
    );
    let heal = "drop trigger poison; drop trigger poisoned";
    the_rest_of_a_poisoned_day_is_folded(&db, &program, heal);
}

#[test]
fn a_group_that_fails_without_any_row_is_dead_at_its_limit() {
    let (db, program) = postgres();
    insert_heart_rates(&db, 2, 1, 5);
    db.execute(
        "create function refuse() returns trigger language plpgsql as $$ \
         begin raise exception 'nothing may be said of user 1'; end $$; \
         create trigger stop before insert on vitals_aggregates for each row \
         when (new.user_id = 1) execute function refuse(); \
         create trigger stop before insert on rejected_rows for each row \
         when (new.user_id = 1) execute function refuse()",
    );
    assert!(run_until_settled(&db, &program, "3"));
    assert_eq!(
        db.value("(select state || attempts from failed_groups)"),
        "dead3"
    );
    assert_eq!(count(&db, "aggregation_errors"), 3);
    assert_eq!(
        count(
            &db,
            "raw_vitals_states where user_id = 1 and state = 'failed'"
        ),
        5
    );
    assert_eq!(
        count(
            &db,
            "raw_vitals_states where user_id = 2 and state = 'completed'"
        ),
        5
    );
}

#[test]
fn a_group_whose_aggregates_are_refused_loses_no_row() {
    let (db, program) = postgres();
    insert_heart_rates(&db, 2, 1, 5);
    db.execute("alter table vitals_aggregates add constraint refuse check (user_id <> 1)");
    assert!(run_until_settled(&db, &program, "3"));
    assert_eq!(
        db.value("(select state || attempts from failed_groups)"),
        "dead3"
    );
    assert_eq!(count(&db, "raw_vitals_states where state = 'rejected'"), 0);
    db.execute("alter table vitals_aggregates drop constraint refuse");
    program.ok(&["failed", "retry"]);
    program.ok(&["run-once"]);
    assert_eq!(
        count(&db, "raw_vitals_states where state = 'completed'"),
        10
    );
}

/// A worker that takes rows at once and can wait for locks for long.
fn worker(program: &Program) -> Running {
    let child = program
        .command(&["worker"])
        .envs([
            ("VITALFOLD__WORKER__SETTLE", "0s"),
            ("VITALFOLD__WORKER__POLL", "20ms"),
            ("VITALFOLD__WORKER__RETRY_BACKOFF", "100ms"),
            ("VITALFOLD__WORKER__MAX_ATTEMPTS", "2"),
            ("VITALFOLD__POOL__LOCK_TIMEOUT", "60s"),
        ])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Running(child)
}

#[test]
fn a_group_that_kills_its_process_reaches_its_limit_and_its_neighbours_do_not() {
    let (db, program) = postgres();
    insert_heart_rates(&db, 3, 1, 10);
    // Whoever folds user 2 waits here, and is killed.
    let gate = Gate::shut(&db, "new.user_id = 2");
    let holds = "pg_stat_activity a where a.datname = current_database() \
         and a.application_name = 'psql' and a.state = 'idle in transaction'";
    assert_eq!(count(&db, holds), 1);
    // For the application alone, not for one another.
    let waits = format!(
        "pg_stat_activity where datname = current_database() \
         and application_name like 'vitalfold%' \
         and exists (select from {holds} and a.pid = any(pg_blocking_pids(pg_stat_activity.pid)))"
    );
    let dead = "failed_groups where state = 'dead' and user_id = 2";
    let neighbours = "raw_vitals_states where state = 'completed'";
    let mut kills = 0;
    while count(&db, dead) == 0 {
        let mut worker = worker(&program);
        wait_until("the killer alone is being folded, or is dead", || {
            count(&db, &waits) > 0 && count(&db, neighbours) == 20 || count(&db, dead) > 0
        });
        signal(&worker, "KILL");
        worker.wait().unwrap();
        kills += 1;
        assert!(kills < 12, "the group does not reach its limit");
        // The server notices the death of a waiting client late.
        db.execute(&format!("select pg_terminate_backend(pid) from {waits}"));
        wait_until("the sessions are gone", || count(&db, &waits) == 0);
    }
    gate.open();
    assert_eq!(
        db.value("(select state || attempts from failed_groups)"),
        "dead2"
    );
    let blamed = "(select string_agg(user_id || ': ' || error, '; ') from aggregation_errors \
         where user_id <> 2)";
    assert_eq!(db.value(blamed), "", "its neighbours are not blamed");
    assert_eq!(count(&db, neighbours), 20);

    // The next one buries the last dead worker and leaves nothing behind.
    let mut last = worker(&program);
    wait_until("the dead are buried", || {
        count(&db, "worker_heartbeats") == 1 && {
            let pid = format!("%:{}:worker", last.id());
            count(&db, &format!("worker_heartbeats where worker like '{pid}'")) == 1
        }
    });
    signal(&last, "TERM");
    assert!(last.wait().unwrap().success());
    assert_eq!(count(&db, "worker_heartbeats"), 0);
    program.ok(&["failed", "retry", "--dead"]);
    program.ok(&["run-once"]);
    assert_eq!(
        count(&db, "raw_vitals_states where state = 'completed'"),
        30
    );
}

#[test]
fn the_circuit_breaker_opens_resets_the_pool_and_closes() {
    let (db, program) = postgres();
    let log = program.dir.path().join("log");
    let worker = program
        .command(&["worker"])
        .envs([
            ("VITALFOLD__WORKER__SETTLE", "0s"),
            ("VITALFOLD__WORKER__POLL", "20ms"),
        ])
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut worker = Running(worker);
    let logged = |text: &str| std::fs::read_to_string(&log).unwrap().contains(text);
    insert_heart_rates(&db, 1, 1, 5);
    wait_until("it folds", || {
        count(&db, "raw_vitals_states where state = 'completed'") == 5
    });
    let name = db.value("current_database()");
    let cluster = crate::cluster::shared();
    cluster.psql(
        "postgres",
        &format!(
            "alter database {name} allow_connections false; \
             select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
        ),
    );
    wait_until("it opens", || logged("circuit breaker opens"));
    wait_until("it probes", || logged("circuit breaker stays open"));
    cluster.psql(
        "postgres",
        &format!("alter database {name} allow_connections true"),
    );
    wait_until("it closes", || logged("circuit breaker closes"));
    db.execute("update raw_vitals set value = value + 1");
    wait_until("it folds again, by itself", || count(&db, UNSETTLED) == 0);
    signal(&worker, "TERM");
    assert!(worker.wait().unwrap().success());
}

#[test]
fn a_stop_beside_locks_is_no_failure() {
    let (db, program) = postgres();
    insert_heart_rates(&db, 1, 1, 5);
    let name = db.value("current_database()");
    let cluster = crate::cluster::shared();
    let mut application = cluster.session(&name);
    // Neither the fold nor the record of its failure can be written.
    application
        .send("begin; lock table vitals_aggregates, failed_groups in share row exclusive mode;");
    let held = "pg_locks l join pg_class c on c.oid = l.relation \
         where c.relname = 'failed_groups' and l.mode = 'ShareRowExclusiveLock' \
           and l.database = (select oid from pg_database where datname = current_database())";
    wait_until("the application holds its locks", || count(&db, held) == 1);
    let worker = program
        .command(&["worker"])
        .envs([
            ("VITALFOLD__WORKER__SETTLE", "0s"),
            ("VITALFOLD__POOL__LOCK_TIMEOUT", "1s"),
        ])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut worker = Running(worker);
    wait_until("the worker waits", || {
        count(
            &db,
            "pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
        ) == 1
    });
    signal(&worker, "TERM");
    assert_eq!(worker.wait().unwrap().code(), Some(0));
    application.send("rollback;");
    application.end();
    assert_eq!(count(&db, "raw_vitals_states where state = 'pending'"), 5);
    assert!(program.ok(&["run-once"]).starts_with("1 groups folded"));
}

/// Groups and batches do not wait for the disk, but the end of a run does.
#[test]
fn what_a_run_reports_survives_a_crash_of_the_server() {
    let lazy = [
        "-c",
        "wal_writer_delay=10s",
        "-c",
        "wal_writer_flush_after=1GB",
    ];
    let cluster = Cluster::start(&lazy);
    let program = Program::on(&cluster.url("postgres"));
    program.ok(&["migrate"]);
    program.ok(&["generate", "--users", "5", "--days", "3", "--rows", "10"]);
    program.ok(&["run-once"]);
    let left = "select (select count(*) from raw_vitals_states where state <> 'completed'), \
        (select sum(rows_completed) from aggregation_batches)";
    let before = cluster.psql("postgres", left);
    assert_eq!(before, "0|150");
    cluster.stop();
    cluster.boot();
    assert_eq!(cluster.psql("postgres", left), before);
}
