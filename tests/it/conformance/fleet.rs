//! The door of workers about themselves.

use std::time::Duration;

use chrono::Utc;
use vitalfold::domain::Domain;
use vitalfold::store::{BatchRecord, ErrorClass, Heartbeat, PoolStats, Probe, Store};
use vitalfold::with_store;

use super::{DAY, HOUR, at_ten, count, failure, give, group, time};
use crate::database::Database;

on_both! {
    the_run_lock_is_exclusive,
    a_pause_reaches_every_worker,
    a_sign_of_life_tells_of_others_and_of_work,
    what_a_dead_worker_folded_is_seen_until_it_is_forgotten,
    the_history_tells_what_was_done,
    old_history_is_pruned_in_steps,
}

fn beat(worker: &str, activity: &'static str) -> Heartbeat {
    Heartbeat {
        folding: vec![],
        worker: worker.into(),
        mode: "worker",
        activity,
    }
}

async fn the_run_lock_is_exclusive<S: Store>(db: &Database, store: S) {
    let lock = store.try_run_lock().await.unwrap();
    assert!(lock.is_some());
    with_store!(db.store().await, other => {
        use vitalfold::store::Fleet;
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
    let paused = async |activity| {
        let control = store.heartbeat(&beat("w1", activity), None).await;
        control.unwrap().paused
    };
    assert!(!paused("idle").await);
    store.set_paused(true).await.unwrap();
    assert!(paused("paused").await);
    let status = store.status(Domain::ALL).await.unwrap();
    assert!(status.paused);
    assert_eq!(status.workers.len(), 1);
    assert_eq!(status.workers[0].activity, "paused");
    store.set_paused(false).await.unwrap();
    store.forget_worker("w1").await.unwrap();
    let status = store.status(Domain::ALL).await.unwrap();
    assert!(!status.paused && status.workers.is_empty());
}

async fn a_sign_of_life_tells_of_others_and_of_work<S: Store>(_: &Database, store: S) {
    let probe = |settle| Probe {
        domains: vec![Domain::Vitals],
        settle,
    };
    let tell = async |worker, settle| {
        let (beat, probe) = (beat(worker, "idle"), probe(settle));
        let control = store.heartbeat(&beat, Some(&probe)).await.unwrap();
        (control.accompanied, control.work_waits)
    };
    assert_eq!(tell("w1", Duration::ZERO).await, (false, false));
    assert_eq!(tell("w2", Duration::ZERO).await, (true, false));
    give(&store, [at_ten(1, DAY)]).await;
    assert_eq!(tell("w1", Duration::ZERO).await, (true, true));
    assert_eq!(tell("w1", HOUR).await, (true, false));
    let later = failure(ErrorClass::Data, HOUR);
    store.mark_failed(group(1, DAY), &later).await.unwrap();
    assert_eq!(tell("w1", Duration::ZERO).await, (true, false));
    store.retry_failed(group(1, DAY)).await.unwrap();
    assert_eq!(tell("w1", HOUR).await, (true, true));
    let control = store.heartbeat(&beat("w1", "idle"), None).await.unwrap();
    assert!(!control.work_waits, "nobody asked");
}

async fn what_a_dead_worker_folded_is_seen_until_it_is_forgotten<S: Store>(_: &Database, store: S) {
    let folding = vec![group(1, DAY), group(-2, "2026-01-06")];
    let last = Heartbeat {
        folding: folding.clone(),
        ..beat("w1", "folding")
    };
    store.heartbeat(&last, None).await.unwrap();
    let seen = store.workers_seen().await.unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!((&*seen[0].worker, &seen[0].folding), ("w1", &folding));
    store.forget_worker("w1").await.unwrap();
    assert_eq!(store.workers_seen().await.unwrap(), []);
}

fn batch(seconds: i64) -> BatchRecord {
    let pool = PoolStats {
        size: 3,
        checked_out: 1,
        available: 2,
        waiting: 0,
        max: 50,
    };
    BatchRecord {
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
    }
}

async fn the_history_tells_what_was_done<S: Store>(_: &Database, store: S) {
    let now = Utc::now();
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

async fn old_history_is_pruned_in_steps<S: Store>(db: &Database, store: S) {
    give(&store, [at_ten(1, DAY)]).await;
    let soon = failure(ErrorClass::Transient, Duration::ZERO);
    store.mark_failed(group(1, DAY), &soon).await.unwrap();
    for seconds in [5 * 3600, 4 * 3600, 3 * 3600, 1] {
        store.record_batch(&batch(seconds)).await.unwrap();
    }
    let left = || {
        (
            count(db, "aggregation_batches"),
            count(db, "aggregation_errors"),
        )
    };
    assert_eq!(store.prune_history(HOUR, 2).await.unwrap(), 2);
    assert_eq!(left(), (2, 1));
    assert_eq!(store.prune_history(HOUR, 2).await.unwrap(), 1);
    assert_eq!(left(), (1, 1));
    assert_eq!(store.prune_history(HOUR, 2).await.unwrap(), 0);
    assert_eq!(left(), (1, 1));
}
