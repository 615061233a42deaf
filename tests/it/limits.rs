//! The limits that `docs/architecture.md` states, with the real binary: days at
//! their limits are folded or rejected, and memory stays below its figure.
//!
//! `VITALFOLD_LIMITS=full` runs them at full size, which takes minutes without
//! optimization; otherwise rows and series are a tenth.

use std::process::Stdio;
use std::time::Duration;

use crate::database::Database;
use crate::modes::{count, postgres};
use crate::program::{Program, Ran};

/// What a process that folds one group beyond the ordinary takes at most, in
/// MiB.
const PEAK: u64 = 1536;

/// What is left of it for days a tenth as large.
const PEAK_OF_A_TENTH: u64 = 256;

fn is_full() -> bool {
    std::env::var("VITALFOLD_LIMITS").is_ok_and(|size| size == "full")
}

fn scaled(full: u64) -> u64 {
    if is_full() { full } else { full / 10 }
}

/// Runs to the end; returns how it ended and its peak of memory in MiB.
fn run_once(program: &Program) -> (Ran, u64) {
    let mut child = program
        .command(&["run-once"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(kib.unwrap_or(0u64));
        std::thread::sleep(Duration::from_millis(5));
    }
    let ran = Ran::from(child.wait_with_output().unwrap());
    (ran, peak / 1024)
}

/// Folds without failures and below the figure.
fn folds(program: &Program, what: &str) {
    let (ran, peak) = run_once(program);
    assert_eq!(ran.code, Some(0), "{what}: {ran:?}");
    eprintln!("{what}: peak of {peak} MiB");
    let figure = if is_full() { PEAK } else { PEAK_OF_A_TENTH };
    assert!(peak < figure, "{what}: {peak} MiB");
}

fn insert(db: &Database, rows: u64, metric: &str, unit: &str) {
    db.execute(&format!(
        "insert into raw_vitals (user_id, metric, value, unit, started_at, source) \
         select 1, {metric}, 60 + n % 40, {unit}, \
           timestamptz '2026-01-05 00:00:00Z' + n * interval '80 milliseconds', 'watch' \
         from generate_series(1, {rows}) n"
    ));
}

#[test]
fn a_day_of_a_million_rows_is_folded() {
    let (db, program) = postgres();
    let rows = scaled(1_000_000);
    insert(&db, rows, "'heart_rate'", "'/min'");
    folds(&program, "rows");
    let day = "(select \"count\" from vitals_aggregates where period = 'day')";
    assert_eq!(db.value(day), rows.to_string());
    assert_eq!(
        count(&db, "raw_vitals_states where state <> 'completed'"),
        0
    );
}

#[test]
fn a_day_of_hundreds_of_thousands_of_series_is_folded_and_cleaned() {
    let (db, program) = postgres();
    let series = scaled(300_000);
    insert(&db, series, "'72514-3'", "'unit ' || n");
    folds(&program, "series");
    let days = "vitals_aggregates where period = 'day'";
    assert_eq!(count(&db, days), series);
    // What was stored is compared with what stays.
    db.execute("update raw_vitals set unit = 'another' where unit = 'unit 7'");
    folds(&program, "series again");
    assert_eq!(count(&db, days), series);
    assert_eq!(count(&db, "vitals_aggregates where unit = 'unit 7'"), 0);
    assert_eq!(count(&db, "vitals_aggregates where unit = 'another'"), 4);
}

#[test]
fn a_day_of_a_million_unknown_metrics_is_rejected() {
    let (db, program) = postgres();
    let rows = scaled(1_000_000);
    insert(&db, rows, "'no metric ' || n", "'/min'");
    folds(&program, "unknown metrics");
    let rejected = "raw_vitals_states where state = 'rejected' and reason like 'metric_unknown: %'";
    assert_eq!(count(&db, rejected), rows);
}

#[test]
fn a_day_of_texts_at_their_limits_is_folded() {
    let (db, program) = postgres();
    let rows = scaled(1_000);
    db.execute(&format!(
        "insert into raw_labs (user_id, name, category, value, unit, reference_range, \
           interpretation, collected_at, source, device, note) \
         select 1, rpad('name ' || n, 500, 'x'), t, rpad('value ' || n, 65536, 'x'), \
           rpad('unit ' || n, 500, 'x'), t, t, '2026-01-05 10:00:00Z', \
           rpad('source ' || n, 500, 'x'), t, t \
         from generate_series(1, {rows}) n, (select repeat('x', 65536) as t) t"
    ));
    folds(&program, "texts at their limits");
    assert_eq!(count(&db, "labs_yearly"), rows);
    assert_eq!(
        count(&db, "raw_labs_states where state = 'completed'"),
        rows
    );
}

#[test]
fn a_day_that_is_too_large_is_dead_and_says_what_to_do() {
    if !is_full() {
        return;
    }
    let (db, program) = postgres();
    insert(&db, 3_000_000, "'heart_rate'", "'/min'");
    let ran = program
        .command(&["run-once"])
        .env("VITALFOLD__WORKER__MAX_ATTEMPTS", "1")
        .output()
        .unwrap();
    assert_eq!(Ran::from(ran).code, Some(1));
    let error = db.value("(select error from failed_groups where state = 'dead')");
    assert!(
        error.contains("too_large: ") && error.contains("512 MiB"),
        "{error}"
    );
}

/// A domain, a row of it, and its text columns with the longest text of each.
type TextColumns = (&'static str, &'static str, &'static [(&'static str, usize)]);

