//! A PostgreSQL database of the old shape, with states in its raw rows, becomes
//! one of the new.

use crate::database::Database;
use crate::program::Program;

const TABLES: [&str; 12] = [
    "raw_vitals",
    "raw_labs",
    "raw_nutrition",
    "vitals_aggregates",
    "lab_aggregates",
    "nutrition_aggregates",
    "user_time_zones",
    "patient_users",
    "sealed_groups",
    "retention_runs",
    "aggregation_errors",
    "aggregation_batches",
];

/// Everything that migrations make, one thing a line: relations with their
/// storage options, columns, constraints, indexes, views, triggers, functions
/// with their bodies, paths and rights.
const CATALOGUE: &str = "
with relation as (
    select oid, relname, relkind, reloptions, relacl, relrowsecurity from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'S')
)
select string_agg(line, E'\\n' order by line collate \"C\") from (
    select concat_ws(' ', relkind, relname, reloptions::text, relacl::text, relrowsecurity) as line from relation
    union all
    select concat_ws(' ', 'column', relname, attname, format_type(atttypid, atttypmod), attnotnull, attidentity,
        attgenerated, pg_get_expr(adbin, adrelid))
    from relation join pg_attribute a on attrelid = relation.oid and attnum > 0 and not attisdropped
    left join pg_attrdef on adrelid = relation.oid and adnum = attnum
    where relkind = 'r'
    union all
    select concat_ws(' ', 'constraint', relname, conname, pg_get_constraintdef(pg_constraint.oid), convalidated)
    from relation join pg_constraint on conrelid = relation.oid
    union all
    select indexdef from pg_indexes where schemaname = 'public'
    union all
    select concat_ws(' ', 'view', relname, pg_get_viewdef(oid)) from relation
    where relkind = 'v' and relname !~ '_states$'
    union all
    select concat_ws(' ', pg_get_triggerdef(t.oid), tgenabled) from relation join pg_trigger t on tgrelid = relation.oid
    where not tgisinternal
    union all
    select pg_get_functiondef(oid) || coalesce(proacl::text, '') from pg_proc
    where pronamespace = 'public'::regnamespace
) everything";

/// The columns of a view of states, in whatever order, and what it says.
const STATES: &str = "(select string_agg(concat_ws(' ', attrelid::regclass, attname, format_type(atttypid, null)), ',' \
     order by attrelid::regclass::text, attname) from pg_attribute \
     where attrelid = any (array['raw_vitals_states', 'raw_labs_states', 'raw_nutrition_states']::regclass[]))";

fn old() -> Database {
    let db = Database::postgres();
    db.execute(include_str!("old_shape/postgres.sql"));
    db
}

/// All rows of a table in its new columns, in order.
fn content(db: &Database, columns: &str, table: &str) -> String {
    db.value(&format!(
        "(select string_agg(line::text, E'\\n' order by line::text) \
          from (select {columns} from {table}) line)"
    ))
}

fn columns(db: &Database, table: &str) -> String {
    db.value(&format!(
        "(select string_agg(quote_ident(attname), ', ' order by attname) from pg_attribute \
          where attrelid = '{table}'::regclass and attnum > 0 and not attisdropped)"
    ))
}

