//! Health, metrics and who may ask: of a real worker, over its address.

use std::collections::BTreeSet;

use tokio_util::sync::CancellationToken;
use vitalfold::config::Config;
use vitalfold::http::{self, Server};
use vitalfold::store::{AnyStore, Fleet};
use vitalfold::worker::Engine;

use crate::cluster::{Cluster, wait_until};
use crate::database::Database;
use crate::gate::Gate;
use crate::program::Program;
use crate::served::{Served, TOKEN, ask};

const ROWS: &str = "insert into raw_vitals (user_id, metric, value, unit, started_at, source) \
    select u, 'heart_rate', case when u = 1 and s = 1 then 9999 else 60 + u end, '/min', \
      timestamptz '2026-01-01 00:00:00Z' + make_interval(secs => s * 60), 'watch' \
    from generate_series(1, 3) u, generate_series(1, 20) s";

fn migrated() -> (Database, Program) {
    let db = Database::postgres();
    let program = Program::on(db.url());
    program.ok(&["migrate"]);
    (db, program)
}

#[test]
fn a_worker_tells_what_it_did() {
    let (db, program) = migrated();
    db.execute(ROWS);
    let worker = Served::start(&program, &[]);
    let completed = "vitalfold_rows_total{domain=\"vitals\",outcome=\"completed\"}";
    wait_until("everything is folded", || worker.metric(completed) == 59.0);
    let rejected = "vitalfold_rows_total{domain=\"vitals\",outcome=\"rejected\"}";
    assert_eq!(worker.metric(rejected), 1.0);
    let folded = "vitalfold_groups_total{domain=\"vitals\",outcome=\"folded\"}";
    assert_eq!(worker.metric(folded), 3.0);
    for histogram in ["batch_duration", "group_duration"] {
        let count = format!("vitalfold_{histogram}_seconds_count{{domain=\"vitals\"}}");
        assert!(worker.metric(&count) >= 1.0, "{histogram}");
    }
    for histogram in ["connection_wait", "connection_hold"] {
        let count = format!("vitalfold_{histogram}_seconds_count");
        assert!(worker.metric(&count) >= 3.0, "{histogram}");
    }
    assert_eq!(worker.metric("vitalfold_pool_max_connections"), 50.0);

    assert_eq!(worker.get("/health/live").status, 200);
    wait_until("it is ready", || worker.get("/health/ready").status == 200);
    let pool = worker.get("/health/db-pool");
    assert_eq!(pool.status, 200);
    let keys: Vec<_> = pool.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        keys,
        [
            "available",
            "in_use",
            "max",
            "size",
            "status",
            "usage_percent",
            "waiting"
        ]
    );
    assert_eq!(pool.json()["max"], 50);

    // An edit is folded again.
    db.execute("update raw_vitals set value = 70 where user_id = 2 and id % 2 = 0");
    wait_until("the edit is folded", || worker.metric(folded) == 4.0);
    assert_eq!(worker.stop(), Some(0));
}

#[test]
fn a_failing_group_is_counted() {
    let (db, program) = migrated();
    db.execute(ROWS);
    db.execute(
        "create function refuse() returns trigger language plpgsql as $$ begin \
           raise exception 'the application forbids it'; end $$; \
         create trigger refuse before insert on vitals_aggregates for each row \
           when (new.user_id = 2) execute function refuse(); \
         create trigger refuse before insert on rejected_rows for each row \
           when (new.user_id = 2) execute function refuse()",
    );
    let worker = Served::start(&program, &[("WORKER__MAX_ATTEMPTS", "1")]);
    let dead = "vitalfold_backlog_groups{domain=\"vitals\",state=\"dead\"}";
    wait_until("the group is dead", || worker.metric(dead) == 1.0);
    let failed = "vitalfold_groups_total{domain=\"vitals\",outcome=\"failed\"}";
    assert_eq!(worker.metric(failed), 1.0);
    assert_eq!(worker.metric("vitalfold_errors_total{class=\"data\"}"), 1.0);
    let rows = "vitalfold_backlog_rows{domain=\"vitals\",state=\"failed\"}";
    assert_eq!(worker.metric(rows), 20.0);
}

