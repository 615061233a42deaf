//! What recomputing a group shows.

use std::time::Duration;

use vitalfold::domain::Domain;
use vitalfold::store::{ErrorClass, GroupCheck, KnownGroup, Mark, Store};

use super::{
    DAY, at_ten, count, date, deadly, failure, fold, folded, give, group, heart_rate, means,
    refold, unsettled,
};
use crate::database::Database;

on_both! {
    a_check_tells_drift_from_what_is_not_settled,
    a_group_whose_rows_are_gone_without_a_change_is_reported,
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
        .mark_failed(key, &failure(ErrorClass::Data, Duration::ZERO))
        .await
        .unwrap();
    assert!(store.fold(key).await.is_err());
    assert_eq!(count(db, "vitals_aggregates"), aggregates);
    assert_eq!(store.check(key).await.unwrap(), GroupCheck::RowsMissing);

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
    let soon = failure(ErrorClass::Data, Duration::ZERO);
    store.mark_failed(key, &soon).await.unwrap();
    assert!(store.fold(key).await.is_ok());
    assert_eq!(count(db, "vitals_aggregates"), 0);
}
