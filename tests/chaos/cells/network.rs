//! What happens between the workers and the server.

use std::time::Duration;

use crate::arena::{Arena, Setting};
use crate::pooler::PgBouncer;
use crate::program::Program;
use crate::proxy::Proxy;
use crate::table::Outcome;
use crate::workers::Workers;

/// 100 ms each way.
pub(crate) fn latency(setting: &Setting) -> Outcome {
    let arena = Arena::new(setting, &[]);
    let proxy = Proxy::before(arena.cluster.socket_dir());
    let far = Program::on(&proxy.url("app"));
    // 200 ms of network do not drain thousands of groups in a test's time.
    let workers = Workers::start(&far, 2, &[("WORKER__CONCURRENCY", "6")], |_| Vec::new());
    let application = arena.application();
    arena.work_begins(&workers);
    proxy.latency(Duration::from_millis(100));
    arena.fault();
    for _ in 0..setting.pick(2, 20) {
        arena.recovers();
    }
    proxy.latency(Duration::ZERO);
    assert_eq!(workers.starts(), 2, "they go on without a restart");
    arena.finish(workers, Some(application))
}

/// The network swallows everything and closes nothing. What was connected
/// then stays lost for ever.
pub(crate) fn black_hole(setting: &Setting) -> Outcome {
    let arena = Arena::new(setting, &[]);
    let proxy = Proxy::before(arena.cluster.socket_dir());
    let far = Program::on(&proxy.url("app"));
    let settings = [
        ("POOL__STATEMENT_TIMEOUT", "1s"),
        ("POOL__CONNECT_TIMEOUT", "1s"),
        ("WORKER__MAX_BATCH_SIZE", "50"),
    ];
    let workers = Workers::start(&far, 2, &settings, |_| Vec::new());
    let (application, sql) = (arena.application(), arena.sql());
    arena.work_begins(&workers);
    for _ in 0..setting.pick(1, 5) {
        arena.recovers();
        proxy.black_hole(true);
        arena.fault();
        std::thread::sleep(setting.pick(Duration::from_secs(1), Duration::from_secs(15)));
        let cut_off = sql.value("select clock_timestamp()");
        proxy.black_hole(false);
        arena.recovers();
        arena.wait("every worker is back", || {
            sql.count(&format!("worker_heartbeats where seen_at > '{cut_off}'")) == 2
        });
    }
    assert_eq!(workers.starts(), 2, "they go on without a restart");
    arena.finish(workers, Some(application))
}

/// PgBouncer in between is killed and started again.
pub(crate) fn pooler_restarted(setting: &Setting) -> Outcome {
    let arena = Arena::new(setting, &[]);
    let mut pooler = PgBouncer::start("session", &arena.cluster);
    let pooled = Program::on(&pooler.url("app"));
    let workers = Workers::start(&pooled, 2, &[], |_| Vec::new());
    let application = arena.application();
    arena.work_begins(&workers);
    for _ in 0..setting.pick(2, 10) {
        arena.recovers();
        pooler.restart();
        arena.fault();
        arena.recovers();
    }
    assert_eq!(workers.starts(), 2, "they go on without a restart");
    arena.finish(workers, Some(application))
}