/// Rows wait, the database answers, and there is nobody who folds.
#[tokio::test(flavor = "multi_thread")]
async fn standing_still_beside_work_is_not_alive() {
    let db = Database::postgres();
    let AnyStore::Postgres(store) = db.store().await else {
        unreachable!()
    };
    let mut config = Config::default();
    let short = std::time::Duration::from_millis(1);
    config.pool.wait_timeout = short;
    config.pool.connect_timeout = short;
    config.pool.statement_timeout = short;
    config.http.listen = "127.0.0.1:0".parse().unwrap();
    let listener = http::bind(&config.http).await.unwrap();
    let engine = Engine::new(store.clone(), &config, "nobody", CancellationToken::new());
    let server = Server::start(listener, &engine, &config).unwrap();
    let address = server.address();
    let is = |status: u16| {
        wait_until("the liveness changes", || {
            let request = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
            ask(address, request).status == status
        })
    };
    is(200);
    db.execute(ROWS);
    is(503);
    // Nobody folds while an operator wants it so.
    store.set_paused(true).await.unwrap();
    is(200);
    server.close().await;
}

#[test]
fn an_idle_worker_is_alive() {
    let (_db, program) = migrated();
    let worker = Served::start(
        &program,
        &[
            ("POOL__WAIT_TIMEOUT", "100ms"),
            ("POOL__CONNECT_TIMEOUT", "100ms"),
            ("POOL__STATEMENT_TIMEOUT", "100ms"),
        ],
    );
    wait_until("it has polled for longer than it may stand still", || {
        let text = worker.get("/metrics").body;
        let count = "vitalfold_connection_wait_seconds_count ";
        let line = text.lines().find_map(|line| line.strip_prefix(count));
        assert_eq!(worker.get("/health/live").status, 200);
        line.unwrap().parse::<u64>().unwrap() > 20
    });
}

#[test]
fn while_the_database_is_away_it_is_alive_and_not_ready() {
    let cluster = Cluster::start(&[]);
    let url = cluster.database();
    let program = Program::on(&url);
    program.ok(&["migrate"]);
    let worker = Served::start(&program, &[]);
    wait_until("it is ready", || worker.get("/health/ready").status == 200);
    cluster.stop();
    wait_until("it is not ready", || {
        worker.get("/health/ready").status == 503
    });
    assert_eq!(worker.get("/health/live").status, 200);
    wait_until("the breaker opens", || {
        worker.metric("vitalfold_breaker_open") == 1.0
    });
    assert_eq!(worker.metric("vitalfold_pool_resets_total"), 1.0);
    assert_eq!(
        worker.get("/health/db-pool").json()["status"],
        "breaker open"
    );
    assert_eq!(worker.get("/health/db-pool").status, 503);
    wait_until("the page knows", || {
        worker.metric("vitalfold_database_up") == 0.0
    });
    let overview = worker.get("/api/overview");
    assert_eq!(overview.status, 200);
    let overview = overview.json();
    assert!(overview["trouble"].is_string(), "{overview}");
    assert_eq!(
        overview["status"]["domains"][0]["domain"], "vitals",
        "what it knew"
    );
    assert_eq!(worker.get("/api/users").status, 503);
    cluster.boot();
    wait_until("it is ready again", || {
        worker.get("/health/ready").status == 200
    });
    assert_eq!(worker.metric("vitalfold_database_up"), 1.0);
    assert_eq!(worker.metric("vitalfold_breaker_open"), 0.0);
    assert_eq!(worker.stop(), Some(0));
}

#[test]
fn an_exhausted_pool_is_reported() {
    let (db, program) = migrated();
    // Whoever asks waits, and holds a connection while it does.
    let mut application = db.session();
    application.send("begin; lock table group_changes;");
    wait_until("the table is locked", || {
        db.value(
            "(select count(*) from pg_locks where relation = 'group_changes'::regclass \
               and mode = 'AccessExclusiveLock')",
        ) == "1"
    });
    let worker = Served::start(
        &program,
        &[
            ("POOL__SIZE", "1"),
            ("POOL__MAX_OVERFLOW", "1"),
            ("POOL__LOCK_TIMEOUT", "60s"),
            ("WORKER__CONCURRENCY", "1"),
        ],
    );
    // The pull and the reading of the backlog.
    wait_until("two wait for the table", || {
        db.value(
            "(select count(*) from pg_locks \
               where relation = 'group_changes'::regclass and not granted)",
        ) == "2"
    });
    assert_eq!(worker.get("/health/db-pool").status, 503);
    let pool = worker.get("/health/db-pool").json();
    assert_eq!(
        (&pool["status"], &pool["usage_percent"], &pool["in_use"]),
        (&"exhausted".into(), &100.into(), &2.into())
    );
    assert_eq!(worker.metric("vitalfold_pool_usage_ratio"), 1.0);
    application.send("commit;");
    application.end();
    wait_until("the pool is healthy", || {
        worker.get("/health/db-pool").status == 200
    });
}

