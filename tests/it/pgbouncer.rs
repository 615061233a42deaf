//! PgBouncer in between.

use crate::cluster;
use crate::pooler::PgBouncer;
use crate::program::Program;

fn new_database() -> String {
    cluster::shared()
        .database()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned()
}

#[test]
fn session_mode_folds() {
    let pooler = PgBouncer::start("session", cluster::shared());
    let database = new_database();
    let program = Program::on(&pooler.url(&database));
    program.ok(&["migrate"]);
    cluster::shared().psql(
        &database,
        "insert into raw_vitals (user_id, metric, value, unit, started_at) \
         select u, 'heart_rate', 60, '/min', timestamptz '2026-01-01Z' + make_interval(days => d) \
         from generate_series(1, 20) u, generate_series(1, 10) d",
    );
    assert!(program.ok(&["run-once"]).starts_with("200 groups folded"));
    program.ok(&["verify", "--all"]);
}

#[test]
fn transaction_mode_is_refused() {
    let pooler = PgBouncer::start("transaction", cluster::shared());
    let program = Program::on(&pooler.url(&new_database()));
    for command in ["migrate", "run-once", "status"] {
        let ran = program.run(&[command]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains("pool_mode = session"), "{ran:?}");
    }
}