const COLUMNS: [TextColumns; 3] = [
    (
        "vitals",
        "(user_id, metric, value, unit, started_at, ended_at, utc_offset_minutes, source, device, note) \
         values (1, 'heart_rate', 60, '/min', '2026-01-05 10:00:00.000000+00:00', \
           '2026-01-05 10:00:00.000000+00:00', 0, 'watch', 'd', 'n')",
        &[
            ("source", 500),
            ("device", 65_536),
            ("note", 65_536),
            ("metric", 500),
            ("unit", 500),
        ],
    ),
    (
        "labs",
        "(user_id, code, name, category, value, unit, reference_range, interpretation, \
           collected_at, utc_offset_minutes, source, device, note) \
         values (1, '2345-7', 'Glucose', 'c', '95', 'mg/dL', '70-99', 'N', \
           '2026-01-05 10:00:00.000000+00:00', 0, 'lab', 'd', 'n')",
        &[
            ("source", 500),
            ("device", 65_536),
            ("note", 65_536),
            ("code", 500),
            ("name", 500),
            ("category", 65_536),
            ("value", 65_536),
            ("unit", 500),
            ("reference_range", 65_536),
            ("interpretation", 65_536),
        ],
    ),
    (
        "nutrition",
        "(user_id, nutrient, amount, unit, meal, eaten_at, utc_offset_minutes, source, device, note) \
         values (1, 'protein', 10, 'g', 'lunch', '2026-01-05 10:00:00.000000+00:00', 0, 'app', \
           'd', 'n')",
        &[
            ("source", 500),
            ("device", 65_536),
            ("note", 65_536),
            ("nutrient", 500),
            ("unit", 500),
            ("meal", 500),
        ],
    ),
];

