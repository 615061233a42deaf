//! The ways to run: exit codes, locks, failures, signals and the log.

use std::io::Read;

use crate::cluster::{self, wait_until};
use crate::database::Database;
use crate::gate::Gate;
use crate::program::{Program, Ran, signal};
use crate::states::UNSETTLED;

/// A migrated database and the program on it.
pub(crate) fn postgres() -> (Database, Program) {
    let db = Database::postgres();
    let program = Program::on(db.url());
    program.ok(&["migrate"]);
    (db, program)
}

/// Inserts heart rates as an application would: the offset is left to the
/// database.
pub(crate) fn insert_heart_rates(db: &Database, users: u32, days: u32, rows: u32) {
    db.execute(&format!(
        "insert into raw_vitals (user_id, metric, value, unit, started_at, source) \
         select u, 'heart_rate', 50 + (u * 7 + d * 3 + r) % 60, '/min', \
           timestamptz '2026-01-01 00:00:00Z' + make_interval(days => d, secs => r * 80), 'watch' \
         from generate_series(1, {users}) u, generate_series(0, {days} - 1) d, \
           generate_series(0, {rows} - 1) r"
    ));
}

pub(crate) fn count(db: &Database, from: &str) -> u64 {
    db.value(&format!("(select count(*) from {from})"))
        .parse()
        .unwrap()
}

/// Everything that was folded, in one text.
fn aggregates(db: &Database) -> String {
    db.value(
        "(select string_agg(md5(row(user_id, period, local_date, period_start, metric, unit, \
           \"count\", total, value_sum, mean, \"min\", \"max\", \"first\", \"last\", hours_covered, \
           days_covered, sources, rejected_count)::text), ',' \
           order by user_id, period, local_date, period_start, metric, unit) \
         from vitals_aggregates)",
    )
}

#[test]
fn an_insert_without_an_offset_takes_the_users_zone() {
    let (db, program) = postgres();
    db.execute("insert into user_time_zones values (2, 'Asia/Kathmandu')");
    db.execute(
        "insert into raw_vitals (user_id, metric, value, unit, started_at) \
         select u, 'heart_rate', 60, '/min', '2026-01-01 20:00:00Z' from generate_series(1, 2) u",
    );
    // Its row remembers that it was derived.
    assert_eq!(count(&db, "raw_vitals where utc_offset_minutes is null"), 2);
    let days = |table: &str| {
        db.value(&format!(
            "(select string_agg(user_id || ' ' || local_date, ', ' order by user_id) from {table})"
        ))
    };
    assert_eq!(days("raw_vitals_states"), "1 2026-01-01, 2 2026-01-02");
    program.ok(&["run-once"]);
    assert_eq!(days("vitals_daily"), "1 2026-01-01, 2 2026-01-02");
}

