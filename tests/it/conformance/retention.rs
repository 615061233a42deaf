//! The door of retention, and the seal of a group.

use std::time::Duration;

use chrono::{Days, NaiveDate, Utc};
use vitalfold::domain::Domain;
use vitalfold::store::{Backlog, GroupCheck, GroupFilter, GroupOutcome, Seal, Store, Which};

use super::{
    DAY, HOUR, at_ten, count, date, deadly, fold, folded, give, group, heart_rate, interval, means,
    refold, unsettled,
};
use crate::database::Database;

on_both! {
    a_sealed_group_has_lost_its_rows_and_kept_its_aggregates,
    a_row_that_comes_too_late_changes_nothing,
    only_what_folds_to_what_is_stored_is_sealed,
    a_row_that_reaches_into_a_day_stays_until_that_is_sealed,
    a_removed_row_keeps_no_rejection,
    a_day_has_a_share,
    the_oldest_rows_and_hours_are_found_user_by_user,
    old_hours_go_a_few_days_at_a_time,
    late_rows_are_deleted_in_their_time,
    the_clock_is_judged_by_the_last_round,
    a_refusal_says_since_when,
}

async fn seal<S: Store>(store: &S, user_id: i64, day: &str) -> Seal {
    store.seal(group(user_id, day), false).await.unwrap()
}

async fn a_sealed_group_has_lost_its_rows_and_kept_its_aggregates<S: Store>(
    db: &Database,
    store: S,
) {
    let rows = [
        at_ten(1, DAY),
        heart_rate(1, "2026-01-05T11:00:00Z", 62.0),
        at_ten(1, "2026-01-06"),
    ];
    folded(&store, rows).await;
    let before = count(db, "vitals_aggregates");
    assert_eq!(seal(&store, 1, DAY).await, Seal::Sealed { rows: 2 });
    assert_eq!(count(db, "raw_vitals"), 1);
    assert_eq!(count(db, "vitals_aggregates"), before);
    assert!(unsettled(db).is_empty(), "its own delete is no change");
    assert_eq!(count(db, "sealed_groups where raw_rows = 2"), 1);
    let sealed =
        async |filter: GroupFilter| store.count_sealed(Domain::Vitals, &filter).await.unwrap();
    assert_eq!(sealed(GroupFilter::default()).await, 1);
    let other = GroupFilter {
        from: Some(date("2026-01-06")),
        ..GroupFilter::default()
    };
    assert_eq!(sealed(other).await, 0);
    // It is no longer among the groups.
    let all = GroupFilter::default();
    let page = store.groups(Domain::Vitals, &all, Which::All, None).await;
    let groups = page.unwrap().groups.into_iter();
    let keys: Vec<_> = groups.map(|known| known.key).collect();
    assert_eq!(keys, [group(1, "2026-01-06")]);
    // Its week goes on counting it.
    give(&store, [heart_rate(1, "2026-01-06T11:00:00Z", 64.0)]).await;
    fold(&store, 1, "2026-01-06").await;
    let week = "vitals_aggregates where period = 'week' and \"count\" = 4";
    assert_eq!(count(db, week), 1);
}

async fn a_row_that_comes_too_late_changes_nothing<S: Store>(db: &Database, store: S) {
    folded(&store, [at_ten(1, DAY)]).await;
    seal(&store, 1, DAY).await;
    give(&store, [heart_rate(1, "2026-01-05T12:00:00Z", 99.0)]).await;
    let outcome = GroupOutcome::Folded {
        completed: 0,
        rejected: 1,
    };
    assert_eq!(fold(&store, 1, DAY).await, outcome);
    assert_eq!(means(&store).await, [(date(DAY), Some(60.0))]);
    let late = "raw_vitals_states where state = 'rejected' and reason like 'too_late: %'";
    assert_eq!(count(db, late), 1);
    assert!(unsettled(db).is_empty());
    refold(&store, group(1, DAY), 0).await;
    fold(&store, 1, DAY).await;
    assert_eq!(means(&store).await, [(date(DAY), Some(60.0))]);
}

async fn only_what_folds_to_what_is_stored_is_sealed<S: Store>(db: &Database, store: S) {
    assert_eq!(seal(&store, 1, DAY).await, Seal::Empty);
    give(&store, [at_ten(1, DAY), at_ten(2, DAY)]).await;
    assert_eq!(
        seal(&store, 1, DAY).await,
        Seal::Unsettled,
        "it has changes"
    );
    store.mark_failed(group(1, DAY), &deadly()).await.unwrap();
    assert_eq!(seal(&store, 1, DAY).await, Seal::Unsettled, "it failed");
    fold(&store, 2, DAY).await;
    db.execute("update vitals_aggregates set mean = 1 where user_id = 2 and period = 'week'");
    assert_eq!(seal(&store, 2, DAY).await, Seal::Drifted);
    assert_eq!(count(db, "raw_vitals"), 2);
    assert_eq!(count(db, "sealed_groups"), 0);
}

