//! What is older than it is to be kept goes, and no number goes wrong by it.

use chrono::Utc;

use crate::cluster::{self, wait_until};
use crate::database::Database;
use crate::program::{Program, Ran};
use crate::states::UNSETTLED;

const HEADER: &str = "user_id,metric,value,unit,started_at,source,source_id\n";

/// Two old days in one week, one day of today; folded.
fn folded(db: Database) -> (Database, Program) {
    let program = Program::on(db.url());
    program.ok(&["migrate"]);
    let today = Utc::now().date_naive();
    let mut csv = HEADER.to_owned();
    for (user, day) in [(1, "2020-03-03"), (1, "2020-03-04"), (2, "2020-03-03")] {
        for row in 0..3 {
            csv.push_str(&format!(
                "{user},heart_rate,{},/min,{day}T1{row}:00:00Z,watch,{day}-{row}\n",
                60 + row
            ));
        }
    }
    csv.push_str(&format!(
        "1,heart_rate,75,/min,{today}T00:00:00Z,watch,new\n"
    ));
    csv.push_str("2,heart_rate,900,/min,2020-03-03T18:00:00Z,watch,bad\n");
    import(&program, &csv);
    program.ok(&["run-once"]);
    (db, program)
}

fn import(program: &Program, csv: &str) {
    program.file("rows.csv", csv);
    program.ok(&["import", "csv", "rows.csv"]);
}

/// `run-once` with retention.
fn retain(program: &Program, key: &str) -> Ran {
    let mut command = program.command(&["run-once"]);
    command.env(format!("VITALFOLD__RETENTION__{key}"), "30days");
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran
}

fn seen(program: &Program) -> String {
    ["hour", "day", "week", "month"]
        .map(|period| {
            let of = |user| {
                let args = ["aggregates", "vitals", "--user", user, "--period", period];
                program.ok(&[&args[..], &["--format", "csv"]].concat())
            };
            of("1") + &of("2")
        })
        .concat()
}

fn count(db: &Database, from: &str) -> String {
    db.value(&format!("select count(*) from {from}"))
}

fn old_raw_rows_go_and_their_aggregates_stay(db: Database) {
    let (db, program) = folded(db);
    let before = seen(&program);
    retain(&program, "RAW_ROWS");
    assert_eq!(count(&db, "raw_vitals"), "1", "today's");
    assert_eq!(count(&db, "sealed_groups"), "3");
    assert_eq!(count(&db, UNSETTLED), "0");
    assert_eq!(db.value("select sum(raw_rows) from sealed_groups"), "10");
    assert_eq!(seen(&program), before);

    let verified = program.ok(&["verify", "--all"]);
    assert!(verified.starts_with("1 groups checked, 0 not settled yet, 0 drifted"));
    assert!(verified.contains("3 groups without raw rows"), "{verified}");
    let ran = program.run(&["backfill"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.starts_with("1 groups folded"), "{ran:?}");
    assert!(ran.stderr.contains("3 groups are left out"), "{ran:?}");
    program.ok(&["backfill", "--outdated"]);
    assert_eq!(seen(&program), before);
    // A second round has nothing to do.
    assert!(!retain(&program, "RAW_ROWS").stderr.contains("retention:"));
}

fn a_clock_that_jumped_removes_nothing(db: Database) {
    let (db, program) = folded(db);
    let long_ago = match db {
        Database::Postgres { .. } => "now() - interval '40 days'",
        Database::Sqlite { .. } => "'2020-05-01 00:00:00.000000+00:00'",
    };
    db.execute(&format!("update raw_vitals set created_at = {long_ago}"));
    for key in ["RAW_ROWS", "HOUR_AGGREGATES"] {
        let mut command = program.command(&["run-once"]);
        command.env(format!("VITALFOLD__RETENTION__{key}"), "30days");
        let ran = Ran::from(command.output().unwrap());
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains("days ahead of"), "{ran:?}");
    }
    assert_eq!(count(&db, "sealed_groups"), "0");
    let mut command = program.command(&["run-once", "--accept-clock"]);
    command.env("VITALFOLD__RETENTION__RAW_ROWS", "30days");
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(count(&db, "sealed_groups"), "3");
}