/// Two rows for each text column: one at its limit, and one a byte beyond.
fn texts_are_bounded(db: &Database, program: &Program) {
    for (domain, row, columns) in COLUMNS {
        for (column, limit) in columns {
            for length in [*limit, limit + 1] {
                // Of two bytes each, and the last of one: bytes are counted.
                let text = format!("{}{}", "é".repeat(length / 2), "x".repeat(length % 2));
                db.execute(&format!("insert into raw_{domain} {row}"));
                db.execute(&format!(
                    "update raw_{domain} set {column} = '{text}', source_id = '{column} {length}' \
                     where source_id is null"
                ));
            }
        }
    }
    assert_eq!(program.run(&["run-once"]).code, Some(0));
    for (domain, _, columns) in COLUMNS {
        let mut reasons = Vec::new();
        for (column, limit) in columns {
            let of = |length: usize| {
                db.value(&format!(
                    "select coalesce(reason, '') from raw_{domain}_states \
                     where source_id = '{column} {length}'"
                ))
            };
            let at_limit = of(*limit);
            assert!(
                !at_limit.contains("too_long"),
                "{domain}.{column}: {at_limit}"
            );
            assert_eq!(
                of(limit + 1),
                format!("text_too_long: {column} is longer than {limit} bytes"),
                "{domain}.{column}"
            );
            reasons.push(at_limit);
        }
        let open = format!("raw_{domain}_states where state not in ('completed', 'rejected')");
        assert_eq!(count(db, &open), 0, "{reasons:?}");
    }
    program.ok(&["verify", "--all"]);
}

#[test]
fn texts_beyond_their_bound_are_rejected_on_postgres() {
    let (db, program) = postgres();
    texts_are_bounded(&db, &program);
}

#[test]
fn texts_beyond_their_bound_are_rejected_on_sqlite() {
    let db = Database::sqlite();
    let program = Program::on(db.url());
    program.ok(&["migrate"]);
    texts_are_bounded(&db, &program);
}

#[test]
fn big_texts_never_reach_the_worker() {
    let (db, program) = postgres();
    // Beside the rows of a day that are as they should be.
    insert(&db, 10, "'heart_rate'", "'/min'");
    db.execute(
        "insert into raw_vitals (user_id, metric, value, unit, started_at, source, device, note) \
         select 1, 'heart_rate', 60, '/min', timestamptz '2026-01-05 01:00:00Z' + n * interval '1 minute', \
           case n % 3 when 0 then big else 'watch' end, case n % 3 when 1 then big end, \
           case n % 3 when 2 then big end \
         from generate_series(1, 6) n, (select repeat('big ', 12500000) as big) b",
    );
    let (ran, peak) = run_once(&program);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(peak < 64, "{peak} MiB");
    assert_eq!(
        count(&db, "raw_vitals_states where state = 'completed'"),
        10
    );
    assert_eq!(
        count(
            &db,
            "raw_vitals_states where reason like 'text_too_long: %'"
        ),
        6
    );
}

#[test]
fn lists_in_aggregates_name_the_first_and_count_the_others() {
    let (db, program) = postgres();
    db.execute(
        "insert into raw_vitals (user_id, metric, value, unit, started_at, source) \
         select 1, 'heart_rate', 60, '/min', timestamptz '2026-01-05 10:00:00Z' + d * interval '1 day' \
           + n * interval '1 second', to_char(n, 'FM\"source \"0000') \
         from generate_series(0, 1) d, generate_series(1, 150 - d * 149) n; \
         insert into raw_labs (user_id, name, value, collected_at, source) \
         select 1, 'Color', to_char(n, 'FM\"color \"0000'), '2026-01-05 10:00:00Z', 'lab' \
         from generate_series(1, 150) n; \
         insert into raw_nutrition (user_id, nutrient, amount, unit, meal, eaten_at) \
         select 1, 'protein', 1, 'g', to_char(n, 'FM\"meal \"0000'), '2026-01-05 10:00:00Z' \
         from generate_series(1, 150) n",
    );
    program.ok(&["run-once"]);
    for (list, expected) in [
        (
            "(sources->>99) || (sources->>100) || jsonb_array_length(sources) from vitals_daily where \"count\" = 150",
            "source 0100+50 more101",
        ),
        (
            "(sources->>99) || (sources->>100) from vitals_monthly",
            "source 0100+50 more",
        ),
        (
            "(text_values->>'color 0100') || ' ' || (text_values->>'') from labs_yearly",
            "1 50",
        ),
        (
            "(meals->>'meal 0100') || ' ' || (meals->>'') from nutrition_monthly",
            "1.0 50.0",
        ),
    ] {
        assert_eq!(db.value(&format!("select {list}")), expected, "{list}");
    }
    program.ok(&["verify", "--all"]);
}
