//! Vital signs of which a bound is known, from a file to the aggregates, on
//! both backends.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use crate::database::Database;
use crate::program::Program;

fn prepared(db: &Database) -> Program {
    let program = Program::on(db.url());
    program.ok(&["migrate"]);
    program
}

fn rows(program: &Program, period: &str) -> Vec<Value> {
    let args = ["aggregates", "vitals", "--user", "1", "--json", "--period"];
    serde_json::from_str(&program.ok(&[&args[..], &[period]].concat())).unwrap()
}

/// The raw rows as `metric comparator value unit`, '-' for none, by `source_id`.
fn raw(db: &Database) -> BTreeMap<String, String> {
    let lines = db.value(match db {
        Database::Postgres { .. } => {
            "select string_agg(concat_ws(' ', source_id, metric, coalesce(comparator, '-'), \
             coalesce(value::text, '-'), coalesce(unit, '-')), ';') from raw_vitals"
        }
        Database::Sqlite { .. } => {
            "select group_concat(source_id || ' ' || metric || ' ' || coalesce(comparator, '-') \
             || ' ' || case when value is null then '-' else printf('%g', value) end || ' ' || coalesce(unit, '-'), ';') \
             from raw_vitals"
        }
    });
    let line = |line: &str| {
        let (id, rest) = line.split_once(' ')?;
        Some((id.to_owned(), rest.to_owned()))
    };
    lines.split(';').filter_map(line).collect()
}

/// Metric, value, comparator, unit of a CSV file, and what is stored.
const CSV: &[(&str, &str, &str, &str, &str)] = &[
    ("blood_glucose", "Low", "", "mg/dL", "< - mg/dL"),
    ("blood_glucose", "LO", "", "", "< - -"),
    ("blood_glucose", "hi", "", "mg/dL", "> - mg/dL"),
    ("2339-0", "High", "", "mg/dL", "> - mg/dL"),
    ("15074-8", "niedrig", "", "mmol/L", "< - mmol/L"),
    ("blood_glucose", "<40", "", "mg/dL", "< 40 mg/dL"),
    ("blood_glucose", "< 2.2", "", "mmol/L", "< 2.2 mmol/L"),
    ("blood_glucose", "> 600 mg/dL", "", "", "> 600 mg/dL"),
    ("blood_glucose", "HI (>600)", "", "mg/dL", "> 600 mg/dL"),
    ("BloodGlucose", "Low <40", "", "mg/dL", "< 40 mg/dL"),
    ("blood_glucose", "40", "<", "mg/dL", "< 40 mg/dL"),
    ("blood_glucose", "40", "<=", "mg/dL", "<= 40 mg/dL"),
    ("blood_glucose", "<40", "<", "mg/dL", "< 40 mg/dL"),
    ("blood_glucose", "", ">", "mg/dL", "> - mg/dL"),
    ("blood_glucose", "55", "=", "mg/dL", "- 55 mg/dL"),
    ("blood_glucose", "55", "", "mg/dL", "- 55 mg/dL"),
    ("heart_rate", "less than 40", "", "bpm", "< 40 bpm"),
    ("8867-4", "GT 240", "", "/min", "> 240 /min"),
    ("oxygen_saturation", "≥ 95", "", "%", ">= 95 %"),
    ("59408-5", "70 or less", "", "%", "<= 70 %"),
    ("body_temperature", "Hi", "", "Cel", "> - Cel"),
    ("8310-5", "<34", "", "Cel", "< 34 Cel"),
    (
        "systolic_blood_pressure",
        "&lt;60",
        "",
        "mm[Hg]",
        "< 60 mm[Hg]",
    ),
    ("10230-1", ">=75", "", "%", ">= 75 %"),
];

