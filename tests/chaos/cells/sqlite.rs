//! The embedded database: its worker killed, its disk full, another process
//! on its file.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use rand::RngExt;

use crate::arena::{Setting, wait_for};
use crate::program::Program;
use crate::states::UNSETTLED;
use crate::table::Outcome;
use crate::workers::Workers;

const USERS: u32 = 12;

/// An immediate transaction waits for the other writers of the file.
const SETTINGS: &[(&str, &str)] = &[("POOL__LOCK_TIMEOUT", "5s")];

/// Two workers and an application on one file; a worker is killed mid-write,
/// again and again.
pub(crate) fn killed(setting: &Setting) -> Outcome {
    let days = setting.pick(40, 200);
    let folder = tempfile::tempdir().unwrap();
    let lite = Lite::filled(&folder.path().join("vitalfold.db"), days);
    let workers = Workers::start(&lite.program, 2, SETTINGS, |_| Vec::new());
    let mut rng = setting.rng();
    let kills = setting.pick(3, 20);
    let (stop, seed) = (AtomicBool::new(false), rng.random());
    let mut recovery = Duration::ZERO;
    std::thread::scope(|scope| {
        let application = scope.spawn(|| {
            let mut rng: rand::rngs::StdRng = rand::SeedableRng::seed_from_u64(seed);
            while !stop.load(Ordering::SeqCst) {
                // Another process may hold the file for longer than we wait.
                drop(lite.run(&edit(&mut rng, days)));
                std::thread::sleep(Duration::from_millis(30));
            }
        });
        for kill in 1..=kills {
            let done = u64::from(USERS * days * 8) * kill / (kills + 2);
            lite.wait("more is folded", |lite| {
                lite.count("raw_vitals_states where state = 'completed'") > done
            });
            workers.kill(rng.random_range(0..2));
            recovery = recovery.max(lite.recovers());
        }
        stop.store(true, Ordering::SeqCst);
        application.join().unwrap();
    });
    assert_eq!(u64::from(workers.starts()), 2 + kills);
    lite.finish(workers, u32::try_from(kills).unwrap(), recovery)
}

/// No file of the worker may grow beyond a megabyte: its log of changes soon
/// cannot, as on a full disk. A limit of the process, because a small file
/// system would need privileges.
pub(crate) fn disk_full(setting: &Setting) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let lite = Lite::filled(&folder.path().join("vitalfold.db"), setting.pick(30, 120));
    let workers = Workers::start(&lite.program, 1, SETTINGS, |_| Vec::new());
    let mut recovery = lite.recovers();
    let faults = setting.pick(1, 8);
    for _ in 0..faults {
        let refused = || workers.logged(&["disk is full", "disk I/O error"]);
        let before = refused();
        workers.limit_files(0, "1000000");
        wait_for(Duration::from_secs(60), "writes are refused", || {
            // The application itself has room.
            drop(lite.run("update raw_vitals set value = value + 1 where value < 100"));
            refused() >= before + 3
        });
        workers.limit_files(0, "unlimited");
        recovery = recovery.max(lite.recovers());
    }
    assert_eq!(workers.starts(), 1, "it goes on without a restart");
    assert_eq!(
        workers.logged(&["attempt 1 failed"]),
        0,
        "a full disk is no group's fault"
    );
    lite.finish(workers, faults, recovery)
}

/// A database file and the program on it.
struct Lite {
    program: Program,
    file: PathBuf,
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}

impl Lite {
    fn empty(file: &Path) -> Lite {
        let program = Program::on(&format!("sqlite://{}", file.display()));
        program.ok(&["migrate"]);
        let file = file.to_owned();
        Lite { program, file }
    }

    fn filled(file: &Path, days: u32) -> Lite {
        let lite = Lite::empty(file);
        lite.run(&format!(
            "with recursive u(u) as (select 1 union all select u + 1 from u where u < {USERS}), \
               d(d) as (select 0 union all select d + 1 from d where d < {days} - 1), \
               r(r) as (select 0 union all select r + 1 from r where r < 7) \
             insert into raw_vitals (user_id, metric, value, unit, started_at, ended_at, \
               utc_offset_minutes) \
             select u, case r % 2 when 0 then 'heart_rate' else 'body_weight' end, \
               case when (u + d + r) % 50 = 0 then 900 else 40 + (u * 7 + d * 3 + r) % 60 end, \
               case r % 2 when 0 then '/min' else 'kg' end, t, t, (u % 3) * 60 \
             from (select u, d, r, strftime('%Y-%m-%d %H:%M:%S', \
               1767225600 + d * 86400 + r * 7000, 'unixepoch') || '.000000+00:00' as t \
               from u, d, r)"
        ))
        .unwrap();
        lite
    }

    fn connect(&self) -> SqliteConnection {
        let mut connection = SqliteConnection::establish(self.file.to_str().unwrap()).unwrap();
        connection
            .batch_execute("pragma busy_timeout = 10000")
            .unwrap();
        connection
    }

