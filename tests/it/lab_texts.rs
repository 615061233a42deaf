//! Results in words and numbers as laboratories write them, from a file to the
//! aggregates, on both backends.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::database::Database;
use crate::program::{Program, shared_data};

/// The days of user 1 by analyte and date.
fn days(program: &Program) -> BTreeMap<(String, String), Value> {
    let args = [
        "aggregates",
        "labs",
        "--user",
        "1",
        "--period",
        "day",
        "--json",
    ];
    let rows: Vec<Value> = serde_json::from_str(&program.ok(&args)).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let keyed = rows
        .into_iter()
        .map(|row| ((text(&row["analyte"]), text(&row["local_date"])), row));
    keyed.collect()
}

fn imported(db: &Database, name: &str, content: &str) -> Program {
    let program = Program::on(db.url());
    program.ok(&["migrate"]);
    let file = program.file(name, content);
    program.ok(&["import", "csv", &file]);
    program.ok(&["run-once"]);
    program
}

const WORDS: &str = "\
user_id,name,value,reference_range,date
1,HIV,Nonreactive,Non-Reactive,2026-03-02
1,HBsAg,nicht nachweisbar,negativ,2026-03-02
1,Culture,No growth after 48 hours,No growth,2026-03-02
1,Ketones,Trace,Negative,2026-03-02
1,Blood,1+,Negative,2026-03-02
1,Covid,DETECTED,Not Detected,2026-03-02
1,Colour,Amber,Yellow,2026-03-02
1,Nitrite,TNP,Negative,2026-03-02
1,Nitrite,Negative,Negative,2026-03-02
1,Protein,Specimen clotted,Negative,2026-03-02
1,Ferritin,\"1,234\",30-400,2026-03-02
";

fn words_are_judged_by_what_they_mean(db: &Database) {
    let program = imported(db, "words.csv", WORDS);
    let days = days(&program);
    for (analyte, count, no_result_count, flag) in [
        ("hiv", 1, 0, "normal"),
        ("hbsag", 1, 0, "normal"),
        ("culture", 1, 0, "normal"),
        ("ketones", 1, 0, "abnormal"),
        ("blood", 1, 0, "abnormal"),
        ("covid", 1, 0, "abnormal"),
        ("colour", 1, 0, "unknown"),
        ("nitrite", 1, 1, "normal"),
        ("protein", 0, 1, "unknown"),
    ] {
        let day = &days[&(analyte.to_owned(), "2026-03-02".to_owned())];
        assert_eq!(day["count"], count, "{analyte}");
        assert_eq!(day["no_result_count"], no_result_count, "{analyte}");
        assert_eq!(day["flag"], flag, "{analyte}");
        assert_eq!(day["worst_flag"], flag, "{analyte}");
    }
    assert_eq!(days.len(), 9);
    let reason = db.value("(select reason from raw_labs_states where state = 'rejected')");
    assert!(reason.starts_with("value_ambiguous: "), "{reason}");
    assert!(!reason.contains("234"), "{reason}");
    assert_eq!(
        db.value("(select count(*) from raw_labs_states where state = 'completed')"),
        "10"
    );
    program.ok(&["verify"]);
}

const COMMAS: &str = "\
user_id;name;value;unit;reference_range;date
1;Kalium;4,1;mmol/l;3,5-5,1;2026-03-02
1;Kalium;6,6;mmol/l;3,5-5,1;2026-04-02
1;TSH;< 0,01;mU/l;0,4-4,0;2026-03-02
1;CRP;1,234;mg/l;<5;2026-03-02
";

fn decimal_commas_are_read(db: &Database) {
    let days = days(&imported(db, "commas.csv", COMMAS));
    let day = |analyte: &str, date: &str| &days[&(analyte.to_owned(), date.to_owned())];
    let kalium = day("kalium", "2026-03-02");
    assert_eq!(
        (&kalium["last"], &kalium["flag"]),
        (&4.1.into(), &"normal".into())
    );
    let kalium = day("kalium", "2026-04-02");
    assert_eq!(
        (&kalium["last"], &kalium["flag"]),
        (&6.6.into(), &"high".into())
    );
    let tsh = day("tsh", "2026-03-02");
    assert_eq!(
        (&tsh["below_count"], &tsh["flag"]),
        (&1.into(), &"low".into())
    );
    let crp = day("crp", "2026-03-02");
    assert_eq!(
        (&crp["last"], &crp["flag"]),
        (&1.234.into(), &"normal".into())
    );
}

