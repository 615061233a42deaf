//! A file of the old shape, with states in its raw rows, becomes one of the new.

use diesel::connection::SimpleConnection;
use diesel::{Connection, RunQueryDsl, SqliteConnection};

use crate::program::{Program, Running};

const TABLES: [&str; 16] = [
    "raw_vitals",
    "raw_labs",
    "raw_nutrition",
    "vitals_aggregates",
    "lab_aggregates",
    "nutrition_aggregates",
    "user_time_zones",
    "patient_users",
    "worker_heartbeats",
    "sealed_groups",
    "retention_runs",
    "aggregation_errors",
    "aggregation_batches",
    "file_commits",
    "vitals_daily",
    "labs_yearly",
];

#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text)]
    line: String,
}

fn connection(program: &Program) -> SqliteConnection {
    let path = program.url.strip_prefix("sqlite://").unwrap();
    SqliteConnection::establish(path).unwrap()
}

fn lines(program: &Program, query: &str) -> Vec<String> {
    let lines: Vec<Line> = diesel::sql_query(query)
        .load(&mut connection(program))
        .unwrap();
    lines.into_iter().map(|line| line.line).collect()
}

fn old_file() -> Program {
    let program = Program::on_sqlite();
    connection(&program)
        .batch_execute(include_str!("old_shape/sqlite.sql"))
        .unwrap();
    program
}

/// Everything in the new columns of a table, in order.
fn content(program: &Program, table: &str, columns: &[String]) -> Vec<String> {
    let values: Vec<_> = columns
        .iter()
        .map(|column| format!("quote(\"{column}\")"))
        .collect();
    let line = values.join(" || ', ' || ");
    lines(
        program,
        &format!("select {line} as line from {table} order by 1"),
    )
}

fn catalogue(program: &Program) -> Vec<String> {
    lines(
        program,
        "select type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '') as line \
         from sqlite_master order by type, name",
    )
}

