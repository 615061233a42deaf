//! What happens to the server, and what an administrator does to it.

use std::time::Duration;

use rand::RngExt;

use crate::arena::{Arena, Backlog, Setting};
use crate::cluster::Cluster;
use crate::sql::Sql;
use crate::table::Outcome;

/// `pg_ctl stop -m immediate` and a start, again and again.
pub(crate) fn restarted(setting: &Setting) -> Outcome {
    let arena = Arena::new(setting, &[]);
    let application = arena.application();
    let workers = arena.workers(2, &[]);
    arena.work_begins(&workers);
    for _ in 0..setting.pick(2, 5) {
        arena.recovers();
        arena.cluster.stop();
        arena.fault();
        arena.cluster.boot();
        arena.recovers();
    }
    assert_eq!(workers.starts(), 2, "they go on without a restart");
    arena.finish(workers, Some(application))
}

/// Sessions of the workers are terminated, all at once and often.
pub(crate) fn terminated(setting: &Setting) -> Outcome {
    let arena = Arena::new(setting, &[]);
    let application = arena.application();
    let workers = arena.workers(2, &[]);
    arena.work_begins(&workers);
    let mut rng = setting.rng();
    let sql = arena.sql();
    arena.recovers();
    let mut storms = 0;
    while storms < setting.pick(4, 40) {
        let ended = sql.count(
            "pg_stat_activity where application_name like 'vitalfold%' and pg_terminate_backend(pid)",
        );
        for _ in 0..ended {
            arena.fault();
        }
        storms += u32::from(ended > 0);
        // How long the storm lets them breathe: what is broken, not a race.
        std::thread::sleep(Duration::from_millis(rng.random_range(1..150)));
    }
    arena.recovers();
    assert_eq!(workers.starts(), 2, "they go on without a restart");
    arena.finish(workers, Some(application))
}

/// A server whose errors are in German: locks held, sessions ended, no
/// connection left, and a stop.
pub(crate) fn german(setting: &Setting) -> Outcome {
    let backlog = setting.pick(Backlog::SMALL, Backlog::LARGE);
    let server = Cluster::start_german(&[]);
    let arena = Arena::on(server, setting, backlog);
    let application = arena.application();
    let workers = arena.workers(2, &[("POOL__LOCK_TIMEOUT", "300ms")]);
    arena.work_begins(&workers);
    for _ in 0..setting.pick(1, 10) {
        // The stop below ends this session too.
        let sql = arena.sql();
        let before = workers.logged(&["SQLSTATE 55P03"]);
        let holder = arena.sql();
        holder
            .run("begin; lock table vitals_aggregates in share row exclusive mode")
            .unwrap();
        arena.wait("a worker met the lock", || {
            sql.run("update raw_vitals set note = gen_random_uuid()::text where user_id <= 3")
                .unwrap();
            workers.logged(&["SQLSTATE 55P03"]) > before
        });
        arena.fault();
        holder.run("rollback").unwrap();
        arena.recovers();
        sql.count(
            "pg_stat_activity where application_name like 'vitalfold%' and pg_terminate_backend(pid)",
        );
        arena.fault();
        arena.recovers();
        arena.cluster.stop();
        arena.fault();
        arena.cluster.boot();
        arena.recovers();
    }
    assert_eq!(workers.starts(), 2, "they go on without a restart");
    assert_eq!(
        workers.logged(&["dead after"]),
        0,
        "locks are nobody's fault"
    );
    arena.finish(workers, Some(application))
}

/// The server is away for a while.
pub(crate) fn away(setting: &Setting) -> Outcome {
    let arena = Arena::new(setting, &[]);
    let application = arena.application();
    let workers = arena.workers(2, &[]);
    arena.work_begins(&workers);
    arena.cluster.stop();
    arena.fault();
    std::thread::sleep(setting.pick(Duration::from_secs(3), Duration::from_secs(30)));
    arena.cluster.boot();
    arena.recovers();
    assert_eq!(workers.starts(), 2, "they go on without a restart");
    arena.finish(workers, Some(application))
}

/// The application takes every connection that the server has.
pub(crate) fn no_slots(setting: &Setting) -> Outcome {
    let arena = Arena::new(setting, &["-c", "max_connections=40"]);
    let workers = arena.workers(2, &[]);
    arena.work_begins(&workers);
    let url = arena.cluster.url("app");
    let administrator = arena.sql();
    let mut taken = Vec::new();
    let refusals = || workers.logged(&["too many clients", "remaining connection slots"]);
    for _ in 0..setting.pick(1, 3) {
        let before = refusals();
        arena.wait("a worker is refused", || {
            while let Ok(session) = Sql::connect(&url) {
                taken.push(session);
            }
            administrator
                .run(
                    "select pg_terminate_backend(pid) from pg_stat_activity \
                     where application_name like 'vitalfold%'",
                )
                .unwrap();
            refusals() >= before + 3
        });
        arena.fault();
        taken.clear();
        arena.recovers();
    }
    assert_eq!(workers.starts(), 2, "they go on without a restart");
    arena.finish(workers, None)
}
