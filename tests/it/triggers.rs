//! Triggers of PostgreSQL: every statement leaves a line at each day it touches.

use vitalfold::domain::vitals::registry::SLEEP_NAMES;

use crate::cluster;
use crate::database::Database;
use crate::program::Program;

/// A domain's raw table with a row of user 1 on 2026-01-05 that has everything.
struct Raw {
    table: &'static str,
    domain: &'static str,
    at: &'static str,
    columns: &'static str,
    values: &'static str,
}

const VITALS: Raw = Raw {
    table: "raw_vitals",
    domain: "vitals",
    at: "started_at",
    columns: "user_id, metric, value, comparator, unit, started_at, ended_at, \
              utc_offset_minutes, source, source_id, device, note",
    values: "1, 'heart_rate', 60, '<', '/min', '2026-01-05 08:00Z', '2026-01-05 09:00Z', \
             60, 'watch', 's1', 'd', 'n'",
};
const LABS: Raw = Raw {
    table: "raw_labs",
    domain: "labs",
    at: "collected_at",
    columns: "user_id, code, name, category, value, unit, reference_range, interpretation, \
              collected_at, utc_offset_minutes, source, source_id, device, note",
    values: "1, '2345-7', 'Glucose', 'c', '90', 'mg/dL', '70-99', 'N', \
             '2026-01-05 08:00Z', 60, 'lab', 's1', 'd', 'n'",
};
const NUTRITION: Raw = Raw {
    table: "raw_nutrition",
    domain: "nutrition",
    at: "eaten_at",
    columns: "user_id, nutrient, amount, unit, meal, eaten_at, utc_offset_minutes, source, \
              source_id, device, note",
    values: "1, 'protein', 9, 'g', 'lunch', '2026-01-05 08:00Z', 60, 'diary', 's1', 'd', 'n'",
};
const RAWS: [Raw; 3] = [VITALS, LABS, NUTRITION];

impl Raw {
    fn insert(&self) -> String {
        let Raw {
            table,
            columns,
            values,
            ..
        } = self;
        format!("insert into {table} ({columns}) values ({values})")
    }
}

fn migrated() -> Database {
    let db = Database::postgres();
    Program::on(db.url()).ok(&["migrate"]);
    db
}