fn csv_bounds_are_stored_as_bounds(db: &Database) {
    let program = prepared(db);
    let mut text = "user_id,source_id,metric,value,comparator,unit,started_at\n".to_owned();
    for (place, (metric, value, comparator, unit, _)) in CSV.iter().enumerate() {
        writeln!(
            text,
            "1,c{place},{metric},{value},{comparator},{unit},2026-03-02T10:{place:02}:00Z"
        )
        .unwrap();
    }
    let file = program.file("meter.csv", text);
    program.ok(&["import", "csv", &file]);
    let raw = raw(db);
    for (place, (_, value, comparator, _, expected)) in CSV.iter().enumerate() {
        let stored = &raw[&format!("c{place}")];
        let stored = stored.split_once(' ').unwrap().1;
        assert_eq!(stored, *expected, "{value} {comparator}");
    }
    program.ok(&["run-once"]);
    assert_eq!(
        db.value("(select count(*) from raw_vitals_states where state <> 'completed')"),
        "0"
    );
    program.ok(&["verify", "--all"]);
}

const CSV_ERRORS: &[(&str, &str, &str, &str)] = &[
    ("heart_rate", "High", "", "`value` is not a plain number"),
    ("body_weight", "Lo", "", "`value` is not a plain number"),
    ("blood_glucose", "<", "", "`value` is not a plain number"),
    (
        "blood_glucose",
        "HI (<40)",
        "",
        "`value` is not a plain number",
    ),
    (
        "blood_glucose",
        "max 180",
        "",
        "`value` is not a plain number",
    ),
    (
        "blood_glucose",
        "<40",
        ">",
        "`comparator` says another comparator",
    ),
    (
        "blood_glucose",
        "Low",
        ">",
        "`comparator` says another comparator",
    ),
    (
        "blood_glucose",
        "40",
        "~",
        "`comparator` is not one of <, <=, >, >=, =",
    ),
    ("DietaryProtein", "<1", "", "`value` is a trace or a bound"),
    ("DietaryProtein", "Tr", "", "`value` is a trace or a bound"),
    ("DietaryProtein", "1", "<", "`value` is a trace or a bound"),
];

#[test]
fn what_is_not_understood_is_refused_and_said() {
    let program = Program::on_sqlite();
    program.ok(&["migrate"]);
    for (metric, value, comparator, cause) in CSV_ERRORS {
        let text = format!(
            "user_id,metric,value,comparator,unit,started_at\n\
             1,{metric},{value},{comparator},g,2026-03-02T10:00:00Z\n"
        );
        let file = program.file("meter.csv", text);
        let ran = program.run(&["import", "csv", &file]);
        assert_eq!(ran.code, Some(2), "{metric} {value}");
        let said = ran.stderr.contains("meter.csv:2: ") && ran.stderr.contains(cause);
        assert!(said, "{metric} {value}: {}", ran.stderr);
    }
}

/// A comparator beside a laboratory's number is not lost either.
#[test]
fn the_comparator_column_is_read_of_labs() {
    let db = Database::sqlite();
    let program = prepared(&db);
    let file = program.file(
        "labs.csv",
        "user_id,code,name,value,comparator,unit,collected_at\n\
         1,1988-5,CRP,0.6,<,mg/L,2026-03-02\n1,1988-5,CRP,<0.6,<,mg/L,2026-03-03\n",
    );
    program.ok(&["import", "csv", &file]);
    program.ok(&["run-once"]);
    assert_eq!(
        db.value("(select count(*) from raw_labs where value = '<0.6')"),
        "2"
    );
    assert_eq!(
        db.value("(select sum(below_count) from lab_aggregates where period = 'day')"),
        "2"
    );
}

