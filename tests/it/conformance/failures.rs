//! The door of failed groups.

use std::time::Duration;

use vitalfold::domain::Domain;
use vitalfold::store::{
    ErrorClass, FailedFilter, Failure, GroupFilter, GroupOutcome, GroupState, Store,
};

use super::{
    DAY, HOUR, at_ten, changes, count, date, deadly, failure, fold, folded, give, group,
    heart_rate, unsettled,
};
use crate::database::Database;

on_both! {
    a_failure_takes_the_changes_of_its_group,
    a_failed_group_waits_and_then_is_dead,
    a_dead_group_that_fails_again_begins_anew,
    a_transient_failure_is_nobodys_fault,
    an_attempt_of_two_workers_counts_once,
    attempts_are_put_off_longer_and_longer,
    failed_groups_are_listed_retried_and_discarded,
    what_is_discarded_are_the_rows_that_came_since,
}

async fn a_failure_takes_the_changes_of_its_group<S: Store>(db: &Database, store: S) {
    folded(&store, [at_ten(1, DAY), at_ten(2, DAY)]).await;
    db.execute("update raw_vitals set value = 61 where user_id = 1");
    give(
        &store,
        [1, 2].map(|user| heart_rate(user, "2026-01-05T12:00:00Z", 61.0)),
    )
    .await;
    let oldest = db.value("(select min(changed_at) from group_changes where user_id = 1)");
    let later = failure(ErrorClass::Data, HOUR);
    store.mark_failed(group(1, DAY), &later).await.unwrap();
    assert_eq!(changes(db), ["2 2026-01-05 insert 1"]);
    assert_eq!(db.value("(select since from failed_groups)"), oldest);
    assert_eq!(
        count(
            db,
            "failed_groups where user_id = 1 and rows = 2 and emptied and error = 'forced' \
                   and error_class = 'data' and state = 'waiting'"
        ),
        1
    );
    store.mark_failed(group(2, DAY), &later).await.unwrap();
    assert_eq!(
        count(
            db,
            "failed_groups where user_id = 2 and rows = 1 and not emptied"
        ),
        1
    );
    assert!(changes(db).is_empty());
}

async fn a_failed_group_waits_and_then_is_dead<S: Store>(db: &Database, store: S) {
    give(&store, [at_ten(1, DAY)]).await;
    let key = group(1, DAY);
    let filter = GroupFilter::default();
    let soon = failure(ErrorClass::Data, Duration::ZERO);
    let due = async || store.due(Domain::Vitals, &filter, 10).await.unwrap();
    let state = store.mark_failed(key, &soon).await.unwrap();
    assert_eq!(state, Some(GroupState::Waiting { attempts: 1 }));
    assert!(!store.is_put_off(key).await.unwrap(), "its time has come");
    assert_eq!(due().await, [key]);
    let state = store.mark_failed(key, &soon).await.unwrap();
    assert_eq!(state, Some(GroupState::Dead { attempts: 2 }));
    assert!(store.is_put_off(key).await.unwrap());
    assert_eq!(due().await, []);
    // An edit is a new chance; success wipes the failure.
    db.execute("update raw_vitals set value = 61");
    let outcome = fold(&store, 1, DAY).await;
    assert!(matches!(outcome, GroupOutcome::Folded { rejected: 0, .. }));
    assert!(unsettled(db).is_empty());
    assert!(!store.is_put_off(key).await.unwrap());
    assert_eq!(store.past_failures(key, 10).await.unwrap().len(), 2);
}

async fn a_dead_group_that_fails_again_begins_anew<S: Store>(_: &Database, store: S) {
    give(&store, [at_ten(1, DAY)]).await;
    let key = group(1, DAY);
    store.mark_failed(key, &deadly()).await.unwrap();
    let soon = failure(ErrorClass::Data, Duration::ZERO);
    // Nobody tried it: it has no changes.
    assert_eq!(store.mark_failed(key, &soon).await.unwrap(), None);
    give(&store, [heart_rate(1, "2026-01-05T12:00:00Z", 61.0)]).await;
    let state = store.mark_failed(key, &soon).await.unwrap();
    assert_eq!(state, Some(GroupState::Waiting { attempts: 1 }));
}

async fn a_transient_failure_is_nobodys_fault<S: Store>(_: &Database, store: S) {
    give(&store, [at_ten(1, DAY)]).await;
    let transient = failure(ErrorClass::Transient, Duration::ZERO);
    for _ in 0..5 {
        let state = store.mark_failed(group(1, DAY), &transient).await.unwrap();
        assert_eq!(state, Some(GroupState::Waiting { attempts: 0 }));
    }
}

async fn an_attempt_of_two_workers_counts_once<S: Store>(_: &Database, store: S) {
    give(&store, [at_ten(1, DAY)]).await;
    let key = group(1, DAY);
    let failed = failure(ErrorClass::Data, HOUR);
    let (first, second) = tokio::join!(
        store.mark_failed(key, &failed),
        store.mark_failed(key, &failed)
    );
    let mut states = [first.unwrap(), second.unwrap()];
    states.sort_by_key(Option::is_none);
    assert_eq!(states, [Some(GroupState::Waiting { attempts: 1 }), None]);
    assert_eq!(store.past_failures(key, 10).await.unwrap().len(), 1);
}