#[test]
fn it_answers_until_the_last_group_is_done() {
    let (db, program) = migrated();
    db.execute(ROWS);
    let gate = Gate::shut(&db, "new.user_id = 2");
    let worker = Served::start(&program, &[("POOL__LOCK_TIMEOUT", "60s")]);
    let folded = "vitalfold_groups_total{domain=\"vitals\",outcome=\"folded\"}";
    wait_until("the others are folded", || worker.metric(folded) == 2.0);
    worker.signal("TERM");
    wait_until("it says that it stops", || {
        worker.get("/health/ready").json()["reason"] == "stopping"
    });
    assert_eq!(worker.get("/health/live").status, 200);
    gate.open();
    assert_eq!(worker.end(), Some(0));
    let done = "(select count(*) from raw_vitals_states where state = 'pending')";
    assert_eq!(db.value(done), "0");
}

#[test]
fn a_busy_address_is_named() {
    let program = Program::on_sqlite();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = program.command(&["worker"]);
    command.env("VITALFOLD__HTTP__LISTEN", &address);
    let ran = crate::program::Ran::from(command.output().unwrap());
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let expected = format!("cannot listen on http.listen = \"{address}\"");
    assert!(ran.stderr.contains(&expected), "{ran:?}");
}

#[test]
fn wrong_settings_are_named() {
    let program = Program::on_sqlite();
    for (key, value, expected) in [
        ("LISTEN", "localhost:9477", "key `http.listen`"),
        ("LISTEN", "9477", "`9477` is not an address"),
        ("TOKEN", "short", "http.token is shorter than 16 characters"),
        (
            "TOKEN",
            "sixteen or more characters",
            "visible ASCII characters only",
        ),
        ("TOKN", "x", "did you mean `token`?"),
    ] {
        let mut command = program.command(&["config", "check"]);
        command.env(format!("VITALFOLD__HTTP__{key}"), value);
        let ran = crate::program::Ran::from(command.output().unwrap());
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(expected), "{ran:?}");
    }
    let mut command = program.command(&["config", "show"]);
    command.env("VITALFOLD__HTTP__TOKEN", TOKEN);
    let ran = crate::program::Ran::from(command.output().unwrap());
    assert!(ran.stdout.contains("token = \"***\""), "{ran:?}");
    assert!(!ran.stdout.contains(TOKEN), "{ran:?}");
}

