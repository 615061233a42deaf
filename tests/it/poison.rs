//! Groups that fail by themselves: the search for rows at fault in large groups
//! and side by side, and transient failures that are one group's alone.

use tokio_util::sync::CancellationToken;
use vitalfold::config::Config;
use vitalfold::domain::{Domain, GroupKey};
use vitalfold::store::{AnyStore, ErrorClass, GroupState, StoreError};
use vitalfold::worker::Engine;
use vitalfold::worker::group::GroupResult;
use vitalfold::worker::poison::isolate;

use crate::cluster::wait_until;
use crate::modes::{count, insert_heart_rates, postgres};
use crate::served::Served;
use crate::states::{DEAD, DUE};

/// Refuses aggregates in which a row of the value 66 is, the least or the
/// greatest of its hour.
const POISON: &str = "create function refuse() returns trigger language plpgsql as $$ \
     begin raise exception 'this row is poison'; end $$; \
     create trigger poison before insert or update on vitals_aggregates for each row \
     when (new.\"min\" = 66 or new.\"max\" = 66) execute function refuse()";

#[test]
fn a_search_in_a_large_group_keeps_nobody_waiting() {
    let (db, program) = postgres();
    let full = std::env::var("VITALFOLD_LIMITS").is_ok_and(|size| size == "full");
    let rows = if full { 200_000 } else { 10_000 };
    db.execute(&format!(
        "insert into raw_vitals (user_id, metric, value, unit, started_at, source) \
         select 1, 'heart_rate', case n when {rows} / 3 then 66 else 70 end, '/min', \
           timestamptz '2026-01-05 00:00:00Z' + n * interval '100 milliseconds', 'watch' \
         from generate_series(1, {rows}) n"
    ));
    db.execute(POISON);
    let worker = Served::start(
        &program,
        &[
            ("WORKER__RETRY_BACKOFF", "1ms"),
            ("WORKER__POLL", "20ms"),
            ("WORKER__MAX_ATTEMPTS", "5"),
        ],
    );
    wait_until("the search is on", || {
        count(&db, "failed_groups where attempts = 2") > 0
    });
    // Others are folded meanwhile.
    db.execute(
        "insert into raw_vitals (user_id, metric, value, unit, started_at, source) \
         values (2, 'heart_rate', 70, '/min', '2026-01-05 10:00:00Z', 'watch')",
    );
    let search_is_on = || count(&db, "failed_groups where user_id = 1") > 0;
    let mut beats = std::collections::BTreeSet::new();
    let mut answers = 0;
    let mut folded_meanwhile = false;
    let give_up = std::time::Instant::now() + std::time::Duration::from_secs(600);
    while search_is_on() {
        assert!(std::time::Instant::now() < give_up, "{}", worker.log());
        beats.insert(db.value("(select max(seen_at) from worker_heartbeats)"));
        assert_eq!(worker.get("/health/live").status, 200);
        answers += 1;
        folded_meanwhile |= count(&db, "vitals_daily where user_id = 2") > 0 && search_is_on();
    }
    assert!(folded_meanwhile);
    assert!(answers > 1, "the search was over at once");
    assert!(beats.len() > 1 || !full, "{beats:?}");
    let found =
        "raw_vitals_states where state = 'rejected' and reason like 'poison: %' and value = 66";
    assert_eq!(count(&db, found), 1);
    let completed = "raw_vitals_states where user_id = 1 and state = 'completed'";
    assert_eq!(count(&db, completed), rows - 1);
    assert_eq!(worker.stop(), Some(0));
}

