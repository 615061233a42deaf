//! Corrected, repeated and retracted resources of FHIR, through the real
//! binary on both backends.

use std::process::Stdio;
use std::slice::from_ref;

use serde_json::{Value, json};

use crate::database::Database;
use crate::program::Program;

/// Both backends with a program each.
fn on_both(test: impl Fn(&Database, &Program)) {
    for db in [Database::postgres(), Database::sqlite()] {
        let program = Program::on(db.url());
        program.ok(&["migrate"]);
        test(&db, &program);
    }
}

/// A potassium result of patient `p`, with what differs.
fn result(id: &str, value: f64, differs: Value) -> Value {
    let mut result = json!({
        "resourceType": "Observation", "id": id, "status": "final",
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2026-03-02T08:00:00Z",
        "valueQuantity": {"value": value, "unit": "mmol/L"},
    });
    let differs = differs.as_object().unwrap().clone();
    result.as_object_mut().unwrap().extend(differs);
    result
}

fn meta(version: &str, at: &str) -> Value {
    json!({"meta": {"versionId": version, "lastUpdated": at}})
}

fn import(program: &Program, resources: &[Value]) -> String {
    let lines: Vec<_> = resources.iter().map(Value::to_string).collect();
    let file = program.file("a.ndjson", lines.join("\n"));
    program.ok(&["import", "fhir", &file])
}

/// `user code value` of all results.
fn rows(db: &Database) -> String {
    let each = "p.reference || ' ' || r.code || ' ' || r.value";
    let all = match db {
        Database::Postgres { .. } => format!("string_agg({each}, ', ' order by {each})"),
        Database::Sqlite { .. } => format!("group_concat({each}, ', ' order by {each})"),
    };
    db.value(&format!(
        "(select {all} from raw_labs r join patient_users p on p.user_id = r.user_id)"
    ))
}

#[test]
fn the_newest_version_wins_in_any_order() {
    let old = result("k1", 6.4, meta("1", "2026-03-02T09:00:00Z"));
    let new = result("k1", 4.6, meta("2", "2026-03-02T15:00:00Z"));
    let history = |resources: [&Value; 2]| {
        let entries: Vec<_> = resources
            .iter()
            .map(|one| json!({"resource": one}))
            .collect();
        json!({"resourceType": "Bundle", "type": "history", "entry": entries})
    };
    on_both(|db, program| {
        import(program, &[history([&new, &old])]);
        assert_eq!(rows(db), "p 2823-3 4.6");
        let printed = import(program, from_ref(&old));
        assert!(printed.contains("1  older version"), "{printed}");
        import(program, &[history([&old, &new])]);
        assert_eq!(rows(db), "p 2823-3 4.6");
    });
}

#[test]
fn a_history_says_the_age_of_versions_without_meta() {
    let entry = |value: f64, version: &str| {
        json!({"resource": result("k1", value, json!({})),
            "request": {"method": "PUT", "url": "Observation/k1"},
            "response": {"status": "200", "etag": format!("W/\"{version}\"")}})
    };
    let history = json!({"resourceType": "Bundle", "type": "history",
        "entry": [entry(4.6, "10"), entry(6.4, "9")]});
    on_both(|db, program| {
        import(program, from_ref(&history));
        assert_eq!(rows(db), "p 2823-3 4.6");
    });
}

