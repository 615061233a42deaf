//! What must not be told: health values and credentials in logs, anything
//! beyond its job to the worker's role.

use crate::cluster;
use crate::database::Database;
use crate::modes::{count, insert_heart_rates, postgres};
use crate::program::{Program, Ran};

/// Values that occur nowhere else.
const PLANTED: &[&str] = &[
    "73.515253",
    "7351.5253",
    "zebrafish",
    "quokkanote",
    "okapitext",
];

/// How a driver may tell a value: as text, as the bytes of the text, as those of
/// the number.
fn told(value: &str) -> Vec<String> {
    let list = |bytes: &[u8]| {
        let bytes: Vec<_> = bytes.iter().map(u8::to_string).collect();
        bytes.join(", ")
    };
    let number = value.parse().map(|number: f64| list(&number.to_be_bytes()));
    let mut told = vec![value.to_owned(), list(value.as_bytes())];
    told.extend(number);
    told
}

fn planted_rows(program: &Program) -> [String; 2] {
    let vitals = program.file(
        "vitals.csv",
        "user_id,metric,value,unit,started_at,source,note\n\
         1,heart_rate,73.515253,/min,2026-01-05T10:00:00Z,watch,quokkanote\n\
         1,body_weight,73.515253,zebrafish,2026-01-05T10:00:00Z,watch,\n\
         1,heart_rate,7351.5253,/min,2026-01-05T11:00:00Z,watch,\n\
         2,heart_rate,73.515253,/min,2026-01-05T10:00:00Z,watch,\n",
    );
    let labs = program.file(
        "labs.csv",
        "user_id,code,name,value,unit,reference_range,collected_at,source\n\
         1,2345-7,Glucose,73.515253,mg/dL,70-99,2026-01-05T10:00:00Z,lab\n\
         1,2345-7,Glucose,okapitext,mg/dL,70-99,2026-01-05T10:05:00Z,lab\n",
    );
    [vitals, labs]
}

/// Runs everything at the most talkative level and looks for what was planted.
fn nothing_planted_is_logged(db: &Database, program: &Program) {
    let files = planted_rows(program);
    for args in [
        &["migrate"][..],
        &["import", "csv", &files[0]],
        &["import", "csv", &files[1]],
        &["run-once"],
        &["run-once"],
        &["verify", "--all", "--repair"],
        &["backfill", "--user", "1"],
        &["failed", "retry", "--user", "2"],
        &["run-once"],
        &["status"],
    ] {
        let output = program
            .command(args)
            .env(
                "VITALFOLD__LOG__LEVEL",
                "trace,tokio_postgres=trace,tokio_postgres::connection=trace,tokio_postgres::query=trace",
            )
            .env("VITALFOLD__WORKER__RETRY_BACKOFF", "1ms")
            .output()
            .unwrap();
        let ran = Ran::from(output);
        assert!(matches!(ran.code, Some(0 | 1)), "{args:?}: {ran:?}");
        assert!(
            ran.stderr.contains("TRACE") || ran.stderr.contains("DEBUG") || args[0] != "run-once"
        );
        for value in PLANTED.iter().flat_map(|value| told(value)) {
            let line = ran.stderr.lines().find(|line| line.contains(&value));
            assert_eq!(line, None, "{args:?} tells {value}");
        }
    }
    // The run had something to tell: a group that failed.
    assert!(count(db, "aggregation_errors") > 0);
    for value in PLANTED {
        for texts in [
            "aggregation_errors where error",
            "failed_groups where error",
            "rejected_rows where poison and reason",
        ] {
            assert_eq!(
                count(db, &format!("{texts} like '%{value}%'")),
                0,
                "{texts}"
            );
        }
    }
}

