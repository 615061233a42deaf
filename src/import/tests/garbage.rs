//! Whatever bytes a file holds, a parser ends with an error or with skips.

use std::io::Cursor;

use proptest::prelude::*;

use crate::import::testing::Collected;
use crate::import::{apple_health, csv, fhir};

/// Reads bytes as every format, with and without a user.
fn read_all(bytes: &[u8]) {
    for user in [None, Some(1)] {
        let sink = &mut Collected::keep_going();
        // Any end will do, as long as there is one.
        drop(fhir::read(
            bytes,
            fhir::Told { user, source: None },
            &fhir::SharedPeople::default(),
            sink,
        ));
        drop(csv::survey(bytes, user));
        drop(csv::read(bytes, user, csv::Marks::default(), sink));
    }
    drop(apple_health::read(
        Cursor::new(bytes),
        1,
        &mut Collected::keep_going(),
    ));
}

const FHIR: &str = r#"{"resourceType":"Observation","id":"1","status":"final",
    "meta":{"source":"urn:a#b"},"category":[{"coding":[{"code":"laboratory"}]}],
    "code":{"coding":[{"system":"http://loinc.org","code":"2823-3","display":"K"}]},
    "subject":{"reference":"Patient/p"},"effectivePeriod":{"start":"2024-05-06","end":"2024-05-07T10:00:00+01:00"},
    "valueQuantity":{"value":5.40,"comparator":"<","unit":"mmol/L","code":"mmol/L"},
    "interpretation":[{"coding":[{"code":"H"}]}],"referenceRange":[{"low":{"value":3.5}}],
    "component":[{"code":{"text":"a"},"valueRatio":{"numerator":{"value":1},"denominator":{"value":80}}}]}"#;
const CSV: &str = "user_id,metric,value,unit,started_at,ended_at,utc_offset_minutes,note\n\
    7,heart_rate,6.1e1,/min,2024-05-06 10:00:00 +0200,2024-05-06,-60,\"a \"\"b\"\"\"\n";
const INTAKE: &str = r#"{"resourceType":"NutritionIntake","id":"1","status":"completed",
    "meta":{"source":"urn:a#b"},"subject":{"reference":"Patient/p"},"note":[{"text":"a"}],
    "occurrencePeriod":{"start":"2024-05-06","end":"2024-05-06T10:00:00+01:00"},
    "ingredientLabel":[{"nutrient":{"concept":{"coding":[{"system":"http://loinc.org",
    "code":"9052-2","display":"Energy"}],"text":"a"}},"amount":{"value":5.40,"unit":"kcal","code":"kcal"}}]}"#;
const DIARY: &str = "patient;nutrient;amount;unit;meal;eaten_at\n\
    p;DietaryProtein;6.1e1;g;\"a \"\"b\"\"\";2024-05-06 10:00:00 +0200\n";
const XML: &str = "<?xml version=\"1.0\"?><!DOCTYPE HealthData [<!ENTITY a \"b\">]>\n<HealthData locale=\"en\">\
    <Record type=\"HKQuantityTypeIdentifierStepCount\" sourceName=\"A&amp;B\" unit=\"count\" \
    startDate=\"2014-09-13 10:27:54 +0100\" endDate=\"2014-09-13 10:27:59 +0100\" value=\"329\">\
    <MetadataEntry key=\"HKTimeZone\" value=\"Asia/Tokyo\"/></Record><![CDATA[x]]>&a;</HealthData>";

#[test]
fn every_truncation_and_every_flipped_byte_of_a_sample() {
    for sample in [FHIR, INTAKE, CSV, DIARY, XML] {
        let bytes = sample.as_bytes();
        for at in 0..bytes.len() {
            read_all(&bytes[..at]);
            for byte in [0, b'"', b'<', b'{', b'9', 0xff] {
                let mut changed = bytes.to_vec();
                changed[at] = byte;
                read_all(&changed);
            }
        }
    }
}

#[test]
fn deep_nesting_and_huge_numbers() {
    for open in [
        "[",
        "{\"a\":",
        "{\"entry\":[{\"resource\":",
        "<a>",
        "<HealthData>",
        "\"",
    ] {
        read_all(open.repeat(100_000).as_bytes());
    }
    for number in [
        "1e999",
        "-1e999",
        "1e-999",
        "9e99999999999",
        &"9".repeat(5000),
    ] {
        read_all(FHIR.replace("5.40", number).as_bytes());
        read_all(INTAKE.replace("5.40", number).as_bytes());
        read_all(CSV.replace("6.1e1", number).as_bytes());
        read_all(DIARY.replace("6.1e1", number).as_bytes());
        read_all(CSV.replace("2024", number).as_bytes());
        read_all(XML.replace("329", number).as_bytes());
    }
}

#[test]
fn every_field_of_every_wrong_type() {
    let wrong = [
        "null",
        "7",
        "\"\\u0000\"",
        "[]",
        "[7]",
        "[[]]",
        "{}",
        "true",
        "[null]",
        "1e9",
    ];
    for (sample, fields) in [(FHIR, 40), (INTAKE, 25)] {
        let sample: serde_json::Value = serde_json::from_str(sample).unwrap();
        let mut paths = Vec::new();
        pointers(&sample, String::new(), &mut paths);
        assert!(paths.len() > fields);
        for path in paths {
            for wrong in wrong {
                let mut changed = sample.clone();
                *changed.pointer_mut(&path).unwrap() = serde_json::from_str(wrong).unwrap();
                read_all(changed.to_string().as_bytes());
            }
        }
    }
}

fn pointers(value: &serde_json::Value, path: String, all: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                pointers(value, format!("{path}/{key}"), all);
            }
        }
        serde_json::Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                pointers(value, format!("{path}/{index}"), all);
            }
        }
        _ => {}
    }
    all.push(path);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read_all(&bytes);
    }

    #[test]
    fn random_text_in_each_place(text in "\\PC{0,40}|[0-9TZ:+. -]{0,40}|[\\x00-\\x7f]{0,20}") {
        read_all(text.as_bytes());
        let quoted = serde_json::to_string(&text).unwrap();
        for place in ["\"final\"", "\"2024-05-06\"", "5.40", "\"Patient/p\"", "\"2823-3\"", "\"<\""] {
            read_all(FHIR.replace(place, &quoted).as_bytes());
        }
        for place in ["61", "2024-05-06", "-60", "heart_rate", "value", "user_id"] {
            read_all(CSV.replace(place, &text).as_bytes());
        }
        for place in ["329", "2014-09-13", "+0100", "A&amp;B", "Asia/Tokyo"] {
            read_all(XML.replace(place, &text).as_bytes());
        }
    }

    #[test]
    fn splices_of_samples(from in 0usize..700, to in 0usize..700, at in 0usize..700) {
        for (one, two) in [(FHIR, FHIR), (CSV, FHIR), (XML, XML), (FHIR, XML)] {
            let part = two.as_bytes().get(from.min(to)..from.max(to)).unwrap_or_default();
            let mut bytes = one.as_bytes().to_vec();
            let at = at.min(bytes.len());
            bytes.splice(at..at, part.iter().copied());
            read_all(&bytes);
        }
    }
}