/// Each trial holds the user for longer than one second.
#[tokio::test(flavor = "multi_thread")]
async fn two_searches_of_one_user_take_turns() {
    let (db, _) = postgres();
    insert_heart_rates(&db, 1, 2, 2);
    db.execute("update raw_vitals set value = 66 where extract(minute from started_at) = 1");
    db.execute(POISON);
    db.execute(
        "create function dawdle() returns trigger language plpgsql as $$ \
         begin perform pg_sleep(1.1); return null; end $$; \
         create trigger dawdle after insert on vitals_aggregates for each statement \
         execute function dawdle()",
    );
    let AnyStore::Postgres(store) = db.store().await else {
        panic!("a PostgreSQL database");
    };
    let engine = Engine::new(
        store,
        &Config::default(),
        "worker",
        CancellationToken::new(),
    );
    let search = |day: &str| {
        let key = GroupKey {
            domain: Domain::Vitals,
            user_id: 1,
            local_date: day.parse().unwrap(),
        };
        let engine = engine.clone();
        async move {
            let error = StoreError::new(ErrorClass::Data, "fold group", "this row is poison");
            isolate(&engine, key, &error, GroupState::Waiting { attempts: 2 }).await
        }
    };
    let (first, second) = tokio::join!(search("2026-01-01"), search("2026-01-02"));
    for found in [first, second] {
        // Of the lines of the insert and of the update.
        let folded = GroupResult::Folded {
            completed: 2,
            rejected: 1,
        };
        assert_eq!(found.unwrap(), Some(folded));
    }
    assert_eq!(count(&db, "raw_vitals_states where state = 'rejected'"), 2);
}

/// A stop ends a search; the group's last attempt was not its last chance.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_a_stop_ends_leaves_the_group_due() {
    let (db, _) = postgres();
    insert_heart_rates(&db, 1, 1, 4);
    db.execute("update raw_vitals set value = 66 where extract(minute from started_at) = 1");
    db.execute(POISON);
    db.execute(
        "delete from group_changes; \
         insert into failed_groups (user_id, domain, local_date, state, attempts, next_attempt_at, \
           error, error_class, rows, since) \
         values (1, 'vitals', '2026-01-01', 'dead', 5, now(), 'poison', 'data', 4, now())",
    );
    let AnyStore::Postgres(store) = db.store().await else {
        panic!("a PostgreSQL database");
    };
    let stop = CancellationToken::new();
    stop.cancel();
    let engine = Engine::new(store, &Config::default(), "worker", stop);
    let key = GroupKey {
        domain: Domain::Vitals,
        user_id: 1,
        local_date: "2026-01-01".parse().unwrap(),
    };
    let error = StoreError::new(ErrorClass::Data, "fold group", "this row is poison");
    let found = isolate(&engine, key, &error, GroupState::Dead { attempts: 5 }).await;
    assert_eq!(found.unwrap(), None);
    assert_eq!(count(&db, DUE), 1);
}

/// The server closes the connection over user 1 and takes too long over user 2;
/// a right is missing for user 3, and a trigger raises what it likes for user 4.
#[test]
fn a_failure_that_is_one_groups_alone_ends_it_and_nothing_else() {
    let (db, program) = postgres();
    insert_heart_rates(&db, 4, 1, 3);
    db.execute(
        "create function harm() returns trigger language plpgsql as $$ begin \
           if new.user_id = 1 then perform pg_terminate_backend(pg_backend_pid()); end if; \
           if new.user_id = 2 then perform pg_sleep(30); end if; \
           if new.user_id = 3 then raise insufficient_privilege; end if; \
           if new.user_id = 4 then raise exception '% (FATAL, SQLSTATE 57P01)', repeat('é', 100000) \
             using errcode = '57P01'; end if; \
           return new; end $$; \
         create trigger harm before insert on vitals_aggregates \
         for each row execute function harm()",
    );
    let worker = Served::start(
        &program,
        &[
            ("WORKER__MAX_ATTEMPTS", "1"),
            ("WORKER__POLL", "20ms"),
            ("POOL__STATEMENT_TIMEOUT", "500ms"),
        ],
    );
    let dead = "failed_groups where state = 'dead' and error_class = 'data' \
         and error like 'fold group: failed 4 times in a row while the server answered others: %'";
    let mut users = 5..;
    wait_until("all are dead while others are folded", || {
        let user = users.next().unwrap();
        db.execute(&format!(
            "insert into raw_vitals (user_id, metric, value, unit, started_at) \
             values ({user}, 'heart_rate', 70, '/min', '2026-01-05 10:00:00Z')"
        ));
        count(&db, dead) == 4
    });
    let others = "raw_vitals_states where user_id > 4 and state <> 'completed'";
    wait_until("others are folded", || count(&db, others) == 0);
    assert!(
        !worker.log().contains("circuit breaker opens"),
        "{}",
        worker.log()
    );
    assert_eq!(worker.stop(), Some(0));
    let errors = "aggregation_errors where length(error) > 2200";
    assert_eq!(count(&db, errors), 0, "long texts are kept");
}

