//! `vitalfold doctor`: each finding is provoked once.

use serde_json::Value;

use crate::cluster::{self, wait_until};
use crate::database::Database;
use crate::program::Program;

/// The level and the text of one check.
fn check(report: &Value, name: &str) -> (String, String) {
    let findings = report["findings"].as_array().unwrap();
    let finding = findings
        .iter()
        .find(|finding| finding["check"] == name)
        .unwrap_or_else(|| panic!("no check {name}: {report}"));
    let text = |key: &str| finding[key].as_str().unwrap().to_owned();
    (text("level"), text("found"))
}

fn examine(program: &Program, environment: &[(&str, &str)]) -> (i32, Value) {
    let mut command = program.command(&["doctor", "--format", "json"]);
    let output = command.envs(environment.iter().copied()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let report = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), report)
}

fn migrated() -> (Database, Program) {
    let db = Database::postgres();
    let program = Program::on(db.url());
    program.ok(&["migrate"]);
    (db, program)
}

#[test]
fn a_sound_database_has_no_findings() {
    let lite = Program::on_sqlite();
    lite.ok(&["migrate"]);
    let (_db, program) = migrated();
    for program in [program, lite] {
        let (code, report) = examine(&program, &[]);
        assert_eq!((code, &report["errors"]), (0, &0.into()), "{report}");
        let check = |name| check(&report, name).0;
        for name in ["connection", "schema", "default time zone", "dead groups"] {
            assert_eq!(check(name), "ok");
        }
    }
}

#[test]
fn a_server_that_is_away_is_a_finding() {
    let program = Program::on("postgres://postgres@%2Fnowhere/health");
    let (code, report) = examine(&program, &[]);
    assert_eq!(code, 1);
    let (level, found) = check(&report, "connection");
    assert_eq!(level, "error");
    assert!(found.contains("cannot connect"), "{found}");

    let lite = Program::on_sqlite();
    let (code, report) = examine(&lite, &[]);
    assert_eq!(code, 1);
    assert!(check(&report, "connection").1.contains("no such file"));
    assert_eq!(std::fs::read_dir(lite.dir.path()).unwrap().count(), 0);

    // But a configuration that names no database leaves nothing to examine.
    assert_eq!(Program::on("mysql://db").run(&["doctor"]).code, Some(2));
}

#[test]
fn every_trouble_of_a_server_is_found() {
    let (db, program) = migrated();
    let Database::Postgres { name, .. } = &db else {
        unreachable!()
    };
    let server = cluster::shared();
    db.execute(
        "drop index raw_labs_time; \
         alter table raw_vitals disable trigger user; \
         update pg_index set indisvalid = false where indexrelid = 'raw_vitals_time'::regclass; \
         insert into user_time_zones values (1, 'posix/Europe/Berlin'), (2, 'Europe/Berlin'); \
         update worker_control set default_time_zone = 'Europe/Paris'; \
         insert into failed_groups (user_id, domain, local_date, state, attempts, next_attempt_at, \
           error, error_class, rows, since) \
         values (1, 'vitals', '2026-01-01', 'dead', 5, now(), 'of no kind', 'data', 1, now()); \
         insert into group_changes (user_id, domain, local_date, kind, rows, changed_at) \
         values (1, 'vitals', '2026-01-02', 'insert', 1, now() - interval '1 hour')",
    );
    server.psql(
        "postgres",
        &format!("alter database {name} set default_transaction_read_only = on"),
    );
    let mut session = server.session(name);
    session.send("begin read only; select count(*) from raw_vitals; select txid_current();");
    wait_until("a session idles in its transaction", || {
        server.psql(
            name,
            "select count(*) from pg_stat_activity where datname = current_database() \
             and state = 'idle in transaction' and backend_xid is not null",
        ) == "1"
    });
    let short = [
        ("VITALFOLD__POOL__IDLE_IN_TRANSACTION_TIMEOUT", "1ms"),
        ("VITALFOLD__POOL__SIZE", "500"),
    ];
    let mut last = Value::Null;
    // A session is told of once it has idled for a while.
    wait_until("the transaction is long", || {
        last = examine(&program, &short).1;
        check(&last, "long transactions").0 == "warn"
    });
    let (code, report) = examine(&program, &short);
    session.end();
    assert_eq!(code, 1);
    for (name, level, found) in [
        ("writable", "error", "takes no writes"),
        ("connections", "error", "530 connections"),
        ("idle in transaction", "warn", "1 sessions"),
        ("long transactions", "warn", "1, the oldest"),
        ("indexes", "error", "raw_labs_time, raw_vitals_time"),
        (
            "triggers",
            "error",
            "raw_vitals: delete, raw_vitals: insert",
        ),
        ("default time zone", "warn", "Europe/Paris in the database"),
        ("time zones", "error", "posix/Europe/Berlin"),
        ("dead groups", "warn", "1 groups"),
        ("oldest pending row", "warn", "waits for 1h"),
    ] {
        let (is, text) = check(&report, name);
        assert_eq!(is, level, "{name}: {text}");
        assert!(text.contains(found), "{name}: {text}");
    }
}