async fn a_row_that_reaches_into_a_day_stays_until_that_is_sealed<S: Store>(
    db: &Database,
    store: S,
) {
    let walk = interval(
        "steps",
        "count",
        900.0,
        "2026-01-05T23:40:00Z",
        "2026-01-06T00:20:00Z",
    );
    folded(&store, [walk, at_ten(1, DAY), at_ten(1, "2026-01-06")]).await;
    assert!(unsettled(db).is_empty());
    assert!(matches!(seal(&store, 1, DAY).await, Seal::Sealed { .. }));
    assert_eq!(count(db, "raw_vitals where metric = 'steps'"), 1);
    assert_eq!(count(db, "raw_vitals"), 2);
    assert!(unsettled(db).is_empty());
    let next = store.check(group(1, "2026-01-06")).await.unwrap();
    assert!(matches!(&next, GroupCheck::Settled { drifts, .. } if drifts.is_empty()));
    assert!(matches!(
        seal(&store, 1, "2026-01-06").await,
        Seal::Sealed { .. }
    ));
    assert_eq!(count(db, "raw_vitals"), 0);
    assert!(unsettled(db).is_empty());
}

async fn a_removed_row_keeps_no_rejection<S: Store>(db: &Database, store: S) {
    let mut bad = at_ten(1, DAY);
    bad.payload.unit = Some("furlong".into());
    folded(&store, [bad, heart_rate(1, "2026-01-05T11:00:00Z", 60.0)]).await;
    assert_eq!(count(db, "rejected_rows"), 1);
    let sealed = seal(&store, 1, DAY).await;
    assert_eq!(sealed, Seal::Sealed { rows: 2 });
    assert_eq!(count(db, "rejected_rows"), 0);

    // One that is too late for its own day, and reaches into one that is open.
    let (from, to) = ("2026-01-05T23:40:00Z", "2026-01-06T00:20:00Z");
    let walk = interval("steps", "count", 900.0, from, to);
    folded(&store, [walk, at_ten(1, "2026-01-06")]).await;
    fold(&store, 1, DAY).await;
    assert_eq!(count(db, "rejected_rows"), 1);
    let late = store.delete_late(Domain::Vitals, 1, Duration::ZERO, 10);
    assert_eq!(late.await.unwrap(), 0);
    let sealed = seal(&store, 1, "2026-01-06").await;
    assert_eq!(sealed, Seal::Sealed { rows: 2 });
    assert_eq!(count(db, "rejected_rows"), 0);
    assert!(unsettled(db).is_empty());
}

async fn a_day_has_a_share<S: Store>(_: &Database, store: S) {
    folded(&store, [1, 2, 3].map(|user| at_ten(user, DAY))).await;
    let counted = Backlog {
        waiting: 3,
        allowance: 2,
    };
    store
        .begin_retention(Domain::Vitals, counted)
        .await
        .unwrap();
    // A later round of the day does not count anew.
    let later = Backlog {
        waiting: 9,
        allowance: 9,
    };
    store.begin_retention(Domain::Vitals, later).await.unwrap();
    let mut seals = Vec::new();
    for user in [1, 2, 3] {
        seals.push(store.seal(group(user, DAY), true).await.unwrap());
    }
    let sealed = Seal::Sealed { rows: 1 };
    assert_eq!(seals, [sealed, sealed, Seal::Spent]);
    let status = store.retention().await.unwrap();
    let status = status.iter().find(|status| status.domain == Domain::Vitals);
    let status = status.unwrap();
    assert_eq!((status.backlog, status.removed), (counted, 2));
    assert!(status.ran_today);
    // What is not counted against it goes nevertheless.
    assert_eq!(seal(&store, 3, DAY).await, sealed);
}

async fn the_oldest_rows_and_hours_are_found_user_by_user<S: Store>(_: &Database, store: S) {
    let mut rows = Vec::new();
    for user in [1, 2, 3] {
        rows.push(at_ten(user, "2026-01-09"));
        rows.push(at_ten(user, &format!("2026-01-0{user}")));
    }
    folded(&store, rows).await;
    let all = [1, 2, 3].map(|user| (user, date(&format!("2026-01-0{user}"))));
    let vitals = Domain::Vitals;
    assert_eq!(store.oldest_rows(vitals, i64::MIN, 10).await.unwrap(), all);
    assert_eq!(store.oldest_hours(vitals, i64::MIN, 10).await.unwrap(), all);
    assert_eq!(store.oldest_rows(vitals, 2, 1).await.unwrap(), all[1..2]);
    assert_eq!(store.oldest_hours(vitals, 3, 9).await.unwrap(), all[2..]);
    assert_eq!(store.oldest_rows(Domain::Labs, 1, 9).await.unwrap(), []);
}