/// The lines as `user domain date kind rows`, in order, and removes them.
fn lines(db: &Database) -> Vec<String> {
    let lines = db.value(
        "(select string_agg(concat_ws(' ', user_id, domain, local_date, kind, rows), ',' \
          order by user_id, domain, local_date, kind, rows) from group_changes)",
    );
    db.execute("delete from group_changes");
    let lines = lines.split(',').filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// Runs statements and returns their lines.
fn lines_of(db: &Database, statements: &str) -> Vec<String> {
    db.execute(statements);
    lines(db)
}

/// One heart rate; `null` stands for what is not given.
fn vital(user: u32, metric: &str, from: &str, to: &str, offset: &str) -> String {
    format!(
        "insert into raw_vitals (user_id, metric, value, started_at, ended_at, utc_offset_minutes) \
         values ({user}, '{metric}', 1, {from}, {to}, {offset})"
    )
}

/// A session keeps the plans of its triggers. Those of a big load would be
/// compiled for every later row: more than ten milliseconds each.
#[test]
fn plans_of_a_load_are_never_compiled() {
    let db = migrated();
    let all = "pg_trigger t join pg_proc p on p.oid = t.tgfoid where not tgisinternal";
    assert_eq!(db.value(&format!("(select count(*) from {all})")), "21");
    assert_eq!(
        db.value(&format!(
            "(select count(*) from {all} and not 'jit=off' = any (p.proconfig))"
        )),
        "0"
    );
}

#[test]
fn an_edit_of_any_column_is_seen() {
    let db = migrated();
    for raw in &RAWS {
        let Raw { table, domain, .. } = raw;
        assert_eq!(
            lines_of(&db, &raw.insert()),
            [format!("1 {domain} 2026-01-05 insert 1")]
        );
        let columns = db.value(&format!(
            "(select string_agg(attname || ':' || format_type(atttypid, null), ',' order by attnum) \
              from pg_attribute where attrelid = '{table}'::regclass and attnum > 0 and not attisdropped)"
        ));
        assert!(columns.split(',').count() >= 12, "{columns}");
        for column in columns.split(',') {
            let (name, kind) = column.split_once(':').unwrap();
            let other = match (name, kind) {
                // Only `default` may be given to it.
                ("id", _) => "default".to_owned(),
                ("comparator", _) => "'>='".to_owned(),
                (_, "text") => format!("{name} || 'x'"),
                (_, "timestamp with time zone") => format!("{name} + interval '1 second'"),
                _ => format!("{name} + 1"),
            };
            let lines = lines_of(&db, &format!("update {table} set {name} = {other}"));
            let mut expected = vec![format!("1 {domain} 2026-01-05 edit 1")];
            if name == "user_id" {
                expected = vec![
                    format!("1 {domain} 2026-01-05 edit 0"),
                    format!("2 {domain} 2026-01-05 edit 1"),
                ];
                db.execute(&format!(
                    "update {table} set user_id = 1; delete from group_changes"
                ));
            }
            assert_eq!(lines, expected, "{table}.{name}");
            let nulls = format!(
                "update {table} set {name} = null where {name} is not null; \
                 update {table} set {name} = null"
            );
            let is_optional = db.value(&format!(
                "(select not attnotnull from pg_attribute \
                  where attrelid = '{table}'::regclass and attname = '{name}')"
            ));
            if is_optional == "true" {
                assert_eq!(lines_of(&db, &nulls).len(), 1, "{table}.{name} to null");
            }
        }
    }
}

#[test]
fn an_update_that_changes_nothing_leaves_no_line() {
    let db = migrated();
    for raw in &RAWS {
        let Raw { table, at, .. } = raw;
        lines_of(&db, &raw.insert());
        let same = format!(
            "update {table} set {at} = {at}, note = note, source_id = 's1'; \
             update {table} set note = 'other' where false"
        );
        assert_eq!(lines_of(&db, &same), [""; 0]);
        // Of the rows of a statement, those that differ count.
        db.execute(&format!(
            "insert into {table} ({}) select {} from (values ('2026-01-07 08:00Z'::timestamptz)) v",
            raw.columns,
            raw.values
                .replace("'2026-01-05 08:00Z'", "column1")
                .replace("'2026-01-05 09:00Z'", "column1")
        ));
        lines(&db);
        let one = format!(
            "update {table} set note = case when {at} > '2026-01-06' then 'other' else note end"
        );
        assert_eq!(
            lines_of(&db, &one),
            [format!("1 {} 2026-01-07 edit 1", raw.domain)]
        );
    }
}

#[test]
fn a_row_that_moves_marks_where_it_was_and_where_it_is() {
    let db = migrated();
    for raw in &RAWS {
        let Raw {
            table, domain, at, ..
        } = raw;
        lines_of(&db, &raw.insert());
        let end = if *table == "raw_vitals" {
            ", ended_at = null"
        } else {
            ""
        };
        let moved = format!("update {table} set {at} = '2026-02-05 08:00Z'{end}");
        assert_eq!(
            lines_of(&db, &moved),
            [
                format!("1 {domain} 2026-01-05 edit 0"),
                format!("1 {domain} 2026-02-05 edit 1")
            ]
        );
        let east =
            format!("update {table} set utc_offset_minutes = 840, {at} = '2026-02-05 23:00Z'");
        assert_eq!(
            lines_of(&db, &east),
            [
                format!("1 {domain} 2026-02-05 edit 0"),
                format!("1 {domain} 2026-02-06 edit 1")
            ]
        );
        assert_eq!(
            lines_of(&db, &format!("delete from {table}")),
            [format!("1 {domain} 2026-02-06 delete 0")]
        );
    }
}

#[test]
fn a_row_touches_every_day_of_its_interval() {
    let db = migrated();
    let touched = |metric: &str, from: &str, to: &str, offset: &str| {
        let lines = lines_of(&db, &vital(1, metric, from, to, offset));
        // A delete touches the same days.
        let deleted = lines_of(&db, "delete from raw_vitals");
        let days = |lines: &[String]| -> Vec<String> {
            lines.iter().map(|line| line[17..19].to_owned()).collect()
        };
        assert_eq!(days(&lines), days(&deleted), "{metric} {from} {to}");
        assert!(deleted.iter().all(|line| line.ends_with("delete 0")));
        let rows = |n: &str| lines.iter().filter(|line| line.ends_with(n)).count();
        assert_eq!((rows("insert 1"), rows("insert 0")), (1, lines.len() - 1));
        assert!(lines[0].ends_with("insert 1"), "{lines:?}");
        days(&lines).join(" ")
    };
    let at = |text: &str| format!("'2026-01-{text}Z'");
    for (metric, from, to, offset, days) in [
        // An instant; one that ends before it begins.
        ("steps", "05 12:00", "null", "0", "05"),
        ("steps", "05 12:00", "05 12:00", "0", "05"),
        ("steps", "05 12:00", "01 12:00", "0", "05"),
        // A walk across midnight, where the person is.
        ("steps", "05 23:50", "06 00:10", "0", "05 06"),
        ("steps", "05 23:50", "06 00:10", "60", "06"),
        ("steps", "05 22:50", "05 23:10", "60", "05 06"),
        // 48 hours count of an interval without an end in sight.
        ("steps", "05 12:00", "20 12:00", "0", "05 06 07"),
        ("steps", "05 00:00", "20 12:00", "0", "05 06 07"),
        // An offset that is none counts as the nearest that is one.
        ("steps", "05 12:00", "null", "9000", "06"),
        ("steps", "05 12:00", "null", "-9000", "04"),
        // A night; an afternoon's sleep may be of a night, too.
        ("sleep", "05 22:00", "06 06:00", "0", "05 06"),
        ("sleep", "05 17:40", "05 18:10", "0", "05 06"),
        ("sleep", "06 01:00", "null", "0", "06 07"),
    ] {
        let (from, to) = match to {
            "null" => (at(from), to.to_owned()),
            _ => (at(from), at(to)),
        };
        assert_eq!(touched(metric, &from, &to, offset), days, "{metric} {from}");
    }
    for metric in SLEEP_NAMES {
        assert_eq!(
            touched(metric, &at("05 19:00"), "null", "0"),
            "05 06",
            "{metric}"
        );
    }
    // Infinity has no day.
    for wrong in [
        "'infinity'",
        "'-infinity'",
        "'10000-01-01'",
        "'0001-01-01 BC'",
    ] {
        let statement = vital(1, "steps", wrong, "null", "0");
        let error = cluster::shared().refused(name(&db), "postgres", &statement);
        assert!(error.contains("raw_vitals_started_at_check"), "{error}");
        let statement = vital(1, "steps", "now()", wrong, "0");
        let error = cluster::shared().refused(name(&db), "postgres", &statement);
        assert!(error.contains("raw_vitals_ended_at_check"), "{error}");
    }
}

fn name(db: &Database) -> &str {
    db.url().rsplit('/').next().unwrap()
}

#[test]
fn a_statement_leaves_one_line_for_each_group() {
    let db = migrated();
    // 10,000 rows of 20 users and 5 days.
    let many = "select n % 20 as u, 'heart_rate' as m, 60 as v, '2026-01-05 12:00Z'::timestamptz \
         + n / 20 % 5 * interval '1 day' + n * interval '1 second' as t, 0 as o from generate_series(0, 9999) n";
    let columns = "(user_id, metric, value, started_at, utc_offset_minutes)";
    let selected = lines_of(&db, &format!("insert into raw_vitals {columns} {many}"));
    assert_eq!(selected.len(), 100);
    assert!(selected.iter().all(|line| line.ends_with("insert 100")));
    db.execute(&format!(
        "create table copied as {many}; \
         copy copied to program 'cat > copied-{0}'; \
         copy raw_vitals {columns} from program 'cat copied-{0}'",
        name(&db)
    ));
    assert_eq!(lines(&db), selected);
    let edited = lines_of(&db, "update raw_vitals set value = 61");
    assert_eq!(edited.len(), 100);
    assert!(edited.iter().all(|line| line.ends_with("edit 200")));
    let deleted = lines_of(&db, "delete from raw_vitals where user_id < 10");
    assert_eq!(deleted.len(), 50);
    assert!(deleted.iter().all(|line| line.ends_with("delete 0")));
}

#[test]
fn a_row_that_is_sent_again_is_an_edit_where_it_differs() {
    let db = migrated();
    for (raw, key) in RAWS.iter().zip([
        "metric, started_at",
        "coalesce(code, name), collected_at",
        "nutrient, eaten_at",
    ]) {
        lines_of(&db, &raw.insert());
        let again = format!(
            "{} on conflict (user_id, source, source_id, {key}) where source_id is not null \
             do update set note = excluded.note",
            raw.insert()
        );
        assert_eq!(lines_of(&db, &again), [""; 0]);
        let day = format!("1 {} 2026-01-05", raw.domain);
        assert_eq!(
            lines_of(&db, &again.replace("'n')", "'m')")),
            [format!("{day} edit 1")]
        );
        // New rows of the same statement are new.
        let both = again.replace(
            " on conflict",
            &format!(", ({}) on conflict", raw.values.replace("'s1'", "'s2'")),
        );
        assert_eq!(
            lines_of(&db, &both),
            [format!("{day} edit 1"), format!("{day} insert 1")]
        );
    }
}

#[test]
fn a_truncate_empties_whatever_has_something_to_empty() {
    let db = migrated();
    for raw in &RAWS {
        db.execute(&raw.insert());
    }
    db.execute("insert into raw_vitals (user_id, metric, value, started_at) values (3, 'nonsense', 1, '2026-01-08')");
    let program = Program::on(db.url());
    program.ok(&["run-once"]);
    db.execute(
        "insert into failed_groups values \
         (7, 'labs', '2026-01-09', 'dead', 5, now(), 'e', 'data', 1, false, now(), now())",
    );
    assert_eq!(lines(&db), [""; 0]);
    for (raw, expected) in RAWS.iter().zip([
        vec!["1 vitals 2026-01-05", "3 vitals 2026-01-08"],
        vec!["1 labs 2026-01-05", "7 labs 2026-01-09"],
        vec!["1 nutrition 2026-01-05"],
    ]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|group| format!("{group} delete 0"))
            .collect();
        db.execute(&format!("truncate {}", raw.table));
        let found = db.value("(select count(*) from group_changes)");
        assert_eq!(found, expected.len().to_string(), "{}", raw.table);
        assert_eq!(lines(&db), expected);
    }
    db.execute(
        "insert into group_changes (user_id, domain, local_date, kind, rows) \
         select 1, d, '2026-01-05', 'delete', 0 from unnest(array['vitals', 'labs', 'nutrition']) d",
    );
    program.ok(&["run-once"]);
    assert_eq!(
        db.value(
            "(select count(*) from vitals_daily) + (select count(*) from labs_daily) \
                  + (select count(*) from nutrition_daily)"
        ),
        "0"
    );
}

