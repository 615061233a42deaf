//! Which days a row touches, and to which it belongs.

use vitalfold::store::{GroupOutcome, Store};

use super::{
    DAY, at_ten, changes, count, fold, give, group, heart_rate, interval, unsettled, with_id,
};
use crate::database::Database;

on_both! {
    an_interval_marks_every_day_that_it_touches,
    sleep_in_the_evening_is_of_the_next_day,
    an_offset_wilder_than_any_is_found_and_rejected,
}

/// A walk across midnight, and how far a row reaches at most.
async fn an_interval_marks_every_day_that_it_touches<S: Store>(db: &Database, store: S) {
    let walk = interval(
        "steps",
        "count",
        900.0,
        "2026-01-05T23:40:00Z",
        "2026-01-06T00:20:00Z",
    );
    let endless = interval(
        "steps",
        "count",
        900.0,
        "2026-02-01T12:00:00Z",
        "2027-01-01T00:00:00Z",
    );
    give(&store, [with_id(walk, "walk"), endless]).await;
    assert_eq!(
        changes(db),
        [
            "1 2026-01-05 insert 1",
            "1 2026-01-06 insert 0",
            "1 2026-02-01 insert 1",
            "1 2026-02-02 insert 0",
            "1 2026-02-03 insert 0",
        ]
    );
    for day in [DAY, "2026-01-06", "2026-02-01", "2026-02-02", "2026-02-03"] {
        assert!(matches!(
            fold(&store, 1, day).await,
            GroupOutcome::Folded { .. }
        ));
    }
    assert!(unsettled(db).is_empty());
    // Both days are folded again when it ends another day.
    db.execute(
        "update raw_vitals set ended_at = '2026-01-05 23:50:00.000000+00:00' \
         where source_id = 'walk'",
    );
    assert_eq!(changes(db), ["1 2026-01-05 edit 1", "1 2026-01-06 edit 0"]);
}

/// Sleep belongs to the day it ends on, by whatever name it comes.
async fn sleep_in_the_evening_is_of_the_next_day<S: Store>(db: &Database, store: S) {
    let mut names = vec!["HKCategoryTypeIdentifierSleepAnalysis"];
    for metric in vitalfold::domain::vitals::registry::metrics() {
        if metric.name == "sleep" || metric.name.starts_with("sleep_") {
            names.push(metric.name);
            names.extend(metric.loinc);
            names.extend(metric.healthkit);
        }
    }
    let rows = |time: &str| -> Vec<_> {
        let row = |name: &&str| {
            let mut row = heart_rate(1, time, 1.0);
            row.payload.metric = (*name).into();
            row.payload.unit = None;
            row
        };
        names.iter().map(row).collect()
    };
    give(&store, rows("2026-01-05T17:59:59Z")).await;
    give(&store, rows("2026-01-05T18:00:00Z")).await;
    for day in [DAY, "2026-01-06"] {
        let rows = format!("raw_vitals_states where local_date = '{day}'");
        assert_eq!(count(db, &rows), names.len() as u64, "{day}");
        let ids = store.row_ids(group(1, day)).await.unwrap();
        assert_eq!(ids.len(), names.len(), "{day}");
    }
    // Both of its days know of it.
    let days = changes(db);
    let all = format!("1 2026-01-05 insert {}", 2 * names.len());
    assert_eq!(days, [all.as_str(), "1 2026-01-06 insert 0"]);
}

async fn an_offset_wilder_than_any_is_found_and_rejected<S: Store>(db: &Database, store: S) {
    let mut rows = [at_ten(1, DAY), at_ten(2, DAY)];
    rows[0].utc_offset_minutes = 2_000;
    rows[1].utc_offset_minutes = -2_000;
    give(&store, rows).await;
    assert_eq!(unsettled(db), ["1 2026-01-06", "2 2026-01-04"]);
    for (user, day) in [(1, "2026-01-06"), (2, "2026-01-04")] {
        assert_eq!(
            fold(&store, user, day).await,
            GroupOutcome::Folded {
                completed: 0,
                rejected: 1
            }
        );
    }
    assert_eq!(count(db, "raw_vitals_states where state = 'rejected'"), 2);
}
