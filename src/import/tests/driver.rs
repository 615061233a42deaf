//! Two passes, batches, users, zones, and what becomes of errors.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use chrono_tz::Tz;

use super::store::Memory;
use crate::domain::Value;
use crate::import::{Format, ImportError, ImportOptions, Summary, import_file};

async fn run(
    store: &Memory,
    name: &str,
    content: impl AsRef<[u8]>,
    options: &ImportOptions,
) -> Result<Summary, ImportError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, content).unwrap();
    import_file(store, &path, options).await
}

fn csv() -> ImportOptions {
    ImportOptions {
        default_zone: Tz::Europe__Berlin,
        ..ImportOptions::new(Format::Csv)
    }
}

fn steps(rows: usize, last: &str) -> String {
    let mut text = "user_id,metric,value,started_at,colour\n".to_owned();
    for row in 0..rows {
        writeln!(text, "7,steps,{row},2024-05-06T10:00:00Z,").unwrap();
    }
    text + last
}

#[tokio::test]
async fn inserts_in_batches_and_counts() {
    let store = Memory::default();
    let text = steps(2500, "7,steps,,2024-05-06,\n");
    let summary = run(&store, "a.csv", text, &csv()).await.unwrap();
    assert_eq!((summary.read, summary.inserted), (2501, 2500));
    assert_eq!(
        summary.ignored_columns.into_iter().collect::<Vec<_>>(),
        ["colour"]
    );
    assert_eq!(store.0.lock().unwrap().batches, [1000, 1000, 500]);
}

#[tokio::test]
async fn nothing_of_a_file_with_an_error_is_stored() {
    let store = Memory::default();
    let text = steps(1500, "7,steps,secret,2024-05-06,\n");
    let error = run(&store, "a.csv", text, &csv()).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.ends_with("a.csv:1502: column `value` is not a plain number such as 5.4"),
        "{text}"
    );
    assert!(!text.contains("secret"));
    assert_eq!(store.rows(), 0);
}

#[tokio::test]
async fn keeping_going_stores_the_rest_and_names_the_first_errors() {
    let store = Memory::default();
    let options = ImportOptions {
        keep_going: true,
        ..csv()
    };
    let bad = "7,steps,secret,2024-05-06,\n".repeat(30);
    let summary = run(&store, "a.csv", steps(10, &bad), &options)
        .await
        .unwrap();
    assert_eq!((summary.inserted, summary.malformed), (10, 30));
    assert_eq!(summary.errors.len(), 20);
    let xml = "<HealthData><Workout/><Record";
    let options = ImportOptions {
        user: Some(1),
        format: Format::AppleHealth,
        ..options
    };
    let summary = run(&store, "export.xml", xml, &options).await.unwrap();
    assert_eq!((summary.malformed, summary.skipped["Workout"]), (1, 1));
}

#[tokio::test]
async fn a_store_that_fails_ends_the_import() {
    let store = Memory::default();
    store.0.lock().unwrap().fail_after = Some(2);
    let error = run(&store, "a.csv", steps(50_000, ""), &csv())
        .await
        .unwrap_err();
    assert!(matches!(&error, ImportError::Store { .. }), "{error}");
    assert!(error.to_string().ends_with("a.csv: rows cannot be stored"));
    assert_eq!(store.rows(), 2000);
}

#[tokio::test]
async fn users_and_zones_are_asked_for_once_a_batch() {
    let store = Memory::default();
    {
        let mut state = store.0.lock().unwrap();
        state.zones.insert(1001, "Asia/Tokyo".into());
        state.zones.insert(1002, "Nowhere/Land".into());
    }
    let mut text = "patient,metric,value,time\n".to_owned();
    for row in 0..3000 {
        writeln!(text, "Patient/p{},steps,1,2024-05-06 00:30", row % 3).unwrap();
    }
    run(&store, "a.csv", text, &csv()).await.unwrap();
    let state = store.0.lock().unwrap();
    assert_eq!((state.resolve_calls, state.zone_calls), (1, 1));
    let offsets: Vec<i32> = state.vitals[..3].iter().map(|row| row.offset).collect();
    assert_eq!(offsets, [120, 540, 120]);
    let Value::Timestamp(start) = &state.vitals[1].values[4] else {
        panic!("{:?}", state.vitals[1]);
    };
    assert_eq!(start.to_rfc3339(), "2024-05-05T15:30:00+00:00");
}