#[test]
fn a_server_that_is_slow_for_all_makes_no_dead_groups() {
    let (db, program) = postgres();
    insert_heart_rates(&db, 3, 1, 3);
    db.execute(
        "create function dawdle() returns trigger language plpgsql as $$ \
         begin perform pg_sleep(30); return null; end $$; \
         create trigger dawdle before insert on vitals_aggregates for each statement \
         execute function dawdle()",
    );
    let worker = Served::start(
        &program,
        &[
            ("WORKER__MAX_ATTEMPTS", "1"),
            ("WORKER__POLL", "20ms"),
            ("POOL__STATEMENT_TIMEOUT", "500ms"),
        ],
    );
    // Another domain is folded all the time.
    let mut users = 1..;
    wait_until("each has had its tries", || {
        let user = users.next().unwrap();
        db.execute(&format!(
            "insert into raw_nutrition (user_id, nutrient, amount, unit, eaten_at) \
             values ({user}, 'protein', 10, 'g', '2026-01-05 10:00:00Z')"
        ));
        count(&db, "aggregation_errors where error_class = 'transient'") >= 3
    });
    assert_eq!(count(&db, "failed_groups where attempts > 0"), 0);
    db.execute("drop trigger dawdle on vitals_aggregates");
    assert_eq!(worker.stop(), Some(0));
}

#[test]
fn a_right_that_is_missing_for_all_ends_the_run_and_blames_no_group() {
    let (db, program) = postgres();
    insert_heart_rates(&db, 3, 1, 3);
    db.execute(
        "create function refuse() returns trigger language plpgsql as $$ \
         begin raise insufficient_privilege; end $$; \
         create trigger refuse before insert on vitals_aggregates for each row \
         execute function refuse()",
    );
    let ran = program.run(&["run-once"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("SQLSTATE 42501"), "{ran:?}");
    assert_eq!(count(&db, "aggregation_errors"), 0);
    assert_eq!(count(&db, "raw_vitals_states where state = 'pending'"), 9);
}

/// What refuses the groups of all says nothing against the row of any.
#[test]
fn where_nothing_folds_no_row_is_rejected() {
    let (db, program) = postgres();
    insert_heart_rates(&db, 15, 1, 1);
    db.execute("alter table vitals_aggregates add constraint refuse check (user_id < 0)");
    wait_until("every attempt was made", || {
        let mut command = program.command(&["run-once"]);
        command.env("VITALFOLD__WORKER__RETRY_BACKOFF", "1ms");
        command.env("VITALFOLD__WORKER__MAX_ATTEMPTS", "2");
        assert_eq!(command.output().unwrap().status.code(), Some(1));
        count(&db, DEAD) == 15
    });
    assert_eq!(count(&db, "raw_vitals_states where state = 'rejected'"), 0);
    db.execute("alter table vitals_aggregates drop constraint refuse");
    program.ok(&["failed", "retry"]);
    program.ok(&["run-once"]);
    assert_eq!(
        count(&db, "raw_vitals_states where state = 'completed'"),
        15
    );
}