fn a_row_that_comes_too_late_is_rejected_and_changes_nothing(db: Database) {
    let (db, program) = folded(db);
    let before = seen(&program);
    retain(&program, "RAW_ROWS");
    // A new row, one sent again, and a row of today that is moved there.
    import(
        &program,
        &format!(
            "{HEADER}1,heart_rate,50,/min,2020-03-03T15:00:00Z,watch,late\n\
             1,heart_rate,60,/min,2020-03-03T10:00:00Z,watch,2020-03-03-0\n"
        ),
    );
    let at = match db {
        Database::Postgres { .. } => "2020-03-04 10:00Z",
        Database::Sqlite { .. } => "2020-03-04 10:00:00.000000+00:00",
    };
    db.execute(&format!(
        "update raw_vitals set started_at = '{at}', ended_at = '{at}' where source_id = 'new'"
    ));
    program.ok(&["run-once"]);
    let late = "raw_vitals_states where state = 'rejected' and reason like 'too_late: %'";
    assert_eq!(count(&db, late), "3");
    assert_eq!(count(&db, UNSETTLED), "0");
    let without_today: Vec<_> = before
        .lines()
        .filter(|line| line.contains(",2020-") || line.starts_with("user_id"))
        .map(str::to_owned)
        .collect();
    assert_eq!(seen(&program).lines().collect::<Vec<_>>(), without_today);

    // A late row that is edited or deleted stays without effect.
    db.execute("update raw_vitals set value = 51 where source_id = 'late'");
    db.execute("delete from raw_vitals where source_id = 'new'");
    program.ok(&["run-once"]);
    assert_eq!(count(&db, late), "2");
    assert_eq!(seen(&program).lines().collect::<Vec<_>>(), without_today);
    assert_eq!(count(&db, UNSETTLED), "0");

    // Late rows go when they are old themselves.
    retain(&program, "RAW_ROWS");
    assert_eq!(count(&db, "raw_vitals"), "2");
    let long_ago = match db {
        Database::Postgres { .. } => "now() - interval '31 days'",
        Database::Sqlite { .. } => "'2020-05-01 00:00:00.000000+00:00'",
    };
    db.execute(&format!("update raw_vitals set created_at = {long_ago}"));
    retain(&program, "RAW_ROWS");
    assert_eq!(count(&db, "raw_vitals"), "0");
    program.ok(&["run-once"]);
    assert_eq!(seen(&program).lines().collect::<Vec<_>>(), without_today);
}

/// What a group is whose last attempt failed.
fn die(db: &Database, user: u32, day: &str) {
    db.execute(&format!(
        "delete from group_changes where user_id = {user} and local_date = '{day}'; \
         insert into failed_groups (user_id, domain, local_date, state, attempts, next_attempt_at, \
           error, error_class, rows, since) \
         values ({user}, 'vitals', '{day}', 'dead', 5, '2020-05-01 00:00:00.000000+00:00', \
           'forced', 'data', 1, '2020-05-01 00:00:00.000000+00:00')"
    ));
}

fn coarser_periods_go_on_counting_sealed_days(db: Database) {
    let (db, program) = folded(db);
    // The fourth of March of user 1 is not settled, and so not sealed.
    db.execute("update raw_vitals set value = 90 where user_id = 1 and source_id = '2020-03-04-0'");
    die(&db, 1, "2020-03-04");
    retain(&program, "RAW_ROWS");
    assert_eq!(count(&db, "sealed_groups"), "2");
    assert_eq!(count(&db, "raw_vitals where user_id = 1"), "4");
    program.ok(&["backfill", "--user", "1", "--to", "2020-12-31"]);
    let week = "select count || ' ' || max from vitals_aggregates \
                where user_id = 1 and period = 'week' and local_date = '2020-03-02'";
    let week = db.value(
        &week
            .replace("max", "cast(\"max\" as integer)")
            .replace("count", "\"count\""),
    );
    assert_eq!(week, "6 90");
    retain(&program, "RAW_ROWS");
    assert_eq!(count(&db, "sealed_groups"), "3");
}