#[test]
fn a_schema_behind_the_program_is_found() {
    let (db, program) = migrated();
    db.execute("delete from __diesel_schema_migrations where version = '00000000000004'");
    let (code, report) = examine(&program, &[]);
    assert_eq!(code, 1);
    let (level, found) = check(&report, "schema");
    assert_eq!(level, "error");
    assert!(found.contains("00000000000004"), "{found}");
}

#[test]
fn rights_that_the_role_has_not_are_named() {
    let (db, program) = migrated();
    let Database::Postgres { name, .. } = &db else {
        unreachable!()
    };
    let role = format!("{name}_worker");
    db.execute(&format!(
        "create role {role} login; grant all on all tables in schema public to {role}; \
         revoke delete on vitals_aggregates from {role}; \
         revoke select on raw_labs from {role}; \
         grant execute on function vitalfold_zone_offset to {role}"
    ));
    // Another role's session, which this one may not look into.
    let other = cluster::shared().session(name);
    wait_until("the other session is there", || {
        let sessions = "(select count(*) from pg_stat_activity \
             where datname = current_database() and pid <> pg_backend_pid())";
        db.value(sessions) != "0"
    });
    let own = Program::on(&program.url.replace("postgres@", &format!("{role}@")));
    let (code, report) = examine(&own, &[]);
    other.end();
    assert_eq!(code, 1);
    assert_eq!(
        check(&report, "privileges"),
        (
            "error".into(),
            "missing: delete on vitals_aggregates, select on raw_labs, \
             execute on vitalfold_utc_offset(bigint, timestamptz)"
                .into()
        )
    );
    assert_eq!(check(&report, "sessions seen").0, "warn");
}

#[test]
fn whoever_holds_a_lock_of_ours_is_named() {
    let (db, program) = migrated();
    db.execute(
        "insert into group_changes (user_id, domain, local_date, kind, rows) \
         values (7, 'labs', '2026-01-05', 'refold', 0)",
    );
    let (_, report) = examine(&program, &[]);
    assert_eq!(check(&report, "advisory locks").0, "ok");
    let mut stranger = db.session();
    stranger.send(
        "select pg_advisory_lock(hashtextextended('vitalfold run', 0)), \
           pg_advisory_lock(hashint8extended(7, hashtextextended('vitalfold labs', 0))), \
           pg_advisory_lock(12345), pg_advisory_lock(1, 2); select 'private';",
    );
    let held = "(select count(*) from pg_locks where locktype = 'advisory' \
         and database = (select oid from pg_database where datname = current_database()))";
    wait_until("the locks are held", || db.value(held) == "4");
    let pid = db.value(
        "(select pid from pg_stat_activity where datname = current_database() \
         and application_name = 'psql' and pid <> pg_backend_pid())",
    );
    let session = format!("pid {pid}, psql as postgres, connected since 20");

    let ran = program.run(&["run-once"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    let line = format!("another run has not finished: {session}");
    assert!(ran.stderr.contains(&line), "{ran:?}");
    let status = program.ok(&["status"]);
    for lock in ["runs", "users"] {
        let line = format!("Kept out: {lock} wait for {session}");
        assert!(status.contains(&line), "{status}");
    }
    let (code, report) = examine(&program, &[]);
    assert_eq!(code, 0, "a warning is no error");
    let found: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["check"] == "advisory locks")
        .map(|finding| finding["found"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].starts_with(&format!("runs wait for {session}")),
        "{found:?}"
    );
    assert!(!report.to_string().contains("private"));
    stranger.end();
    program.ok(&["run-once"]);
}

#[test]
fn a_database_that_is_not_unicode_is_refused_before_the_first_migration() {
    let server = cluster::shared();
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let name = format!("encoded_{}", encoding.to_lowercase());
        server.psql(
            "postgres",
            &format!("create database {name} encoding '{encoding}' locale 'C' template template0"),
        );
        let program = Program::on(&server.url(&name));
        for command in ["migrate", "worker", "run-once"] {
            let ran = program.run(&[command]);
            assert_eq!(ran.code, Some(2), "{ran:?}");
            let line = format!("the database's encoding is {encoding}");
            assert!(ran.stderr.contains(&line), "{ran:?}");
        }
        let tables = "select count(*) from pg_class where relnamespace = 'public'::regnamespace";
        assert_eq!(server.psql(&name, tables), "0");
        let (code, report) = examine(&program, &[]);
        assert_eq!(code, 1);
        assert_eq!(check(&report, "encoding").0, "error");
    }
}

