//! `vitalfold copy`: from an embedded database to PostgreSQL.

use crate::cluster::{self, wait_until};
use crate::database::Database;
use crate::program::Program;

/// An embedded database with some of everything: folded, pending, rejected,
/// dead, people with zones and names.
fn source() -> (Program, Database) {
    let program = Program::on_sqlite();
    let mut csv = "user_id,metric,value,unit,started_at,source\n".to_owned();
    for row in 0..2500_u32 {
        let (day, minute) = (row / 100 % 28 + 1, row % 100 / 2 + 10);
        let value = f64::from(row % 97) / 3.0 + 40.0;
        csv.push_str(&format!(
            "{},heart_rate,{value},/min,2026-03-{day:02}T07:{minute}:{:02}+05:45,watch\n",
            row % 3 + 1,
            row / 1250 + row % 2 * 30
        ));
    }
    csv.push_str("2,heart_rate,900,/min,2026-03-01T09:00:00Z,watch\n");
    program.file("vitals.csv", csv);
    program.file(
        "food.csv",
        "user_id,nutrient,amount,unit,meal,eaten_at,source\n\
         1,energy,333.33333333333331,kcal,Lunch,2026-03-01T12:00:00+01:00,diary\n\
         1,energy,1e-7,kcal,Dinner,2026-03-01T19:00:00+01:00,diary\n",
    );
    program.file(
        "labs.csv",
        "user_id,code,name,value,unit,collected_at,source\n\
         1,4548-4,Hemoglobin A1c,5.4,%,2026-03-01T08:00:00+01:00,lab\n\
         1,4548-4,Hemoglobin A1c,<4,%,2026-03-02T08:00:00+01:00,lab\n",
    );
    program.ok(&["import", "csv", "vitals.csv", "food.csv", "labs.csv"]);
    program.ok(&["run-once"]);
    program.file(
        "late.csv",
        "user_id,metric,value,unit,started_at,source\n\
         1,heart_rate,70,/min,2026-04-01T07:00:00+01:00,watch\n",
    );
    program.ok(&["import", "csv", "late.csv"]);
    let db = Database::Sqlite {
        url: program.url.clone(),
        _dir: tempfile::tempdir().unwrap(),
    };
    db.execute(
        "insert into user_time_zones values (1, 'Asia/Kathmandu'); \
         insert into patient_users values ('Patient/x', 1); \
         update worker_control set paused = 1, default_time_zone = 'Europe/Vienna'; \
         insert into failed_groups (user_id, domain, local_date, state, attempts, next_attempt_at, \
           error, error_class, rows, since) \
         values (9, 'labs', '2026-03-01', 'dead', 5, '2026-03-02 00:00:00.000000+00:00', \
           'of no kind', 'data', 1, '2026-03-02 00:00:00.000000+00:00')",
    );
    (program, db)
}

fn target() -> (Program, Database) {
    let db = Database::postgres();
    let program = Program::on(db.url());
    program.ok(&["migrate"]);
    (program, db)
}

/// What people see of a database.
fn seen(program: &Program) -> String {
    let mut text = String::new();
    for (domain, user, period) in [
        ("vitals", "1", "hour"),
        ("vitals", "2", "day"),
        ("vitals", "3", "month"),
        ("labs", "1", "year"),
        ("nutrition", "1", "week"),
    ] {
        let args = ["aggregates", domain, "--user", user, "--period", period];
        text.push_str(&program.ok(&[&args[..], &["--format", "csv"]].concat()));
    }
    text
}

#[test]
fn everything_arrives_and_work_goes_on_there() {
    let (from, lite) = source();
    let (to, server) = target();
    let text = to.ok(&["copy", "--from", &from.url, "--to", &to.url]);
    assert!(text.contains("same on both sides"), "{text}");

    for question in [
        "select count(*) from raw_vitals",
        "select user_id || row_id || local_date || reason from rejected_rows",
        "select user_id || domain || local_date || kind || rows || id from group_changes",
        "select sum(id * user_id) from raw_labs",
        "select count(*) from vitals_aggregates",
        "select user_id || domain || local_date || state || attempts || error from failed_groups",
        "select reference || user_id from patient_users",
        "select user_id || time_zone from user_time_zones",
        "select sum(rows_completed) from aggregation_batches",
        "select default_time_zone from worker_control",
    ] {
        assert_eq!(server.value(question), lite.value(question), "{question}");
        assert_ne!(server.value(question), "", "{question}");
    }
    assert_eq!(seen(&to), seen(&from));
    assert_eq!(server.value("select paused from worker_control"), "true");
    to.ok(&["verify", "--all"]);

    // New rows get new ids; only the pending row and this one are folded.
    to.ok(&["resume"]);
    server.execute(
        "insert into raw_vitals (user_id, metric, value, unit, started_at) \
         values (1, 'heart_rate', 60, '/min', '2026-05-01 00:00Z')",
    );
    assert!(to.ok(&["run-once"]).starts_with("2 groups folded"));
    to.ok(&["verify", "--all"]);

    // It is whole now, and not empty any more.
    let ran = to.run(&["copy", "--from", &from.url, "--to", &to.url]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("--to is not empty"), "{ran:?}");
}