fn what_does_not_fold_to_what_is_stored_is_kept(db: Database) {
    let (db, program) = folded(db);
    db.execute("update vitals_aggregates set mean = mean + 1 where user_id = 2 and period = 'day'");
    let ran = retain(&program, "RAW_ROWS");
    assert!(ran.stderr.contains("1 groups do not fold"), "{ran:?}");
    assert_eq!(count(&db, "raw_vitals where user_id = 2"), "4");
    assert_eq!(count(&db, "sealed_groups"), "2");
}

fn old_hours_go_and_days_stay(db: Database) {
    let (db, program) = folded(db);
    let ran = retain(&program, "HOUR_AGGREGATES");
    assert!(ran.stderr.contains("9 hour aggregates"), "{ran:?}");
    assert_eq!(count(&db, "vitals_aggregates where period = 'hour'"), "1");
    assert_eq!(count(&db, "vitals_aggregates where period = 'day'"), "4");
    let verify = || {
        let mut command = program.command(&["verify", "--all"]);
        command.env("VITALFOLD__RETENTION__HOUR_AGGREGATES", "30days");
        Ran::from(command.output().unwrap())
    };
    assert_eq!(verify().code, Some(0), "{:?}", verify());
    // Folding a day again brings its hours back until the next round.
    program.ok(&["backfill", "--user", "2"]);
    assert_eq!(count(&db, "vitals_aggregates where period = 'hour'"), "4");
    assert_eq!(verify().code, Some(0));
    retain(&program, "HOUR_AGGREGATES");
    assert_eq!(count(&db, "vitals_aggregates where period = 'hour'"), "1");
}

/// The clock of the last round; as if it were that many days away.
fn move_last_round(db: &Database, days: i64) {
    let at = match db {
        Database::Postgres { .. } => format!("now() + interval '{days} days'"),
        Database::Sqlite { .. } => {
            format!("strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now', '{days} days')")
        }
    };
    db.execute(&format!("update retention_runs set ran_at = {at}"));
}

fn with_retention(program: &Program, args: &[&str]) -> Ran {
    let mut command = program.command(args);
    command.env("VITALFOLD__RETENTION__RAW_ROWS", "30days");
    Ran::from(command.output().unwrap())
}

/// Rows that an application inserted under the same clock prove nothing.
fn the_last_round_is_the_witness_of_the_clock(db: Database) {
    let (db, program) = folded(db);
    retain(&program, "HOUR_AGGREGATES");
    assert_eq!(count(&db, "retention_runs where ran_at is null"), "0");
    for (days, side) in [
        (-9, "ahead of the last round"),
        (2, "behind the last round"),
    ] {
        move_last_round(&db, days);
        import(
            &program,
            &format!("{HEADER}1,heart_rate,61,/min,2020-03-05T10:00:00Z,watch,{days}\n"),
        );
        let refused = with_retention(&program, &["run-once", "--format", "json"]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains(side), "{refused:?}");
        let summary: serde_json::Value = serde_json::from_str(&refused.stdout).unwrap();
        assert_eq!(summary["groups_ok"], 1, "the summary is printed");
        assert_eq!(count(&db, "sealed_groups"), "0");
        let status = with_retention(&program, &["status"]);
        let told = [
            "Retention of vitals is refused since 20",
            side,
            "--accept-clock",
        ];
        for words in told {
            assert!(status.stdout.contains(words), "{status:?}");
        }
        let found = with_retention(&program, &["doctor"]);
        assert!(found.stdout.contains("is refused since"), "{found:?}");
        let off = program.ok(&["status"]);
        assert!(!off.contains("refused since"), "{off}");
        let accepted = with_retention(&program, &["run-once", "--accept-clock"]);
        assert_eq!(accepted.code, Some(0), "{accepted:?}");
        // It is accepted for good, and the refusal is over.
        assert_eq!(with_retention(&program, &["run-once"]).code, Some(0));
        let status = with_retention(&program, &["status"]);
        assert!(!status.stdout.contains("is refused"), "{status:?}");
        db.execute("delete from sealed_groups");
    }
    // A round of a week ago is no jump.
    move_last_round(&db, -7);
    assert_eq!(with_retention(&program, &["run-once"]).code, Some(0));
}

