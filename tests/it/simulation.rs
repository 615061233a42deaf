//! Random histories of inserts, edits, deletes, re-sent rows, failures and
//! folds, on both backends. Whatever happened, the aggregates must be those
//! that the rows give which are left.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use vitalfold::domain::vitals::{VitalSample, Vitals};
use vitalfold::domain::{Aggregate, Domain, Fold, GroupKey, NewRow};
use vitalfold::store::{
    AggregateQuery, ErrorClass, Failure, GroupCheck, GroupFilter, RawStore, Store,
};
use vitalfold::with_store;

use crate::database::Database;

const USERS: i64 = 3;
const STEPS: usize = 120;
const SEEDS: [u64; 2] = [1, 2];

/// Rows by `source_id`, as they should be stored.
type Model = BTreeMap<u32, NewRow<VitalSample>>;

/// No two rows begin at the same instant: their order would be that of their
/// ids, which a history does not share with a fresh start.
fn random_row(rng: &mut StdRng, number: u32) -> NewRow<VitalSample> {
    let start = DateTime::<Utc>::from_timestamp(1_767_225_600, 0).unwrap()
        + TimeDelta::minutes(rng.random_range(0..20 * 1440))
        + TimeDelta::milliseconds(i64::from(number));
    let (metric, value, unit, minutes) = match rng.random_range(0..5) {
        0 => (
            "steps",
            Some(f64::from(rng.random_range(0..2000))),
            Some("count"),
            30,
        ),
        1 => ("sleep_core", None, None, 95),
        2 => ("heart_rate", Some(500.0), Some("/min"), 0),
        3 => ("no_such_metric", Some(1.0), None, 0),
        _ => (
            "heart_rate",
            Some(f64::from(rng.random_range(400..1800)) / 10.0),
            Some("/min"),
            0,
        ),
    };
    NewRow {
        user_id: rng.random_range(1..=USERS),
        utc_offset_minutes: [-480, 0, 60, 345][rng.random_range(0..4)],
        source: ["watch", "phone"][rng.random_range(0..2)].into(),
        source_id: Some(format!("r{number}")),
        device: None,
        note: None,
        payload: VitalSample {
            metric: metric.into(),
            value,
            unit: unit.map(Into::into),
            started_at: start,
            ended_at: start + TimeDelta::minutes(minutes),
        },
    }
}

fn some_key(rng: &mut StdRng, model: &Model) -> Option<u32> {
    let skip = rng.random_range(0..model.len().max(1));
    model.keys().nth(skip).copied()
}

fn sql_time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S%.6f+00:00").to_string()
}

async fn step<S: Store>(
    rng: &mut StdRng,
    db: &Database,
    store: &S,
    model: &mut Model,
    next: &mut u32,
) {
    match rng.random_range(0..10) {
        0..4 => {
            let rows: Vec<_> = (0..rng.random_range(1..12))
                .map(|_| {
                    *next += 1;
                    (*next, random_row(rng, *next))
                })
                .collect();
            store
                .insert_raw::<Vitals>(rows.iter().map(|(_, row)| row.clone()).collect())
                .await
                .unwrap();
            model.extend(rows);
        }
        4 => {
            // The application edits a row: value, time, zone.
            let Some(key) = some_key(rng, model) else {
                return;
            };
            *next += 1;
            let edited = random_row(rng, *next);
            let row = model.get_mut(&key).unwrap();
            row.payload.started_at = edited.payload.started_at;
            row.payload.ended_at = edited.payload.started_at;
            row.payload.value = Some(61.5);
            row.utc_offset_minutes = edited.utc_offset_minutes;
            db.execute(&format!(
                "update raw_vitals set value = 61.5, started_at = '{time}', ended_at = '{time}', \
                 utc_offset_minutes = {} where source_id = 'r{key}'",
                row.utc_offset_minutes,
                time = sql_time(row.payload.started_at),
            ));
        }
        5 => {
            // The source sends a row again, corrected.
            let Some(key) = some_key(rng, model) else {
                return;
            };
            let row = model.get_mut(&key).unwrap();
            row.payload.value = Some(f64::from(rng.random_range(50..90)));
            store.insert_raw::<Vitals>(vec![row.clone()]).await.unwrap();
        }
        6 => {
            let Some(key) = some_key(rng, model) else {
                return;
            };
            model.remove(&key);
            db.execute(&format!(
                "delete from raw_vitals where source_id = 'r{key}'"
            ));
        }
        7 => {
            // A group fails, as after a rollback.
            let found = store.pull::<Vitals>(0, 1, Duration::ZERO).await.unwrap();
            let Some(group) = found.first() else { return };
            let key = GroupKey {
                domain: Domain::Vitals,
                user_id: group.user_id,
                local_date: group.local_date,
            };
            let failure = Failure {
                error: "forced".into(),
                class: ErrorClass::Data,
                worker: "test".into(),
                max_attempts: 100,
                backoff: Duration::ZERO,
                max_backoff: Duration::ZERO,
                jitter: 1.0,
            };
            store.mark_failed::<Vitals>(key, &failure).await.unwrap();
        }
        _ => fold_some(store, rng.random_range(1..40)).await,
    }
}

