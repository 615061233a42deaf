//! Rows that a fold leaves out.

use std::sync::Arc;

use vitalfold::store::{ErrorClass, GroupOutcome, Isolation, Store};

use super::{
    DAY, FOLDED_ONE, HOUR, at_ten, changes, count, date, failure, fold, give, group, heart_rate,
    means, refold, unsettled,
};
use crate::database::Database;

on_both! {
    rows_left_out_are_rejected_as_poison,
    a_trial_changes_nothing,
    poison_stays_out_of_plain_inserts_and_gets_a_chance_with_others,
    a_search_goes_on_with_a_group_that_is_dead,
}

/// Of the row whose value is 66.
fn poison(db: &Database, trial: bool) -> Isolation {
    let row = db.value("(select id from raw_vitals where value = 66)");
    Isolation {
        rows: Arc::new([row.parse().unwrap()].into()),
        error: "it fails".into(),
        trial,
    }
}

const BOTH: GroupOutcome = GroupOutcome::Folded {
    completed: 1,
    rejected: 1,
};

/// A good row and a bad one.
async fn two<S: Store>(store: &S) {
    give(
        store,
        [at_ten(1, DAY), heart_rate(1, "2026-01-05T11:00:00Z", 66.0)],
    )
    .await;
}

async fn rows_left_out_are_rejected_as_poison<S: Store>(db: &Database, store: S) {
    two(&store).await;
    let found = store.fold_without(group(1, DAY), &poison(db, false)).await;
    assert_eq!(found.unwrap(), BOTH);
    assert_eq!(means(&store).await, [(date(DAY), Some(60.0))]);
    assert_eq!(
        db.value("(select reason from rejected_rows where poison)"),
        "poison: it fails"
    );
    assert!(unsettled(db).is_empty());
}

async fn a_trial_changes_nothing<S: Store>(db: &Database, store: S) {
    two(&store).await;
    let found = store.fold_without(group(1, DAY), &poison(db, true)).await;
    assert_eq!(found.unwrap(), BOTH);
    assert_eq!(count(db, "vitals_aggregates"), 0);
    assert_eq!(count(db, "rejected_rows"), 0);
    assert_eq!(changes(db), ["1 2026-01-05 insert 2"]);
}

async fn poison_stays_out_of_plain_inserts_and_gets_a_chance_with_others<S: Store>(
    db: &Database,
    store: S,
) {
    two(&store).await;
    let isolation = poison(db, false);
    let key = group(1, DAY);
    let cut_out = async || {
        store.fold_without(key, &isolation).await.unwrap();
        assert_eq!(count(db, "rejected_rows where poison"), 1);
    };
    cut_out().await;
    give(&store, [heart_rate(1, "2026-01-05T12:00:00Z", 62.0)]).await;
    assert_eq!(fold(&store, 1, DAY).await, FOLDED_ONE);
    assert_eq!(means(&store).await, [(date(DAY), Some(61.0))]);
    assert_eq!(count(db, "rejected_rows where poison"), 1);

    // An edit, a delete, a backfill, a failure: the group is other than it was.
    db.execute("update raw_vitals set value = 64 where value = 62");
    fold(&store, 1, DAY).await;
    assert_eq!(count(db, "rejected_rows"), 0, "an edit");
    assert_eq!(
        db.value("(select max(\"count\") from vitals_aggregates where period = 'day')"),
        "3"
    );
    cut_out().await;
    db.execute("delete from raw_vitals where value = 64");
    fold(&store, 1, DAY).await;
    assert_eq!(count(db, "rejected_rows"), 0, "a delete");
    cut_out().await;
    refold(&store, key, 2).await;
    fold(&store, 1, DAY).await;
    assert_eq!(count(db, "rejected_rows"), 0, "a backfill");
    cut_out().await;
    give(&store, [heart_rate(1, "2026-01-05T12:00:00Z", 62.0)]).await;
    let soon = failure(ErrorClass::Data, std::time::Duration::ZERO);
    store.mark_failed(key, &soon).await.unwrap();
    fold(&store, 1, DAY).await;
    assert_eq!(count(db, "rejected_rows"), 0, "a failure");
}

async fn a_search_goes_on_with_a_group_that_is_dead<S: Store>(db: &Database, store: S) {
    two(&store).await;
    let key = group(1, DAY);
    let last = vitalfold::store::Failure {
        max_attempts: 1,
        ..failure(ErrorClass::Data, HOUR)
    };
    store.mark_failed(key, &last).await.unwrap();
    assert_eq!(fold(&store, 1, DAY).await, GroupOutcome::Locked);
    let found = store.fold_without(key, &poison(db, true)).await.unwrap();
    assert!(matches!(found, GroupOutcome::Folded { rejected: 1, .. }));
    assert_eq!(unsettled(db), ["1 2026-01-05"]);
    let found = store.fold_without(key, &poison(db, false)).await.unwrap();
    assert!(matches!(found, GroupOutcome::Folded { rejected: 1, .. }));
    assert!(unsettled(db).is_empty());
}