#[test]
fn a_retraction_stays_until_a_newer_version_comes() {
    let at = |version: &str| meta(version, &format!("2026-03-02T1{version}:00:00Z"));
    let mut error = result("k1", 4.6, at("2"));
    error["status"] = json!("entered-in-error");
    // Without a word of whose it was.
    error.as_object_mut().unwrap().remove("subject");
    let deleted = json!({"resourceType": "Bundle", "type": "history", "entry": [{
        "fullUrl": "https://a.org/r4/Observation/k1",
        "request": {"method": "DELETE", "url": "Observation/k1"},
        "response": {"lastModified": "2026-03-02T14:00:00Z"},
    }]});
    on_both(|db, program| {
        import(program, &[result("k1", 6.4, at("1"))]);
        let printed = import(program, &[error.clone()]);
        assert!(printed.contains("1 retracted"), "{printed}");
        import(program, &[result("k1", 6.4, at("1"))]);
        assert_eq!(rows(db), "");
        import(program, &[result("k1", 4.7, at("3"))]);
        assert_eq!(rows(db), "p 2823-3 4.7");
        let printed = import(program, from_ref(&deleted));
        assert!(printed.contains("1 retracted"), "{printed}");
        import(program, &[result("k1", 4.7, at("3"))]);
        assert_eq!(rows(db), "");
        import(program, &[result("k1", 4.8, at("5"))]);
        assert_eq!(rows(db), "p 2823-3 4.8");
    });
}

#[test]
fn the_order_inside_a_file_decides_and_not_the_batch() {
    let final_ = result("k1", 4.6, json!({}));
    let mut error = final_.clone();
    error["status"] = json!("entered-in-error");
    // More than one batch of others between them.
    let others: Vec<_> = (0..1500)
        .map(|n| result(&format!("o{n}"), 4.0, json!({})))
        .collect();
    let between = |first: &Value, last: &Value| {
        let mut all = vec![first.clone()];
        all.extend(others.iter().cloned());
        all.push(last.clone());
        all
    };
    on_both(|db, program| {
        let of_k1 = "(select count(*) from raw_labs where source_id = 'k1')";
        import(program, &[error.clone(), final_.clone()]);
        assert_eq!(db.value(of_k1), "1");
        import(program, &[final_.clone(), error.clone()]);
        assert_eq!(db.value(of_k1), "0");
        import(program, &between(&error, &final_));
        assert_eq!(db.value(of_k1), "1");
        import(program, &between(&final_, &error));
        assert_eq!(db.value(of_k1), "0");
        assert_eq!(db.value("(select count(*) from raw_labs)"), "1500");
    });
}

#[test]
fn a_correction_takes_its_old_rows_with_it() {
    let sodium = json!({"code": {"coding": [{"system": "http://loinc.org", "code": "2951-2"}]}});
    let other = json!({"subject": {"reference": "Patient/q"}});
    let component = |code: &str, value: i32| json!({"code": {"coding": [{"system": "http://loinc.org", "code": code}]}, "valueInteger": value});
    let panel = |components: &[Value]| {
        let mut panel = result("k2", 0.0, json!({"component": components}));
        panel.as_object_mut().unwrap().remove("valueQuantity");
        panel
    };
    on_both(|db, program| {
        import(program, &[result("k1", 4.6, json!({}))]);
        import(program, &[result("k1", 140.0, sodium.clone())]);
        assert_eq!(rows(db), "p 2951-2 140.0");
        import(program, &[result("k1", 4.6, other.clone())]);
        assert_eq!(rows(db), "q 2823-3 4.6");
        let absent = json!({"valueQuantity": null, "dataAbsentReason": {"text": "clotted"}});
        import(program, &[result("k1", 0.0, absent)]);
        assert_eq!(rows(db), "");
        let twice = [
            component("2823-3", 4),
            component("2823-3", 5),
            component("2951-2", 140),
        ];
        import(program, &[panel(&twice)]);
        assert_eq!(rows(db), "p 2823-3 4, p 2823-3 5, p 2951-2 140");
        import(program, &[panel(&twice[1..2])]);
        assert_eq!(rows(db), "p 2823-3 5");
        program.ok(&["run-once"]);
        let shown = program.ok(&[
            "aggregates",
            "labs",
            "--user",
            "1",
            "--period",
            "day",
            "--json",
        ]);
        let days: Vec<Value> = serde_json::from_str(&shown).unwrap();
        assert_eq!(days.len(), 1, "{shown}");
        assert_eq!(days[0]["count"], 1);
    });
}

