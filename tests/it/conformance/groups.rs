//! The door of folds.

use vitalfold::domain::labs::{LabResult, Labs};
use vitalfold::domain::vitals::Vitals;
use vitalfold::domain::{Domain, GroupKey, NewRow, Period};
use vitalfold::store::{ErrorClass, GroupOutcome, Store};

use super::{
    DAY, FOLDED_ONE, HOUR, at_ten, changes, count, date, deadly, failure, fold, folded, give,
    group, heart_rate, means, query, refold, time, unsettled, with_id,
};
use crate::database::Database;

on_both! {
    a_group_folds_into_every_period_and_again_to_the_same_bits,
    a_group_without_changes_is_left_alone,
    a_group_that_waits_is_left_alone_although_it_has_new_changes,
    a_dead_group_has_a_new_chance_by_a_new_change,
    edits_and_deletes_mark_exactly_their_groups,
    an_emptied_day_leaves_nothing_behind,
    labs_fold_into_their_periods,
    a_rejected_row_keeps_its_reason_until_it_is_corrected,
    row_ids_are_those_of_the_group_in_order,
}

const PERIODS: [(Period, usize); 4] = [
    (Period::Hour, 24),
    (Period::Day, 1),
    (Period::Week, 1),
    (Period::Month, 1),
];

async fn a_group_folds_into_every_period_and_again_to_the_same_bits<S: Store>(
    db: &Database,
    store: S,
) {
    let rows: Vec<_> = (0..30)
        .map(|i| {
            heart_rate(
                1,
                &format!("2026-01-05T{:02}:17:00Z", i % 24),
                60.1 + f64::from(i),
            )
        })
        .collect();
    give(&store, rows).await;
    assert_eq!(unsettled(db), ["1 2026-01-05"]);
    let all = GroupOutcome::Folded {
        completed: 30,
        rejected: 0,
    };
    assert_eq!(fold(&store, 1, DAY).await, all);
    assert!(unsettled(db).is_empty());
    let mut first = Vec::new();
    for (period, rows) in PERIODS {
        let found = store.aggregates::<Vitals>(&query(period)).await.unwrap();
        assert_eq!(found.len(), rows, "{period}");
        first.extend(found);
    }
    let written = "(select max(updated_at) from vitals_aggregates)";
    let before = db.value(written);
    let raw = raw_rows(db);

    refold(&store, group(1, DAY), 30).await;
    assert_eq!(fold(&store, 1, DAY).await, all);
    let mut second = Vec::new();
    for (period, _) in PERIODS {
        second.extend(store.aggregates::<Vitals>(&query(period)).await.unwrap());
    }
    assert_eq!(first, second);
    assert_eq!(
        db.value(written),
        before,
        "what did not change is not written"
    );
    assert_eq!(raw_rows(db), raw, "no raw row is ever written");
}

/// What would be other of a raw table if a row of it were written.
fn raw_rows(db: &Database) -> String {
    match db {
        Database::Postgres { .. } => {
            db.value("(select string_agg(ctid || ' ' || xmin, ',' order by id) from raw_vitals)")
        }
        Database::Sqlite { .. } => db.value(
            "(select group_concat(id || ' ' || created_at || ' ' || value, ',') from raw_vitals)",
        ),
    }
}

async fn a_group_without_changes_is_left_alone<S: Store>(_: &Database, store: S) {
    assert_eq!(fold(&store, 1, DAY).await, GroupOutcome::Locked);
    folded(&store, [at_ten(1, DAY)]).await;
    assert_eq!(fold(&store, 1, DAY).await, GroupOutcome::Locked);
}

async fn a_group_that_waits_is_left_alone_although_it_has_new_changes<S: Store>(
    db: &Database,
    store: S,
) {
    give(&store, [at_ten(1, DAY)]).await;
    let later = failure(ErrorClass::Data, HOUR);
    store.mark_failed(group(1, DAY), &later).await.unwrap();
    assert!(changes(db).is_empty(), "the failure took them");
    assert_eq!(fold(&store, 1, DAY).await, GroupOutcome::Locked);
    give(&store, [heart_rate(1, "2026-01-05T12:00:00Z", 61.0)]).await;
    // A worker may have pulled it before it failed.
    assert_eq!(fold(&store, 1, DAY).await, GroupOutcome::Locked);
    assert_eq!(changes(db), ["1 2026-01-05 insert 1"]);
    assert_eq!(count(db, "vitals_aggregates"), 0);
    // Its retry folds both, and tells of the rows that the failure does not
    // count.
    store.retry_failed(group(1, DAY)).await.unwrap();
    assert!(matches!(
        fold(&store, 1, DAY).await,
        GroupOutcome::Folded { rejected: 0, .. }
    ));
    assert_eq!(means(&store).await, [(date(DAY), Some(60.5))]);
    assert!(unsettled(db).is_empty());
}

async fn a_dead_group_has_a_new_chance_by_a_new_change<S: Store>(db: &Database, store: S) {
    give(&store, [at_ten(1, DAY)]).await;
    store.mark_failed(group(1, DAY), &deadly()).await.unwrap();
    assert_eq!(fold(&store, 1, DAY).await, GroupOutcome::Locked);
    give(&store, [heart_rate(1, "2026-01-05T12:00:00Z", 61.0)]).await;
    assert!(matches!(
        fold(&store, 1, DAY).await,
        GroupOutcome::Folded { rejected: 0, .. }
    ));
    assert_eq!(means(&store).await, [(date(DAY), Some(60.5))]);
    assert!(unsettled(db).is_empty());
}

