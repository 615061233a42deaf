//! A server whose errors are in German.

use std::fs::File;

use crate::cluster::{Cluster, wait_until};
use crate::program::{Program, Running, signal};
use crate::states::UNSETTLED;

const ROWS: &str = "insert into raw_vitals (user_id, metric, value, unit, started_at) \
     select u, 'heart_rate', 70, '/min', timestamptz '2026-01-05 10:00Z' from generate_series(1, 5) u";

#[test]
fn locks_ended_sessions_full_disks_and_refused_logins_are_told_apart() {
    let server = Cluster::start_german(&[]);
    server.psql("postgres", "create database app");
    let program = Program::on(&server.url("app"));
    program.ok(&["migrate"]);
    let value = |text: &str| server.psql("app", text);
    let log = program.dir.path().join("log");
    let child = program
        .command(&["worker"])
        .envs([
            ("VITALFOLD__WORKER__POLL", "20ms"),
            ("VITALFOLD__WORKER__SETTLE", "0s"),
            ("VITALFOLD__WORKER__MAX_ATTEMPTS", "1"),
            ("VITALFOLD__WORKER__RETRY_BACKOFF", "1ms"),
            ("VITALFOLD__POOL__LOCK_TIMEOUT", "100ms"),
            ("VITALFOLD__HTTP__ENABLED", "false"),
        ])
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut worker = Running(child);
    let logged = |text: &str| std::fs::read_to_string(&log).unwrap().contains(text);
    let all_folded = || {
        value("select count(*) from raw_vitals_states where state <> 'completed'") == "0"
            && value(&format!("select count(*) from {UNSETTLED}")) == "0"
    };

    // A lock that the application holds.
    let mut holder = server.session("app");
    holder.send("begin; lock table vitals_aggregates in share row exclusive mode;");
    wait_until("the table is locked", || {
        value(
            "select count(*) from pg_locks where relation = 'vitals_aggregates'::regclass \
             and mode = 'ShareRowExclusiveLock' and granted",
        ) == "1"
    });
    value(ROWS);
    wait_until("the worker met the lock", || logged("SQLSTATE 55P03"));
    holder.send("rollback;");
    holder.end();
    wait_until("everything is folded", all_folded);

    // Sessions that an administrator ends.
    value(
        "create table gate (id integer); insert into gate values (1); \
         create function wait() returns trigger language plpgsql as $$ begin \
         if exists (select from gate) then perform pg_sleep(60); end if; return new; end $$; \
         create trigger wait before insert on vitals_aggregates for each row execute function wait()",
    );
    value(&ROWS.replace("'2026-01-05", "'2026-02-05"));
    let asleep = "pg_stat_activity where wait_event = 'PgSleep'";
    wait_until("a session of the worker is at work", || {
        value(&format!("select count(*) from {asleep}")) != "0"
    });
    value("delete from gate");
    value(&format!(
        "select count(pg_terminate_backend(pid)) from {asleep}"
    ));
    // The end of the connection may be seen before the server's last message,
    // as a reset one where the server left what was sent unread.
    wait_until("the worker was told", || {
        logged("SQLSTATE 57P01")
            || logged("connection closed")
            || logged("error communicating with the server")
    });
    wait_until("everything is folded", all_folded);

    // A disk that is full, as the server reports it.
    value(
        "create or replace function wait() returns trigger language plpgsql as $$ begin \
         raise 'konnte Datei nicht erweitern' using errcode = 'disk_full'; end $$",
    );
    value(&ROWS.replace("'2026-01-05", "'2026-03-05"));
    wait_until("the worker met the full disk", || logged("SQLSTATE 53100"));
    value("drop trigger wait on vitals_aggregates");
    wait_until("everything is folded", all_folded);
    signal(&worker, "TERM");
    assert!(worker.wait().unwrap().success(), "nothing of this ends it");
    let dead = "select count(*) from aggregation_errors where error_class <> 'transient'";
    assert_eq!(value(dead), "0");

    // A login that is refused is no outage.
    let stranger = Program::on(&program.url.replace("postgres@", "niemand@"));
    let ran = stranger.run(&["run-once"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("SQLSTATE 28000"), "{ran:?}");
    let missing = Program::on(&server.url("nirgends"));
    let ran = missing.run(&["run-once"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("SQLSTATE 3D000"), "{ran:?}");
}
