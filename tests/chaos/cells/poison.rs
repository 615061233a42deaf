//! Rows and groups that can never be folded, among a thousand that can.

use crate::arena::{Arena, Backlog, Setting};
use crate::states::DEAD;
use crate::table::Outcome;

/// What a worker does with a row on which the database raises an error: reject
/// that row and fold the rest of its group, or give the whole group up.
const POISON_ROW_IS_REJECTED: bool = true;

/// Groups that hold a poison row each.
const POISONED: u64 = 3;

pub(crate) fn poison(setting: &Setting) -> Outcome {
    let backlog = setting.pick(
        Backlog {
            users: 24,
            days: 14,
            rows: 4,
        },
        Backlog {
            users: 200,
            days: 50,
            rows: 10,
        },
    );
    let arena = Arena::with(setting, backlog, &[]);
    let sql = arena.sql();
    sql.run(
        "insert into raw_vitals (user_id, metric, value, unit, started_at, note) \
         select u, 'heart_rate', 249, '/min', timestamptz '2026-01-05 12:00Z', 'poison' \
         from generate_series(1, 3) u; \
         create function refuse() returns trigger language plpgsql as $$ begin \
           raise exception 'the application forbids it'; end $$; \
         create trigger refuse_row before insert or update on vitals_aggregates for each row \
           when (new.metric = 'heart_rate' and new.\"max\" = 249) execute function refuse(); \
         create trigger refuse_group before insert or update on vitals_aggregates for each row \
           when (new.user_id = 7 and new.local_date = '2026-01-06') execute function refuse(); \
         create trigger refuse_group before insert on rejected_rows for each row \
           when (new.user_id = 7 and new.local_date = '2026-01-06') execute function refuse(); \
         update raw_vitals r set value = r.value + 1 from raw_vitals_states s \
           where s.user_id = 7 and s.local_date = '2026-01-06' and r.user_id = 7 and r.id = s.id",
    )
    .unwrap();
    let workers = arena.workers(2, &[("WORKER__MAX_ATTEMPTS", "2")]);
    let dead = 1 + if POISON_ROW_IS_REJECTED { 0 } else { POISONED };
    let rejected = if POISON_ROW_IS_REJECTED { POISONED } else { 0 };
    let refused =
        "raw_vitals_states where note = 'poison' and state = 'rejected' and reason is not null";
    arena.wait("what cannot be folded is given up", || {
        sql.count(DEAD) == dead && sql.count(refused) == rejected
    });
    for _ in 0..=POISONED {
        arena.fault();
    }
    arena.recovers();
    let blamed = "failed_groups where state = 'dead' and attempts = 2 \
                  and error_class = 'data' and error like '%the application forbids it%'";
    assert_eq!(sql.count(blamed), dead);
    arena.finish_with(workers, None, dead)
}
