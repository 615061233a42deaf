//! What happens to the workers themselves.

use std::path::PathBuf;

use rand::RngExt;

use crate::arena::{Arena, Backlog, Setting};
use crate::oracle;
use crate::states::UNSETTLED;
use crate::table::Outcome;
use crate::workers::Workers;

/// `kill -9` of one of three, again and again, all through the backlog.
pub(crate) fn killed(setting: &Setting) -> Outcome {
    let (backlog, kills) = setting.pick(
        (
            Backlog {
                users: 30,
                days: 20,
                rows: 10,
            },
            3,
        ),
        (
            Backlog {
                users: 400,
                days: 25,
                rows: 20,
            },
            20,
        ),
    );
    let arena = Arena::with(setting, backlog, &[]);
    let application = arena.application();
    let workers = arena.workers(3, &[]);
    let sql = arena.sql();
    let total = sql.count("raw_vitals");
    let mut rng = setting.rng();
    for kill in 1..=kills {
        arena.wait("more is folded", || {
            sql.count("raw_vitals_states where state = 'completed'") > total * kill / (kills + 2)
        });
        workers.kill(rng.random_range(0..workers.len()));
        arena.fault();
        arena.recovers();
    }
    assert_eq!(u64::from(workers.starts()), 3 + kills);
    arena.finish(workers, Some(application))
}

/// A worker is frozen while it waits inside its transaction to read, longer than
/// the server lets a transaction idle, and then goes on. Frozen any later, its
/// writes and its commit may be with the server already.
pub(crate) fn stopped(setting: &Setting) -> Outcome {
    let arena = Arena::new(setting, &[]);
    let sql = arena.sql();
    // Nothing but this user is left for the worker that will be frozen.
    sql.run("update raw_vitals set note = 'held' where user_id = 3")
        .unwrap();
    let workers = arena.workers(1, &[("POOL__LOCK_TIMEOUT", "20s")]);
    arena.wait("everything is folded", || sql.count(UNSETTLED) == 0);
    let before = sql.value(FINGERPRINT);
    for round in 0..setting.pick(1, 5) {
        let edited = format!("update raw_vitals set value = 60 + {round} where user_id = 3");
        let application = arena.sql();
        application
            .run("begin; lock table vitals_aggregates in access exclusive mode")
            .unwrap();
        sql.run(&edited).unwrap();
        arena.wait("the worker waits inside its transaction", || {
            sql.count(
                "pg_stat_activity where wait_event_type = 'Lock' and application_name like 'vitalfold%'",
            ) > 0
        });
        workers.freeze(0);
        arena.fault();
        application.run("rollback").unwrap();
        arena.wait("the server ends its transaction", || {
            sql.count(
                "pg_stat_activity where xact_start is not null and pid <> pg_backend_pid() \
                       and datname = current_database()",
            ) == 0
        });
        assert_eq!(sql.count(oracle::OPEN), 0);
        if round == 0 {
            assert_eq!(
                sql.value(FINGERPRINT),
                before,
                "the cut transaction left something"
            );
        }
        assert!(sql.count("group_changes where user_id = 3") > 0);
        // Somebody else takes over meanwhile.
        let others = Workers::start(&arena.program, 1, &[], |_| Vec::new());
        arena.wait("another worker folds the user", || {
            sql.count(&format!("{UNSETTLED} where user_id = 3")) == 0
        });
        others.stop();
        let folded = sql.value(FINGERPRINT);
        workers.signal(0, "CONT");
        arena.recovers();
        arena.wait("everything is folded", || sql.count(UNSETTLED) == 0);
        assert_eq!(
            sql.value(FINGERPRINT),
            folded,
            "the frozen worker wrote to a lost transaction"
        );
    }
    assert_eq!(workers.starts(), 1, "it goes on without a restart");
    arena.finish(workers, None)
}

/// User 3's aggregates, with the transactions that wrote them.
const FINGERPRINT: &str = "select md5(string_agg(xmin::text || a::text, ',' order by a::text)) \
     from vitals_aggregates a where user_id = 3";

/// Three workers, five minutes apart, while locks make groups wait for their
/// retries: due times and locks go by the server's clock.
pub(crate) fn clocks_apart(setting: &Setting) -> Outcome {
    let arena = Arena::new(setting, &[]);
    let application = arena.application();
    let library = faketime();
    let workers = Workers::start(
        &arena.program,
        3,
        &[("POOL__LOCK_TIMEOUT", "200ms")],
        |number| {
            let shift = ["-5m", "+0", "+5m"][number];
            vec![
                ("LD_PRELOAD".into(), library.display().to_string()),
                ("FAKETIME".into(), shift.into()),
                ("FAKETIME_DONT_FAKE_MONOTONIC".into(), "1".into()),
            ]
        },
    );
    let sql = arena.sql();
    arena.wait("three workers that disagree", || {
        sql.count("worker_heartbeats") == 3
    });
    for user in 1..=setting.pick(2, 10) {
        arena.wait("the user has aggregates", || {
            sql.count(&format!("vitals_daily where user_id = {user}")) > 0
        });
        let held = arena.sql();
        held.run(&format!(
            "begin; select metric from vitals_aggregates where user_id = {user} for update"
        ))
        .unwrap();
        sql.run(&format!(
            "insert into raw_vitals (user_id, metric, value, unit, started_at) \
             select {user}, 'heart_rate', 61, '/min', timestamptz '2026-01-01Z' \
               + make_interval(days => d, secs => 7) from generate_series(0, 3) d"
        ))
        .unwrap();
        arena.fault();
        arena.wait("a group waits for its retry", || {
            sql.count(&format!("failed_groups where user_id = {user}")) > 0
        });
        held.run("rollback").unwrap();
        arena.recovers();
        arena.wait("the retry was made in time", || {
            sql.count(&format!("failed_groups where user_id = {user}")) == 0
        });
    }
    let clocks = workers.clocks();
    let apart = *clocks.iter().max().unwrap() - *clocks.iter().min().unwrap();
    assert!(apart.num_minutes() >= 8, "the clocks did not differ");
    arena.finish(workers, Some(application))
}

fn faketime() -> PathBuf {
    let libraries = std::fs::read_dir("/usr/lib").unwrap().flatten();
    libraries
        .map(|entry| entry.path().join("faketime/libfaketime.so.1"))
        .find(|file| file.exists())
        .expect("libfaketime is missing: install Debian's faketime, as scripts/test does")
}