/// A value of FHIR as JSON, and what is stored; none for what is skipped.
const FHIR: &[(&str, Option<&str>)] = &[
    (
        r#""valueQuantity":{"value":40,"comparator":"<","unit":"mg/dL"}"#,
        Some("< 40 mg/dL"),
    ),
    (
        r#""valueQuantity":{"value":22.2,"comparator":">=","code":"mmol/L","system":"http://unitsofmeasure.org"}"#,
        Some(">= 22.2 mmol/L"),
    ),
    (
        r#""valueQuantity":{"value":600,"comparator":">","unit":"mg/dL"}"#,
        Some("> 600 mg/dL"),
    ),
    (
        r#""valueQuantity":{"value":40,"comparator":"<=","unit":"mg/dL"}"#,
        Some("<= 40 mg/dL"),
    ),
    (
        r#""valueQuantity":{"comparator":"<","unit":"mg/dL"}"#,
        Some("< - mg/dL"),
    ),
    (r#""valueString":"Low""#, Some("< - -")),
    (r#""valueString":"HI""#, Some("> - -")),
    (r#""valueString":"<40 mg/dL""#, Some("< 40 mg/dL")),
    (
        r#""valueCodeableConcept":{"coding":[{"code":"75540009","display":"High"}]}"#,
        Some("> - -"),
    ),
    (r#""valueCodeableConcept":{"text":"LO"}"#, Some("< - -")),
    (
        r#""valueQuantity":{"value":55,"unit":"mg/dL"}"#,
        Some("- 55 mg/dL"),
    ),
    (
        r#""valueQuantity":{"value":4,"comparator":"ad","unit":"mg/dL"}"#,
        None,
    ),
    (r#""valueString":"high normal""#, None),
];

fn fhir_bounds_are_stored_as_bounds(db: &Database) {
    let program = prepared(db);
    let mut text = String::new();
    for (place, (value, _)) in FHIR.iter().enumerate() {
        writeln!(
            text,
            r#"{{"resourceType":"Observation","id":"f{place}","status":"final","code":{{"coding":[{{"system":"http://loinc.org","code":"2339-0"}}]}},"category":[{{"coding":[{{"code":"vital-signs"}}]}}],"subject":{{"reference":"Patient/p"}},"effectiveDateTime":"2026-03-02T10:{place:02}:00Z",{value}}}"#
        )
        .unwrap();
    }
    // A bound in a component of a blood pressure.
    text.push_str(r#"{"resourceType":"Observation","id":"bp","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},"category":[{"coding":[{"code":"vital-signs"}]}],"subject":{"reference":"Patient/p"},"effectiveDateTime":"2026-03-02T10:00:00Z","component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":60,"comparator":"<","unit":"mm[Hg]"}}]}"#);
    let file = program.file("meter.ndjson", text);
    program.ok(&["import", "fhir", "--user", "1", &file]);
    let raw = raw(db);
    for (place, (value, expected)) in FHIR.iter().enumerate() {
        let stored = raw.get(&format!("f{place}"));
        let stored = stored.map(|stored| stored.split_once(' ').unwrap().1);
        assert_eq!(stored, *expected, "{value}");
    }
    assert_eq!(raw["bp"], "8480-6 < 60 mm[Hg]");
    program.ok(&["run-once"]);
    let days = rows(&program, "day");
    let day = days.iter().find(|day| day["metric"] == "blood_glucose");
    let day = day.unwrap();
    assert_eq!(day["mean"], 55.0);
    assert_eq!(
        (&day["count"], &day["below_count"], &day["above_count"]),
        (&json!(11), &json!(6), &json!(4))
    );
}

const DAYS: &str = "\
user_id,metric,value,unit,started_at,source_id
1,blood_glucose,55,mg/dL,2026-03-02T10:00:00Z,a
1,blood_glucose,<40,mg/dL,2026-03-02T11:00:00Z,b
1,blood_glucose,105,mg/dL,2026-03-02T12:00:00Z,c
1,blood_glucose,60,mg/dL,2026-03-03T10:00:00Z,d
1,blood_glucose,LO,mg/dL,2026-03-04T10:00:00Z,e
1,steps,>10000,count,2026-03-04T10:00:00Z,f
1,steps,20,count,2026-03-04T11:00:00Z,g
";

fn a_minimum_that_is_a_bound_says_so(db: &Database) {
    let program = prepared(db);
    let file = program.file("days.csv", DAYS);
    program.ok(&["import", "csv", &file]);
    program.ok(&["run-once"]);
    let days = rows(&program, "day");
    let told = |row: &Value| {
        let keys = [
            "metric",
            "count",
            "below_count",
            "total",
            "mean",
            "min",
            "min_comparator",
            "max",
            "rejected_count",
        ];
        Value::from(keys.map(|key| row[key].clone()).to_vec())
    };
    let days: Vec<_> = days.iter().map(told).collect();
    assert_eq!(
        days,
        [
            json!(["blood_glucose", 3, 1, null, 80.0, 40.0, "<", 105.0, 0]),
            json!(["blood_glucose", 1, 0, null, 60.0, 60.0, null, 60.0, 0]),
            json!(["blood_glucose", 1, 1, null, null, null, "<", null, 0]),
            json!(["steps", 1, 0, 20.0, 20.0, 20.0, null, 20.0, 1]),
        ]
    );
    let week: Vec<_> = rows(&program, "week").iter().map(told).collect();
    let glucose = json!([
        "blood_glucose",
        5,
        2,
        null,
        220.0 / 3.0,
        40.0,
        "<",
        105.0,
        0
    ]);
    assert_eq!(week[0], glucose);
    let reason = db.value("(select reason from raw_vitals_states where state = 'rejected')");
    assert!(reason.starts_with("value_bounded: steps"), "{reason}");

    let args = ["aggregates", "vitals", "--user", "1"];
    let table = program.ok(&[&args[..], &["--metric", "blood_glucose"]].concat());
    let cells = |line: usize| -> Vec<String> {
        let line = table.lines().nth(line).unwrap();
        line.split("  ")
            .map(|cell| cell.trim().to_owned())
            .filter(|cell| !cell.is_empty())
            .collect()
    };
    let first = cells(1);
    assert_eq!(&first[3..8], ["3", "-", "80", "<40", "105"], "{table}");
    assert_eq!(
        &cells(3)[3..8],
        ["1", "-", "-", "below range", "below range"],
        "{table}"
    );
    let views =
        "(select count(*) from vitals_daily where min_comparator = '<' and below_count = 1)";
    assert_eq!(db.value(views), "2");

    // An edited comparator is noticed, and so is one that is sent anew.
    let pending = "(select count(*) from group_changes)";
    assert_eq!(db.value(pending), "0");
    db.execute("update raw_vitals set comparator = '<' where source_id = 'd'");
    assert_eq!(db.value(pending), "1");
    program.ok(&["run-once"]);
    let sent = "user_id,metric,value,unit,started_at,source_id\n\
                1,blood_glucose,40,mg/dL,2026-03-02T11:00:00Z,b\n";
    let file = program.file("again.csv", sent);
    let summary = program.ok(&["import", "csv", &file]);
    assert!(summary.contains("1 corrected"), "{summary}");
    program.ok(&["run-once"]);
    let days: Vec<_> = rows(&program, "day").iter().map(told).collect();
    assert_eq!(
        days[..2],
        [
            json!([
                "blood_glucose",
                3,
                0,
                null,
                200.0 / 3.0,
                40.0,
                null,
                105.0,
                0
            ]),
            json!(["blood_glucose", 1, 1, null, null, 60.0, "<", 60.0, 0]),
        ]
    );
    program.ok(&["verify", "--all"]);
}

fn a_bound_and_a_value_are_two_rows(db: &Database) {
    let program = prepared(db);
    let file = program.file(
        "two.csv",
        "user_id,metric,value,unit,started_at\n\
         1,blood_glucose,40,mg/dL,2026-03-02T10:00:00Z\n\
         1,blood_glucose,<40,mg/dL,2026-03-02T10:00:00Z\n\
         1,blood_glucose,<=40,mg/dL,2026-03-02T10:00:00Z\n",
    );
    let summary = program.ok(&["import", "csv", &file]);
    assert!(summary.contains("3 rows inserted"), "{summary}");
    let summary = program.ok(&["import", "csv", &file]);
    assert!(summary.contains("3 stored already"), "{summary}");
}

macro_rules! on_each {
    ($($name:ident,)*) => {
        mod postgres {
            $(#[test]
            fn $name() {
                super::$name(&super::Database::postgres());
            })*
        }
        mod sqlite {
            $(#[test]
            fn $name() {
                super::$name(&super::Database::sqlite());
            })*
        }
    };
}

on_each! {
    csv_bounds_are_stored_as_bounds,
    fhir_bounds_are_stored_as_bounds,
    a_minimum_that_is_a_bound_says_so,
    a_bound_and_a_value_are_two_rows,
}
