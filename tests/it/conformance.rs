//! The contract of `store/mod.rs`, held against both backends.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use vitalfold::domain::labs::{LabResult, Labs};
use vitalfold::domain::vitals::{VitalSample, Vitals};
use vitalfold::domain::{Domain, GroupKey, NewRow, Period};
use vitalfold::store::{
    AggregateQuery, BatchRecord, ErrorClass, FailedFilter, Failure, GroupCheck, GroupFilter,
    GroupOutcome, GroupState, Heartbeat, Inserted, Marked, PoolStats, PulledGroup, ResourceVersion,
    Resources, Store, VersionRow, Which,
};
use vitalfold::with_store;

use crate::database::Database;

/// Declares one test per backend.
macro_rules! on_both {
    ($($(#[$meta:meta])* $name:ident,)*) => {
        mod postgres {
            $($(#[$meta])* #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let db = super::Database::postgres();
                vitalfold::with_store!(db.store().await, store => super::$name(&db, store).await);
            })*
        }
        mod sqlite {
            $($(#[$meta])* #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let db = super::Database::sqlite();
                vitalfold::with_store!(db.store().await, store => super::$name(&db, store).await);
            })*
        }
    };
}

on_both! {
    migrating_twice_changes_nothing,
    a_row_sent_twice_is_stored_once,
    a_correction_updates_its_row_and_marks_its_group,
    references_keep_their_user,
    what_a_source_takes_back_is_deleted,
    only_the_newest_version_of_a_resource_has_rows,
    imports_at_once_leave_the_newest_version,
    a_group_folds_into_every_period_and_again_to_the_same_bits,
    edits_and_deletes_mark_exactly_their_groups,
    an_emptied_day_leaves_nothing_behind,
    a_pull_goes_round_from_its_cursor,
    a_pull_leaves_out_what_must_wait,
    a_failed_group_waits_and_then_is_dead,
    a_transient_failure_is_nobodys_fault,
    an_attempt_of_two_workers_counts_once,
    marking_goes_in_steps,
    a_rejected_row_keeps_its_reason_until_it_is_corrected,
    labs_fold_into_their_periods,
    failed_groups_are_listed_retried_and_discarded,
    sleep_in_the_evening_is_of_the_next_day,
    a_check_tells_drift_from_what_is_not_settled,
    outdated_groups_are_found,
    the_run_lock_is_exclusive,
    a_pause_reaches_every_worker,
    the_history_tells_what_was_done,
    users_and_their_series_are_listed,
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A heart rate of one user.
fn heart_rate(user_id: i64, at: &str, value: f64) -> NewRow<VitalSample> {
    NewRow {
        user_id,
        utc_offset_minutes: 0,
        source: "test".into(),
        source_id: None,
        device: None,
        note: None,
        payload: VitalSample {
            metric: "heart_rate".into(),
            value: Some(value),
            comparator: None,
            unit: Some("/min".into()),
            started_at: time(at),
            ended_at: time(at),
        },
    }
}

fn with_id(mut row: NewRow<VitalSample>, id: &str) -> NewRow<VitalSample> {
    row.source_id = Some(id.into());
    row
}

fn failure(class: ErrorClass, backoff: Duration) -> Failure {
    Failure {
        error: "forced".into(),
        class,
        worker: "test".into(),
        max_attempts: 2,
        backoff,
        max_backoff: Duration::from_secs(3600),
        jitter: 1.0,
    }
}

fn vitals_group(user_id: i64, day: &str) -> GroupKey {
    GroupKey {
        domain: Domain::Vitals,
        user_id,
        local_date: date(day),
    }
}

fn pulled(user_id: i64, day: &str, rows: usize) -> PulledGroup {
    PulledGroup {
        user_id,
        local_date: date(day),
        rows,
    }
}

fn query(period: Period) -> AggregateQuery {
    AggregateQuery {
        user_id: 1,
        series: None,
        period,
        from: None,
        to: None,
    }
}

const FOLDED_ONE: GroupOutcome = GroupOutcome::Folded {
    completed: 1,
    rejected: 0,
};

async fn migrating_twice_changes_nothing<S: Store>(_: &Database, store: S) {
    assert_eq!(store.migrate().await.unwrap(), Vec::<String>::new());
    assert_eq!(
        store.pending_migrations().await.unwrap(),
        Vec::<String>::new()
    );
}

async fn a_row_sent_twice_is_stored_once<S: Store>(db: &Database, store: S) {
    let row = heart_rate(1, "2026-01-05T10:00:00Z", 60.0);
    // Another value in the same second is another sample.
    let other = heart_rate(1, "2026-01-05T10:00:00Z", 61.0);
    let first = store
        .insert_raw::<Vitals>(vec![row.clone(), row.clone(), other])
        .await
        .unwrap();
    assert_eq!(
        first,
        Inserted {
            inserted: 2,
            corrected: 0,
            duplicate: 1
        }
    );
    let second = store.insert_raw::<Vitals>(vec![row]).await.unwrap();
    assert_eq!(
        second,
        Inserted {
            inserted: 0,
            corrected: 0,
            duplicate: 1
        }
    );
    assert_eq!(db.value("(select count(*) from raw_vitals)"), "2");
}

async fn a_correction_updates_its_row_and_marks_its_group<S: Store>(db: &Database, store: S) {
    let row = with_id(heart_rate(1, "2026-01-05T10:00:00Z", 60.0), "a");
    let untouched = with_id(heart_rate(1, "2026-01-06T10:00:00Z", 60.0), "b");
    store
        .insert_raw::<Vitals>(vec![row.clone(), untouched.clone()])
        .await
        .unwrap();
    for day in ["2026-01-05", "2026-01-06"] {
        assert_eq!(
            store.fold_group::<Vitals>(1, date(day)).await.unwrap(),
            FOLDED_ONE
        );
    }
    // The value and the day change; of two versions in one batch the last counts.
    let mut wrong = row.clone();
    wrong.payload.value = Some(1.0);
    let moved = with_id(heart_rate(1, "2026-01-07T10:00:00Z", 90.0), "a");
    let sent = store
        .insert_raw::<Vitals>(vec![wrong, moved, untouched])
        .await
        .unwrap();
    assert_eq!(sent.inserted, 0);
    assert!(sent.corrected >= 1 && sent.duplicate >= 1, "{sent:?}");
    let due = store
        .due_groups(Domain::Vitals, &GroupFilter::default(), 10)
        .await
        .unwrap();
    assert_eq!(
        due,
        [vitals_group(1, "2026-01-05"), vitals_group(1, "2026-01-07")]
    );
    for key in due {
        store.fold_group::<Vitals>(1, key.local_date).await.unwrap();
    }
    let days = store
        .aggregates::<Vitals>(&query(Period::Day))
        .await
        .unwrap();
    let shown: Vec<_> = days
        .iter()
        .map(|a| (a.key.local_date, a.measure.mean))
        .collect();
    assert_eq!(
        shown,
        [
            (date("2026-01-06"), Some(60.0)),
            (date("2026-01-07"), Some(90.0))
        ]
    );
    assert_eq!(db.value("(select count(*) from aggregation_groups)"), "0");
}

async fn references_keep_their_user<S: Store>(_: &Database, store: S) {
    store
        .insert_raw::<Vitals>(vec![heart_rate(41, "2026-01-05T10:00:00Z", 60.0)])
        .await
        .unwrap();
    let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let first = store.resolve_users(&names(&["x", "y", "x"])).await.unwrap();
    assert_eq!(
        first,
        [42, 43, 42],
        "new users lie above those that have rows"
    );
    let second = store.resolve_users(&names(&["z", "y", "x"])).await.unwrap();
    assert_eq!(second, [44, 43, 42]);
}

async fn a_group_folds_into_every_period_and_again_to_the_same_bits<S: Store>(
    db: &Database,
    store: S,
) {
    let rows = (0..30)
        .map(|i| {
            heart_rate(
                1,
                &format!("2026-01-05T{:02}:17:00Z", i % 24),
                60.1 + f64::from(i),
            )
        })
        .collect();
    store.insert_raw::<Vitals>(rows).await.unwrap();
    let outcome = store
        .fold_group::<Vitals>(1, date("2026-01-05"))
        .await
        .unwrap();
    assert_eq!(
        outcome,
        GroupOutcome::Folded {
            completed: 30,
            rejected: 0
        }
    );
    let mut first = Vec::new();
    for (period, rows) in [
        (Period::Hour, 24),
        (Period::Day, 1),
        (Period::Week, 1),
        (Period::Month, 1),
    ] {
        let found = store.aggregates::<Vitals>(&query(period)).await.unwrap();
        assert_eq!(found.len(), rows, "{period}");
        first.extend(found);
    }
    assert_eq!(
        db.value("(select count(*) from raw_vitals where status = 'completed')"),
        "30"
    );
    let written = "(select max(updated_at) from vitals_aggregates)";
    let before = db.value(written);

    let outcome = store
        .fold_group::<Vitals>(1, date("2026-01-05"))
        .await
        .unwrap();
    assert_eq!(
        outcome,
        GroupOutcome::Folded {
            completed: 0,
            rejected: 0
        }
    );
    let mut second = Vec::new();
    for period in [Period::Hour, Period::Day, Period::Week, Period::Month] {
        second.extend(store.aggregates::<Vitals>(&query(period)).await.unwrap());
    }
    assert_eq!(first, second);
    assert_eq!(
        db.value(written),
        before,
        "what did not change is not written"
    );
}

async fn edits_and_deletes_mark_exactly_their_groups<S: Store>(db: &Database, store: S) {
    let rows = ["2026-01-05", "2026-01-06", "2026-01-07"]
        .map(|day| heart_rate(1, &format!("{day}T10:00:00Z"), 60.0));
    store.insert_raw::<Vitals>(rows.into()).await.unwrap();
    for day in ["2026-01-05", "2026-01-06", "2026-01-07"] {
        store.fold_group::<Vitals>(1, date(day)).await.unwrap();
    }
    assert_eq!(db.value("(select count(*) from aggregation_groups)"), "0");
    db.execute("update raw_vitals set value = 99 where local_date = '2026-01-05'");
    // A change of nothing is no change.
    db.execute("update raw_vitals set value = value where local_date = '2026-01-06'");
    db.execute("delete from raw_vitals where local_date = '2026-01-07'");
    let due = store
        .due_groups(Domain::Vitals, &GroupFilter::default(), 10)
        .await
        .unwrap();
    assert_eq!(
        due,
        [vitals_group(1, "2026-01-05"), vitals_group(1, "2026-01-07")]
    );
}

async fn an_emptied_day_leaves_nothing_behind<S: Store>(db: &Database, store: S) {
    let rows =
        ["2026-01-05", "2026-01-06"].map(|day| heart_rate(1, &format!("{day}T10:00:00Z"), 60.0));
    store.insert_raw::<Vitals>(rows.into()).await.unwrap();
    for day in ["2026-01-05", "2026-01-06"] {
        store.fold_group::<Vitals>(1, date(day)).await.unwrap();
    }
    db.execute("delete from raw_vitals where local_date = '2026-01-05'");
    store
        .fold_group::<Vitals>(1, date("2026-01-05"))
        .await
        .unwrap();
    let week = store
        .aggregates::<Vitals>(&query(Period::Week))
        .await
        .unwrap();
    assert_eq!(
        (week.len(), week[0].measure.count),
        (1, 1),
        "the other day is still there"
    );

    db.execute("delete from raw_vitals");
    store
        .fold_group::<Vitals>(1, date("2026-01-06"))
        .await
        .unwrap();
    assert_eq!(db.value("(select count(*) from vitals_aggregates)"), "0");
    assert_eq!(db.value("(select count(*) from aggregation_groups)"), "0");
}

async fn a_pull_goes_round_from_its_cursor<S: Store>(_: &Database, store: S) {
    let mut rows = Vec::new();
    for user in [1, 2, 3] {
        rows.push(heart_rate(user, "2026-01-06T10:00:00Z", 60.0));
        rows.push(heart_rate(user, "2026-01-05T10:00:00Z", 60.0));
        rows.push(heart_rate(user, "2026-01-05T11:00:00Z", 60.0));
    }
    store.insert_raw::<Vitals>(rows).await.unwrap();
    assert_eq!(store.pending_users::<Vitals>().await.unwrap(), Some((1, 3)));
    assert_eq!(store.pending_users::<Labs>().await.unwrap(), None);
    let pull = async |after, limit| {
        store
            .pull::<Vitals>(after, limit, Duration::ZERO)
            .await
            .unwrap()
    };
    assert_eq!(
        pull(1, 7).await,
        [
            pulled(2, "2026-01-05", 2),
            pulled(2, "2026-01-06", 1),
            pulled(3, "2026-01-05", 2),
            pulled(3, "2026-01-06", 1),
            pulled(1, "2026-01-05", 1),
        ]
    );
    assert_eq!(pull(3, 2).await, [pulled(1, "2026-01-05", 2)]);
    assert_eq!(pull(i64::MIN, 1).await, [pulled(1, "2026-01-05", 1)]);
    // A pull takes nothing away.
    assert_eq!(pull(3, 2).await, [pulled(1, "2026-01-05", 2)]);
}

async fn a_pull_leaves_out_what_must_wait<S: Store>(db: &Database, store: S) {
    let rows = [1, 2, 3].map(|user| heart_rate(user, "2026-01-05T10:00:00Z", 60.0));
    store.insert_raw::<Vitals>(rows.into()).await.unwrap();
    let hour = Duration::from_secs(3600);
    assert_eq!(
        store.pull::<Vitals>(0, 10, hour).await.unwrap(),
        [],
        "younger than settle"
    );
    let waiting = failure(ErrorClass::Data, hour);
    store
        .mark_failed::<Vitals>(vitals_group(1, "2026-01-05"), &waiting)
        .await
        .unwrap();
    let dead = Failure {
        worker: "test".into(),
        max_attempts: 1,
        ..waiting
    };
    store
        .mark_failed::<Vitals>(vitals_group(2, "2026-01-05"), &dead)
        .await
        .unwrap();
    // Rows that arrive for them wait as well.
    let late = [1, 2].map(|user| heart_rate(user, "2026-01-05T12:00:00Z", 60.0));
    store.insert_raw::<Vitals>(late.into()).await.unwrap();
    let found = store.pull::<Vitals>(0, 10, Duration::ZERO).await.unwrap();
    assert_eq!(found, [pulled(3, "2026-01-05", 1)]);
    // Nor does a worker fold them that found them before.
    for user in [1, 2] {
        let folded = store.fold_group::<Vitals>(user, date("2026-01-05")).await;
        assert_eq!(folded.unwrap(), GroupOutcome::Locked);
    }
    assert_eq!(
        db.value("(select count(*) from raw_vitals where status = 'failed')"),
        "2"
    );
}

async fn a_failed_group_waits_and_then_is_dead<S: Store>(db: &Database, store: S) {
    store
        .insert_raw::<Vitals>(vec![heart_rate(1, "2026-01-05T10:00:00Z", 60.0)])
        .await
        .unwrap();
    let key = vitals_group(1, "2026-01-05");
    let filter = GroupFilter::default();
    let soon = failure(ErrorClass::Data, Duration::ZERO);
    let state = store.mark_failed::<Vitals>(key, &soon).await.unwrap();
    assert_eq!(state, Some(GroupState::Due { attempts: 1 }));
    assert_eq!(db.value("(select error from raw_vitals)"), "forced");
    assert_eq!(
        store.due_groups(Domain::Vitals, &filter, 10).await.unwrap(),
        [key]
    );
    let state = store.mark_failed::<Vitals>(key, &soon).await.unwrap();
    assert_eq!(state, Some(GroupState::Dead { attempts: 2 }));
    assert_eq!(
        store.due_groups(Domain::Vitals, &filter, 10).await.unwrap(),
        []
    );
    // An edit is a new chance; success wipes the mark and the error.
    db.execute("update raw_vitals set value = 61");
    assert_eq!(
        store.due_groups(Domain::Vitals, &filter, 10).await.unwrap(),
        [key]
    );
    assert_eq!(
        store.fold_group::<Vitals>(1, key.local_date).await.unwrap(),
        FOLDED_ONE
    );
    assert_eq!(db.value("(select count(*) from aggregation_groups)"), "0");
    assert_eq!(
        db.value("(select count(*) from raw_vitals where error is not null)"),
        "0"
    );
}

async fn a_transient_failure_is_nobodys_fault<S: Store>(_: &Database, store: S) {
    store
        .insert_raw::<Vitals>(vec![heart_rate(1, "2026-01-05T10:00:00Z", 60.0)])
        .await
        .unwrap();
    let key = vitals_group(1, "2026-01-05");
    for _ in 0..5 {
        let state = store
            .mark_failed::<Vitals>(key, &failure(ErrorClass::Transient, Duration::ZERO))
            .await
            .unwrap();
        assert_eq!(state, Some(GroupState::Due { attempts: 0 }));
    }
}

async fn an_attempt_of_two_workers_counts_once<S: Store>(_: &Database, store: S) {
    store
        .insert_raw::<Vitals>(vec![heart_rate(1, "2026-01-05T10:00:00Z", 60.0)])
        .await
        .unwrap();
    let key = vitals_group(1, "2026-01-05");
    let failed = failure(ErrorClass::Data, Duration::from_secs(3600));
    let first = store.mark_failed::<Vitals>(key, &failed).await.unwrap();
    assert_eq!(first, Some(GroupState::Due { attempts: 1 }));
    let second = store.mark_failed::<Vitals>(key, &failed).await.unwrap();
    assert_eq!(second, None);
    assert_eq!(store.past_failures(key, 10).await.unwrap().len(), 1);
}

async fn marking_goes_in_steps<S: Store>(_: &Database, store: S) {
    let rows = (1..=28)
        .flat_map(|day| {
            [1, 2].map(|user| heart_rate(user, &format!("2026-02-{day:02}T10:00:00Z"), 60.0))
        })
        .collect();
    store.insert_raw::<Vitals>(rows).await.unwrap();
    let filter = GroupFilter {
        users: vec![2],
        from: Some(date("2026-02-10")),
        to: Some(date("2026-02-19")),
    };
    let counts = store
        .count_groups::<Vitals>(&filter, Which::All)
        .await
        .unwrap();
    assert_eq!((counts.groups, counts.users, counts.rows), (10, 1, 10));
    let first = store
        .mark_due::<Vitals>(&filter, Which::All, None, 6)
        .await
        .unwrap();
    assert_eq!(
        first,
        Marked {
            groups: 6,
            last: Some((2, date("2026-02-15")))
        }
    );
    let second = store
        .mark_due::<Vitals>(&filter, Which::All, first.last, 6)
        .await
        .unwrap();
    assert_eq!(
        second,
        Marked {
            groups: 4,
            last: Some((2, date("2026-02-19")))
        }
    );
    assert_eq!(store.count_due(Domain::Vitals, &filter).await.unwrap(), 10);
    let all = GroupFilter::default();
    assert_eq!(store.count_due(Domain::Vitals, &all).await.unwrap(), 10);
    let due = store.due_groups(Domain::Vitals, &all, 3).await.unwrap();
    assert_eq!(
        due,
        ["2026-02-10", "2026-02-11", "2026-02-12"].map(|day| vitals_group(2, day))
    );
}

async fn a_rejected_row_keeps_its_reason_until_it_is_corrected<S: Store>(db: &Database, store: S) {
    let mut bad = with_id(heart_rate(1, "2026-01-05T10:00:00Z", 60.0), "a");
    bad.payload.unit = Some("furlong".into());
    let good = heart_rate(1, "2026-01-05T11:00:00Z", 60.0);
    store
        .insert_raw::<Vitals>(vec![bad.clone(), good])
        .await
        .unwrap();
    let outcome = store
        .fold_group::<Vitals>(1, date("2026-01-05"))
        .await
        .unwrap();
    assert_eq!(
        outcome,
        GroupOutcome::Folded {
            completed: 1,
            rejected: 1
        }
    );
    let reason = db.value("(select error from raw_vitals where status = 'rejected')");
    assert!(reason.starts_with("unit_"), "{reason}");
    bad.payload.unit = Some("/min".into());
    let sent = store.insert_raw::<Vitals>(vec![bad]).await.unwrap();
    assert_eq!(sent.corrected, 1);
    assert_eq!(
        store
            .fold_group::<Vitals>(1, date("2026-01-05"))
            .await
            .unwrap(),
        FOLDED_ONE
    );
    assert_eq!(
        db.value("(select count(*) from raw_vitals where error is not null)"),
        "0"
    );
}

async fn labs_fold_into_their_periods<S: Store>(_: &Database, store: S) {
    let results = [
        ("2026-01-05", "5.4"),
        ("2026-01-05", "<0.5"),
        ("2026-03-01", "Positive"),
    ];
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
    for day in ["2026-01-05", "2026-03-01"] {
        store.fold_group::<Labs>(1, date(day)).await.unwrap();
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

async fn the_run_lock_is_exclusive<S: Store>(db: &Database, store: S) {
    let lock = store.try_run_lock().await.unwrap();
    assert!(lock.is_some());
    with_store!(db.store().await, other => {
        assert!(other.try_run_lock().await.unwrap().is_none());
        drop(lock);
        // The server notices the closed connection a moment later.
        let mut free = false;
        for _ in 0..1000 {
            free = other.try_run_lock().await.unwrap().is_some();
            if free {
                break;
            }
            tokio::task::yield_now().await;
        }
        assert!(free, "the lock is free again");
    });
}

async fn a_pause_reaches_every_worker<S: Store>(_: &Database, store: S) {
    let beat = |activity| Heartbeat {
        folding: vec![],
        worker: "w1".into(),
        mode: "worker",
        activity,
    };
    assert!(!store.heartbeat(&beat("idle"), None).await.unwrap().paused);
    store.set_paused(true).await.unwrap();
    assert!(store.heartbeat(&beat("paused"), None).await.unwrap().paused);
    let status = store.status(Domain::ALL).await.unwrap();
    assert!(status.paused);
    assert_eq!(status.workers.len(), 1);
    assert_eq!(status.workers[0].activity, "paused");
    store.set_paused(false).await.unwrap();
    store.forget_worker("w1").await.unwrap();
    let status = store.status(Domain::ALL).await.unwrap();
    assert!(!status.paused && status.workers.is_empty());
}

/// The drifts of user 1 on 2026-01-05, in words; none while unsettled.
async fn drifts<S: Store>(store: &S) -> Option<Vec<String>> {
    match store
        .check_group::<Vitals>(1, date("2026-01-05"))
        .await
        .unwrap()
    {
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
    }
}

async fn a_check_tells_drift_from_what_is_not_settled<S: Store>(db: &Database, store: S) {
    let row = |value| heart_rate(1, "2026-01-05T10:00:00Z", value);
    store.insert_raw::<Vitals>(vec![row(60.0)]).await.unwrap();
    assert_eq!(drifts(&store).await, None, "pending");
    store
        .fold_group::<Vitals>(1, date("2026-01-05"))
        .await
        .unwrap();
    assert_eq!(drifts(&store).await, Some(vec![]));
    store.insert_raw::<Vitals>(vec![row(70.0)]).await.unwrap();
    assert_eq!(drifts(&store).await, None, "one is pending");
    store
        .fold_group::<Vitals>(1, date("2026-01-05"))
        .await
        .unwrap();

    db.execute("update vitals_aggregates set mean = 1 where period = 'month'");
    db.execute("delete from vitals_aggregates where period = 'week'");
    db.execute("update vitals_aggregates set metric = 'steps' where period = 'hour'");
    db.execute("update raw_vitals set status = 'rejected' where value = 60");
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
    store
        .mark_due::<Vitals>(&GroupFilter::default(), Which::All, None, 10)
        .await
        .unwrap();
    store
        .fold_group::<Vitals>(1, date("2026-01-05"))
        .await
        .unwrap();
    assert_eq!(drifts(&store).await, Some(vec![]));
}

async fn outdated_groups_are_found<S: Store>(db: &Database, store: S) {
    let mut rows = ["2026-01-05", "2026-01-06", "2026-01-07"]
        .map(|day| heart_rate(1, &format!("{day}T10:00:00Z"), 60.0));
    rows[2].payload.metric = "no_such_metric".into();
    store.insert_raw::<Vitals>(rows.into()).await.unwrap();
    for day in ["2026-01-05", "2026-01-06", "2026-01-07"] {
        store.fold_group::<Vitals>(1, date(day)).await.unwrap();
    }
    let all = GroupFilter::default();
    let known = store
        .groups::<Vitals>(&all, Some((1, date("2026-01-05"))), 10)
        .await
        .unwrap();
    assert_eq!(known, [(1, date("2026-01-06")), (1, date("2026-01-07"))]);
    assert_eq!(
        store.sample_groups::<Vitals>(&all, 2).await.unwrap().len(),
        2
    );
    db.execute(
        "update vitals_aggregates set algorithm_version = 0 where local_date = '2026-01-06'",
    );
    assert_eq!(
        store
            .count_groups::<Vitals>(&all, Which::Outdated)
            .await
            .unwrap()
            .groups,
        2
    );
    let marked = store
        .mark_due::<Vitals>(&all, Which::Outdated, None, 10)
        .await
        .unwrap();
    assert_eq!(
        marked,
        Marked {
            groups: 2,
            last: Some((1, date("2026-01-07")))
        }
    );
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
        names
            .iter()
            .map(|name| {
                let mut row = heart_rate(1, time, 1.0);
                row.payload.metric = (*name).into();
                row
            })
            .collect()
    };
    store
        .insert_raw::<Vitals>(rows("2026-01-05T17:59:59Z"))
        .await
        .unwrap();
    store
        .insert_raw::<Vitals>(rows("2026-01-05T18:00:00Z"))
        .await
        .unwrap();
    for day in ["2026-01-05", "2026-01-06"] {
        let count = db.value(&format!(
            "(select count(*) from raw_vitals where local_date = '{day}')"
        ));
        assert_eq!(count, names.len().to_string(), "{day}");
    }
}

async fn failed_groups_are_listed_retried_and_discarded<S: Store>(db: &Database, store: S) {
    let rows = [1, 2, 3].map(|user| heart_rate(user, "2026-01-05T10:00:00Z", 60.0));
    store.insert_raw::<Vitals>(rows.into()).await.unwrap();
    let hour = Duration::from_secs(3600);
    let keys = [1, 2, 3].map(|user| vitals_group(user, "2026-01-05"));
    store
        .mark_failed::<Vitals>(keys[0], &failure(ErrorClass::Data, hour))
        .await
        .unwrap();
    store
        .mark_failed::<Vitals>(keys[1], &failure(ErrorClass::Transient, hour))
        .await
        .unwrap();
    let dead = Failure {
        worker: "test".into(),
        max_attempts: 1,
        ..failure(ErrorClass::Data, hour)
    };
    store.mark_failed::<Vitals>(keys[2], &dead).await.unwrap();
    // Marked, but not failed.
    store
        .insert_raw::<Vitals>(vec![heart_rate(4, "2026-01-05T10:00:00Z", 60.0)])
        .await
        .unwrap();
    store
        .mark_due::<Vitals>(
            &GroupFilter {
                users: vec![4],
                ..Default::default()
            },
            Which::All,
            None,
            9,
        )
        .await
        .unwrap();

    let users = async |filter: FailedFilter, after, limit| {
        let found = store
            .failed_groups(Domain::Vitals, &filter, after, limit)
            .await
            .unwrap();
        found
            .into_iter()
            .map(|group| group.user_id)
            .collect::<Vec<_>>()
    };
    let all = FailedFilter::default;
    assert_eq!(users(all(), None, 10).await, [1, 2, 3]);
    assert_eq!(users(all(), Some((1, date("2026-01-05"))), 1).await, [2]);
    assert_eq!(
        users(
            FailedFilter {
                dead_only: true,
                ..all()
            },
            None,
            10
        )
        .await,
        [3]
    );
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

    assert!(store.retry_failed(keys[2]).await.unwrap());
    assert!(
        !store
            .retry_failed(vitals_group(4, "2026-01-05"))
            .await
            .unwrap(),
        "has not failed"
    );
    let due = store
        .due_groups(Domain::Vitals, &GroupFilter::default(), 10)
        .await
        .unwrap();
    assert_eq!(due.len(), 2);
    assert!(due.contains(&keys[2]));

    assert!(
        store
            .discard_failed::<Vitals>(1, keys[0].local_date)
            .await
            .unwrap()
    );
    assert!(
        !store
            .discard_failed::<Vitals>(1, keys[0].local_date)
            .await
            .unwrap()
    );
    let reason = db.value("(select status || ' ' || error from raw_vitals where user_id = 1)");
    assert_eq!(reason, "rejected discarded: forced");
    assert_eq!(users(all(), None, 10).await, [2, 3]);
}

/// A version of the resource of rows with this `source_id`.
fn version(id: &str, number: i64) -> ResourceVersion {
    ResourceVersion {
        resource: format!("Observation/{id}"),
        source: Some("test".into()),
        scope: None,
        user_id: None,
        last_updated: None,
        number: Some(number),
        retracted: false,
        formerly: Vec::new(),
    }
}

/// A version, and user, metric and value of its rows.
type Given<'a> = (ResourceVersion, &'a [(i64, &'a str, f64)]);

async fn only_the_newest_version_of_a_resource_has_rows<S: Store>(db: &Database, store: S) {
    let all = "(select string_agg(user_id || ' ' || metric || ' ' || value, ',' order by user_id, metric) from raw_vitals)";
    let all = match db {
        Database::Postgres { .. } => all.to_owned(),
        Database::Sqlite { .. } => all.replace("string_agg", "group_concat"),
    };
    // PostgreSQL writes 2 where SQLite writes 2.0.
    let shown = || db.value(&all).replace(".0", "");
    let give = |versions: &[Given<'_>]| {
        let mut resources = Resources::default();
        for (index, (version, rows)) in versions.iter().enumerate() {
            let id = version.resource.strip_prefix("Observation/").unwrap();
            resources.versions.push(version.clone());
            for (user, metric, value) in *rows {
                let mut row = with_id(heart_rate(*user, "2026-01-05T10:00:00Z", *value), id);
                (*metric).clone_into(&mut row.payload.metric);
                let version = Some(index);
                resources.vitals.push(VersionRow { version, row });
            }
        }
        store.store_versions(resources)
    };
    let done = give(&[
        (version("a", 2), &[(1, "m", 2.0), (1, "n", 2.0)]),
        (version("b", 1), &[(1, "b", 1.0)]),
        (version("a", 1), &[(1, "m", 1.0)]),
    ])
    .await
    .unwrap();
    assert_eq!(
        (done.rows.inserted, done.rows.duplicate, done.older),
        (3, 0, 1)
    );
    assert_eq!(shown(), "1 b 1,1 m 2,1 n 2");
    let done = give(&[(version("a", 1), &[(1, "m", 1.0)])]).await.unwrap();
    assert_eq!((done.older, done.rows.duplicate), (1, 0));
    // Another code, and another person.
    let done = give(&[(version("a", 3), &[(1, "m", 3.0)])]).await.unwrap();
    assert_eq!((done.rows.corrected, done.retracted), (1, 1));
    let done = give(&[(version("a", 4), &[(2, "m", 3.0)])]).await.unwrap();
    assert_eq!((done.rows.inserted, done.retracted), (1, 1));
    assert_eq!(shown(), "1 b 1,2 m 3");
    // Taken back, without a word of whose it was or where it came from.
    let nobodys = ResourceVersion {
        source: None,
        retracted: true,
        ..version("a", 5)
    };
    assert_eq!(give(&[(nobodys, &[])]).await.unwrap().retracted, 1);
    let done = give(&[(version("a", 4), &[(2, "m", 3.0)])]).await.unwrap();
    assert_eq!((done.rows.inserted, done.older), (0, 1));
    assert_eq!(shown(), "1 b 1");
    let done = give(&[(version("a", 6), &[(2, "m", 6.0)])]).await.unwrap();
    assert_eq!((done.rows.inserted, done.older), (1, 0));
    // Within one batch in its order.
    let back = ResourceVersion {
        retracted: true,
        number: None,
        ..version("c", 0)
    };
    let stays = ResourceVersion {
        number: None,
        ..version("c", 0)
    };
    let both = [
        (back.clone(), &[][..]),
        (stays.clone(), &[(3, "c", 1.0)][..]),
    ];
    assert_eq!(give(&both).await.unwrap().rows.inserted, 1);
    let done = give(&[(stays, &[(3, "c", 1.0)]), (back, &[])])
        .await
        .unwrap();
    assert_eq!((done.rows.duplicate, done.retracted), (1, 1));
    assert_eq!(shown(), "1 b 1,2 m 6");
}

async fn imports_at_once_leave_the_newest_version<S: Store>(db: &Database, store: S) {
    let give = |number: i64, backwards: bool| {
        let mut resources = Resources::default();
        let mut ids: Vec<i64> = (0..50).collect();
        if backwards {
            ids.reverse();
        }
        for (index, id) in ids.into_iter().enumerate() {
            let id = format!("o{id}");
            resources.versions.push(version(&id, number));
            let row = heart_rate(number % 3 + 1, "2026-01-05T10:00:00Z", number as f64);
            resources.vitals.push(VersionRow {
                version: Some(index),
                row: with_id(row, &id),
            });
        }
        let store = store.clone();
        tokio::spawn(async move {
            loop {
                match store.store_versions(resources.clone()).await {
                    Err(error) if error.is_transient() => {}
                    done => return done.map(|_| ()),
                }
            }
        })
    };
    let imports: Vec<_> = (1..=8)
        .map(|number| give(number, number % 2 == 0))
        .collect();
    for import in imports {
        import.await.unwrap().unwrap();
    }
    let rows =
        db.value("(select count(*) || ' ' || min(value) || ' ' || max(value) from raw_vitals)");
    let rows = rows.replace(".0", "");
    assert_eq!(rows, "50 8 8");
}

async fn what_a_source_takes_back_is_deleted<S: Store>(_: &Database, store: S) {
    let row = |user, id| with_id(heart_rate(user, "2026-01-05T10:00:00Z", 60.0), id);
    store
        .insert_raw::<Vitals>(vec![row(1, "a"), row(1, "b"), row(2, "a")])
        .await
        .unwrap();
    for user in [1, 2] {
        store
            .fold_group::<Vitals>(user, date("2026-01-05"))
            .await
            .unwrap();
    }
    let back = |id: &str| Resources {
        versions: vec![ResourceVersion {
            user_id: Some(1),
            retracted: true,
            ..version(id, 1)
        }],
        ..Resources::default()
    };
    // Rows that were stored before versions were kept.
    let retracted = async |id| store.store_versions(back(id)).await.unwrap().retracted;
    assert_eq!((retracted("a").await, retracted("a").await), (1, 0));
    let due = store
        .due_groups(Domain::Vitals, &GroupFilter::default(), 10)
        .await
        .unwrap();
    assert_eq!(due, [vitals_group(1, "2026-01-05")]);
    store
        .fold_group::<Vitals>(1, date("2026-01-05"))
        .await
        .unwrap();
    let days = store
        .aggregates::<Vitals>(&query(Period::Day))
        .await
        .unwrap();
    assert_eq!(days[0].measure.count, 1);
}

async fn the_history_tells_what_was_done<S: Store>(_db: &Database, store: S) {
    let pool = PoolStats {
        size: 3,
        checked_out: 1,
        available: 2,
        waiting: 0,
        max: 50,
    };
    let now = Utc::now();
    let batch = |seconds: i64| BatchRecord {
        id: uuid::Uuid::now_v7(),
        worker: "w".into(),
        domain: Domain::Vitals,
        duration_ms: seconds * 1000,
        rows_pulled: 10,
        rows_completed: 8,
        rows_rejected: 1,
        groups_ok: 2,
        groups_failed: 1,
        groups_skipped: 3,
        pool_before: pool,
        pool_after: pool,
    };
    for seconds in [2 * 3600, 600, 600, 1] {
        store.record_batch(&batch(seconds)).await.unwrap();
    }
    let history = store.history(3).await.unwrap();
    let lines = history.minutes.iter();
    let sums = lines.fold((0, 0, 0), |sums, line| {
        (
            sums.0 + line.rows,
            sums.1 + line.groups_ok,
            sums.2 + line.groups_failed,
        )
    });
    assert_eq!(sums, (27, 6, 3), "of the last hour");
    // By the database's clock, which is this machine's here.
    let passed = Utc::now() - now;
    for (line, seconds) in history.batches.iter().zip([1, 600, 600]) {
        let late = time(&line.started_at) - (now - chrono::TimeDelta::seconds(seconds));
        let tick = chrono::TimeDelta::milliseconds(2);
        assert!(-tick <= late && late <= passed + tick, "{late}");
    }
    let line = serde_json::json!(history.batches[0]);
    assert_eq!(
        (&line["domain"], &line["worker"]),
        (&"vitals".into(), &"w".into())
    );
    assert_eq!(
        (&line["rows_pulled"], &line["groups_skipped"]),
        (&10.into(), &3.into())
    );
    assert_eq!(line["pool_after"]["max"], 50);
}

async fn users_and_their_series_are_listed<S: Store>(_db: &Database, store: S) {
    let rows = [3, -7, 5].map(|user| heart_rate(user, "2026-03-02T10:00:00Z", 60.0));
    store.insert_raw::<Vitals>(rows.to_vec()).await.unwrap();
    let later = heart_rate(5, "2026-03-09T10:00:00Z", 61.0);
    store.insert_raw::<Vitals>(vec![later]).await.unwrap();
    for (user, day) in [
        (3, "2026-03-02"),
        (-7, "2026-03-02"),
        (5, "2026-03-02"),
        (5, "2026-03-09"),
    ] {
        store.fold_group::<Vitals>(user, date(day)).await.unwrap();
    }
    let after = async |user, limit| store.users::<Vitals>(user, limit).await.unwrap();
    assert_eq!(after(i64::MIN, 10).await, [-7, 3, 5]);
    assert_eq!(after(-7, 1).await, [3]);
    assert!(after(5, 10).await.is_empty());
    let series = store.series::<Vitals>(5, 10).await.unwrap();
    assert_eq!(
        serde_json::json!(series),
        serde_json::json!([{
            "series": "heart_rate", "label": "heart_rate", "unit": "/min", "days": 2,
            "first_date": "2026-03-02", "last_date": "2026-03-09",
        }])
    );
    assert!(store.series::<Labs>(5, 10).await.unwrap().is_empty());
}