    fn run(&self, statements: &str) -> diesel::QueryResult<()> {
        self.connect().batch_execute(statements)
    }

    fn count(&self, from: &str) -> u64 {
        let text = format!("select count(*) as count from {from}");
        let count: Count = diesel::sql_query(text)
            .get_result(&mut self.connect())
            .unwrap();
        u64::try_from(count.count).unwrap()
    }

    fn wait(&self, what: &str, mut state: impl FnMut(&Lite) -> bool) {
        wait_for(Duration::from_secs(120), what, || state(self));
    }

    /// How long a row that arrives now waits to be folded.
    fn recovers(&self) -> Duration {
        let started = Instant::now();
        let arrived = "insert or ignore into raw_vitals (user_id, metric, value, unit, started_at, \
             ended_at, utc_offset_minutes, source_id) \
             select 1000, 'body_weight', 70, 'kg', '2026-02-01 08:00:00.000000+00:00', \
               '2026-02-01 08:00:00.000000+00:00', 0, 'row ' || count(*) from raw_vitals";
        self.wait("a row arrives", |lite| lite.run(arrived).is_ok());
        self.wait("the row is folded", |lite| {
            lite.count("raw_vitals_states where user_id = 1000 and state <> 'completed'") == 0
        });
        started.elapsed()
    }

    fn finish(self, workers: Workers, faults: u32, recovery: Duration) -> Outcome {
        let open = "raw_vitals_states where state not in ('completed', 'rejected')";
        self.wait("the backlog is drained", |lite| {
            lite.count(open) == 0 && lite.count(UNSETTLED) == 0
        });
        let retries = workers.retries();
        workers.stop();
        let verified = self.program.run(&["verify", "--all"]);
        assert_eq!(verified.code, Some(0), "{verified:?}");
        Outcome {
            faults,
            rows: self.count("raw_vitals"),
            groups: self.count("(select distinct user_id, local_date from raw_vitals_states)"),
            retries,
            rescues: self.count(open) + self.count(UNSETTLED),
            recovery,
            difference: self.by_hand() + self.unlike_fresh(),
        }
    }

    fn by_hand(&self) -> u64 {
        let expected = "select user_id, metric, local_date, count(*), sum(value), min(value), \
             max(value) from raw_vitals_states where value < 500 group by 1, 2, 3";
        let actual = "select user_id, metric, local_date, \"count\", value_sum, \"min\", \"max\" \
             from vitals_daily where \"count\" > 0";
        self.count(&format!("({expected} except {actual})"))
            + self.count(&format!("({actual} except {expected})"))
    }

    /// Differences from a new file with the same rows, folded in one quiet run.
    fn unlike_fresh(&self) -> u64 {
        let folder = tempfile::tempdir().unwrap();
        let fresh = Lite::empty(&folder.path().join("fresh.db"));
        let columns = "id, user_id, metric, value, unit, started_at, ended_at, \
             utc_offset_minutes, source, source_id, device, note";
        let old = self.file.display();
        fresh
            .run(&format!(
                "attach '{old}' as old; \
                 insert into raw_vitals ({columns}) select {columns} from old.raw_vitals"
            ))
            .unwrap();
        fresh.program.ok(&["run-once"]);
        let new = fresh.file.display();
        let kept = "user_id, period, local_date, period_start, metric, unit, \"count\", total, \
             value_sum, mean, \"min\", \"max\", \"first\", \"last\", hours_covered, days_covered, \
             sources, rejected_count, algorithm_version";
        let mut connection = self.connect();
        connection
            .batch_execute(&format!("attach '{new}' as fresh"))
            .unwrap();
        let side = |a: &str, b: &str| {
            format!(
                "select count(*) as count from (select {kept} from {a}.vitals_aggregates \
                 except select {kept} from {b}.vitals_aggregates)"
            )
        };
        [side("main", "fresh"), side("fresh", "main")]
            .into_iter()
            .map(|text| {
                let count: Count = diesel::sql_query(text).get_result(&mut connection).unwrap();
                u64::try_from(count.count).unwrap()
            })
            .sum()
    }
}

fn edit(rng: &mut rand::rngs::StdRng, days: u32) -> String {
    let (user, day) = (rng.random_range(1..=USERS), rng.random_range(0..days));
    let some = format!(
        "user_id = {user} and substr(started_at, 1, 10) = date('2026-01-01', '{day} days') \
         and id % 5 = {}",
        rng.random_range(0..5)
    );
    match rng.random_range(0..3) {
        0 => format!("update raw_vitals set value = 40 + {day} % 100 where {some}"),
        1 => format!("delete from raw_vitals where {some}"),
        _ => format!(
            "insert or ignore into raw_vitals (user_id, metric, value, unit, started_at, ended_at, \
               utc_offset_minutes, source, source_id) \
             select user_id, metric, value, unit, started_at, ended_at, utc_offset_minutes, 'app', \
               'again' \
             from raw_vitals where {some}"
        ),
    }
}
