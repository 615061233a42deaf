//! Random histories of inserts, edits, deletes, re-sent rows, failures, crashes
//! and folds, on both backends. Whatever happened, the aggregates must be those
//! that the rows give which are left.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use vitalfold::config::Config;
use vitalfold::domain::vitals::{VitalSample, Vitals};
use vitalfold::domain::{Aggregate, Domain, Fold, GroupKey, NewRow};
use vitalfold::store::postgres::PgStore;
use vitalfold::store::{
    AggregateQuery, AnyStore, ErrorClass, FailedFilter, Failure, GroupCheck, GroupFilter, Pull,
    RawRows, Result as StoreResult, Store, Which,
};
use vitalfold::with_store;

use crate::cluster::{self, wait_until};
use crate::cutting::Cutter;
use crate::database::Database;
use crate::program::Program;
use crate::states::UNSETTLED;

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
            comparator: None,
            unit: unit.map(Into::into),
            started_at: start,
            ended_at: start + TimeDelta::minutes(minutes),
        },
    }
}

fn sql_time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S%.6f+00:00").to_string()
}

/// What may happen. Numbers name a row of those there are, modulo their count.
#[derive(Debug, Clone, Copy)]
enum Op {
    Insert {
        rows: u32,
        seed: u64,
    },
    /// The application changes a row: value, time, zone.
    Edit {
        row: usize,
        seed: u64,
    },
    /// The source sends a row again, changed.
    Correct {
        row: usize,
        value: u32,
    },
    /// The source sends a row again, as it was.
    Resend {
        row: usize,
    },
    Delete {
        row: usize,
    },
    Fold {
        limit: usize,
    },
    /// A group fails, as after a rollback.
    Fail {
        class: ErrorClass,
    },
    /// An operator makes what failed due.
    Retry,
    /// Folding dies: on PostgreSQL at this message to or from the server, on
    /// `SQLite` by a kill so many milliseconds after its start.
    Crash {
        at: u64,
    },
    /// The next process opens the database.
    Reopen,
}

impl Op {
    fn random(rng: &mut StdRng) -> Op {
        let row = rng.random_range(0..1000);
        let seed = rng.random();
        match rng.random_range(0..14) {
            0..4 => Op::Insert {
                rows: rng.random_range(1..12),
                seed,
            },
            4 => Op::Edit { row, seed },
            5 => Op::Correct {
                row,
                value: rng.random_range(50..90),
            },
            6 => Op::Resend { row },
            7 => Op::Delete { row },
            8 => Op::Fail {
                class: [ErrorClass::Data, ErrorClass::Transient][rng.random_range(0..2)],
            },
            9 => Op::Retry,
            10 => Op::Crash {
                at: rng.random_range(20..400),
            },
            11 => Op::Reopen,
            _ => Op::Fold {
                limit: rng.random_range(1..40),
            },
        }
    }
}

/// A database, and what its rows should be.
struct World {
    db: Database,
    store: AnyStore,
    cutter: Option<Cutter>,
    model: Model,
    next: u32,
}

impl World {
    async fn on(db: Database) -> World {
        let cutter = match &db {
            Database::Postgres { .. } => Some(Cutter::before(cluster::shared())),
            Database::Sqlite { .. } => None,
        };
        World {
            store: db.store().await,
            db,
            cutter,
            model: Model::new(),
            next: 0,
        }
    }

    fn some_key(&self, row: usize) -> Option<u32> {
        let skip = row % self.model.len().max(1);
        self.model.keys().nth(skip).copied()
    }

    async fn insert(&self, rows: Vec<NewRow<VitalSample>>) {
        with_store!(&self.store, store => store.insert_raw::<Vitals>(rows).await).unwrap();
    }