async fn old_hours_go_a_few_days_at_a_time<S: Store>(db: &Database, store: S) {
    let days = ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"];
    folded(&store, days.map(|day| at_ten(1, day))).await;
    let hours = || count(db, "vitals_aggregates where period = 'hour'");
    let delete = async |days| {
        let before = date("2026-01-04");
        store
            .delete_hours(Domain::Vitals, 1, before, days)
            .await
            .unwrap()
    };
    assert_eq!((hours(), delete(2).await, hours()), (4, 2, 2));
    // A day that is to be folded again keeps its hours until it is.
    give(&store, [heart_rate(1, "2026-01-03T12:00:00Z", 61.0)]).await;
    assert_eq!(delete(9).await, 0);
    store
        .mark_failed(group(1, "2026-01-03"), &deadly())
        .await
        .unwrap();
    assert_eq!(delete(9).await, 0);
    refold(&store, group(1, "2026-01-03"), 2).await;
    fold(&store, 1, "2026-01-03").await;
    assert_eq!((delete(9).await, hours()), (2, 1));
    assert_eq!(count(db, "vitals_aggregates where period = 'day'"), 4);
}

async fn late_rows_are_deleted_in_their_time<S: Store>(db: &Database, store: S) {
    folded(&store, [at_ten(1, DAY), at_ten(1, "2026-01-06")]).await;
    seal(&store, 1, DAY).await;
    let late = [11, 12, 13].map(|hour| heart_rate(1, &format!("2026-01-05T{hour}:00:00Z"), 66.0));
    give(&store, late).await;
    fold(&store, 1, DAY).await;
    let delete = async |keep, limit| {
        store
            .delete_late(Domain::Vitals, 1, keep, limit)
            .await
            .unwrap()
    };
    assert_eq!(delete(HOUR, 10).await, 0, "they came just now");
    let old = match db {
        Database::Postgres { .. } => "now() - interval '1 day'",
        Database::Sqlite { .. } => "strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now', '-1 day')",
    };
    db.execute(&format!("update raw_vitals set created_at = {old}"));
    fold(&store, 1, DAY).await;
    fold(&store, 1, "2026-01-06").await;
    assert_eq!(delete(HOUR, 2).await, 2);
    assert_eq!(delete(HOUR, 2).await, 1);
    assert_eq!(delete(HOUR, 2).await, 0);
    assert_eq!(count(db, "raw_vitals"), 1, "no other row");
    fold(&store, 1, DAY).await;
    assert_eq!(count(db, "rejected_rows"), 0);
    assert!(unsettled(db).is_empty());
    assert_eq!(means(&store).await.len(), 2);
}

async fn the_clock_is_judged_by_the_last_round<S: Store>(_: &Database, store: S) {
    let clock = store.clock().await.unwrap();
    assert_eq!((clock.hours_ahead, clock.by_round), (None, false));
    give(&store, [at_ten(1, DAY)]).await;
    let clock = store.clock().await.unwrap();
    let hours = clock.hours_ahead.unwrap();
    assert!((0.0..1.0).contains(&hours) && !clock.by_round, "{clock:?}");
    store
        .begin_retention(Domain::Labs, Backlog::default())
        .await
        .unwrap();
    assert!(store.clock().await.unwrap().by_round);
    store.forget_clock().await.unwrap();
    assert!(!store.clock().await.unwrap().by_round);

    let today = || Utc::now().date_naive();
    let eleven_days_ago = |day: NaiveDate| day - Days::new(11);
    let before = eleven_days_ago(today());
    let kept = store
        .first_kept(Duration::from_secs(10 * 86_400))
        .await
        .unwrap();
    assert!(
        (before..=eleven_days_ago(today())).contains(&kept),
        "{kept}"
    );
}

async fn a_refusal_says_since_when<S: Store>(_: &Database, store: S) {
    let vitals = Domain::Vitals;
    let status = async || store.retention().await.unwrap().remove(0);
    store.refuse_retention(vitals, "the clock").await.unwrap();
    let first = status().await;
    assert_eq!(first.refused.as_deref(), Some("the clock"));
    store
        .refuse_retention(vitals, "the clock still")
        .await
        .unwrap();
    let second = status().await;
    assert_eq!(second.refused.as_deref(), Some("the clock still"));
    assert_eq!(second.refused_since, first.refused_since);
    store
        .begin_retention(vitals, Backlog::default())
        .await
        .unwrap();
    assert_eq!(status().await.refused, None);

    give(&store, [at_ten(1, DAY), at_ten(1, "2026-01-09")]).await;
    for day in [DAY, "2026-01-09"] {
        store.mark_failed(group(1, day), &deadly()).await.unwrap();
    }
    store
        .end_retention(vitals, date("2026-01-09"))
        .await
        .unwrap();
    let status = status().await;
    assert_eq!(
        (status.dead_groups, status.oldest_dead),
        (1, Some(date(DAY)))
    );
}
