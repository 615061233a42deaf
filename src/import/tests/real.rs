//! Real files, where the folder that holds them is there.

use std::path::{Path, PathBuf};

use super::store::Memory;
use crate::domain::Value;
use crate::import::{Format, ImportOptions, Summary, import_file};

fn data(path: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let path = root.join(path);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is absent", path.display());
    None
}

async fn import(store: &Memory, path: &Path, format: Format, user: Option<i64>) -> Summary {
    let options = ImportOptions {
        user,
        ..ImportOptions::new(format)
    };
    match import_file(store, path, &options).await {
        Ok(summary) => summary,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn synthea_gives_every_row() {
    let Some(path) = data("synthea-r4-smart/Observation.ndjson") else {
        return;
    };
    let store = Memory::default();
    let summary = import(&store, &path, Format::Fhir, None).await;
    assert_eq!((summary.read, summary.inserted), (15_659, 15_631));
    let skipped: Vec<_> = summary
        .skipped
        .iter()
        .map(|(k, v)| (k.as_str(), *v))
        .collect();
    assert_eq!(
        skipped,
        [
            ("category exam", 26),
            ("category imaging", 12),
            ("category procedure", 48),
            ("category social-history", 36),
            ("category survey", 869),
        ]
    );
    let state = store.0.lock().unwrap();
    assert_eq!((state.labs.len(), state.vitals.len()), (10_146, 5_485));
    assert_eq!(state.users.len(), 106);
    assert!(
        state
            .labs
            .iter()
            .all(|row| row.source == "fhir" && row.source_id.is_some())
    );
}

#[tokio::test]
async fn the_standards_own_examples_are_read_without_error() {
    let Some(path) = data("hl7-fhir-r4-examples/observations") else {
        return;
    };
    let store = Memory::default();
    let summary = import(&store, &path, Format::Fhir, None).await;
    assert_eq!(summary.read, 64);
    let skipped = |reason: &str| summary.skipped.get(reason).copied().unwrap_or_default();
    assert_eq!(
        (
            skipped("status cancelled"),
            skipped("status entered-in-error")
        ),
        (2, 1)
    );
    assert_eq!(
        (skipped("data absent"), skipped("subject is a Group")),
        (1, 1)
    );
    let state = store.0.lock().unwrap();
    let metrics: Vec<_> = state.vitals.iter().map(|row| &row.values[0]).collect();
    let text = |text: &str| Value::Text(text.to_owned());
    assert!(metrics.contains(&&text("8480-6")) && metrics.contains(&&text("8310-5")));
}

#[tokio::test]
async fn the_standards_own_bundles_and_reports_are_read_without_error() {
    for folder in ["bundles", "reports"] {
        let Some(path) = data("hl7-fhir-r4-examples").map(|path| path.join(folder)) else {
            return;
        };
        let summary = import(&Memory::default(), &path, Format::Fhir, None).await;
        assert!(summary.read >= 6, "{folder}: {}", summary.read);
        assert_eq!(summary.malformed, 0);
    }
}

#[tokio::test]
async fn an_apple_export_and_its_csv_say_the_same() {
    let Some(folder) = data("apple-health/tdda") else {
        return;
    };
    let xml = Memory::default();
    let path = folder.join("export6s3sample.xml");
    let summary = import(&xml, &path, Format::AppleHealth, Some(7)).await;
    assert_eq!((summary.read, summary.inserted), (18, 15));
    assert_eq!(
        (
            summary.skipped["ActivitySummary"],
            summary.skipped["Workout"]
        ),
        (2, 1)
    );
    let csv = Memory::default();
    for file in ["StepCount.csv", "DistanceWalkingRunning.csv"] {
        let summary = import(&csv, &folder.join(file), Format::Csv, Some(7)).await;
        assert!(summary.ignored_columns.contains("creationDate"));
    }
    let (xml, csv) = (xml.0.lock().unwrap(), csv.0.lock().unwrap());
    assert_eq!(xml.vitals, csv.vitals);
    assert_eq!(xml.vitals[0].offset, 60);
}
