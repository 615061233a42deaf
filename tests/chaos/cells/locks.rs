//! What the application holds, and what takes the server too long.

use crate::arena::{Arena, Setting};
use crate::states::DUE;
use crate::table::Outcome;

/// The application holds aggregates and whole tables, longer than `lock_timeout`;
/// and raw rows, which stops nobody.
pub(crate) fn held(setting: &Setting) -> Outcome {
    let arena = Arena::new(setting, &[]);
    let sql = arena.sql();
    let holders = [
        "select metric from vitals_aggregates where user_id > 15 for update",
        "lock table vitals_aggregates in share row exclusive mode",
    ];
    let arrives = "insert into raw_vitals (user_id, metric, value, unit, started_at) \
         select u, 'heart_rate', 70, '/min', timestamptz '2026-01-03Z' + localtime \
         from generate_series(6, 20) u";
    let workers = arena.workers(2, &[("POOL__LOCK_TIMEOUT", "300ms")]);
    arena.wait("there are aggregates to lock", || {
        sql.count("vitals_monthly where user_id = 20") > 0
    });
    let holder = arena.sql();
    holder
        .run("begin; select id from raw_vitals for update")
        .unwrap();
    sql.run(arrives).unwrap();
    arena.recovers();
    arena.wait("all is folded beside the lock", || sql.count(DUE) == 0);
    assert_eq!(workers.logged(&["due to lock timeout"]), 0);
    holder.run("rollback").unwrap();

    let application = arena.application();
    for statement in holders.iter().cycle().take(setting.pick(4, 18)) {
        let before = workers.logged(&["due to lock timeout"]);
        let holder = arena.sql();
        holder.run(&format!("begin; {statement}")).unwrap();
        sql.run(arrives).unwrap();
        arena.wait("a worker met the lock", || {
            workers.logged(&["due to lock timeout"]) > before
        });
        arena.fault();
        holder.run("rollback").unwrap();
        arena.recovers();
    }
    assert_eq!(
        workers.logged(&["dead after"]),
        0,
        "locks are nobody's fault"
    );
    arena.finish(workers, Some(application))
}

/// A trigger of the application makes some groups slower than
/// `statement_timeout` allows.
pub(crate) fn too_slow(setting: &Setting) -> Outcome {
    let arena = Arena::new(setting, &[]);
    let sql = arena.sql();
    sql.run(
        "create table slow (user_id bigint); \
         create function dawdle() returns trigger language plpgsql as $$ begin \
           if exists (select from slow where slow.user_id = new.user_id) then \
             perform pg_sleep(60); end if; return new; end $$; \
         create trigger dawdle before insert or update on vitals_aggregates \
           for each row execute function dawdle()",
    )
    .unwrap();
    let workers = arena.workers(2, &[("POOL__STATEMENT_TIMEOUT", "300ms")]);
    let application = arena.application();
    for round in 0..setting.pick(1, 5) {
        let (first, last) = (1 + round * 3, 3 + round * 3);
        sql.run(&format!(
            "insert into slow select generate_series({first}, {last}); \
             update raw_vitals set value = value + 1 where user_id between {first} and {last}"
        ))
        .unwrap();
        let before = workers.logged(&["due to statement timeout"]);
        arena.wait("statements are cut", || {
            workers.logged(&["due to statement timeout"]) >= before + 4
        });
        arena.fault();
        sql.run("delete from slow").unwrap();
        arena.recovers();
    }
    assert_eq!(
        workers.logged(&["dead after"]),
        0,
        "a timeout is nobody's fault"
    );
    arena.finish(workers, Some(application))
}