/// Folds one pull and what is due; says whether there was anything.
async fn fold_some<S: Store>(store: &S, limit: usize) {
    for group in store
        .pull::<Vitals>(1, limit, Duration::ZERO)
        .await
        .unwrap()
    {
        store
            .fold_group::<Vitals>(group.user_id, group.local_date)
            .await
            .unwrap();
    }
    for key in store
        .due_groups(Domain::Vitals, &GroupFilter::default(), limit)
        .await
        .unwrap()
    {
        store
            .fold_group::<Vitals>(key.user_id, key.local_date)
            .await
            .unwrap();
    }
}

async fn everything<S: Store>(store: &S) -> Vec<(i64, Aggregate<<Vitals as Fold>::Measure>)> {
    let mut all = Vec::new();
    for user_id in 1..=USERS {
        for &period in Vitals::PERIODS {
            let query = AggregateQuery {
                user_id,
                series: None,
                period,
                from: None,
                to: None,
            };
            let rows = store.aggregates::<Vitals>(&query).await.unwrap();
            all.extend(rows.into_iter().map(|row| (user_id, row)));
        }
    }
    all
}

async fn simulate(db: &Database, fresh: &Database, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut model, mut next) = (Model::new(), 0);
    let evolved = with_store!(db.store().await, store => {
        for _ in 0..STEPS {
            step(&mut rng, db, &store, &mut model, &mut next).await;
        }
        fold_some(&store, 100_000).await;
        assert_eq!(db.value("(select count(*) from aggregation_groups)"), "0", "seed {seed}");
        let unfinished = "(select count(*) from raw_vitals where status in ('pending', 'failed'))";
        assert_eq!(db.value(unfinished), "0", "seed {seed}");
        for (user, date) in store.groups::<Vitals>(&GroupFilter::default(), None, 100_000).await.unwrap() {
            let check = store.check_group::<Vitals>(user, date).await.unwrap();
            let sound = GroupCheck::Settled { drifts: vec![], misjudged_rows: 0 };
            assert_eq!(check, sound, "seed {seed}, user {user} on {date}");
        }
        everything(&store).await
    });
    let straight = with_store!(fresh.store().await, store => {
        store.insert_raw::<Vitals>(model.values().cloned().collect()).await.unwrap();
        fold_some(&store, 100_000).await;
        everything(&store).await
    });
    assert!(!straight.is_empty());
    assert_eq!(evolved, straight, "seed {seed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_history_ends_in_what_its_rows_give_on_postgres() {
    for seed in SEEDS {
        simulate(&Database::postgres(), &Database::postgres(), seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_history_ends_in_what_its_rows_give_on_sqlite() {
    for seed in SEEDS {
        simulate(&Database::sqlite(), &Database::postgres(), seed).await;
    }
}