/// 300 old days of one person, of which 5 % are 15; the newest three of them
/// are not counted.
fn a_day_removes_its_share_and_no_more(db: Database) {
    let program = Program::on(db.url());
    program.ok(&["migrate"]);
    let kept = Utc::now().date_naive() - chrono::Days::new(31);
    let long_ago = kept - chrono::Days::new(1000);
    let old = (0..296).map(|day| long_ago + chrono::Days::new(day));
    let newest = (1..=4).map(|day| kept - chrono::Days::new(day));
    let mut csv = HEADER.to_owned();
    for day in old.chain(newest) {
        csv.push_str(&format!(
            "1,heart_rate,60,/min,{day}T10:00:00Z,watch,{day}\n"
        ));
    }
    import(&program, &csv);
    let ran = with_retention(&program, &["run-once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let told = "297 old groups of vitals have raw rows and at most 15 of them go in a day";
    assert!(ran.stderr.contains(told), "{ran:?}");
    assert_eq!(count(&db, "sealed_groups"), "18", "15 and the newest 3");
    // Later rounds of the day find the share used up.
    let again = with_retention(&program, &["run-once"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(count(&db, "sealed_groups"), "18");
    let status = with_retention(&program, &["status"]);
    let told = "297 old groups waited at the day's first round, 15 of at most 15 are removed";
    assert!(status.stdout.contains(told), "{status:?}");
    // The next day has a share of its own, of what is left.
    move_last_round(&db, -1);
    let mut command = program.command(&["run-once"]);
    command
        .env("VITALFOLD__RETENTION__RAW_ROWS", "30days")
        .env("VITALFOLD__RETENTION__DAILY_SHARE", "0.1");
    let ran = Ran::from(command.output().unwrap());
    assert!(ran.stderr.contains("at most 29 of them"), "{ran:?}");
    assert_eq!(count(&db, "sealed_groups"), "47");
    let ran = with_retention(&program, &["run-once", "--retain-all"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(count(&db, "sealed_groups"), "300");
    assert_eq!(count(&db, "raw_vitals"), "0");
}

/// The worker's own rounds keep the same rules as `run-once`.
fn a_worker_keeps_the_rules_in_its_rounds(db: Database) {
    let (db, program) = folded(db);
    die(&db, 1, "2020-03-04");
    let round = |until: &str| {
        let mut child = program
            .command(&["worker"])
            .env("VITALFOLD__RETENTION__RAW_ROWS", "30days")
            .env("VITALFOLD__RETENTION__HOUR_AGGREGATES", "30days")
            .env("VITALFOLD__HTTP__ENABLED", "false")
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        wait_until("the worker's round ends", || count(&db, until) != "0");
        child.kill().unwrap();
        child.wait().unwrap();
    };
    round("retention_runs where dead_groups = 1");
    assert_eq!(count(&db, "sealed_groups"), "2");
    let kept = "user_id = 1 and local_date = '2020-03-04'";
    assert_eq!(count(&db, &format!("raw_vitals_states where {kept}")), "3");
    let hours = format!("vitals_aggregates where period = 'hour' and {kept}");
    assert_eq!(count(&db, &hours), "3");
    let status = with_retention(&program, &["status"]);
    let told = "leaves 1 dead groups alone, the oldest of 2020-03-04";
    assert!(status.stdout.contains(told), "{status:?}");

    db.execute("delete from failed_groups");
    move_last_round(&db, 2);
    round("retention_runs where domain = 'nutrition' and refused_since is not null");
    assert_eq!(count(&db, "sealed_groups"), "2");
    move_last_round(&db, -9);
    db.execute("update retention_runs set refused_since = null");
    round("retention_runs where domain = 'nutrition' and refused_since is not null");
    assert_eq!(count(&db, "sealed_groups"), "2");
}

macro_rules! on_both {
    ($($case:ident)*) => {
        mod postgres {
            $(#[test] fn $case() { super::$case(super::Database::postgres()); })*
        }
        mod sqlite {
            $(#[test] fn $case() { super::$case(super::Database::sqlite()); })*
        }
    };
}

on_both! {
    old_raw_rows_go_and_their_aggregates_stay
    a_clock_that_jumped_removes_nothing
    a_row_that_comes_too_late_is_rejected_and_changes_nothing
    coarser_periods_go_on_counting_sealed_days
    what_does_not_fold_to_what_is_stored_is_kept
    old_hours_go_and_days_stay
    the_last_round_is_the_witness_of_the_clock
    a_day_removes_its_share_and_no_more
    a_worker_keeps_the_rules_in_its_rounds
}

#[test]
fn a_worker_that_is_killed_between_leaves_groups_whole_or_sealed() {
    let (db, program) = folded(Database::postgres());
    let before = seen(&program);
    let Database::Postgres { name, .. } = &db else {
        unreachable!()
    };
    // Stands still within the second group's transaction.
    let mut gate = cluster::shared().session(name);
    gate.send("select pg_advisory_lock(43);");
    db.execute(
        "create function wait() returns trigger language plpgsql as $$ begin \
           if new.local_date = '2020-03-04' then perform pg_advisory_xact_lock(43); end if; \
           return new; end $$; \
         create trigger wait before insert on sealed_groups for each row execute function wait()",
    );
    let mut child = program
        .command(&["worker"])
        .env("VITALFOLD__RETENTION__RAW_ROWS", "30days")
        .env("VITALFOLD__POOL__LOCK_TIMEOUT", "60s")
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let waiting = "pg_locks where locktype = 'advisory' and not granted \
         and database = (select oid from pg_database where datname = current_database())";
    wait_until("the second group waits", || count(&db, waiting) == "1");
    assert_eq!(count(&db, "sealed_groups"), "1");
    child.kill().unwrap();
    child.wait().unwrap();
    db.execute(&format!("select pg_terminate_backend(pid) from {waiting}"));
    wait_until("the server has let go of it", || count(&db, waiting) == "0");
    gate.end();
    db.execute("drop trigger wait on sealed_groups");
    assert_eq!(
        count(&db, "raw_vitals_states where local_date = '2020-03-04'"),
        "3"
    );
    program.ok(&["verify", "--all"]);
    retain(&program, "RAW_ROWS");
    assert_eq!(count(&db, "sealed_groups"), "3");
    assert_eq!(seen(&program), before);
}

/// An edit that waits for the sealing finds its row gone; one that came
/// before keeps the group open.
#[test]
fn an_edit_and_a_sealing_never_lose_each_other() {
    let (db, program) = folded(Database::postgres());
    let Database::Postgres { name, .. } = &db else {
        unreachable!()
    };
    let mut application = cluster::shared().session(name);
    application.send("begin; update raw_vitals set value = 99 where source_id = '2020-03-04-0';");
    wait_until("the edit holds its row", || {
        count(
            &db,
            "pg_stat_activity where datname = current_database() and state = 'idle in transaction'",
        ) == "1"
    });
    let mut command = program.command(&["run-once"]);
    command
        .env("VITALFOLD__RETENTION__RAW_ROWS", "30days")
        .env("VITALFOLD__POOL__LOCK_TIMEOUT", "60s");
    let child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("the sealing waits for the row", || {
        count(
            &db,
            "pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        ) == "1"
    });
    application.send("commit;");
    application.end();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(count(&db, "sealed_groups"), "2");
    program.ok(&["run-once"]);
    let max = "select \"max\" from vitals_aggregates where user_id = 1 and period = 'day' \
               and local_date = '2020-03-04'";
    assert_eq!(db.value(max), "99");
}

#[test]
fn a_share_that_is_none_is_refused() {
    let program = Program::on_sqlite();
    for share in ["0", "1.5", "-0.1", "nan"] {
        let mut command = program.command(&["status"]);
        command.env("VITALFOLD__RETENTION__DAILY_SHARE", share);
        let ran = Ran::from(command.output().unwrap());
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains("daily_share"), "{ran:?}");
    }
}

#[test]
fn less_than_a_day_is_refused() {
    let program = Program::on_sqlite();
    let mut command = program.command(&["status"]);
    command.env("VITALFOLD__RETENTION__RAW_ROWS", "5h");
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("retention.raw_rows"), "{ran:?}");
}