#[test]
fn no_health_value_is_logged_on_postgres() {
    let (db, program) = postgres();
    // Notices tell the value, and so does the error of a cast.
    db.execute(
        "create function tell() returns trigger language plpgsql as $$ begin \
           raise notice 'notice: %', new.\"max\"; raise warning 'warning: %', new.\"max\"; \
           if new.user_id = 2 then \
             perform new.\"max\"::text::integer; \
           end if; return new; end $$; \
         create trigger tell before insert or update on vitals_aggregates \
           for each row execute function tell()",
    );
    nothing_planted_is_logged(&db, &program);
}

#[test]
fn no_health_value_is_logged_on_sqlite() {
    let db = Database::sqlite();
    let program = Program::on(db.url());
    program.ok(&["migrate"]);
    db.execute(
        "create trigger refuse before insert on vitals_aggregates when new.user_id = 2 \
         begin select raise(abort, 'no'); end",
    );
    nothing_planted_is_logged(&db, &program);
}

#[test]
fn the_workers_role_can_do_its_job_and_nothing_else() {
    let (db, _program) = postgres();
    let Database::Postgres { name, .. } = &db else {
        unreachable!()
    };
    let grants = include_str!("../../scripts/worker-role.sql");
    // Twice: a second run changes nothing.
    for _ in 0..2 {
        db.execute(grants);
    }
    insert_heart_rates(&db, 3, 2, 5);
    // One group fails, so that failing is among what it can do.
    db.execute("alter table vitals_aggregates add constraint refuse check (user_id <> 2)");
    let worker = Program::on(&db.url().replace("postgres@", "vitalfold_worker@"));
    let ran = worker.run(&["run-once"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(
        count(&db, "raw_vitals_states where state = 'completed'"),
        20
    );
    db.execute("alter table vitals_aggregates drop constraint refuse");
    worker.ok(&["failed", "retry"]);
    worker.ok(&["run-once"]);
    worker.ok(&["backfill", "--user", "1"]);
    worker.ok(&["verify", "--all", "--repair"]);
    worker.ok(&["pause"]);
    worker.ok(&["resume"]);
    worker.ok(&["status"]);
    assert_eq!(
        count(&db, "raw_vitals_states where state = 'completed'"),
        30
    );

    for forbidden in [
        "insert into raw_vitals (user_id, metric, value, started_at) values (1, 'steps', 1, now())",
        "update raw_vitals set value = 1",
        "delete from raw_vitals",
        "delete from raw_labs",
        "select * from patient_users",
        "insert into user_time_zones values (1, 'UTC')",
        "update worker_control set default_time_zone = 'UTC'",
        "create table own (id int)",
        "drop table raw_vitals",
        "truncate vitals_aggregates",
    ] {
        let error = cluster::shared().refused(name, "vitalfold_worker", forbidden);
        assert!(
            error.contains("permission denied") || error.contains("must be owner"),
            "{forbidden}: {error}"
        );
    }
}

#[test]
fn limits_are_checked_without_the_right_to_see_others() {
    let server = cluster::Cluster::start(&["-c", "max_connections=30"]);
    let url = server.database();
    let program = Program::on(&url);
    program.ok(&["migrate"]);
    let name = url.rsplit('/').next().unwrap();
    server.psql(name, include_str!("../../scripts/worker-role.sql"));
    let mut sessions: Vec<_> = (0..5).map(|_| server.session(name)).collect();
    for session in &mut sessions {
        session.send("select 1;");
    }
    cluster::wait_until("the application is connected", || {
        server.psql(
            "postgres",
            &format!("select numbackends from pg_stat_database where datname = '{name}'"),
        ) == "5"
    });
    let worker = Program::on(&url.replace("postgres@", "vitalfold_worker@"));
    let with = |size: &str| {
        let output = worker
            .command(&["run-once"])
            .env("VITALFOLD__POOL__SIZE", size)
            .env("VITALFOLD__POOL__MAX_OVERFLOW", "0")
            .output()
            .unwrap();
        Ran::from(output)
    };
    let ran = with("23");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("5 are in use by others"), "{ran:?}");
    assert_eq!(with("22").code, Some(0));
    sessions.into_iter().for_each(cluster::Session::end);
}
