//! Triggers of a SQLite file: every edit leaves a line at each day it touches.

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

use vitalfold::domain::Domain;
use vitalfold::domain::vitals::registry::SLEEP_NAMES;
use vitalfold::store::{GroupFilter, Queue, Which};
use vitalfold::with_store;

use crate::database::Database;

/// Table, domain and the values of a row with everything in it.
const ROWS: [(&str, &str, &str); 3] = [
    (
        "raw_vitals",
        "vitals",
        "(user_id, metric, value, comparator, unit, started_at, ended_at, utc_offset_minutes, \
          source, source_id, device, note) values \
         (1, 'heart_rate', 60, '<', '/min', '2026-01-05 08:00:00.000000+00:00', \
          '2026-01-05 09:00:00.000000+00:00', 60, 'watch', 's1', 'd', 'n')",
    ),
    (
        "raw_labs",
        "labs",
        "(user_id, code, name, category, value, unit, reference_range, interpretation, \
          collected_at, utc_offset_minutes, source, source_id, device, note) values \
         (1, '2345-7', 'Glucose', 'c', '90', 'mg/dL', '70-99', 'N', \
          '2026-01-05 08:00:00.000000+00:00', 60, 'lab', 's1', 'd', 'n')",
    ),
    (
        "raw_nutrition",
        "nutrition",
        "(user_id, nutrient, amount, unit, meal, eaten_at, utc_offset_minutes, source, source_id, \
          device, note) values \
         (1, 'protein', 9, 'g', 'lunch', '2026-01-05 08:00:00.000000+00:00', 60, 'diary', 's1', \
          'd', 'n')",
    ),
];

/// The lines of a domain as `user date kind rows`, in order, and removes them.
fn lines(database: &Database) -> Vec<String> {
    let lines = database.value(
        "(select group_concat(line, ',') from (\
          select user_id || ' ' || local_date || ' ' || kind || ' ' || rows as line \
          from group_changes order by user_id, local_date, id))",
    );
    database.execute("delete from group_changes");
    let lines = lines.split(',').filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

fn columns(database: &Database, table: &str) -> Vec<(String, String)> {
    let columns = database.value(&format!(
        "(select group_concat(name || ' ' || type) from pragma_table_info('{table}'))"
    ));
    let columns = columns.split(',');
    let columns = columns.map(|column| column.split_once(' ').unwrap());
    columns
        .map(|(name, ty)| (name.to_owned(), ty.to_lowercase()))
        .collect()
}

/// Another value than the row has.
fn other(column: &str, ty: &str) -> &'static str {
    match (column, ty) {
        ("id" | "user_id" | "utc_offset_minutes", _) | (_, "real") => "7",
        ("comparator", _) => "'>'",
        (time, _) if time.ends_with("_at") => "'2026-01-05 08:30:00.000000+00:00'",
        (_, "text") => "'other'",
        _ => panic!("{column} {ty}: which other value?"),
    }
}

#[tokio::test]
async fn an_edit_of_any_column_is_seen_and_one_that_changes_nothing_is_not() {
    let database = Database::sqlite();
    drop(database.store().await);
    for (table, domain, row) in ROWS {
        let columns = columns(&database, table);
        assert!(columns.len() > 12, "{table}: {columns:?}");
        for (column, ty) in &columns {
            database.execute(&format!("insert into {table} {row}"));
            assert_eq!(lines(&database), ["1 2026-01-05 insert 1"], "{table}");

            database.execute(&format!("update {table} set {column} = {column}"));
            assert_eq!(lines(&database), [""; 0], "{table}.{column}");

            let value = other(column, ty);
            database.execute(&format!("update {table} set {column} = {value}"));
            let expected: &[&str] = match column.as_str() {
                "user_id" => &["1 2026-01-05 edit 0", "7 2026-01-05 edit 1"],
                _ => &["1 2026-01-05 edit 1"],
            };
            assert_eq!(lines(&database), expected, "{table}.{column}");
            // To nothing and back: neither null equals a value.
            let nullable = database.value(&format!(
                "(select not \"notnull\" and not pk from pragma_table_info('{table}') \
                  where name = '{column}')"
            ));
            if nullable == "1" {
                for value in ["null", value] {
                    database.execute(&format!("update {table} set {column} = {value}"));
                    assert_eq!(lines(&database).len(), 1, "{table}.{column}: {value}");
                }
            }
            database.execute(&format!("delete from {table}"));
            lines(&database);
        }
        let domains = "(select count(*) from group_changes)";
        database.execute(&format!("insert into {table} {row}"));
        assert_eq!(
            database.value(&format!(
                "{domains} || (select max(domain) from group_changes)"
            )),
            format!("1{domain}")
        );
        database.execute(&format!("delete from {table}"));
        lines(&database);
    }
}

