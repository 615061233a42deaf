//! Inputs reduced from public reports, each with its right answer, through the
//! real binary on both backends. Skipped where the folder is absent.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::database::Database;
use crate::program::{Program, shared_data};

/// What a field of every day row of a series must be.
struct Answer {
    domain: &'static str,
    series: &'static str,
    field: &'static str,
    expected: Value,
}

macro_rules! answers {
    ($($domain:ident $series:literal $field:ident = $expected:expr;)*) => {
        vec![$(Answer {
            domain: stringify!($domain),
            series: $series,
            field: stringify!($field),
            expected: json!($expected),
        },)*]
    };
}

/// Files of `field-cases/` in the order of their import.
struct Case {
    format: &'static str,
    files: Vec<PathBuf>,
    answers: Vec<Answer>,
}

fn on_both(case: &Case) {
    check(case, &Database::sqlite());
    check(case, &Database::postgres());
}

fn check(case: &Case, db: &Database) {
    let program = Program::on(db.url());
    program.ok(&["migrate"]);
    for file in &case.files {
        program.ok(&["import", case.format, file.to_str().unwrap()]);
        program.ok(&["run-once"]);
    }
    for answer in &case.answers {
        let Answer {
            domain,
            series,
            field,
            expected,
        } = answer;
        let days = days(&program, domain, series);
        let found: Vec<_> = days.iter().map(|day| &day[*field]).collect();
        let right = !found.is_empty() && found.iter().all(|value| equal(value, expected));
        assert!(
            right,
            "{:?}: {series}.{field} must be {expected}, is {found:?}: {days:#?}",
            case.files
        );
    }
}

fn days(program: &Program, domain: &str, series: &str) -> Vec<Value> {
    let shown = program.ok(&[
        "aggregates",
        domain,
        "--user",
        "1",
        "--metric",
        series,
        "--period",
        "day",
        "--json",
    ]);
    serde_json::from_str(&shown).unwrap()
}

/// Numbers to four significant digits, everything else as it stands.
fn equal(found: &Value, expected: &Value) -> bool {
    match (found.as_f64(), expected.as_f64()) {
        (Some(found), Some(expected)) => (found - expected).abs() <= expected.abs() * 1e-3,
        _ => found == expected,
    }
}

fn case_file(name: &str) -> Option<PathBuf> {
    shared_data(&format!("field-cases/{name}"))
}

#[test]
fn of_several_interpretations_the_most_severe_counts() {
    let Some(file) = case_file("01-fhir-interpretation-several.ndjson") else {
        return;
    };
    on_both(&Case {
        format: "fhir",
        files: vec![file],
        answers: answers! {
            labs "2823-3" flag = "critical_high";
            labs "2823-3" worst_flag = "critical_high";
            labs "2951-2" flag = "critical_low";
            labs "2951-2" worst_flag = "critical_low";
        },
    });
}

#[test]
fn a_range_is_read_in_its_own_unit() {
    let Some(file) = case_file("02-fhir-range-unit.ndjson") else {
        return;
    };
    on_both(&Case {
        format: "fhir",
        files: vec![file],
        answers: answers! {
            labs "2345-7" flag = "normal";
            labs "2345-7" reference_low = 70.26;
            labs "2345-7" reference_high = 100.9;
            labs "2160-0" flag = "normal";
            labs "2160-0" reference_low = 0.7;
            labs "2160-0" reference_high = 1.2;
        },
    });
}

#[test]
fn a_range_that_is_not_known_to_apply_flags_nothing() {
    let Some(file) = case_file("03-fhir-range-several.ndjson") else {
        return;
    };
    on_both(&Case {
        format: "fhir",
        files: vec![file],
        answers: answers! {
            labs "718-7" flag = "unknown";
            labs "718-7" reference_low = Value::Null;
            labs "10535-3" flag = "unknown";
            labs "10535-3" reference_low = Value::Null;
            labs "2986-8" flag = "unknown";
            labs "2986-8" reference_high = Value::Null;
        },
    });
}