#[test]
fn a_database_becomes_what_the_migrations_make_and_keeps_what_it_holds() {
    let before = old();
    let db = old();
    let program = Program::on(db.url());
    let ran = program.run(&["status"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("vitalfold migrate"), "{ran:?}");

    let said = program.ok(&["migrate"]);
    assert!(said.contains("applied upgrade"), "{said}");
    let fresh = Database::postgres();
    Program::on(fresh.url()).ok(&["migrate"]);
    let expected = fresh.value(&format!("({CATALOGUE})"));
    assert!(expected.lines().count() > 300, "{expected}");
    let found = db.value(&format!("({CATALOGUE})"));
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(found, expected);
    assert_eq!(db.value(STATES), fresh.value(STATES));
    assert_eq!(
        db.value(
            "(select string_agg(version, ' ' order by version) from __diesel_schema_migrations)"
        ),
        "00000000000001 00000000000002 00000000000003 00000000000004"
    );
    let said = program.ok(&["migrate"]);
    assert!(!said.contains("applied"), "{said}");

    for table in TABLES {
        let columns = columns(&fresh, table);
        let found = content(&before, &columns, table);
        assert!(!found.is_empty(), "{table}");
        assert_eq!(content(&db, &columns, table), found, "{table}");
    }
    // The default zone is that of the configuration again.
    assert_eq!(
        db.value("(select paused || ' ' || paused_at from worker_control)"),
        "true 2026-01-06 10:00:00+00"
    );
    // Ids go on where they were.
    db.execute(
        "insert into raw_vitals (user_id, metric, value, started_at) values (9, 'steps', 1, now())",
    );
    assert_eq!(
        db.value("(select id from raw_vitals where user_id = 9)"),
        "10"
    );
}

#[test]
fn states_of_rows_and_groups_become_lines() {
    let db = old();
    Program::on(db.url()).ok(&["migrate"]);
    let lines = |columns: &str, table: &str| {
        let lines = db.value(&format!(
            "(select string_agg(concat_ws(' ', {columns}), ',' order by {columns}) from {table})"
        ));
        lines.split(',').map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        lines("user_id, domain, local_date, kind, rows", "group_changes"),
        [
            "1 labs 2026-01-04 edit 0",
            "1 vitals 2026-01-06 edit 1",
            // A walk across midnight, then a night.
            "1 vitals 2026-01-07 insert 1",
            "1 vitals 2026-01-08 insert 1",
            "1 vitals 2026-01-09 insert 0",
            "2 vitals 2026-01-08 insert 1",
            "3 labs 2026-01-06 insert 1",
        ]
    );
    assert_eq!(
        lines(
            "user_id, domain, local_date, state, attempts, error, error_class, rows, emptied",
            "failed_groups"
        ),
        [
            "3 labs 2026-01-06 waiting 1 division by zero data 2 t",
            "4 nutrition 2026-01-05 dead 5 too much panic 1 t",
        ]
    );
    assert_eq!(
        db.value("(select bool_and(next_attempt_at = '2099-01-01 00:00Z' and since = '2026-01-05 23:40Z') \
                   from failed_groups where state = 'waiting')"),
        "true"
    );
    assert_eq!(
        lines(
            "user_id, domain, local_date, row_id, reason, poison",
            "rejected_rows"
        ),
        [
            "1 vitals 2026-01-05 3 unknown metric f",
            "1 vitals 2026-01-06 4 poison: out of range t",
            // Sleep from 18:00 on is of the next day.
            "1 vitals 2026-01-11 7 overlong f",
            // An offset that is none counts as the nearest.
            "2 vitals 2026-01-06 8 offset f",
        ]
    );
    assert_eq!(
        lines("id, state, reason", "raw_vitals_states"),
        [
            "1 completed",
            "2 completed",
            "3 rejected unknown metric",
            "4 rejected poison: out of range",
            "5 pending",
            "6 pending",
            "7 rejected overlong",
            "8 rejected offset",
            "9 pending",
        ]
    );
    // The rows of a resource have their time; the one that is gone has none.
    assert_eq!(
        db.value("(select rows from resource_versions where resource = 'Observation/o2')"),
        r#"[["labs", 3, "o2", "2951-2", "2026-01-06T09:30:00.000000Z"], ["labs", 3, "gone", "2951-2", null]]"#
    );
}

#[test]
fn what_was_pending_is_folded() {
    let db = old();
    let program = Program::on(db.url());
    program.ok(&["migrate"]);
    program.ok(&["resume"]);
    program.ok(&["run-once"]);
    // The line of a group that waits for its retry waits with it.
    assert_eq!(
        db.value("(select string_agg(user_id || ' ' || domain, ',') from group_changes)"),
        "3 labs"
    );
    // A marked group gives its poison another chance: 100 before, 50 pending, 3 left out.
    assert_eq!(
        db.value("(select sum(total) from vitals_daily where user_id = 1 and metric = 'steps')"),
        "153"
    );
}

#[test]
fn a_database_of_an_older_shape_is_left_alone() {
    let db = old();
    db.execute("delete from __diesel_schema_migrations where version = '00000000000012'");
    let program = Program::on(db.url());
    let ran = program.run(&["migrate"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        ran.stderr.contains("older than what can be upgraded"),
        "{ran:?}"
    );
    assert_eq!(
        db.value("(select count(*) from raw_vitals where status = 'pending')"),
        "2"
    );
}

#[test]
fn an_upgrade_that_fails_changes_nothing() {
    let db = old();
    // A view of the application on what the upgrade removes.
    db.execute("create view mine as select id from raw_nutrition where status = 'pending'");
    let program = Program::on(db.url());
    let ran = program.run(&["migrate"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("depend"), "{ran:?}");
    assert_eq!(
        db.value("(to_regclass('aggregation_groups') is not null and to_regclass('group_changes') is null)"),
        "true"
    );
    db.execute("drop view mine");
    program.ok(&["migrate"]);
}