#[tokio::test]
async fn each_touched_day_has_a_line() {
    let database = Database::sqlite();
    let store = database.store().await;
    // Metric, start, end, offset, last digits of the touched days.
    let cases = [
        ("steps", "05 22:30", "null", 60, &["05"][..]),
        ("steps", "05 23:30", "null", 60, &["06"]),
        ("steps", "05 22:30", "05 23:30", 60, &["05", "06"]),
        ("steps", "05 22:30", "05 20:30", 60, &["05"]),
        // The last moment of a day, which SQLite's clock rounds up.
        ("steps", "05 23:59:59.999999", "null", 0, &["05"]),
        ("steps", "05 23:00", "05 23:59:59.999999", 0, &["05"]),
        // Longer than any fold believes.
        ("steps", "05 22:30", "29 23:30", 0, &["05", "06", "07"]),
        ("sleep", "05 16:40", "05 17:40", 60, &["05", "06"]),
        ("93832-4", "05 22:30", "06 06:00", 60, &["05", "06", "07"]),
        ("sleep", "05 00:30", "null", -60, &["04", "05"]),
        // Offsets that no place has are as far as a place can be.
        ("steps", "05 22:30", "null", 100_000, &["06"]),
        ("steps", "05 12:30", "null", -100_000, &["04"]),
    ];
    for (metric, start, end, offset, days) in cases {
        let time = |text: &str| match text {
            "null" => text.to_owned(),
            text if text.len() > 8 => format!("'2026-01-{text}+00:00'"),
            text => format!("'2026-01-{text}:00.000000+00:00'"),
        };
        database.execute(&format!(
            "insert into raw_vitals (user_id, metric, started_at, ended_at, utc_offset_minutes) \
             values (1, '{metric}', {}, {}, {offset})",
            time(start),
            time(end),
        ));
        let expected = |kind: &str, rows: i32| -> Vec<String> {
            let days = days.iter().zip([rows, 0, 0, 0]);
            days.map(|(day, rows)| format!("1 2026-01-{day} {kind} {rows}"))
                .collect()
        };
        assert_eq!(lines(&database), expected("insert", 1), "{metric} {start}");
        // A list of groups knows the same days.
        let every = GroupFilter::default();
        let page =
            with_store!(&store, s => s.groups(Domain::Vitals, &every, Which::All, None).await);
        let groups = page.unwrap().groups.into_iter();
        let groups = groups.map(|group| {
            let key = group.key;
            format!("{} {} insert {}", key.user_id, key.local_date, group.rows)
        });
        assert_eq!(
            groups.collect::<Vec<_>>(),
            expected("insert", 1),
            "{metric} {start}"
        );
        database.execute("update raw_vitals set note = 'n'");
        assert_eq!(lines(&database), expected("edit", 1), "{metric} {start}");
        database.execute("delete from raw_vitals");
        assert_eq!(lines(&database), expected("delete", 0), "{metric} {start}");
    }
    // The last time that can be stored, east of Greenwich.
    database.execute(
        "insert into raw_vitals (user_id, metric, started_at, utc_offset_minutes) \
         values (1, 'sleep', '9999-12-30 23:00:00.000000+00:00', 840)",
    );
    assert_eq!(lines(&database), ["1 9999-12-31 insert 1"]);
    database.execute(
        "insert into raw_labs (user_id, name, collected_at, utc_offset_minutes) \
         values (1, 'x', '2026-01-05 23:59:59.999999+00:00', 0); \
         insert into raw_nutrition (user_id, nutrient, eaten_at, utc_offset_minutes) \
         values (1, 'x', '2026-01-05 23:59:59.999999+00:00', 0)",
    );
    assert_eq!(lines(&database), ["1 2026-01-05 insert 1"; 2]);
}

