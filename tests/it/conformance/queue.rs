//! The door of schedulers.

use std::time::Duration;

use vitalfold::domain::Domain;
use vitalfold::store::{
    ErrorClass, GroupFilter, KnownGroup, Mark, Probe, Pull, Pulled, PulledGroup, Store,
};

use super::{
    DAY, HOUR, all, at_ten, changes, date, deadly, failure, fold, folded, give, group, heart_rate,
    unsettled,
};
use crate::database::Database;

on_both! {
    a_pull_goes_round_from_its_cursor,
    a_pull_leaves_out_what_waits_for_its_next_attempt,
    the_oldest_change_of_a_group_is_what_settles,
    a_dead_group_is_pulled_once_it_has_a_new_change,
    a_pull_and_the_due_stay_within_their_filter,
    who_waits_is_told_of_work,
    a_mark_folds_a_group_again_and_gives_it_all_attempts,
}

fn pulled(user_id: i64, day: &str, rows: usize) -> PulledGroup {
    PulledGroup {
        key: group(user_id, day),
        rows,
    }
}

async fn pull<S: Store>(store: &S, after: i64, limit: usize, settle: Duration) -> Pulled {
    let pull = Pull {
        domain: Domain::Vitals,
        after,
        limit,
        settle,
        within: GroupFilter::default(),
    };
    store.pull(&pull).await.unwrap()
}

async fn a_pull_goes_round_from_its_cursor<S: Store>(_: &Database, store: S) {
    let mut rows = Vec::new();
    for user in [1, 2, 3] {
        rows.push(at_ten(user, "2026-01-06"));
        rows.push(at_ten(user, DAY));
        rows.push(heart_rate(user, "2026-01-05T11:00:00Z", 60.0));
    }
    give(&store, rows).await;
    let users = async |domain| store.pending_users(domain).await.unwrap();
    assert_eq!(users(Domain::Vitals).await, Some((1, 3)));
    assert_eq!(users(Domain::Labs).await, None);
    let pull = async |after, limit| {
        let pulled = pull(&store, after, limit, Duration::ZERO).await;
        (pulled.groups, pulled.full)
    };
    assert_eq!(
        pull(1, 7).await,
        (
            vec![
                pulled(2, DAY, 2),
                pulled(2, "2026-01-06", 1),
                pulled(3, DAY, 2),
                pulled(3, "2026-01-06", 1),
                pulled(1, DAY, 1),
            ],
            true
        )
    );
    assert_eq!(pull(3, 2).await, (vec![pulled(1, DAY, 2)], true));
    assert_eq!(pull(i64::MIN, 1).await, (vec![pulled(1, DAY, 1)], true));
    // A pull takes nothing away.
    let (groups, full) = pull(3, 100).await;
    assert_eq!((groups.len(), full), (6, false));
    assert_eq!(groups[0], pulled(1, DAY, 2));
}

async fn a_pull_leaves_out_what_waits_for_its_next_attempt<S: Store>(db: &Database, store: S) {
    give(&store, [1, 2].map(|user| at_ten(user, DAY))).await;
    let waiting = failure(ErrorClass::Data, HOUR);
    store.mark_failed(group(1, DAY), &waiting).await.unwrap();
    // A row that arrives for it waits as well.
    give(&store, [heart_rate(1, "2026-01-05T12:00:00Z", 60.0)]).await;
    let found = pull(&store, 0, 10, Duration::ZERO).await;
    assert_eq!(found.groups, [pulled(2, DAY, 1)]);
    let due = store.due(Domain::Vitals, &all(), 10).await.unwrap();
    assert_eq!(due, []);
    // Once its time has come both doors lead to it, and one fold ends it.
    let past = match db {
        Database::Postgres { .. } => "now() - interval '1 second'",
        Database::Sqlite { .. } => "'2026-01-01 00:00:00.000000+00:00'",
    };
    db.execute(&format!(
        "update failed_groups set next_attempt_at = {past}"
    ));
    let due = store.due(Domain::Vitals, &all(), 10).await.unwrap();
    assert_eq!(due, [group(1, DAY)]);
    let found = pull(&store, 0, 10, Duration::ZERO).await;
    assert_eq!(found.groups, [pulled(1, DAY, 1), pulled(2, DAY, 1)]);
    fold(&store, 1, DAY).await;
    assert_eq!(unsettled(db), ["2 2026-01-05"]);
}

async fn the_oldest_change_of_a_group_is_what_settles<S: Store>(db: &Database, store: S) {
    give(&store, [at_ten(1, DAY)]).await;
    let found = pull(&store, 0, 10, HOUR).await;
    assert_eq!(found, Pulled::default(), "younger than settle");
    let old = match db {
        Database::Postgres { .. } => "now() - interval '2 hours'",
        Database::Sqlite { .. } => "strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now', '-2 hours')",
    };
    db.execute(&format!("update group_changes set changed_at = {old}"));
    // A chatty device does not postpone its day.
    give(&store, [heart_rate(1, "2026-01-05T11:00:00Z", 61.0)]).await;
    assert_eq!(pull(&store, 0, 10, HOUR).await.groups, [pulled(1, DAY, 1)]);
    fold(&store, 1, DAY).await;
    assert!(unsettled(db).is_empty(), "the fold takes all of them");
}