#[test]
fn a_word_is_abnormal_only_against_another_kind_of_word() {
    let Some(file) = case_file("04-labs-words.csv") else {
        return;
    };
    let flagged = |series, flag: &str| Answer {
        domain: "labs",
        series,
        field: "worst_flag",
        expected: json!(flag),
    };
    let mut answers = Vec::new();
    for name in [
        "HIV 1/2 Ab",
        "HCV Ab",
        "HBsAg",
        "Chlamydia",
        "Nitrite",
        "Syphilis",
        "Covid",
        "Casts",
        "Ketones",
    ] {
        answers.push(flagged(name, "normal"));
    }
    for name in [
        "Urine protein",
        "Urine blood",
        "Urine glucose",
        "Bilirubin",
        "Leukocytes",
    ] {
        answers.push(flagged(name, "unknown"));
    }
    for name in ["Control", "Control 2"] {
        answers.push(flagged(name, "abnormal"));
    }
    on_both(&Case {
        format: "csv",
        files: vec![file],
        answers,
    });
}

#[test]
fn the_newest_version_wins_in_any_order() {
    let Some(history) = case_file("05-fhir-history-newest-first.json") else {
        return;
    };
    on_both(&Case {
        format: "fhir",
        files: vec![history.clone()],
        answers: answers! {
            labs "2823-3" last = 4.6;
            labs "2823-3" count = 1;
        },
    });

    // Each version in a file of its own, in both orders.
    let bundle: Value = serde_json::from_slice(&std::fs::read(history).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let version = |index: usize, name: &str, status: Option<&str>| {
        let mut resource = bundle["entry"][index]["resource"].clone();
        if let Some(status) = status {
            resource["status"] = json!(status);
        }
        let path = folder.path().join(name);
        std::fs::write(&path, resource.to_string()).unwrap();
        path
    };
    let (new, old) = (version(0, "new.json", None), version(1, "old.json", None));
    for files in [vec![new.clone(), old.clone()], vec![old.clone(), new]] {
        on_both(&Case {
            format: "fhir",
            files,
            answers: answers! {
                labs "2823-3" last = 4.6;
                labs "2823-3" count = 1;
            },
        });
    }

    let error = version(0, "error.json", Some("entered-in-error"));
    for files in [[&error, &old], [&old, &error]] {
        for db in [Database::sqlite(), Database::postgres()] {
            let program = Program::on(db.url());
            program.ok(&["migrate"]);
            for file in files {
                program.ok(&["import", "fhir", file.to_str().unwrap()]);
                program.ok(&["run-once"]);
            }
            assert_eq!(
                db.value("(select count(*) from raw_labs)"),
                "0",
                "{files:?}"
            );
            assert_eq!(
                db.value("(select count(*) from lab_aggregates)"),
                "0",
                "{files:?}"
            );
        }
    }
}

#[test]
fn decimal_commas_are_read_where_the_file_says_so() {
    let Some(file) = case_file("09-labs-decimal-comma.csv") else {
        return;
    };
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("6,6"));
    let program = Program::on_sqlite();
    let db = Database::postgres();
    for program in [program, Program::on(db.url())] {
        program.ok(&["migrate"]);
        program.ok(&["import", "csv", file.to_str().unwrap()]);
        program.ok(&["run-once"]);
        let potassium: Vec<_> = days(&program, "labs", "Kalium")
            .iter()
            .map(|day| {
                (
                    day["mean"].as_f64(),
                    day["flag"].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        assert_eq!(
            potassium,
            [
                (Some(4.1), "normal".to_owned()),
                (Some(6.6), "high".to_owned())
            ]
        );
        let tsh = &days(&program, "labs", "TSH")[0];
        assert_eq!(tsh["flag"], "low");
        assert_eq!(tsh["below_count"], 1);
        assert_eq!(tsh["numeric_count"], 0);
    }
}

/// The file is imported twice: the second time it adds nothing.
#[test]
fn equal_entries_of_a_diary_all_count() {
    let Some(file) = case_file("08-diary-identical-entries.csv") else {
        return;
    };
    on_both(&Case {
        format: "csv",
        files: vec![file.clone(), file],
        answers: answers! {
            nutrition "caffeine" count = 2;
            nutrition "caffeine" total = 160;
            nutrition "water" count = 3;
            nutrition "water" total = 750;
        },
    });
}

#[test]
fn a_wearable_is_read_whatever_its_category_says() {
    let Some(file) = case_file("16-fhir-wearable.ndjson") else {
        return;
    };
    on_both(&Case {
        format: "fhir",
        files: vec![file],
        answers: answers! {
            vitals "steps" total = 6120;
            vitals "heart_rate" mean = 64;
            vitals "distance_walking_running" total = 812;
            nutrition "protein" total = 31;
            vitals "sleep_core" total = 70;
            vitals "oxygen_saturation" mean = 97;
            vitals "blood_alcohol" mean = 0.08;
        },
    });
}