#[test]
fn a_superuser_as_the_owner_is_found() {
    let (db, program) = migrated();
    let (_, report) = examine(&program, &[]);
    assert_eq!(check(&report, "owner").0, "warn");
    let Database::Postgres { name, .. } = &db else {
        unreachable!()
    };
    db.execute(&format!(
        "create role {name}_owner; alter table raw_vitals owner to {name}_owner"
    ));
    let (_, report) = examine(&program, &[]);
    assert_eq!(check(&report, "owner").0, "ok");
}

#[test]
fn every_index_and_trigger_of_the_migrations_is_known_to_it() {
    let (db, program) = migrated();
    db.execute(
        "do $$ declare i record; begin \
           for i in select indexrelid::regclass::text as name from pg_index \
             join pg_class c on c.oid = indrelid \
             where relnamespace = 'public'::regnamespace and relname not like '\\_\\_diesel%' \
           loop update pg_index set indisvalid = false where indexrelid = i.name::regclass; end loop; \
         end $$",
    );
    let expected = db.value(
        "(select string_agg(indexrelid::regclass::text, ', ' order by indexrelid::regclass::text) \
          from pg_index where not indisvalid)",
    );
    let (_, report) = examine(&program, &[]);
    assert_eq!(
        check(&report, "indexes").1,
        format!("missing, invalid or disabled: {expected}")
    );

    let triggers = db.value(
        "(select string_agg(tgrelid::regclass || ' ' || tgname, ',') from pg_trigger where not tgisinternal)",
    );
    for trigger in triggers.split(',') {
        let (table, name) = trigger.split_once(' ').unwrap();
        let set = |state: &str| db.execute(&format!("alter table {table} {state} trigger {name}"));
        set("disable");
        let (level, found) = check(&examine(&program, &[]).1, "triggers");
        set("enable");
        assert_eq!(level, "error", "{trigger}");
        assert!(found.contains(table), "{trigger}: {found}");
    }

    let lite = Program::on_sqlite();
    lite.ok(&["migrate"]);
    let db = Database::Sqlite {
        url: lite.url.clone(),
        _dir: tempfile::tempdir().unwrap(),
    };
    let names = "(select group_concat(name, ', ') from (select name from sqlite_master \
         where type in ('index', 'trigger') and name not like 'sqlite\\_%' escape '\\' order by name))";
    let expected = db.value(names);
    for name in expected.split(", ") {
        let kind = db.value(&format!(
            "(select type from sqlite_master where name = '{name}')"
        ));
        db.execute(&format!("drop {kind} {name}"));
    }
    let (_, report) = examine(&lite, &[]);
    let (level, found) = check(&report, "indexes and triggers");
    assert_eq!(level, "error");
    let found = found.rsplit(": ").next().unwrap();
    let mut found: Vec<_> = found.split(", ").collect();
    found.sort_unstable();
    assert_eq!(found.join(", "), expected);
}

#[test]
fn a_file_in_production_and_a_damaged_one_are_found() {
    let lite = Program::on_sqlite();
    lite.ok(&["migrate"]);
    let (code, report) = examine(&lite, &[("VITALFOLD__ENVIRONMENT", "production")]);
    assert_eq!(code, 0, "a warning is no error");
    assert_eq!(check(&report, "backend").0, "warn");

    let db = lite.file("broken.db", [b'x'; 8192]);
    let broken = Program::on(&format!("sqlite://{db}"));
    let (code, report) = examine(&broken, &[]);
    assert_eq!(code, 1);
    assert_eq!(check(&report, "connection").0, "error");
}