#[test]
fn two_local_codes_of_one_name_are_two_series() {
    let glucose = |code: &str, id: &str, value: f64| {
        let code = json!({"coding": [{"system": "urn:lab", "code": code, "display": "Glucose"}]});
        result(id, value, json!({"code": code}))
    };
    on_both(|db, program| {
        // As releases that knew no local codes stored it.
        import(program, &[result("old", 1.0, json!({}))]);
        db.execute(
            "update raw_labs set code = null, name = 'Glucose', source_id = 'g1'; \
             delete from resource_versions",
        );
        import(
            program,
            &[glucose("GLU-B", "g1", 90.0), glucose("GLU-U", "g2", 5.0)],
        );
        assert_eq!(rows(db), "p urn:lab|GLU-B 90.0, p urn:lab|GLU-U 5.0");
        program.ok(&["run-once"]);
        let shown = program.ok(&[
            "aggregates",
            "labs",
            "--user",
            "1",
            "--metric",
            "urn:lab|GLU-B",
            "--period",
            "day",
            "--json",
        ]);
        let days: Vec<Value> = serde_json::from_str(&shown).unwrap();
        assert_eq!((days.len(), &days[0]["mean"]), (1, &json!(90.0)), "{shown}");
    });
}

#[test]
fn a_patient_anywhere_in_the_file_says_whom_a_range_fits() {
    let ranges = json!({"referenceRange": [
        {"low": {"value": 5.0}, "appliesTo": [{"coding": [{"code": "male"}]}]},
        {"low": {"value": 3.5}, "appliesTo": [{"coding": [{"code": "female"}]}]},
    ]});
    let patient = json!({"resourceType": "Patient", "id": "p", "gender": "female"});
    on_both(|db, program| {
        let range = "(select coalesce(max(reference_range), '-') from raw_labs)";
        import(program, &[result("k1", 4.0, ranges.clone())]);
        assert_eq!(db.value(range), "-");
        import(
            program,
            &[result("k1", 4.0, ranges.clone()), patient.clone()],
        );
        assert_eq!(db.value(range), ">=3.5");
    });
}

#[test]
fn a_history_without_ages_has_its_newest_first() {
    let entry = |resource: Value, method: &str| {
        let mut entry = json!({
            "fullUrl": "https://a.org/r4/Observation/k1",
            "request": {"method": method, "url": "Observation/k1"},
            "response": {"status": "200"},
        });
        if method != "DELETE" {
            entry["resource"] = resource;
        }
        entry
    };
    let put = |value: f64| entry(result("k1", value, json!({})), "PUT");
    let delete = || entry(Value::Null, "DELETE");
    let aged = |value: f64, at: &str| {
        let meta = json!({"meta": {"lastUpdated": format!("2026-03-02T{at}Z")}});
        entry(result("k1", value, meta), "PUT")
    };
    let at = "09:00:00";
    for (entries, expected) in [
        (vec![put(4.6), put(6.4)], "p 2823-3 4.6"),
        (vec![put(4.6), delete(), put(6.4)], "p 2823-3 4.6"),
        (vec![delete(), put(6.4)], ""),
        (vec![aged(4.6, at), aged(6.4, at)], "p 2823-3 4.6"),
        (vec![aged(4.6, at), put(6.4)], "p 2823-3 4.6"),
        (vec![put(4.6), aged(6.4, at)], "p 2823-3 4.6"),
        (vec![aged(6.4, at), aged(4.6, "10:00:00")], "p 2823-3 4.6"),
    ] {
        let history = json!({"resourceType": "Bundle", "type": "history", "entry": entries});
        let files = [
            history.to_string(),
            // Bundles whose type stands behind their entries.
            format!(
                r#"{{"entry":{},"resourceType":"Bundle","type":"history"}}"#,
                history["entry"]
            ),
        ];
        for file in files {
            let program = Program::on_sqlite();
            let db = Database::Sqlite {
                url: program.url.clone(),
                _dir: tempfile::tempdir().unwrap(),
            };
            let file = program.file("h.json", &file);
            for _ in 0..2 {
                program.ok(&["import", "fhir", &file]);
                assert_eq!(rows(&db), expected, "{history}");
            }
        }
    }
    // Elsewhere the later in order is the newer.
    let collection = json!({"resourceType": "Bundle", "type": "collection",
        "entry": [{"resource": result("k1", 4.6, json!({}))}, {"resource": result("k1", 6.4, json!({}))}]});
    on_both(|db, program| {
        import(program, from_ref(&collection));
        assert_eq!(rows(db), "p 2823-3 6.4");
    });
}