#[test]
fn run_once_folds_everything_then_finds_nothing() {
    let (db, program) = postgres();
    insert_heart_rates(&db, 5, 4, 30);
    let ran = program.run(&["run-once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.starts_with("20 groups folded"), "{ran:?}");
    assert_eq!(
        count(&db, "raw_vitals_states where state = 'completed'"),
        600
    );
    assert_eq!(program.ok(&["run-once"]), "nothing to do\n");
}

#[test]
fn the_log_tells_the_pool_before_and_after_each_batch() {
    let (db, program) = postgres();
    insert_heart_rates(&db, 2, 2, 10);
    let ran = program.run(&["run-once"]);
    let lines: Vec<serde_json::Value> = ran
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let pool = lines
        .iter()
        .find(|line| line["pool.max_overflow"] == 30)
        .unwrap();
    assert_eq!(
        pool["message"],
        "pool: size 20 + overflow 30, wait 45s, connect 10s, recycle 5m, pre-ping on, \
         statement 1m, lock 5s, idle in transaction 1m"
    );
    let batch = |message: &str| {
        lines
            .iter()
            .find(|line| line["message"] == message)
            .unwrap()
    };
    let (before, after) = (batch("batch starts"), batch("batch done"));
    assert_eq!(before["batch.id"], after["batch.id"]);
    for line in [before, after] {
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["domain"], "vitals");
        assert_eq!((&line["rows"], &line["groups"]), (&40.into(), &4.into()));
        assert_eq!(line["pool.max"], 50);
        assert_eq!(line["pool.status"], "healthy");
        let number = |key: &str| line[key].as_u64().unwrap();
        // The run lock holds one connection, the next pull perhaps another; the
        // groups have given theirs back.
        assert!((1..=2).contains(&number("pool.checked_out")));
        assert_eq!(
            number("pool.size"),
            number("pool.checked_out") + number("pool.available")
        );
        assert_eq!(number("pool.usage_percent"), number("pool.checked_out") * 2);
    }
    // One for the lock, one for each of the two users at the same time, one
    // for a pull meanwhile: opened when needed, kept for reuse.
    assert!((3..=4).contains(&after["pool.size"].as_u64().unwrap()));
    assert_eq!(after["groups_ok"], 4);
    let history = "(select pool_after->>'max' from aggregation_batches)";
    assert_eq!(db.value(history), "50");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_once_exits_at_once() {
    use vitalfold::store::Fleet;
    for db in [Database::postgres(), Database::sqlite()] {
        vitalfold::with_store!(db.store().await, store => {
            let lock = store.try_run_lock().await.unwrap().unwrap();
            let ran = Program::on(db.url()).run(&["run-once"]);
            assert_eq!(ran.code, Some(4), "{ran:?}");
            drop(lock);
        });
    }
}

#[test]
fn two_workers_share_the_work_and_the_result_is_the_same() {
    let (alone, single) = postgres();
    insert_heart_rates(&alone, 40, 10, 12);
    single.ok(&["run-once"]);

    let (db, program) = postgres();
    insert_heart_rates(&db, 40, 10, 12);
    let start = || {
        let mut command = program.command(&["worker"]);
        command
            .env("VITALFOLD__WORKER__SETTLE", "0s")
            .stderr(std::process::Stdio::null());
        command.spawn().unwrap()
    };
    let mut workers = [start(), start()];
    wait_until("everything is folded", || {
        count(&db, "raw_vitals_states where state = 'pending'") == 0
    });
    for worker in &mut workers {
        signal(worker, "TERM");
        assert_eq!(worker.wait().unwrap().code(), Some(0));
    }
    assert_eq!(aggregates(&db), aggregates(&alone));
    assert_eq!(count(&db, UNSETTLED), 0);
    assert_eq!(
        count(&db, "worker_heartbeats"),
        0,
        "workers that leave say so"
    );
}

#[test]
fn a_killed_worker_loses_nothing_and_counts_nothing_twice() {
    let (alone, single) = postgres();
    insert_heart_rates(&alone, 30, 20, 10);
    single.ok(&["run-once"]);

    let (db, program) = postgres();
    insert_heart_rates(&db, 30, 20, 10);
    for step in 1..=3 {
        let mut command = program.command(&["worker"]);
        command
            .env("VITALFOLD__WORKER__SETTLE", "0s")
            .stderr(std::process::Stdio::null());
        let mut worker = command.spawn().unwrap();
        wait_until("some groups are folded", || {
            count(&db, "raw_vitals_states where state = 'completed'") >= step * 500
        });
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    program.ok(&["run-once"]);
    assert_eq!(aggregates(&db), aggregates(&alone));
    assert_eq!(
        count(&db, "raw_vitals_states where state <> 'completed'"),
        0
    );
}

#[test]
fn a_group_that_fails_is_rolled_back_whole_and_the_others_are_done() {
    let (db, program) = postgres();
    insert_heart_rates(&db, 3, 2, 10);
    db.execute(
        "create function refuse() returns trigger language plpgsql as $$ begin \
           if new.user_id = 2 and new.period = 'week' and new.local_date = '2025-12-29' \
             and new.count > 10 then \
             raise exception 'the application forbids it'; end if; return new; end $$; \
         create trigger refuse before insert or update on vitals_aggregates \
           for each row execute function refuse()",
    );
    // The first of the two days passes, the second one makes the week too big.
    let ran = program.run(&["run-once"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("1 groups failed"), "{ran:?}");
    assert_eq!(
        count(&db, "raw_vitals_states where state = 'completed'"),
        50
    );
    assert_eq!(
        count(
            &db,
            "raw_vitals_states where state = 'failed' and reason like '%the application forbids it%'"
        ),
        10
    );
    let failed_day = "vitals_aggregates where user_id = 2 and local_date = '2026-01-02'";
    assert_eq!(
        count(&db, failed_day),
        0,
        "nothing of the failed group is left"
    );
    let mark = "(select concat_ws(' ', user_id, local_date, state, attempts, error_class) \
                from failed_groups)";
    assert_eq!(db.value(mark), "2 2026-01-02 waiting 1 data");

    let listed = program.ok(&["failed", "list"]);
    assert!(
        listed.contains("2026-01-02") && listed.contains("forbids"),
        "{listed}"
    );
    let shown = program.ok(&["failed", "show", "vitals", "2", "2026-01-02"]);
    assert!(shown.contains("attempts: 1"), "{shown}");
    assert_eq!(
        program.run(&["failed", "discard"]).code,
        Some(2),
        "must be narrowed down"
    );

    // Mended, and made due, it is folded by the next run.
    db.execute("drop trigger refuse on vitals_aggregates");
    assert_eq!(
        program.ok(&["failed", "retry", "--user", "2"]),
        "1 groups are due now\n"
    );
    assert!(program.ok(&["run-once"]).starts_with("1 groups folded"));
    assert_eq!(
        count(&db, "raw_vitals_states where state = 'completed'"),
        60
    );
    assert_eq!(count(&db, UNSETTLED), 0);
}

#[test]
fn statements_do_not_grow_with_rows() {
    let calls = |rows| {
        let (db, program) = postgres();
        db.execute("create extension pg_stat_statements");
        insert_heart_rates(&db, 1, 1, rows);
        db.execute("select pg_stat_statements_reset()");
        program.ok(&["run-once"]);
        assert_eq!(
            count(&db, "raw_vitals_states where state = 'completed'"),
            u64::from(rows)
        );
        db.value(
            "(select sum(calls) from pg_stat_statements s join pg_database d on d.oid = s.dbid \
             where d.datname = current_database() and query not like '%pg_stat_statements%')",
        )
    };
    assert_eq!(calls(10), calls(1000));
}

/// At another level, which a role or a database may have as its default, a fold
/// would read what was there before it had its lock.
#[test]
fn a_group_is_folded_at_read_committed_whatever_the_default_is() {
    let (db, program) = postgres();
    insert_heart_rates(&db, 2, 2, 5);
    db.execute(
        "do $$ begin execute format( \
           'alter database %I set default_transaction_isolation = serializable', \
           current_database()); end $$; \
         create table seen (level text, waits text); \
         create function see() returns trigger language plpgsql as $$ begin \
           insert into seen values (current_setting('transaction_isolation'), \
             current_setting('synchronous_commit')); \
           return null; end $$; \
         create trigger see after insert on vitals_aggregates \
           for each statement execute function see()",
    );
    program.ok(&["run-once"]);
    assert_eq!(
        count(&db, "raw_vitals_states where state = 'completed'"),
        20
    );
    let seen = "(select string_agg(distinct level || ', ' || waits, ';') from seen)";
    assert_eq!(db.value(seen), "read committed, off");
}

#[test]
fn a_run_ends_with_its_budget() {
    let (db, program) = postgres();
    insert_heart_rates(&db, 3, 3, 5);
    let ran = program.run(&["run-once", "--budget", "1ns"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert_eq!(count(&db, "raw_vitals_states where state = 'pending'"), 45);
}

#[test]
fn a_pool_that_the_server_cannot_serve_is_refused() {
    let (_db, program) = postgres();
    let mut command = program.command(&["run-once"]);
    let output = command
        .env("VITALFOLD__POOL__SIZE", "500")
        .output()
        .unwrap();
    let ran = Ran::from(output);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        ran.stderr
            .contains("pool.size + pool.max_overflow = 530 connections"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("max_connections is 200"), "{ran:?}");
}

#[test]
fn a_schema_that_is_missing_is_named_with_the_way_out() {
    let program = Program::on(&cluster::shared().database());
    let ran = program.run(&["run-once"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("run `vitalfold migrate`"), "{ran:?}");
}

#[test]
fn a_database_that_is_away_is_an_error_without_its_password() {
    let program = Program::on("postgres://app:s3cret@127.0.0.1:1/health");
    let ran = program.run(&["status"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("cannot connect"), "{ran:?}");
    assert!(!ran.stderr.contains("s3cret"), "{ran:?}");
}

#[test]
fn a_backfill_folds_its_range_again() {
    let (db, program) = postgres();
    insert_heart_rates(&db, 2, 5, 5);
    program.ok(&["run-once"]);
    // Behind the triggers' back, as after a bug in a fold.
    db.execute("update vitals_aggregates set mean = 0");
    let range = [
        "backfill",
        "--domain",
        "vitals",
        "--user",
        "1",
        "--from",
        "2026-01-02",
        "--to",
        "2026-01-03",
    ];
    let dry = program.ok(&[&range[..], &["--dry-run", "--json"]].concat());
    let dry: serde_json::Value = serde_json::from_str(&dry).unwrap();
    let expected = serde_json::json!({"vitals": {"groups": 2, "users": 1, "rows": 10}});
    assert_eq!(dry, expected);
    assert_eq!(count(&db, UNSETTLED), 0);
    assert!(program.ok(&range).starts_with("2 groups folded"));
    assert_eq!(count(&db, "vitals_daily where mean > 0"), 2);
    assert_eq!(count(&db, "vitals_daily where mean = 0"), 8);

    // Stopped at once, resumed later.
    let ran = program.run(&["backfill", "--budget", "1ns"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert_eq!(count(&db, UNSETTLED), 10);
    assert!(
        program
            .ok(&["backfill", "--resume"])
            .starts_with("10 groups folded")
    );
    assert_eq!(count(&db, "vitals_aggregates where mean = 0"), 0);
}

#[test]
fn verify_finds_drift_and_repairs_it() {
    for db in [Database::postgres(), Database::sqlite()] {
        let program = Program::on(db.url());
        program.ok(&["migrate"]);
        db.execute(
            "insert into raw_vitals \
               (user_id, metric, value, unit, started_at, ended_at, utc_offset_minutes) values \
             (1, 'heart_rate', 60, '/min', '2026-01-05 10:00:00.000000+00:00', \
               '2026-01-05 10:00:00.000000+00:00', 0), \
             (2, 'heart_rate', 61, '/min', '2026-01-05 10:00:00.000000+00:00', \
               '2026-01-05 10:00:00.000000+00:00', 0)",
        );
        program.ok(&["run-once"]);
        let sound = "2 groups checked, 0 not settled yet, 0 drifted in 0 places, 0 repaired\n";
        assert_eq!(program.ok(&["verify"]), sound);
        db.execute("update vitals_aggregates set mean = 99 where user_id = 2 and period = 'week'");
        let ran = program.run(&["verify", "--all"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stdout.contains("week 2026-01-05"), "{ran:?}");
        assert!(ran.stdout.contains("differs in mean"), "{ran:?}");
        assert!(!ran.stdout.contains("99"), "values are not shown: {ran:?}");
        let ran = program.run(&["verify", "--all", "--repair", "--json"]);
        let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!((ran.code, &report["repaired_groups"]), (Some(1), &1.into()));
        assert_eq!(program.ok(&["verify", "--all"]), sound);
    }
}

#[test]
fn a_worker_pauses_and_leaves_when_asked() {
    let (db, program) = postgres();
    program.ok(&["pause"]);
    insert_heart_rates(&db, 1, 1, 5);
    let mut command = program.command(&["worker"]);
    command
        .env("VITALFOLD__WORKER__SETTLE", "0s")
        .env("VITALFOLD__WORKER__POLL", "10ms")
        .stderr(std::process::Stdio::piped());
    let mut worker = command.spawn().unwrap();
    wait_until("the worker shows itself", || {
        count(&db, "worker_heartbeats") == 1
    });
    assert!(program.ok(&["status"]).contains("Paused"));
    assert_eq!(count(&db, "raw_vitals_states where state = 'pending'"), 5);
    program.ok(&["resume"]);
    wait_until("the rows are folded", || {
        count(&db, "raw_vitals_states where state = 'pending'") == 0
    });
    signal(&worker, "INT");
    assert_eq!(worker.wait().unwrap().code(), Some(0));
    let mut log = String::new();
    worker
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut log)
        .unwrap();
    assert!(log.contains("worker stopped"), "{log}");
}

#[test]
fn the_demo_shows_aggregates_every_time() {
    let program = Program::on("sqlite://unused.db");
    for new in ["1688 new", "0 new"] {
        let shown = program.ok(&["demo"]);
        assert!(
            shown.contains(new) && shown.contains("heart_rate"),
            "{shown}"
        );
    }
    assert!(program.dir.path().join("vitalfold-demo.db").exists());
    assert!(!program.dir.path().join("unused.db").exists());
}

#[test]
fn a_wrong_configuration_names_its_key() {
    let program = Program::on_sqlite();
    for (text, expected) in [
        (
            "[pool]\nsise = 3",
            "key `pool.sise`: unknown key; did you mean `size`?",
        ),
        (
            "[pool]\nwait_timeout = 45",
            "key `pool.wait_timeout`: `45` is not a duration",
        ),
        (
            "[worker]\ndomains = [\"vital\"]",
            "`vital` is not a domain; known: vitals, labs",
        ),
        ("[worker]\nbatch_size = 0", "worker.batch_size is 0"),
        ("[pool", "TOML parse error at line 1"),
        (
            "[aggregation]\ndefault_time_zone = \"Mars\"",
            "key `aggregation.default_time_zone`",
        ),
        (
            "[aggregation]\nsum_overlaps = [\"step\"]",
            "`step` is not the canonical name",
        ),
    ] {
        let file = program.file("bad.toml", text);
        let ran = program.run(&["--config", &file, "config", "check"]);
        assert_eq!(ran.code, Some(2), "{text}: {ran:?}");
        assert!(ran.stderr.contains(expected), "{text}: {}", ran.stderr);
    }
    let mut command = program.command(&["config", "check"]);
    let ran = Ran::from(command.env("VITALFOLD__POOL__SISE", "3").output().unwrap());
    assert!(ran.stderr.contains("VITALFOLD__POOL__SISE"), "{ran:?}");
    let mut command = program.command(&["config", "show", "--json"]);
    let ran = Ran::from(command.env("VITALFOLD__POOL__SIZE", "30").output().unwrap());
    let shown: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(shown["pool"]["size"], 30);
}

/// A fold reads rows and writes none.
#[test]
fn rows_that_the_application_has_locked_stop_nobody() {
    let (db, program) = postgres();
    insert_heart_rates(&db, 6, 2, 5);
    let mut application = db.session();
    application.send("begin; select 1 from raw_vitals for update;");
    wait_until("the rows are locked", || {
        count(
            &db,
            "pg_locks where relation = 'raw_vitals'::regclass and mode = 'RowShareLock'",
        ) > 0
    });
    let mut command = program.command(&["run-once"]);
    command.env("VITALFOLD__POOL__LOCK_TIMEOUT", "1ms");
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    application.send("commit;");
    application.end();
    assert_eq!(
        count(&db, "raw_vitals_states where state = 'completed'"),
        60
    );
}

#[test]
fn a_lock_of_the_application_does_not_stop_the_others() {
    let (db, program) = postgres();
    insert_heart_rates(&db, 6, 2, 5);
    let gate = Gate::shut(&db, "new.user_id = 3");
    let mut command = program.command(&["run-once"]);
    let ran = Ran::from(
        command
            .env("VITALFOLD__POOL__LOCK_TIMEOUT", "100ms")
            .output()
            .unwrap(),
    );
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(
        count(
            &db,
            "raw_vitals_states where user_id <> 3 and state = 'completed'"
        ),
        50
    );
    let marks = "(select string_agg(concat_ws(' ', user_id, local_date, state, attempts, \
                 error_class), ', ' order by local_date) from failed_groups)";
    let expected = "3 2026-01-01 waiting 0 transient, 3 2026-01-02 waiting 0 transient";
    assert_eq!(db.value(marks), expected);

    gate.open();
    program.ok(&["failed", "retry"]);
    program.ok(&["run-once"]);
    assert_eq!(
        count(&db, "raw_vitals_states where state = 'completed'"),
        60
    );
}

#[test]
fn readers_write_nothing() {
    let (db, program) = postgres();
    insert_heart_rates(&db, 2, 2, 5);
    program.ok(&["run-once"]);
    db.execute("update worker_control set default_time_zone = 'Europe/Berlin'");
    let Database::Postgres { name, .. } = &db else {
        unreachable!()
    };
    let role = format!("reader_{name}");
    db.execute(&format!(
        "create role {role} login; grant select on all tables in schema public to {role}; \
         grant execute on function vitalfold_utc_offset, vitalfold_zone_offset to {role}"
    ));
    let reader = Program::on(&db.url().replace("postgres@", &format!("{role}@")));
    for command in [
        &["status"][..],
        &["aggregates", "vitals", "--user", "1"],
        &["verify", "--all"],
        &["failed", "list"],
    ] {
        reader.ok(command);
    }
    let zone = "(select default_time_zone from worker_control)";
    assert_eq!(db.value(zone), "Europe/Berlin");
    // Folding does not change it either, but says that it is another one.
    let ran = program.run(&["run-once"]);
    assert!(
        ran.stderr
            .contains("`vitalfold migrate` brings the database in line"),
        "{ran:?}"
    );
    assert_eq!(db.value(zone), "Europe/Berlin");
    program.ok(&["migrate"]);
    assert_eq!(db.value(zone), "UTC");
}

#[test]
fn a_paused_run_once_says_so() {
    let (db, program) = postgres();
    insert_heart_rates(&db, 1, 1, 5);
    program.ok(&["pause"]);
    let ran = program.run(&["run-once"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stdout.starts_with("paused after 0 groups"), "{ran:?}");
}

#[test]
fn a_zone_that_the_server_does_not_know_is_refused_where_it_is_written() {
    let (db, _program) = postgres();
    db.execute(
        "do $$ begin \
           insert into user_time_zones values (3, 'Nope/Zone'); \
           raise exception 'accepted'; \
         exception when others then \
           if sqlerrm = 'accepted' then raise; end if; \
         end $$",
    );
    assert_eq!(count(&db, "user_time_zones"), 0);
    db.execute("insert into user_time_zones values (3, 'America/St_Johns')");
}

#[test]
fn an_offset_out_of_range_is_named() {
    let program = Program::on_sqlite();
    for offset in ["841", "-2147483648", "1.5", "x"] {
        let text = format!(
            "user_id,metric,value,unit,started_at,utc_offset_minutes\n\
             1,heart_rate,60,/min,2026-01-05 10:00,{offset}\n"
        );
        let ran = program.run(&["import", "csv", &program.file("offset.csv", text)]);
        assert_eq!(ran.code, Some(2), "{offset}: {ran:?}");
        assert!(
            ran.stderr
                .contains("offset.csv:2: column `utc_offset_minutes`"),
            "{ran:?}"
        );
    }
}

#[test]
fn going_on_stores_all_but_the_rows_that_cannot_be() {
    for db in [Database::postgres(), Database::sqlite()] {
        let program = Program::on(db.url());
        program.ok(&["migrate"]);
        let file = program.file(
            "edge.csv",
            "user_id,metric,value,unit,started_at\n\
             1,heart_rate,60,/min,2026-01-05T10:00:00Z\n\
             1,heart_rate,61,/min,0001-01-01T00:00:00+14:00\n\
             1,heart_rate,x,/min,2026-01-05T10:02:00Z\n\
             1,heart_rate,62,/min,9998-12-31T23:59:59-14:00\n",
        );
        let ran = program.run(&["import", "csv", &file]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(
            ran.stderr.contains("edge.csv:3: column `started_at`"),
            "{ran:?}"
        );
        assert_eq!(count(&db, "raw_vitals"), 0);
        let ran = program.run(&["import", "csv", "--keep-going", &file]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stdout.contains("2 malformed records"), "{ran:?}");
        assert_eq!(count(&db, "raw_vitals"), 2);
    }
}