/// Both insert, edit and delete rows of one day before either commits.
#[test]
fn transactions_on_one_day_never_wait_for_each_other() {
    let db = migrated();
    let rows = |id: u32| -> String {
        RAWS.iter()
            .map(|raw| {
                let own = raw.values.replace("'s1'", &format!("'s{id}'"));
                let table = raw.table;
                format!(
                    "insert into {table} ({}) values ({own}); \
                     update {table} set note = 'x' where source_id = 's{id}'; \
                     delete from {table} where source_id = 's{id}';",
                    raw.columns
                )
            })
            .collect()
    };
    let mut first = db.session();
    first.send(&format!("begin; {}", rows(1)));
    first.send("select pg_advisory_lock(1);");
    cluster::wait_until("the first has written", || {
        db.value("(select count(*) from pg_locks where locktype = 'advisory' and objid = 1)") == "1"
    });
    db.execute(&format!(
        "set lock_timeout = '1ms'; begin; {} commit",
        rows(2)
    ));
    assert_eq!(db.value("(select count(*) from group_changes)"), "9");
    first.send("commit;");
    first.end();
    assert_eq!(db.value("(select count(*) from group_changes)"), "18");
}

#[test]
fn a_zone_marks_the_rows_that_have_their_offset_from_it() {
    let db = migrated();
    // Noon and 23:30 in UTC; with and without an offset; one with a zone of its own.
    for raw in &RAWS {
        let Raw {
            table, at, columns, ..
        } = raw;
        let what = columns
            .split(", ")
            .find(|column| ["metric", "name", "nutrient"].contains(column));
        db.execute(&format!(
            "insert into {table} (user_id, {}, {at}, utc_offset_minutes) values \
             (1, 'steps', '2026-01-05 12:00Z', null), (1, 'steps', '2026-01-05 23:30Z', null), \
             (1, 'steps', '2026-03-05 12:00Z', 0), (2, 'steps', '2026-01-05 12:00Z', null)",
            what.unwrap()
        ));
    }
    db.execute("delete from group_changes");
    let of = |statement: &str, groups: &[&str]| {
        let lines = lines_of(&db, statement);
        let mut expected = Vec::new();
        for domain in ["labs", "nutrition", "vitals"] {
            for group in groups {
                let (user, rest) = group.split_once(' ').unwrap();
                let (date, rows) = rest.split_once(' ').unwrap();
                expected.push(format!("{user} {domain} 2026-01-{date} edit {rows}"));
            }
        }
        expected.sort_unstable();
        assert_eq!(lines, expected, "{statement}");
    };
    // The late row moves from the 5th to the 6th, and back.
    let moved: &[&str] = &["1 05 1", "1 06 1"];
    of(
        "insert into user_time_zones values (1, 'Europe/Berlin')",
        moved,
    );
    // The same hours in winter.
    of(
        "update user_time_zones set time_zone = 'Europe/Vienna'",
        &[],
    );
    of(
        "update user_time_zones set time_zone = 'Asia/Tokyo'",
        &["1 05 1", "1 06 1"],
    );
    of(
        "update user_time_zones set time_zone = 'UTC'",
        &["1 05 2", "1 06 0"],
    );
    // Who has a zone does not follow the default one.
    of(
        "update worker_control set default_time_zone = 'Pacific/Kiritimati'",
        &["2 05 0", "2 06 1"],
    );
    of(
        "update worker_control set paused = true, default_time_zone = default_time_zone",
        &[],
    );
    of("delete from user_time_zones", &["1 05 0", "1 06 2"]);
    of(
        "insert into user_time_zones values (1, 'UTC')",
        &["1 05 2", "1 06 0"],
    );
    of(
        "update user_time_zones set user_id = 3",
        &["1 05 0", "1 06 2"],
    );
    of(
        "update user_time_zones set user_id = 1",
        &["1 05 2", "1 06 0"],
    );
    of("truncate user_time_zones", &["1 05 0", "1 06 2"]);
    // What is inserted now has the default offset.
    assert_eq!(
        lines_of(
            &db,
            &vital(5, "steps", "'2026-01-05 12:00Z'", "null", "null")
        ),
        ["5 vitals 2026-01-06 insert 1"]
    );
}