#[test]
fn an_address_gives_the_id_that_a_resource_lacks() {
    let bundle = |url: &str, value: f64| {
        let mut resource = result("-", value, json!({}));
        resource.as_object_mut().unwrap().remove("id");
        json!({"resourceType": "Bundle", "type": "collection",
            "entry": [{"fullUrl": url, "resource": resource}]})
    };
    on_both(|db, program| {
        let url = "https://a.org/r4/Observation/k1";
        import(program, &[bundle(url, 6.4)]);
        import(program, &[bundle(url, 4.6)]);
        assert_eq!(rows(db), "p 2823-3 4.6");
        // Made anew at each export: only equal rows are the same.
        import(program, &[bundle("urn:uuid:a", 5.0)]);
        import(program, &[bundle("urn:uuid:b", 5.0)]);
        assert_eq!(rows(db), "p 2823-3 4.6, p 2823-3 5.0");
    });
}

#[test]
fn servers_that_number_alike_are_told_apart() {
    let deleted = json!({"resourceType": "Bundle", "type": "history", "entry": [{
        "request": {"method": "DELETE", "url": "Observation/k1"},
    }]});
    let absolute = json!({"subject": {"reference": "https://b.org/fhir/Patient/p"}});
    on_both(|db, program| {
        let from = |source: &str, resource: &Value| {
            let file = program.file("a.ndjson", resource.to_string());
            program.ok(&["import", "fhir", "--source", source, &file])
        };
        import(program, &[result("k1", 4.0, json!({}))]);
        from("https://b.org/fhir/", &result("k1", 5.0, json!({})));
        from("https://b.org/fhir/", &result("k2", 5.5, absolute.clone()));
        assert_eq!(
            rows(db),
            "https://b.org/fhir/Patient/p 2823-3 5.0, \
             https://b.org/fhir/Patient/p 2823-3 5.5, p 2823-3 4.0"
        );
        from("https://b.org/fhir/", &deleted);
        assert_eq!(
            rows(db),
            "https://b.org/fhir/Patient/p 2823-3 5.5, p 2823-3 4.0"
        );
        let file = program.file("a.csv", "user_id,metric,value,unit,started_at\n");
        let refused = program.run(&["import", "csv", "--source", "b", &file]);
        assert!(
            refused.stderr.contains("`--source` is for FHIR"),
            "{}",
            refused.stderr
        );
    });
}