async fn attempts_are_put_off_longer_and_longer<S: Store>(db: &Database, store: S) {
    give(&store, [at_ten(1, DAY)]).await;
    let failed = Failure {
        max_attempts: 9,
        max_backoff: Duration::from_secs(5 * 3600),
        ..failure(ErrorClass::Data, HOUR)
    };
    let put_off = match db {
        Database::Postgres { .. } => {
            "(select round(extract(epoch from next_attempt_at - updated_at) / 3600)::int \
              from failed_groups)"
        }
        Database::Sqlite { .. } => {
            "(select cast(round((julianday(substr(next_attempt_at, 1, 23)) \
               - julianday(substr(updated_at, 1, 23))) * 24) as integer) from failed_groups)"
        }
    };
    let past = match db {
        Database::Postgres { .. } => "now() - interval '1 second'",
        Database::Sqlite { .. } => "'2026-01-01 00:00:00.000000+00:00'",
    };
    for hours in ["1", "2", "4", "5", "5"] {
        store.mark_failed(group(1, DAY), &failed).await.unwrap();
        assert_eq!(db.value(put_off), hours);
        db.execute(&format!(
            "update failed_groups set next_attempt_at = {past}"
        ));
    }
}

async fn failed_groups_are_listed_retried_and_discarded<S: Store>(db: &Database, store: S) {
    give(&store, [1, 2, 3].map(|user| at_ten(user, DAY))).await;
    let keys = [1, 2, 3].map(|user| group(user, DAY));
    let failures = [
        failure(ErrorClass::Data, HOUR),
        failure(ErrorClass::Transient, HOUR),
        deadly(),
    ];
    for (key, failure) in keys.iter().zip(&failures) {
        store.mark_failed(*key, failure).await.unwrap();
    }
    // It has changes, and did not fail.
    give(&store, [at_ten(4, DAY)]).await;

    let users = async |filter: FailedFilter, after, limit| {
        let found = store.failed_groups(Domain::Vitals, &filter, after, limit);
        let found = found.await.unwrap();
        found
            .into_iter()
            .map(|group| group.user_id)
            .collect::<Vec<_>>()
    };
    let all = FailedFilter::default;
    assert_eq!(users(all(), None, 10).await, [1, 2, 3]);
    assert_eq!(users(all(), Some((1, date(DAY))), 1).await, [2]);
    let dead = FailedFilter {
        dead_only: true,
        ..all()
    };
    assert_eq!(users(dead, None, 10).await, [3]);
    let transient = FailedFilter {
        class: Some(ErrorClass::Transient),
        ..all()
    };
    assert_eq!(users(transient, None, 10).await, [2]);
    let within = GroupFilter {
        to: Some(date("2026-01-04")),
        ..Default::default()
    };
    assert_eq!(
        users(FailedFilter { within, ..all() }, None, 10).await,
        [0; 0]
    );
    let any = all();
    let found = store.failed_groups(Domain::Vitals, &any, None, 1);
    let found = &found.await.unwrap()[0];
    assert_eq!((&*found.state, found.attempts), ("waiting", 1));
    assert_eq!((&*found.error_class, &*found.error), ("data", "forced"));
    assert!(found.next_attempt_at > found.updated_at);

    assert!(store.retry_failed(keys[2]).await.unwrap());
    assert!(
        !store.retry_failed(group(4, DAY)).await.unwrap(),
        "it has not failed"
    );
    let due = store.due(Domain::Vitals, &any.within, 10).await.unwrap();
    assert_eq!(due, [keys[2]]);
    let again = store.mark_failed(keys[2], &failures[0]).await.unwrap();
    assert_eq!(
        again,
        Some(GroupState::Waiting { attempts: 1 }),
        "it has all its attempts again"
    );

    assert!(store.discard_failed(keys[0]).await.unwrap());
    assert!(!store.discard_failed(keys[0]).await.unwrap());
    assert_eq!(users(all(), None, 10).await, [2, 3]);
    let reason =
        db.value("(select state || ' ' || reason from raw_vitals_states where user_id = 1)");
    assert_eq!(reason, "rejected discarded: forced");
}

async fn what_is_discarded_are_the_rows_that_came_since<S: Store>(db: &Database, store: S) {
    folded(&store, [at_ten(1, DAY)]).await;
    let old = match db {
        Database::Postgres { .. } => "now() - interval '1 day'",
        Database::Sqlite { .. } => "'2026-01-06 00:00:00.000000+00:00'",
    };
    db.execute(&format!("update raw_vitals set created_at = {old}"));
    fold(&store, 1, DAY).await;
    give(&store, [heart_rate(1, "2026-01-05T11:00:00Z", 66.0)]).await;
    store.mark_failed(group(1, DAY), &deadly()).await.unwrap();
    store.discard_failed(group(1, DAY)).await.unwrap();
    assert!(unsettled(db).is_empty());
    let states = "(select count(*) from raw_vitals_states where state = 'completed' and value = 60 \
                   or state = 'rejected' and value = 66)";
    assert_eq!(db.value(states), "2");
    assert_eq!(count(db, "rejected_rows where not poison"), 1);
    assert_eq!(
        count(
            db,
            "vitals_aggregates where period = 'day' and \"count\" = 1"
        ),
        1
    );
}