async fn a_dead_group_is_pulled_once_it_has_a_new_change<S: Store>(_: &Database, store: S) {
    give(&store, [at_ten(1, DAY)]).await;
    store.mark_failed(group(1, DAY), &deadly()).await.unwrap();
    assert_eq!(pull(&store, 0, 10, Duration::ZERO).await, Pulled::default());
    assert_eq!(store.due(Domain::Vitals, &all(), 10).await.unwrap(), []);
    give(&store, [heart_rate(1, "2026-01-05T11:00:00Z", 61.0)]).await;
    let found = pull(&store, 0, 10, Duration::ZERO).await;
    assert_eq!(found.groups, [pulled(1, DAY, 1)]);
}

async fn a_pull_and_the_due_stay_within_their_filter<S: Store>(_: &Database, store: S) {
    let mut rows = Vec::new();
    for user in [1, 2, 3] {
        for day in [DAY, "2026-01-06", "2026-01-07"] {
            rows.push(at_ten(user, day));
        }
    }
    give(&store, rows).await;
    let within = GroupFilter {
        users: vec![2, 3],
        from: Some(date("2026-01-06")),
        to: Some(date("2026-01-06")),
    };
    let soon = failure(ErrorClass::Data, Duration::ZERO);
    for user in [1, 3] {
        for day in [DAY, "2026-01-06"] {
            store.mark_failed(group(user, day), &soon).await.unwrap();
        }
    }
    let pull = Pull {
        domain: Domain::Vitals,
        after: 2,
        limit: 10,
        settle: Duration::ZERO,
        within: within.clone(),
    };
    let found = store.pull(&pull).await.unwrap();
    assert_eq!(found.groups, [pulled(2, "2026-01-06", 1)]);
    let due = store.due(Domain::Vitals, &within, 10).await.unwrap();
    assert_eq!(due, [group(3, "2026-01-06")]);
    let due = async |filter| store.count_due(Domain::Vitals, filter).await.unwrap();
    assert_eq!((due(&within).await, due(&all()).await), (2, 9));
    let first = store.due(Domain::Vitals, &all(), 1).await.unwrap();
    assert_eq!(first, [group(1, DAY)], "the longest waiting first");
}

async fn who_waits_is_told_of_work<S: Store>(_: &Database, store: S) {
    let waits = async |domains: &[Domain], settle| {
        let domains = domains.to_vec();
        store.work_waits(&Probe { domains, settle }).await.unwrap()
    };
    let vitals = [Domain::Vitals];
    assert!(!waits(Domain::ALL, Duration::ZERO).await);
    give(&store, [at_ten(1, DAY)]).await;
    assert!(waits(&vitals, Duration::ZERO).await);
    assert!(waits(Domain::ALL, Duration::ZERO).await);
    assert!(!waits(&[Domain::Labs], Duration::ZERO).await);
    assert!(!waits(&vitals, HOUR).await, "younger than settle");
    let later = failure(ErrorClass::Data, HOUR);
    store.mark_failed(group(1, DAY), &later).await.unwrap();
    give(&store, [heart_rate(1, "2026-01-05T11:00:00Z", 61.0)]).await;
    assert!(!waits(&vitals, Duration::ZERO).await, "it is put off");
    assert!(store.retry_failed(group(1, DAY)).await.unwrap());
    assert!(waits(&vitals, HOUR).await, "its retry is due");
}

async fn a_mark_folds_a_group_again_and_gives_it_all_attempts<S: Store>(db: &Database, store: S) {
    folded(&store, [at_ten(1, DAY), at_ten(2, DAY), at_ten(3, DAY)]).await;
    db.execute("update raw_vitals set value = 61 where user_id = 2");
    let known = |user, rows| KnownGroup {
        key: group(user, DAY),
        rows,
    };
    store.mark_failed(group(2, DAY), &deadly()).await.unwrap();
    let both = [known(1, 1), known(2, 1)];
    store
        .mark(Domain::Vitals, &both, Mark::Refold)
        .await
        .unwrap();
    assert_eq!(
        changes(db),
        ["1 2026-01-05 refold 1", "2 2026-01-05 refold 1"]
    );
    // One failure more does not make it dead again.
    let soon = failure(ErrorClass::Data, HOUR);
    let state = store.mark_failed(group(2, DAY), &soon).await.unwrap();
    assert_eq!(
        state,
        Some(vitalfold::store::GroupState::Waiting { attempts: 1 })
    );
    store
        .mark(Domain::Vitals, &both[1..], Mark::Refold)
        .await
        .unwrap();
    for user in [1, 2] {
        assert!(matches!(
            fold(&store, user, DAY).await,
            vitalfold::store::GroupOutcome::Folded { rejected: 0, .. }
        ));
    }
    assert!(unsettled(db).is_empty());
    store.mark(Domain::Vitals, &[], Mark::Refold).await.unwrap();
    assert!(changes(db).is_empty());
}