#[test]
fn every_answer_keeps_other_sites_out() {
    let program = Program::on_sqlite();
    let worker = Served::start(&program, &[]);
    for path in ["/", "/app.js", "/api/overview", "/metrics", "/nothing"] {
        let head = worker.get(path).head;
        for header in [
            "content-security-policy: default-src 'none';",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
        ] {
            assert!(head.contains(header), "{path}: {head}");
        }
    }
    // A name of another site that points here.
    let rebound = worker.request("GET /api/overview HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert_eq!(rebound.status, 421);
    assert_eq!(worker.get("/nothing").status, 404);
    let large = worker.post("/api/pause", TOKEN, &"x".repeat(5000));
    assert_eq!(large.status, 403, "and without a token nothing is changed");
}

#[test]
fn with_a_token_people_and_actions_need_it() {
    let (db, program) = migrated();
    let worker = Served::start(&program, &[("HTTP__TOKEN", TOKEN)]);
    assert_eq!(worker.get("/api/overview").status, 200);
    let people = [
        "/api/failed",
        "/api/users",
        "/api/series?user=1",
        "/api/aggregates/vitals?user=1&series=steps&period=day&from=2026-01-01&to=2026-01-02",
    ];
    for path in people {
        assert_eq!(worker.get(path).status, 401, "{path}");
        assert_eq!(
            worker.get_with_token(path, "a-token-for-tests-onlY").status,
            401
        );
        assert_eq!(worker.get_with_token(path, TOKEN).status, 200, "{path}");
    }
    for path in ["/api/pause", "/api/resume"] {
        let without =
            format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(worker.request(&without).status, 401, "{path}");
    }
    assert_eq!(db.value("(select paused from worker_control)"), "false");
    assert_eq!(worker.post("/api/pause", TOKEN, "").status, 200);
    assert_eq!(db.value("(select paused from worker_control)"), "true");
    wait_until("the pause is obeyed", || {
        worker.metric("vitalfold_worker_paused") == 1.0
    });
    assert_eq!(worker.post("/api/resume", TOKEN, "").status, 200);
    assert_eq!(db.value("(select paused from worker_control)"), "false");
    wait_until("the log names the page", || {
        worker.log().contains("paused on the page")
    });
    assert!(!worker.log().contains(TOKEN));

    // Not more than so many in ten seconds.
    let answers: BTreeSet<_> = (0..40)
        .map(|_| worker.post("/api/resume", TOKEN, "").status)
        .collect();
    assert_eq!(answers, BTreeSet::from([200, 429]));
    let guesses: BTreeSet<_> = (0..20)
        .map(|guess| {
            worker
                .get_with_token("/api/users", &format!("guess-{guess}"))
                .status
        })
        .collect();
    assert_eq!(guesses, BTreeSet::from([401, 429]));
}

#[test]
fn without_a_token_people_are_shown_on_loopback_alone() {
    let program = Program::on_sqlite();
    let worker = Served::start(&program, &[]);
    assert_eq!(worker.get("/api/users").status, 200);
    assert_eq!(worker.post("/api/pause", TOKEN, "").status, 403);
    let program = Program::on_sqlite();
    let worker = Served::start(&program, &[("HTTP__LISTEN", "0.0.0.0:0")]);
    assert_eq!(worker.get("/api/overview").status, 200);
    assert_eq!(worker.get("/api/users").status, 403);
    assert_eq!(worker.post("/api/pause", TOKEN, "").status, 403);
    wait_until("the worker warns of it", || {
        worker.log().contains("reachable from other machines")
    });
}

#[test]
fn failed_groups_are_retried_and_discarded() {
    for db in [Database::postgres(), Database::sqlite()] {
        let program = Program::on(db.url());
        program.ok(&["migrate"]);
        let failed = |user: u32| {
            format!(
                "insert into failed_groups (user_id, domain, local_date, state, attempts, \
                   next_attempt_at, error, error_class, rows, since) \
                 values ({user}, 'vitals', '2026-01-01', 'dead', 5, \
                   '2026-01-02 00:00:00.000000+00:00', 'because', 'data', 1, \
                   '2026-01-02 00:00:00.000000+00:00');"
            )
        };
        db.execute(&failed(1));
        db.execute(&failed(2));
        let worker = Served::start(&program, &[("HTTP__TOKEN", TOKEN)]);
        let listed = worker.get_with_token("/api/failed", TOKEN).json();
        let group = &listed["groups"][0];
        assert_eq!(
            (&group["user_id"], &group["domain"]),
            (&"1".into(), &"vitals".into())
        );
        assert_eq!(
            (&group["state"], &group["error"]),
            (&"dead".into(), &"because".into())
        );
        let body = |user: u32| {
            format!(r#"{{"domain":"vitals","user_id":"{user}","local_date":"2026-01-01"}}"#)
        };
        assert_eq!(
            worker.post("/api/failed/retry", TOKEN, &body(1)).status,
            200
        );
        assert_eq!(
            worker.post("/api/failed/discard", TOKEN, &body(2)).status,
            200
        );
        wait_until("both are gone", || {
            db.value("(select count(*) from failed_groups)") == "0"
        });
        assert_eq!(
            worker.post("/api/failed/discard", TOKEN, &body(2)).status,
            404
        );
        assert_eq!(worker.post("/api/failed/retry", TOKEN, "{}").status, 400);
    }
}

#[test]
fn what_is_asked_for_is_bounded() {
    let program = Program::on_sqlite();
    let worker = Served::start(&program, &[]);
    let asked = |from: &str, period: &str| {
        worker.get(&format!(
            "/api/aggregates/vitals?user=1&series=steps&period={period}&from={from}&to=2026-01-31"
        ))
    };
    assert_eq!(asked("2026-01-20", "hour").status, 200);
    assert_eq!(asked("2026-01-01", "hour").status, 400);
    assert_eq!(asked("2024-01-01", "day").status, 400);
    assert_eq!(asked("2026-02-01", "day").status, 400);
    assert_eq!(asked("2026-01-20", "fortnight").status, 400);
    assert_eq!(worker.get("/api/aggregates/vitals?user=1").status, 400);
    assert_eq!(worker.get("/api/aggregates/dreams?user=1").status, 400);
}