#[test]
fn words_are_judged_by_what_they_mean_on_both() {
    words_are_judged_by_what_they_mean(&Database::postgres());
    words_are_judged_by_what_they_mean(&Database::sqlite());
}

#[test]
fn decimal_commas_are_read_on_both() {
    decimal_commas_are_read(&Database::postgres());
    decimal_commas_are_read(&Database::sqlite());
}

#[test]
fn a_file_that_leaves_its_numbers_open_is_refused_until_told() {
    let program = Program::on_sqlite();
    program.ok(&["migrate"]);
    let file = program.file(
        "steps.csv",
        "user_id;metric;value;started_at\n1;steps;1.234;2026-03-02\n",
    );
    let refused = program.run(&["import", "csv", &file]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains(
            "steps.csv:2: column `value` has a comma or point that may mark decimals or \
             thousands: say which with `--decimal comma` or `--decimal point`"
        ),
        "{}",
        refused.stderr
    );
    program.ok(&["import", "csv", "--decimal", "comma", &file]);
    program.ok(&["run-once"]);
    let args = [
        "aggregates",
        "vitals",
        "--user",
        "1",
        "--period",
        "day",
        "--json",
    ];
    let rows: Vec<Value> = serde_json::from_str(&program.ok(&args)).unwrap();
    assert_eq!(rows[0]["total"], 1234.0);
    let other = program.run(&["import", "fhir", "--decimal", "comma", &file]);
    assert_eq!(other.code, Some(2));
    assert!(
        other.stderr.contains("`--decimal` is for CSV files"),
        "{}",
        other.stderr
    );
}

#[test]
fn field_cases_of_texts_give_their_answers() {
    let (Some(words), Some(commas)) = (
        shared_data("field-cases/04-labs-words.csv"),
        shared_data("field-cases/09-labs-decimal-comma.csv"),
    ) else {
        return;
    };
    for db in [Database::postgres(), Database::sqlite()] {
        let program = Program::on(db.url());
        program.ok(&["migrate"]);
        for file in [&words, &commas] {
            program.ok(&["import", "csv", file.to_str().unwrap()]);
        }
        program.ok(&["run-once"]);
        let days = days(&program);
        let flags: Vec<_> = days
            .values()
            .map(|day| day["flag"].as_str().unwrap())
            .collect();
        let count = |flag| flags.iter().filter(|found| **found == flag).count();
        let counts = ["normal", "unknown", "abnormal", "high", "low"].map(count);
        assert_eq!(counts, [10, 5, 2, 1, 1], "{days:?}");
    }
}

#[test]
fn the_page_shows_how_numbers_of_files_are_read() {
    let rows = crate::units::table("import.md", "| separator |");
    assert!(rows.len() > 12);
    for cells in rows {
        let [separator, other, value, decimal, expected] = &cells[..] else {
            panic!("{cells:?}")
        };
        let db = Database::sqlite();
        let program = Program::on(db.url());
        let mut text = "metric,value,started_at\n".replace(',', separator);
        for (date, value) in [("2026-03-01", other), ("2026-03-02", value)] {
            if !value.is_empty() {
                text.push_str(&format!("weight{separator}\"{value}\"{separator}{date}\n"));
            }
        }
        let file = program.file("numbers.csv", text);
        program.ok(&["migrate"]);
        let mut args = vec!["import", "csv", "--user", "1", &file];
        if !decimal.is_empty() {
            args.extend(["--decimal", decimal]);
        }
        let ran = program.run(&args);
        if expected == "refused" {
            assert_eq!(ran.code, Some(2), "{cells:?} {}", ran.stdout);
            assert!(ran.stderr.contains(": column `value` "), "{}", ran.stderr);
        } else {
            assert_eq!(ran.code, Some(0), "{cells:?} {}", ran.stderr);
            let latest = "(select value from raw_vitals order by started_at desc limit 1)";
            let read: f64 = db.value(latest).parse().unwrap();
            assert_eq!(&read.to_string(), expected, "{cells:?}");
        }
    }
}