    async fn step(&mut self, op: Op) {
        match op {
            Op::Insert { rows, seed } => {
                let mut rng = StdRng::seed_from_u64(seed);
                let rows: Vec<_> = (self.next + 1..=self.next + rows)
                    .map(|number| (number, random_row(&mut rng, number)))
                    .collect();
                self.next += u32::try_from(rows.len()).unwrap();
                self.insert(rows.iter().map(|(_, row)| row.clone()).collect())
                    .await;
                self.model.extend(rows);
            }
            Op::Edit { row, seed } => {
                let Some(key) = self.some_key(row) else {
                    return;
                };
                self.next += 1;
                let edited = random_row(&mut StdRng::seed_from_u64(seed), self.next);
                let row = self.model.get_mut(&key).unwrap();
                row.payload.started_at = edited.payload.started_at;
                row.payload.ended_at = edited.payload.started_at;
                row.payload.value = Some(61.5);
                row.utc_offset_minutes = edited.utc_offset_minutes;
                self.db.execute(&format!(
                    "update raw_vitals set value = 61.5, started_at = '{time}', \
                     ended_at = '{time}', utc_offset_minutes = {} where source_id = 'r{key}'",
                    row.utc_offset_minutes,
                    time = sql_time(row.payload.started_at),
                ));
            }
            Op::Correct { row, value } => {
                let Some(key) = self.some_key(row) else {
                    return;
                };
                let row = self.model.get_mut(&key).unwrap();
                row.payload.value = Some(f64::from(value));
                let row = row.clone();
                self.insert(vec![row]).await;
            }
            Op::Resend { row } => {
                if let Some(key) = self.some_key(row) {
                    self.insert(vec![self.model[&key].clone()]).await;
                }
            }
            Op::Delete { row } => {
                if let Some(key) = self.some_key(row) {
                    self.model.remove(&key);
                    let row = format!("delete from raw_vitals where source_id = 'r{key}'");
                    self.db.execute(&row);
                }
            }
            Op::Fold { limit } => {
                with_store!(&self.store, store => fold_some(store, limit).await).unwrap();
            }
            Op::Fail { class } => with_store!(&self.store, store => fail(store, class).await),
            Op::Retry => with_store!(&self.store, store => retry(store).await),
            Op::Crash { at } => self.crash(at).await,
            Op::Reopen => self.store = self.db.store().await,
        }
    }

    async fn crash(&self, at: u64) {
        let Some(cutter) = &self.cutter else {
            let program = Program::on(self.db.url());
            let mut folding = program.command(&["run-once"]);
            let mut folding = folding
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(Duration::from_millis(at / 5));
            drop(folding.kill());
            folding.wait().unwrap();
            return;
        };
        let mut config = Config::default();
        config.database.url = cutter.url(self.db.url().rsplit('/').next().unwrap());
        let store = PgStore::new(&config, "cut off").unwrap();
        cutter.cut_at(at);
        let folded = fold_some(&store, 100).await;
        assert!(folded.is_ok() || cutter.has_cut());
        drop(store);
        let sessions = "(select count(*) from pg_stat_activity \
             where application_name = 'cut off' and datname = current_database())";
        wait_until("the server has ended the session", || {
            self.db.value(sessions) == "0"
        });
    }
}

async fn pull<S: Store>(store: &S, after: i64, limit: usize) -> StoreResult<Vec<GroupKey>> {
    let pull = Pull {
        domain: Domain::Vitals,
        after,
        limit,
        settle: Duration::ZERO,
        within: GroupFilter::default(),
    };
    let pulled = store.pull(&pull).await?;
    Ok(pulled.groups.iter().map(|group| group.key).collect())
}

async fn fail<S: Store>(store: &S, class: ErrorClass) {
    let found = pull(store, 0, 1).await.unwrap();
    let Some(key) = found.first() else { return };
    let failure = Failure {
        error: "forced".into(),
        class,
        worker: "test".into(),
        max_attempts: 3,
        backoff: Duration::ZERO,
        max_backoff: Duration::ZERO,
        jitter: 1.0,
    };
    store.mark_failed(*key, &failure).await.unwrap();
}

async fn retry<S: Store>(store: &S) {
    let filter = FailedFilter::default();
    let failed = store
        .failed_groups(Domain::Vitals, &filter, None, 1000)
        .await;
    for group in failed.unwrap() {
        let key = GroupKey {
            domain: Domain::Vitals,
            user_id: group.user_id,
            local_date: group.local_date,
        };
        assert!(store.retry_failed(key).await.unwrap());
    }
}

