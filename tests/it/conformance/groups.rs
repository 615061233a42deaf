//! The door of folds.

use vitalfold::domain::labs::{LabResult, Labs};
use vitalfold::domain::vitals::Vitals;
use vitalfold::domain::{Domain, GroupKey, NewRow, Period};
use vitalfold::store::{ErrorClass, GroupCheck, GroupOutcome, KnownGroup, Mark, Store};

use super::{
    DAY, FOLDED_ONE, HOUR, at_ten, changes, count, date, deadly, failure, fold, folded, give,
    group, heart_rate, interval, means, query, refold, time, unsettled, with_id,
};
use crate::database::Database;

on_both! {
    a_group_folds_into_every_period_and_again_to_the_same_bits,
    a_group_without_changes_is_left_alone,
    a_group_that_waits_is_left_alone_although_it_has_new_changes,
    a_dead_group_has_a_new_chance_by_a_new_change,
    edits_and_deletes_mark_exactly_their_groups,
    an_emptied_day_leaves_nothing_behind,
    an_interval_marks_every_day_that_it_touches,
    sleep_in_the_evening_is_of_the_next_day,
    an_offset_wilder_than_any_is_found_and_rejected,
    labs_fold_into_their_periods,
    a_rejected_row_keeps_its_reason_until_it_is_corrected,
    row_ids_are_those_of_the_group_in_order,
    a_check_tells_drift_from_what_is_not_settled,
    a_group_whose_rows_are_gone_without_a_change_is_reported,
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

/// The drifts of user 1 on the day, in words; none while unsettled.
async fn drifts<S: Store>(store: &S) -> Option<Vec<String>> {
    match store.check(group(1, DAY)).await.unwrap() {
        GroupCheck::Unsettled => None,
        GroupCheck::Settled {
            drifts,
            misjudged_rows,
        } => Some(
            drifts
                .into_iter()
                .map(|drift| format!("{} {:?}", drift.key.period, drift.what))
                .chain((misjudged_rows > 0).then(|| format!("{misjudged_rows} rows")))
                .collect(),
        ),
        other => panic!("{other:?}"),
    }
}

async fn a_check_tells_drift_from_what_is_not_settled<S: Store>(db: &Database, store: S) {
    let check = store.check(group(1, DAY)).await.unwrap();
    assert_eq!(check, GroupCheck::Empty);
    give(&store, [at_ten(1, DAY)]).await;
    assert_eq!(drifts(&store).await, None, "it has changes");
    fold(&store, 1, DAY).await;
    assert_eq!(drifts(&store).await, Some(vec![]));
    give(&store, [heart_rate(1, "2026-01-05T10:00:00Z", 70.0)]).await;
    assert_eq!(drifts(&store).await, None, "it has a change");
    store.mark_failed(group(1, DAY), &deadly()).await.unwrap();
    assert_eq!(drifts(&store).await, None, "it failed");
    refold(&store, group(1, DAY), 2).await;
    fold(&store, 1, DAY).await;
    assert_eq!(drifts(&store).await, Some(vec![]));

    db.execute("update vitals_aggregates set mean = 1 where period = 'month'");
    db.execute("delete from vitals_aggregates where period = 'week'");
    db.execute("update vitals_aggregates set metric = 'steps' where period = 'hour'");
    db.execute(
        "insert into rejected_rows (user_id, domain, local_date, row_id, reason) \
         select user_id, 'vitals', '2026-01-05', cast(id as text), 'unit_unknown: none' \
         from raw_vitals where value = 60",
    );
    let found = drifts(&store).await.unwrap();
    let expected = [
        "hour Missing",
        "week Missing",
        "month Differs([\"mean\"])",
        "hour Extra",
        "1 rows",
    ];
    assert_eq!(found, expected);
    // Folding again mends all of it.
    refold(&store, group(1, DAY), 2).await;
    fold(&store, 1, DAY).await;
    assert_eq!(drifts(&store).await, Some(vec![]));
}

/// They may be hidden or lost: nobody said that they were deleted.
async fn a_group_whose_rows_are_gone_without_a_change_is_reported<S: Store>(
    db: &Database,
    store: S,
) {
    folded(&store, [at_ten(1, DAY), at_ten(1, "2026-01-06")]).await;
    db.execute("delete from raw_vitals where started_at < '2026-01-06'");
    db.execute("delete from group_changes");
    let key = group(1, DAY);
    assert_eq!(store.check(key).await.unwrap(), GroupCheck::RowsMissing);
    let aggregates = count(db, "vitals_aggregates");

    refold(&store, key, 0).await;
    let error = store.fold(key).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("rows_missing: "), "{text}");
    assert!(text.contains("vitalfold verify"), "{text}");
    assert_eq!(error.class, ErrorClass::Data);
    assert_eq!(count(db, "vitals_aggregates"), aggregates);
    assert_eq!(unsettled(db), ["1 2026-01-05"]);
    // The same once it failed: its lines did not tell of a delete either.
    store
        .mark_failed(key, &failure(ErrorClass::Data, std::time::Duration::ZERO))
        .await
        .unwrap();
    assert!(store.fold(key).await.is_err());
    assert_eq!(count(db, "vitals_aggregates"), aggregates);

    // An operator says that they are gone for good.
    let known = KnownGroup { key, rows: 0 };
    store
        .mark(Domain::Vitals, &[known], Mark::Emptied)
        .await
        .unwrap();
    assert!(store.fold(key).await.is_ok());
    assert_eq!(means(&store).await, [(date("2026-01-06"), Some(60.0))]);
    assert!(unsettled(db).is_empty());
    assert_eq!(store.check(key).await.unwrap(), GroupCheck::Empty);
    // A delete of which a failed attempt took the line still counts.
    db.execute("delete from raw_vitals");
    let key = group(1, "2026-01-06");
    let soon = failure(ErrorClass::Data, std::time::Duration::ZERO);
    store.mark_failed(key, &soon).await.unwrap();
    assert!(store.fold(key).await.is_ok());
    assert_eq!(count(db, "vitals_aggregates"), 0);
}
