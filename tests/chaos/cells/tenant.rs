//! A tenant who sends as much as rows may hold, and more, beside ordinary users.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::arena::{Arena, Setting};
use crate::table::Outcome;

/// Seconds from insert to fold, of the oldest row of ordinary users that waits, at
/// 99 moments in 100.
const FRESH: f64 = 5.0;

/// The same where workers are not optimized and other tests have the machine too.
const FRESH_IN_SHORT: f64 = 30.0;

/// What one worker may take at most, in MiB: see `docs/architecture.md`.
const PEAK: u64 = 1024;

/// Days of the tenant's: series of their own, names that nobody knows, texts at
/// their limits, and texts far beyond them.
fn flood(round: u32, rows: u32) -> String {
    let user = 900_000 + round % 2;
    let day =
        format!("timestamptz '2026-02-01 12:00Z' + make_interval(secs => {round} + n * 0.01)");
    format!(
        "insert into raw_vitals (user_id, metric, value, unit, started_at, source) \
         select {user}, case n % 2 when 0 then '72514-3' else 'nothing ' || n end, n, \
           'unit {round} ' || n, {day}, 'source {round} ' || n \
         from generate_series(1, {rows}) n; \
         insert into raw_vitals (user_id, metric, value, unit, started_at, source, device, note) \
         select {user}, 'steps', 1, 'count', {day}, case n % 4 when 0 then big else 's' end, \
           case n % 4 when 1 then big else limit_text end, \
           case n % 4 when 2 then big else limit_text end \
         from generate_series(1, 40) n, \
           (select repeat('big ', 500000) as big, repeat('x', 65536) as limit_text) t; \
         insert into raw_labs (user_id, name, value, unit, reference_range, collected_at, source) \
         select {user}, 'name {round} ' || n, repeat('v', 60000), 'u', repeat('r', 60000), \
           {day}, 'lab ' || n \
         from generate_series(1, 100) n; \
         insert into raw_nutrition (user_id, nutrient, amount, unit, meal, eaten_at) \
         select {user}, 'protein', 1, 'g', 'meal {round} ' || n, {day} \
         from generate_series(1, {rows} / 10) n"
    )
}

pub(crate) fn hostile(setting: &Setting) -> Outcome {
    let arena = Arena::new(setting, &[]);
    let sql = arena.sql();
    // Workers that are not optimized fold the tenant's texts for seconds.
    let timeouts = [
        ("POOL__STATEMENT_TIMEOUT", "60s"),
        ("POOL__IDLE_IN_TRANSACTION_TIMEOUT", "60s"),
    ];
    let workers = arena.workers(2, &timeouts);
    arena.work_begins(&workers);
    arena.wait("the backlog is drained", || {
        sql.count("raw_vitals_states where state = 'pending'") == 0
    });
    let application = arena.application();
    let is_over = AtomicBool::new(false);
    let tenant = arena.sql();
    // How old the oldest change of theirs is, all the time.
    let mut ages = Vec::new();
    let mut look = || {
        let oldest = "select coalesce(extract(epoch from clock_timestamp() - min(since)), 0) from ( \
             select changed_at as since from group_changes where user_id >= 2000000 \
             union all select since from failed_groups where user_id >= 2000000) o";
        let age: f64 = sql.value(oldest).parse().unwrap();
        ages.push(age);
        age
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let tenant = tenant;
            for round in 0..setting.pick(4, 40) {
                tenant
                    .run(&flood(round, setting.pick(1_000, 20_000)))
                    .unwrap();
                // So that each meets the one before half folded.
                std::thread::sleep(Duration::from_millis(300));
            }
            is_over.store(true, Ordering::SeqCst);
        });
        let mut n = 0;
        while !is_over.load(Ordering::SeqCst) {
            n += 1;
            let insert = "insert into raw_vitals (user_id, metric, value, unit, started_at) values";
            let user = 2_000_000 + n % 20;
            sql.run(&format!(
                "{insert} ({user}, 'steps', {n}, 'count', clock_timestamp())"
            ))
            .unwrap();
            look();
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    arena.fault();
    arena.recovers();
    arena.wait("ordinary users are folded", || look() == 0.0);
    ages.sort_by(f64::total_cmp);
    let fresh = ages[ages.len() * 99 / 100];
    let peak = workers.peak_memory();
    eprintln!("hostile-tenant: p99 of freshness {fresh:.2} s, peak {peak} MiB");
    let bound = setting.pick(FRESH_IN_SHORT, FRESH);
    assert!(fresh < bound, "p99 of freshness: {fresh} s");
    assert!(peak < PEAK, "{peak} MiB");
    arena.finish(workers, Some(application))
}
