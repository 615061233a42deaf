//! As fast as the server and whoever else uses it leave room for.

use crate::cluster::{Cluster, wait_until};
use crate::modes::{count, insert_heart_rates, postgres};
use crate::program::{Program, Ran, Running, signal};

#[test]
fn a_server_that_is_full_is_folded_on_by_one_user_at_a_time() {
    let (db, program) = postgres();
    insert_heart_rates(&db, 20, 2, 10);
    let output = program
        .command(&["run-once"])
        .env("VITALFOLD__PACE__SERVER_CONNECTIONS", "1")
        .output()
        .unwrap();
    let ran = Ran::from(output);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.stderr
            .contains("pace: one user at a time, in small batches, with rests: "),
        "{ran:?}"
    );
    assert_eq!(
        count(&db, "raw_vitals_states where state = 'completed'"),
        400
    );
    let largest = "(select max(rows_pulled) from aggregation_batches)";
    assert_eq!(db.value(largest), "50");
    // One for the run lock, one for the pull, one for the only user, one for
    // the books.
    let most = "(select max((pool_after->>'size')::int) from aggregation_batches)";
    assert!(db.value(most).parse::<u32>().unwrap() <= 4);
}

/// A parallel worker is a session and a core more than the pool has.
#[test]
fn no_query_takes_parallel_workers() {
    let server = Cluster::start(&[
        "-c",
        "session_preload_libraries=auto_explain",
        "-c",
        "auto_explain.log_min_duration=0",
        "-c",
        "parallel_setup_cost=0",
        "-c",
        "parallel_tuple_cost=0",
        "-c",
        "min_parallel_table_scan_size=0",
        "-c",
        "min_parallel_index_scan_size=0",
    ]);
    server.psql("postgres", "create database busy");
    let program = Program::on(&server.url("busy"));
    program.ok(&["migrate"]);
    program.ok(&["generate", "--users", "20", "--rows", "50"]);
    server.psql("busy", "analyze");
    program.ok(&["status"]);
    program.ok(&["run-once"]);
    program.ok(&["verify", "--all"]);
    let log = || std::fs::read_to_string(server.socket_dir().join("log")).unwrap();
    assert!(log().contains("as pending"), "{}", log());
    assert!(!log().contains("Workers Planned"), "{}", log());

    // It would, if it were allowed to.
    let count = "select count(*) from raw_vitals where value > 0";
    server.psql("busy", count);
    assert!(log().contains("Workers Planned"), "{}", log());
}

#[test]
fn beside_an_application_it_folds_one_user_at_a_time_and_rests() {
    let (db, _program) = postgres();
    db.execute(include_str!("../../scripts/worker-role.sql"));
    // It may not look into the application's sessions, but sees which of them
    // are in a transaction.
    let program = Program::on(&db.url().replace("postgres@", "vitalfold_worker@"));
    insert_heart_rates(&db, 20, 2, 10);
    let mut application: Vec<_> = (0..3).map(|_| db.session()).collect();
    let connected = "pg_stat_activity \
         where datname = current_database() and pid <> pg_backend_pid()";
    wait_until("the application is connected", || {
        count(&db, connected) == 3
    });
    let run = |sessions: &str| {
        let mut command = program.command(&["run-once"]);
        command.env("VITALFOLD__PACE__OTHER_SESSIONS", sessions);
        let ran = Ran::from(command.output().unwrap());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stderr
    };
    let line = "pace: one user at a time, with rests: 3 sessions of other applications are at work \
         (3 of psql as postgres); rests leave 200 rows a second";
    assert!(!run("3").contains("pace: one user"), "they do nothing");
    for session in &mut application {
        session.send("begin; select 1;");
    }
    wait_until("the application is in transactions", || {
        count(
            &db,
            "pg_stat_activity where state = 'idle in transaction' and datname = current_database()",
        ) == 3
    });
    db.execute("delete from aggregation_batches; update raw_vitals set note = '.'");
    let said = run("3");
    assert!(said.contains(line), "{said}");
    let status = program.ok(&["status"]);
    assert!(
        status.contains("Slowed down: 3 sessions of other applications"),
        "{status}"
    );
    assert_eq!(
        count(&db, "raw_vitals_states where state = 'completed'"),
        400
    );
    let most = "(select max((pool_after->>'size')::int) from aggregation_batches)";
    assert!(db.value(most).parse::<u32>().unwrap() <= 4);
    for never in ["0", "4"] {
        db.execute("update raw_vitals set note = coalesce(note, '') || '.'");
        assert!(!run(never).contains("pace: one user at a time"));
    }
    for session in application {
        session.end();
    }
}

#[test]
fn sessions_that_sleep_slow_nobody_down() {
    let (db, program) = postgres();
    let mut sessions: Vec<_> = (0..3).map(|_| db.session()).collect();
    for session in &mut sessions {
        session.send("select pg_sleep(30);");
    }
    let asleep = "pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()";
    wait_until("they sleep", || count(&db, asleep) == 3);
    // What they did to fall asleep counts for a few seconds.
    wait_until("they do nothing", || {
        !program.ok(&["status"]).contains("Slowed down")
    });
    assert_eq!(count(&db, asleep), 3, "they sleep on");
    db.execute(&format!(
        "select count(pg_terminate_backend(pid)) from {asleep}"
    ));
    for session in sessions {
        session.end_cut();
    }
}

#[test]
fn waits_for_locks_slow_a_worker_down_until_they_end() {
    let (db, program) = postgres();
    insert_heart_rates(&db, 1, 1, 5);
    let mut holder = db.session();
    holder.send("begin; select from raw_vitals for update;");
    wait_until("the rows are locked", || {
        count(
            &db,
            "pg_locks where relation = 'raw_vitals'::regclass and mode = 'RowShareLock'",
        ) > 0
    });
    let mut waiter = db.session();
    waiter.send("update raw_vitals set note = 'edited';");
    let waiting = "pg_locks where not granted";
    wait_until("the application waits for itself", || {
        count(&db, waiting) > 0
    });
    let log = program.dir.path().join("log");
    let child = program
        .command(&["worker"])
        .envs([
            ("VITALFOLD__PACE__LOCK_WAITS", "1"),
            ("VITALFOLD__WORKER__POLL", "20ms"),
            ("VITALFOLD__WORKER__SETTLE", "0s"),
            ("VITALFOLD__HTTP__ENABLED", "false"),
        ])
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut worker = Running(child);
    let logged = |text: &str| std::fs::read_to_string(&log).unwrap().contains(text);
    wait_until("it holds back", || logged("sessions wait for locks"));
    holder.send("rollback;");
    holder.end();
    waiter.end();
    // It looks again while it has work.
    wait_until("it goes on", || {
        db.execute("update raw_vitals set note = coalesce(note, '') || '.'");
        logged("pace: as configured again: the server is at ease")
    });
    signal(&worker, "TERM");
    assert!(worker.wait().unwrap().success());
}

#[test]
fn every_change_of_the_batch_size_is_logged_with_its_reason() {
    let (db, program) = postgres();
    insert_heart_rates(&db, 20, 5, 20);
    let ran = program.run(&["run-once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for rows in [100, 200] {
        let line = format!("pace: vitals in batches of {rows} rows: more rows wait");
        assert_eq!(ran.stderr.matches(&line).count(), 1, "{ran:?}");
    }
}