#[test]
fn a_file_becomes_what_the_migrations_make_and_keeps_what_it_holds() {
    let before = old_file();
    let program = old_file();
    let ran = program.run(&["status"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("vitalfold migrate"), "{ran:?}");

    let said = program.ok(&["migrate"]);
    assert!(said.contains("applied upgrade"), "{said}");
    let fresh = Program::on_sqlite();
    fresh.ok(&["migrate"]);
    assert_eq!(catalogue(&program), catalogue(&fresh));
    assert_eq!(
        lines(
            &program,
            "select version as line from __diesel_schema_migrations order by 1"
        ),
        (1..=4).map(|n| format!("{n:014}")).collect::<Vec<_>>()
    );
    let said = program.ok(&["migrate"]);
    assert!(!said.contains("applied"), "{said}");

    for table in TABLES {
        let columns = lines(
            &program,
            &format!("select name as line from pragma_table_info('{table}')"),
        );
        // The commands of this test add to it.
        let columns: Vec<_> = columns
            .into_iter()
            .filter(|column| column != "commits")
            .collect();
        let found = content(&before, table, &columns);
        assert!(
            !found.is_empty()
                || ["worker_heartbeats", "retention_runs", "aggregation_batches"].contains(&table),
            "{table}"
        );
        assert_eq!(content(&program, table, &columns), found, "{table}");
    }
    assert_eq!(
        lines(
            &program,
            "select paused || ' ' || paused_at as line from worker_control"
        ),
        ["1 2026-01-06 10:00:00.000000+00:00"]
    );
    // Ids are not given again.
    let ids = "select name || ' ' || seq as line from sqlite_sequence order by 1";
    assert_eq!(lines(&program, ids), lines(&before, ids));
}

#[test]
fn states_become_lines() {
    let program = old_file();
    program.ok(&["migrate"]);
    let changes = "select user_id || ' ' || domain || ' ' || local_date || ' ' || kind || ' ' || \
         sum(rows) || ' ' || count(*) as line \
         from group_changes group by user_id, domain, local_date, kind order by 1";
    assert_eq!(
        lines(&program, changes),
        [
            "1 labs 2026-01-05 edit 2 1",
            "1 vitals 2026-01-06 edit 4 1",
            "2 vitals 2026-01-05 insert 3 3",
            // A walk across midnight, and a night.
            "2 vitals 2026-01-06 insert 0 2",
            "4 nutrition 2026-01-05 insert 1 1",
        ]
    );
    let failed = "select user_id || ' ' || domain || ' ' || local_date || ' ' || state || ' ' || \
         attempts || ' ' || next_attempt_at || ' ' || error || ' ' || error_class || ' ' || rows \
         || ' ' || emptied || ' ' || since as line from failed_groups order by 1";
    assert_eq!(
        lines(&program, failed),
        [
            "3 labs 2026-01-05 waiting 1 2099-01-01 00:00:00.000000+00:00 division by zero data 2 \
             1 2026-01-06 08:00:00.000000+00:00",
            "4 nutrition 2026-01-05 dead 5 2026-01-06 10:00:00.000000+00:00 too much panic 1 1 \
             2026-01-06 08:00:00.000000+00:00",
        ]
    );
    let rejected = "select user_id || ' ' || domain || ' ' || local_date || ' ' || row_id || ' ' \
         || substr(reason, 1, 14) || ' ' || poison as line from rejected_rows order by 1";
    assert_eq!(
        lines(&program, rejected),
        [
            "1 vitals 2026-01-05 10 metric_unknown 0",
            "1 vitals 2026-01-05 12 poison: the fo 1",
            "5 vitals 2024-01-05 13 its day is sea 0",
        ]
    );
    let states = "select state || ' ' || count(*) as line from (\
         select state from raw_vitals_states union all select state from raw_labs_states \
         union all select state from raw_nutrition_states) group by state order by 1";
    assert_eq!(
        lines(&program, states),
        ["completed 7", "failed 4", "pending 10", "rejected 3"]
    );
    let versions = "select resource || ' ' || rows as line from resource_versions order by 1";
    assert_eq!(
        lines(&program, versions),
        [
            r#"Observation/o1 [["vitals",2,"o1","8867-4","2026-01-05T07:00:00.000000Z"]]"#,
            r#"Observation/o2 [["labs",2,"o2","2345-7","2026-01-05T07:00:00.000000Z"]]"#,
            "Observation/o3 []",
        ]
    );
}

#[test]
fn an_upgraded_file_is_folded_on() {
    let program = old_file();
    program.ok(&["migrate"]);
    program.ok(&["resume"]);
    program.ok(&["run-once"]);
    assert_eq!(
        lines(
            &program,
            "select user_id || ' ' || state as line from failed_groups"
        ),
        ["3 waiting"]
    );
    program.ok(&["verify", "--all"]);
    program.ok(&["doctor"]);
    // The dead group had a new row, and the walk is counted.
    let folded = "select user_id || ' ' || \"count\" as line from nutrition_daily \
         where user_id = 4";
    assert_eq!(lines(&program, folded), ["4 2"]);
    // A newer version of a resource is a correction of its row.
    let newer = program.file(
        "newer.json",
        r#"{"resourceType": "Observation", "id": "o1",
          "meta": {"versionId": "3", "lastUpdated": "2026-01-07T10:00:00Z"}, "status": "final",
          "subject": {"reference": "Patient/p1"},
          "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
          "effectiveDateTime": "2026-01-05T08:00:00+01:00",
          "valueQuantity": {"value": 62, "unit": "/min"}}"#,
    );
    let said = program.ok(&["import", "fhir", &newer]);
    assert!(said.contains("0 rows inserted, 1 corrected"), "{said}");
}

#[test]
fn migrators_that_start_together_upgrade_once() {
    let program = old_file();
    let migrators: Vec<_> = (0..3)
        .map(|_| Running(program.command(&["migrate"]).spawn().unwrap()))
        .collect();
    for mut migrator in migrators {
        assert!(migrator.wait().unwrap().success());
    }
    let fresh = Program::on_sqlite();
    fresh.ok(&["migrate"]);
    assert_eq!(catalogue(&program), catalogue(&fresh));
}

/// Nothing of it changed.
#[track_caller]
fn assert_as_before(program: &Program) {
    let before = old_file();
    assert_eq!(catalogue(program), catalogue(&before));
    let rows = "select id || ' ' || metric as line from raw_vitals order by id";
    assert_eq!(lines(program, rows), lines(&before, rows));
}

#[test]
fn what_cannot_be_upgraded_is_left_as_it_is() {
    let program = old_file();
    connection(&program)
        .batch_execute("delete from __diesel_schema_migrations where version = '00000000000012'")
        .unwrap();
    let ran = program.run(&["migrate"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("00000000000012"), "{ran:?}");
    assert_as_before(&program);

    // A time that the old shape took.
    let program = old_file();
    connection(&program)
        .batch_execute(
            "update raw_vitals set started_at = '2026-02-30 08:00:00.000000+00:00' where id = 1",
        )
        .unwrap();
    let ran = program.run(&["migrate"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("CHECK constraint failed"), "{ran:?}");
    assert_as_before(&program);
    connection(&program)
        .batch_execute(
            "update raw_vitals set started_at = '2026-02-28 08:00:00.000000+00:00' where id = 1",
        )
        .unwrap();
    program.ok(&["migrate"]);
}