/// Folds one pull and what is due.
async fn fold_some<S: Store>(store: &S, limit: usize) -> StoreResult<()> {
    for key in pull(store, 1, limit).await? {
        store.fold(key).await?;
    }
    let filter = GroupFilter::default();
    for key in store.due(Domain::Vitals, &filter, limit).await? {
        store.fold(key).await?;
    }
    Ok(())
}

fn rows_of(key: GroupKey) -> String {
    format!(
        "(select count(*) from raw_vitals_states where user_id = {} and local_date = '{}')",
        key.user_id, key.local_date
    )
}

/// Every group agrees with its rows.
async fn is_sound<S: Store>(db: &Database, store: &S, ops: &[Op]) {
    let (all, mut from) = (GroupFilter::default(), None);
    loop {
        let page = store.groups(Domain::Vitals, &all, Which::All, from).await;
        let page = page.unwrap();
        for known in page.groups {
            let check = store.check(known.key).await.unwrap();
            let sound = GroupCheck::Settled {
                drifts: vec![],
                misjudged_rows: 0,
            };
            let expected = match db.value(&rows_of(known.key)).as_str() {
                // A row may touch a day without belonging to it.
                "0" => GroupCheck::Empty,
                _ => sound,
            };
            assert_eq!(check, expected, "{known:?}, {ops:?}");
        }
        match page.next {
            Some(next) => from = Some(next),
            None => break,
        }
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

async fn simulate(db: Database, ops: &[Op]) {
    let mut world = World::on(db).await;
    for &op in ops {
        world.step(op).await;
    }
    world.step(Op::Retry).await;
    let World {
        db, store, model, ..
    } = world;
    let evolved = with_store!(store, store => {
        fold_some(&store, 100_000).await.unwrap();
        let unsettled = format!("(select count(*) from {UNSETTLED})");
        assert_eq!(db.value(&unsettled), "0", "{ops:?}");
        is_sound(&db, &store, ops).await;
        everything(&store).await
    });
    let straight = with_store!(Database::postgres().store().await, store => {
        store.insert_raw::<Vitals>(model.values().cloned().collect()).await.unwrap();
        fold_some(&store, 100_000).await.unwrap();
        everything(&store).await
    });
    assert!(!straight.is_empty());
    assert_eq!(evolved, straight, "{ops:?}");
}

fn random_history(seed: u64) -> Vec<Op> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..STEPS).map(|_| Op::random(&mut rng)).collect()
}

/// Histories that are run every time; one that a seed found wrong is kept here.
const KEPT: &[&[Op]] = &[
    // What is edited away from a failed group, and a crash before its retry.
    &[
        Op::Insert { rows: 8, seed: 1 },
        Op::Fail {
            class: ErrorClass::Data,
        },
        Op::Edit { row: 0, seed: 2 },
        Op::Crash { at: 120 },
        Op::Delete { row: 1 },
        Op::Reopen,
        Op::Crash { at: 200 },
    ],
    // Attempts used up, then a correction.
    &[
        Op::Insert { rows: 1, seed: 3 },
        Op::Fold { limit: 40 },
        Op::Insert { rows: 1, seed: 3 },
        Op::Fail {
            class: ErrorClass::Data,
        },
        Op::Fail {
            class: ErrorClass::Data,
        },
        Op::Fail {
            class: ErrorClass::Data,
        },
        Op::Fold { limit: 40 },
        Op::Correct { row: 1, value: 77 },
    ],
];

#[tokio::test(flavor = "multi_thread")]
async fn any_history_ends_in_what_its_rows_give_on_postgres() {
    for seed in SEEDS {
        simulate(Database::postgres(), &random_history(seed)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_history_ends_in_what_its_rows_give_on_sqlite() {
    for seed in SEEDS {
        simulate(Database::sqlite(), &random_history(seed)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_histories_end_in_what_their_rows_give() {
    for ops in KEPT {
        simulate(Database::postgres(), ops).await;
        simulate(Database::sqlite(), ops).await;
    }
}