#[test]
fn a_partitioned_table_is_followed_by_the_triggers_of_its_parent() {
    let db = migrated();
    db.execute(
        "create table parts (like raw_vitals including defaults) partition by range (started_at); \
         alter table parts alter id set default 1; \
         create table early partition of parts for values from (minvalue) to ('2026-02-01'); \
         create table late partition of parts for values from ('2026-02-01') to (maxvalue)",
    );
    let triggers = |table: &str| {
        format!(
            "create trigger i after insert on {table} referencing new table as inserted \
               for each statement execute function vitalfold_vitals_inserted(); \
             create trigger u after update on {table} referencing old table as deleted new table as inserted \
               for each statement execute function vitalfold_vitals_updated(); \
             create trigger d after delete on {table} referencing old table as deleted \
               for each statement execute function vitalfold_vitals_deleted()"
        )
    };
    db.execute(&triggers("parts"));
    let into = |table: &str| {
        vital(1, "steps", "'2026-01-05 12:00Z'", "null", "0").replace("raw_vitals", table)
    };
    let row = |kind: &str| vec![format!("1 vitals 2026-01-05 {kind}")];
    assert_eq!(lines_of(&db, &into("parts")), row("insert 1"));
    assert_eq!(lines_of(&db, "update parts set value = 2"), row("edit 1"));
    // To another partition.
    assert_eq!(
        lines_of(&db, "update parts set started_at = '2026-02-05 12:00Z'"),
        ["1 vitals 2026-01-05 edit 0", "1 vitals 2026-02-05 edit 1"]
    );
    assert_eq!(
        lines_of(&db, "delete from parts"),
        ["1 vitals 2026-02-05 delete 0"]
    );
    // A row put into a partition directly passes by the parent's triggers; the
    // partition may have the same, and nothing is then seen twice.
    assert_eq!(lines_of(&db, &into("early")), [""; 0]);
    db.execute(&triggers("early"));
    assert_eq!(lines_of(&db, &into("early")), row("insert 1"));
    assert_eq!(lines_of(&db, &into("parts")), row("insert 1"));
}