#[tokio::test]
async fn what_names_a_night_touches_the_next_day() {
    let database = Database::sqlite();
    drop(database.store().await);
    for metric in SLEEP_NAMES {
        database.execute(&format!(
            "insert into raw_vitals (user_id, metric, started_at, utc_offset_minutes) \
             values (1, '{metric}', '2026-01-05 23:00:00.000000+00:00', 0)"
        ));
        assert_eq!(
            lines(&database),
            ["1 2026-01-05 insert 1", "1 2026-01-06 insert 0"],
            "{metric}"
        );
        let belongs = "(select group_concat(local_date) from raw_vitals_states)";
        assert_eq!(database.value(belongs), "2026-01-06", "{metric}");
        database.execute("update raw_vitals set note = 'n'");
        assert_eq!(
            lines(&database),
            ["1 2026-01-05 edit 1", "1 2026-01-06 edit 0"],
            "{metric}"
        );
        database.execute("delete from raw_vitals");
        assert_eq!(
            lines(&database),
            ["1 2026-01-05 delete 0", "1 2026-01-06 delete 0"],
            "{metric}"
        );
    }
}

#[tokio::test]
async fn a_moved_row_leaves_a_line_where_it_was_and_one_where_it_is() {
    let database = Database::sqlite();
    drop(database.store().await);
    for (table, _, row) in ROWS {
        let time = columns(&database, table)
            .into_iter()
            .find_map(|(name, _)| (name.ends_with("ed_at") || name == "eaten_at").then_some(name))
            .unwrap();
        database.execute(&format!(
            "insert into {table} {row} on conflict do nothing; \
             update {table} set {time} = '2026-01-03 08:00:00.000000+00:00', user_id = 2"
        ));
        if table == "raw_vitals" {
            // It reaches from the third to the end that it had.
            assert_eq!(
                lines(&database),
                [
                    "1 2026-01-05 insert 1",
                    "1 2026-01-05 edit 0",
                    "2 2026-01-03 edit 1",
                    "2 2026-01-04 edit 0",
                    "2 2026-01-05 edit 0"
                ]
            );
        } else {
            assert_eq!(
                lines(&database),
                [
                    "1 2026-01-05 insert 1",
                    "1 2026-01-05 edit 0",
                    "2 2026-01-03 edit 1"
                ]
            );
        }
        // A statement without a condition deletes row by row too.
        database.execute(&format!("delete from {table}"));
        assert!(
            lines(&database)
                .iter()
                .all(|line| line.ends_with("delete 0"))
        );
    }
}

#[tokio::test]
async fn rows_sent_again_leave_a_line_only_where_they_differ() {
    let database = Database::sqlite();
    drop(database.store().await);
    let send = |value: i32| {
        database.execute(&format!(
            "insert into raw_vitals (user_id, metric, value, started_at, utc_offset_minutes, \
               source_id) \
             values (1, 'steps', {value}, '2026-01-05 08:00:00.000000+00:00', 0, 's') \
             on conflict (user_id, source, source_id, metric, started_at) \
             where source_id is not null do update set value = excluded.value"
        ));
        lines(&database)
    };
    assert_eq!(send(1), ["1 2026-01-05 insert 1"]);
    assert_eq!(send(1), [""; 0]);
    assert_eq!(send(2), ["1 2026-01-05 edit 1"]);
    database.execute(
        "insert into raw_labs (user_id, name, collected_at, utc_offset_minutes) \
         with recursive n (n) as (select 1 union all select n + 1 from n where n < 1000) \
         select n % 10, 'x', '2026-01-05 08:00:00.000000+00:00', 0 from n",
    );
    assert_eq!(lines(&database).len(), 1000);
}

#[tokio::test]
async fn a_time_that_is_none_is_refused() {
    let database = Database::sqlite();
    drop(database.store().await);
    let path = database.url().strip_prefix("sqlite://").unwrap();
    let mut connection = SqliteConnection::establish(path).unwrap();
    for time in [
        "2026-01-05 08:00:00+00:00",
        "2026-01-05 08:00:00.000000+01:00",
        "2026-02-30 08:00:00.000000+00:00",
        "2026-13-01 08:00:00.000000+00:00",
        "2026-01-05 24:00:00.000000+00:00",
        "2026-01-05 08:60:00.000000+00:00",
        "2026-01-05 08:00:60.000000+00:00",
        "9999-12-31 00:00:00.000000+00:00",
        "0000-01-01 00:00:00.000000+00:00",
    ] {
        let refused = connection.batch_execute(&format!(
            "insert into raw_nutrition (user_id, nutrient, eaten_at, utc_offset_minutes) \
             values (1, 'protein', '{time}', 0)"
        ));
        assert!(refused.is_err(), "{time}");
        let refused = connection.batch_execute(&format!(
            "insert into raw_vitals (user_id, metric, started_at, ended_at, utc_offset_minutes) \
             values (1, 'steps', '2026-01-05 08:00:00.000000+00:00', '{time}', 0)"
        ));
        assert!(refused.is_err(), "{time}");
    }
}