#[tokio::test]
async fn a_directory_is_the_sum_of_its_files() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["b.csv", "a.csv"] {
        std::fs::write(dir.path().join(name), steps(3, "")).unwrap();
    }
    std::fs::write(dir.path().join("notes.txt"), "no").unwrap();
    let store = Memory::default();
    let summary = import_file(&store, dir.path(), &csv()).await.unwrap();
    assert_eq!((summary.read, summary.inserted), (6, 6));
}

/// What a diary exports that lets people add an item twice.
const DIARY: &str = "user_id,nutrient,amount,unit,meal,date
1,caffeine,80,mg,snack,2026-03-02
1,caffeine,80,mg,snack,2026-03-02
1,water,250,mL,,2026-03-02
1,water,250,mL,,2026-03-02
1,water,250,mL,,2026-03-02
";

/// The names of the rows that an import of each text stores.
async fn names(texts: &[&str]) -> Vec<HashSet<String>> {
    let mut names = Vec::new();
    for text in texts {
        let store = Memory::default();
        run(&store, "diary.csv", text, &csv()).await.unwrap();
        let state = store.0.lock().unwrap();
        let rows = state.nutrition.iter().map(|row| row.source_id.clone());
        names.push(rows.map(Option::unwrap).collect());
    }
    names
}

#[tokio::test]
async fn equal_rows_of_a_file_are_events_of_their_own() {
    let other_order: String = {
        let mut lines: Vec<_> = DIARY.lines().collect();
        lines[1..].reverse();
        lines.join("\n")
    };
    let longer = format!("{DIARY}1,water,250,mL,,2026-03-02\n1,water,250,mL,,2026-03-03\n");
    let found = names(&[DIARY, DIARY, &other_order, &longer]).await;
    assert_eq!(found[0].len(), 5);
    assert_eq!(found[0], found[1], "imported again");
    assert_eq!(found[0], found[2], "in another order");
    let new: Vec<_> = found[3].difference(&found[0]).collect();
    assert_eq!(new.len(), 2, "an overlapping export adds what it has more");
    assert_eq!(found[3].len(), 7);
}

#[tokio::test]
async fn an_ordinal_counts_over_batches() {
    let text = format!("user_id,nutrient,amount,unit,date\n{}", {
        "1,water,250,mL,2026-03-02\n".repeat(2500)
    });
    let found = names(&[&text]).await;
    assert_eq!(found[0].len(), 2500);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_is_read_twice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: mkfifo is missing");
        return;
    }
    let writer = path.clone();
    let writer = std::thread::spawn(move || std::fs::write(writer, steps(5, "")));
    let store = Memory::default();
    let summary = import_file(&store, &path, &csv()).await.unwrap();
    writer.join().unwrap().unwrap();
    assert_eq!(summary.inserted, 5);
}

#[tokio::test]
async fn says_what_cannot_be_read() {
    let store = Memory::default();
    let missing = PathBuf::from("/nonexistent/a.csv");
    let error = import_file(&store, &missing, &csv()).await.unwrap_err();
    assert_eq!(error.to_string(), "/nonexistent/a.csv: cannot be read");
    let apple = ImportOptions::new(Format::AppleHealth);
    let error = import_file(&store, &missing, &apple).await.unwrap_err();
    assert!(matches!(error, ImportError::Usage(_)));
}

#[tokio::test]
async fn progress_covers_both_passes() {
    let options = ImportOptions {
        progress: indicatif::ProgressBar::with_draw_target(
            Some(0),
            indicatif::ProgressDrawTarget::hidden(),
        ),
        ..csv()
    };
    let text = steps(100, "");
    let length = text.len() as u64;
    run(&Memory::default(), "a.csv", text, &options)
        .await
        .unwrap();
    assert_eq!(options.progress.position(), 2 * length);
    assert_eq!(options.progress.length(), Some(2 * length));
}