#[test]
fn a_copy_that_is_killed_goes_on_where_it_was() {
    let (from, _lite) = source();
    let (to, server) = target();
    // Stands still at the second batch, until it is killed.
    let Database::Postgres { name, .. } = &server else {
        unreachable!()
    };
    let mut gate = cluster::shared().session(name);
    gate.send("select pg_advisory_lock(42);");
    server.execute(
        "create function wait() returns trigger language plpgsql as $$ begin \
           if new.id > 1500 then perform pg_advisory_xact_lock(42); end if; return new; end $$; \
         create trigger wait before insert on raw_vitals for each row execute function wait()",
    );
    let args = ["copy", "--from", &from.url, "--to", &to.url];
    let mut child = to
        .command(&args)
        .env("VITALFOLD__POOL__LOCK_TIMEOUT", "60s")
        .stderr(std::fs::File::create(to.dir.path().join("log")).unwrap())
        .spawn()
        .unwrap();
    let rows = || server.value("select count(*) from raw_vitals");
    wait_until("the first batch is there and the second one waits", || {
        rows() == "1000"
            && server.value(
                "select count(*) from pg_locks where locktype = 'advisory' and not granted \
                 and database = (select oid from pg_database where datname = current_database())",
            ) == "1"
    });
    wait_until("the log says how far it is", || {
        let log = std::fs::read_to_string(to.dir.path().join("log")).unwrap();
        log.contains("\"copy: 10") && log.contains(" rows (")
    });
    child.kill().unwrap();
    child.wait().unwrap();
    // Its statement is still waiting; it must not go on when the gate opens.
    server.execute("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())");
    wait_until("the server has let go of it", || {
        server.value("select count(*) from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())") == "0"
    });
    gate.end();
    server.execute("drop trigger wait on raw_vitals");

    // Nobody works on half a copy, nobody copies something else into it.
    let ran = to.run(&["run-once"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("unfinished"), "{ran:?}");
    let (other, _) = source();
    let ran = to.run(&["copy", "--from", &other.url, "--to", &to.url]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("unfinished copy of"), "{ran:?}");

    let json = to.ok(&[&args[..], &["--json"]].concat());
    let tables: serde_json::Value = serde_json::from_str(&json).unwrap();
    let vitals = tables
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["table"] == "raw_vitals")
        .unwrap();
    assert_eq!(
        (&vitals["found"], &vitals["rows"]),
        (&1000.into(), &2502.into())
    );
    to.ok(&["verify", "--all"]);
    assert_eq!(seen(&to), seen(&from));
}

#[test]
fn what_was_changed_on_the_way_is_noticed() {
    let (from, _lite) = source();
    let (to, server) = target();
    server.execute(
        "create function round() returns trigger language plpgsql as $$ begin \
           new.value := new.value + 1e-12; return new; end $$; \
         create trigger round before insert on raw_vitals for each row \
           when (new.id = 77) execute function round()",
    );
    let ran = to.run(&["copy", "--from", &from.url, "--to", &to.url]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("raw_vitals differs"), "{ran:?}");
}

#[test]
fn the_wrong_way_round_is_explained() {
    let (to, server) = target();
    let (from, lite) = source();
    for (args, says) in [
        ([to.url.as_str(), from.url.as_str()], "--from"),
        ([&from.url, &from.url], "--to"),
        (["sqlite://nowhere.db", &to.url], "no such file"),
    ] {
        let ran = to.run(&["copy", "--from", args[0], "--to", args[1]]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(says), "{ran:?}");
    }
    assert!(!to.dir.path().join("nowhere.db").exists());

    lite.execute(
        "insert into worker_heartbeats (worker, mode, activity) values ('w', 'worker', 'idle')",
    );
    let ran = to.run(&["copy", "--from", &from.url, "--to", &to.url]);
    assert!(ran.stderr.contains("stop it first"), "{ran:?}");
    lite.execute("delete from worker_heartbeats");
    server.execute(
        "drop table worker_heartbeats, aggregation_batches; delete from __diesel_schema_migrations",
    );
    let ran = to.run(&["copy", "--from", &from.url, "--to", &to.url]);
    assert!(ran.stderr.contains("migrate"), "{ran:?}");
}

#[test]
fn no_table_is_left_out() {
    let (_, server) = target();
    let mut copied: Vec<_> = vitalfold::store::copy::tables()
        .iter()
        .map(|table| table.name)
        .collect();
    copied.extend([
        "__diesel_schema_migrations",
        "retention_runs",
        "worker_control",
        "worker_heartbeats",
    ]);
    copied.sort_unstable();
    let there = server.value(
        "select string_agg(relname, ',' order by relname collate \"C\") from pg_class \
         where relkind = 'r' and relnamespace = 'public'::regnamespace",
    );
    assert_eq!(there, copied.join(","));
}

#[test]
fn sqlite_in_production_names_the_way_out() {
    let program = Program::on_sqlite();
    for command in ["migrate", "status"] {
        let mut command = program.command(&[command]);
        command.env("VITALFOLD__ENVIRONMENT", "production");
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains("vitalfold copy"), "{text}");
    }
}