#[test]
fn two_imports_at_once_end_with_the_newest_versions() {
    const RESOURCES: usize = 700;
    let db = Database::postgres();
    let program = Program::on(db.url());
    program.ok(&["migrate"]);
    // Both hold every resource, in opposite orders; each the newest of half.
    let file = |name: &str, newest_of: usize, is_reversed: bool| {
        let lines = (0..RESOURCES).map(|n| {
            let version = if n % 2 == newest_of { "2" } else { "1" };
            let at = format!("2026-03-02T1{version}:00:00Z");
            let value = if version == "2" { 4.6 } else { 6.4 };
            // The newer version is another patient's.
            let patient = json!({"subject": {"reference": format!("Patient/{version}")}});
            let mut one = result(&format!("k{n}"), value, meta(version, &at));
            one["subject"] = patient["subject"].clone();
            one.to_string()
        });
        let mut lines: Vec<_> = lines.collect();
        if is_reversed {
            lines.reverse();
        }
        program.file(name, lines.join("\n"))
    };
    let files = [file("a.ndjson", 0, false), file("b.ndjson", 1, true)];
    let running: Vec<_> = files
        .iter()
        .map(|file| {
            let mut import = program.command(&["import", "fhir", file]);
            import.stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut one in running {
        assert!(one.wait().unwrap().success());
    }
    let per_version = "(select string_agg(v, ', ' order by v) from (select p.reference || ' ' || \
        r.value || ' ' || count(*) as v from raw_labs r join patient_users p \
        on p.user_id = r.user_id group by p.reference, r.value) s)";
    assert_eq!(db.value(per_version), format!("2 4.6 {RESOURCES}"));
}

#[test]
fn a_retraction_after_a_copy_takes_the_aggregates_with_it() {
    let source = Program::on_sqlite();
    let first = result("k1", 6.4, meta("1", "2026-03-02T11:00:00Z"));
    let mut error = result("k1", 6.4, meta("2", "2026-03-02T12:00:00Z"));
    error["status"] = json!("entered-in-error");
    error.as_object_mut().unwrap().remove("subject");
    import(
        &source,
        &[
            first.clone(),
            result("k2", 4.0, json!({"effectiveDateTime": "2026-03-05"})),
        ],
    );
    source.ok(&["run-once"]);
    let db = Database::postgres();
    let program = Program::on(db.url());
    program.ok(&["migrate"]);
    source.ok(&["copy", "--from", &source.url, "--to", db.url()]);
    let days = "(select count(*) from lab_aggregates where period = 'day')";
    assert_eq!(db.value(days), "2");
    let printed = import(&program, from_ref(&error));
    assert!(printed.contains("1 retracted"), "{printed}");
    program.ok(&["run-once"]);
    assert_eq!(db.value(days), "1");
    assert_eq!(
        db.value("(select count(*) from lab_aggregates where period = 'month')"),
        "1"
    );
    // The copy knows the version that was retracted.
    let printed = import(&program, from_ref(&first));
    assert!(printed.contains("older version"), "{printed}");
    assert_eq!(db.value("(select count(*) from raw_labs)"), "1");
    program.ok(&["verify", "--all"]);
}

#[test]
fn a_version_of_a_sealed_day_changes_nothing_and_says_so() {
    on_both(|db, program| {
        let at = |version: &str| meta(version, &format!("2024-03-02T1{version}:00:00Z"));
        let old = |value: f64, version: &str| {
            let mut one = result("k1", value, at(version));
            one["effectiveDateTime"] = json!("2024-03-02T08:00:00Z");
            one
        };
        import(program, &[old(6.4, "1")]);
        program.ok(&["run-once"]);
        let mut retain = program.command(&["run-once"]);
        retain.env("VITALFOLD__RETENTION__RAW_ROWS", "400days");
        assert!(retain.output().unwrap().status.success());
        assert_eq!(db.value("(select count(*) from sealed_groups)"), "1");
        assert_eq!(rows(db), "");
        import(program, &[old(4.6, "2")]);
        program.run(&["run-once"]);
        let last = "(select max(last_text) from lab_aggregates where period = 'day')";
        assert_eq!(db.value(last), "6.4");
        assert_eq!(
            db.value("(select count(*) from raw_labs_states where reason like 'too_late%')"),
            "1"
        );
        let mut error = old(4.6, "3");
        error["status"] = json!("entered-in-error");
        let printed = import(program, &[error]);
        assert!(printed.contains("1 retracted"), "{printed}");
        program.ok(&["run-once"]);
        assert_eq!(db.value(last), "6.4");
        assert_eq!(db.value("(select count(*) from raw_labs)"), "0");
    });
}