async fn edits_and_deletes_mark_exactly_their_groups<S: Store>(db: &Database, store: S) {
    folded(
        &store,
        [DAY, "2026-01-06", "2026-01-07"].map(|day| at_ten(1, day)),
    )
    .await;
    assert!(unsettled(db).is_empty());
    db.execute("update raw_vitals set value = 99 where started_at < '2026-01-06'");
    // A change of nothing is no change.
    db.execute("update raw_vitals set value = value");
    db.execute("delete from raw_vitals where started_at > '2026-01-07'");
    assert_eq!(
        changes(db),
        ["1 2026-01-05 edit 1", "1 2026-01-07 delete 0"]
    );
}

async fn an_emptied_day_leaves_nothing_behind<S: Store>(db: &Database, store: S) {
    folded(&store, [DAY, "2026-01-06"].map(|day| at_ten(1, day))).await;
    db.execute("delete from raw_vitals where started_at < '2026-01-06'");
    fold(&store, 1, DAY).await;
    let week = store.aggregates::<Vitals>(&query(Period::Week)).await;
    let week = week.unwrap();
    assert_eq!(
        (week.len(), week[0].measure.count),
        (1, 1),
        "the other day is still there"
    );

    db.execute("delete from raw_vitals");
    fold(&store, 1, "2026-01-06").await;
    assert_eq!(count(db, "vitals_aggregates"), 0);
    assert!(unsettled(db).is_empty());
}

async fn labs_fold_into_their_periods<S: Store>(_: &Database, store: S) {
    let results = [(DAY, "5.4"), (DAY, "<0.5"), ("2026-03-01", "Positive")];
    let rows = results.map(|(day, value)| NewRow {
        user_id: 1,
        utc_offset_minutes: 0,
        source: "test".into(),
        source_id: None,
        device: None,
        note: None,
        payload: LabResult {
            code: Some("2823-3".into()),
            name: "Potassium".into(),
            category: None,
            value: Some(value.into()),
            unit: Some("mmol/L".into()),
            reference_range: Some("3.5-5.0".into()),
            interpretation: None,
            collected_at: time(&format!("{day}T08:00:00Z")),
        },
    });
    store.insert_raw::<Labs>(rows.into()).await.unwrap();
    for day in [DAY, "2026-03-01"] {
        let key = GroupKey {
            domain: Domain::Labs,
            ..group(1, day)
        };
        store.fold(key).await.unwrap();
    }
    for (period, counts) in [
        (Period::Day, vec![2, 1]),
        (Period::Month, vec![2, 1]),
        (Period::Quarter, vec![3]),
        (Period::Year, vec![3]),
    ] {
        let rows = store.aggregates::<Labs>(&query(period)).await.unwrap();
        let found: Vec<_> = rows.iter().map(|row| row.measure.count).collect();
        assert_eq!(found, counts, "{period}");
        let last = &rows.last().unwrap().measure;
        assert_eq!(last.text_values.get("Positive"), Some(&1));
    }
}

async fn a_rejected_row_keeps_its_reason_until_it_is_corrected<S: Store>(db: &Database, store: S) {
    let mut bad = with_id(at_ten(1, DAY), "a");
    bad.payload.unit = Some("furlong".into());
    give(
        &store,
        [bad.clone(), heart_rate(1, "2026-01-05T11:00:00Z", 60.0)],
    )
    .await;
    let outcome = GroupOutcome::Folded {
        completed: 1,
        rejected: 1,
    };
    assert_eq!(fold(&store, 1, DAY).await, outcome);
    let reason = db.value("(select reason from rejected_rows where not poison)");
    assert!(reason.starts_with("unit_"), "{reason}");
    let when = "(select rejected_at from rejected_rows)";
    let rejected_at = db.value(when);
    // Another fold rejects it once more, which is nothing new.
    give(&store, [heart_rate(1, "2026-01-05T12:00:00Z", 60.0)]).await;
    assert_eq!(fold(&store, 1, DAY).await, FOLDED_ONE);
    assert_eq!(db.value(when), rejected_at);
    bad.payload.unit = Some("/min".into());
    let sent = store.insert_raw::<Vitals>(vec![bad]).await.unwrap();
    assert_eq!(sent.corrected, 1);
    assert_eq!(fold(&store, 1, DAY).await, FOLDED_ONE);
    assert_eq!(count(db, "rejected_rows"), 0);
    // A row that is deleted takes its rejection along.
    db.execute("update raw_vitals set unit = 'furlong' where source_id = 'a'");
    fold(&store, 1, DAY).await;
    assert_eq!(count(db, "rejected_rows"), 1);
    db.execute("delete from raw_vitals where source_id = 'a'");
    fold(&store, 1, DAY).await;
    assert_eq!(count(db, "rejected_rows"), 0);
}

async fn row_ids_are_those_of_the_group_in_order<S: Store>(db: &Database, store: S) {
    let mut late = at_ten(1, "2026-01-06");
    late.payload.started_at = time("2026-01-06T03:00:00Z");
    late.payload.ended_at = late.payload.started_at;
    late.utc_offset_minutes = -300;
    let rows = [
        late,
        heart_rate(1, "2026-01-05T11:00:00Z", 60.0),
        at_ten(1, DAY),
        at_ten(1, "2026-01-06"),
        at_ten(2, DAY),
    ];
    for row in rows {
        give(&store, [row]).await;
    }
    let first: i64 = db
        .value("(select min(id) from raw_vitals)")
        .parse()
        .unwrap();
    let ids = store.row_ids(group(1, DAY)).await.unwrap();
    assert_eq!(ids, [first + 2, first + 1, first]);
}
