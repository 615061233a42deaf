//! A database file that is lost, replaced or damaged is never taken for whole.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use tokio_util::sync::CancellationToken;
use vitalfold::config::Config;
use vitalfold::http::{self, Server};
use vitalfold::store::sqlite::SqliteStore;
use vitalfold::worker::Engine;

use crate::cluster::{self, wait_until};
use crate::database::Database;
use crate::program::{Program, Ran, Running};
use crate::served::{Served, ask};

fn beside(program: &Program, suffix: &str) -> PathBuf {
    program.dir.path().join(format!("vitalfold.db{suffix}"))
}

/// A database whose last commit is in the WAL only, as a killed process
/// leaves it.
fn with_wal() -> Program {
    let program = Program::on_sqlite();
    program.ok(&["migrate"]);
    let path = beside(&program, "");
    let mut killed = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    killed
        .batch_execute(
            "pragma journal_mode = wal; create table notes (note text); \
             insert into notes values ('a')",
        )
        .unwrap();
    // It never closes the file: nothing moves the WAL into it.
    std::mem::forget(killed);
    program
}

#[track_caller]
fn assert_refused(program: &Program, words: &str) {
    for command in ["run-once", "status", "migrate"] {
        let ran = program.run(&[command]);
        assert_eq!(ran.code, Some(2), "{command}: {ran:?}");
        assert!(ran.stderr.contains(words), "{command}: {ran:?}");
        assert!(ran.stderr.contains("vitalfold.db"), "{command}: {ran:?}");
    }
}

#[test]
fn a_wal_that_was_deleted_or_cut_off_is_noticed() {
    let program = with_wal();
    program.ok(&["status"]);
    std::fs::remove_file(beside(&program, "-wal")).unwrap();
    assert_refused(&program, "was deleted or cut off");

    let program = with_wal();
    let wal = std::fs::File::options()
        .write(true)
        .open(beside(&program, "-wal"));
    wal.unwrap().set_len(100).unwrap();
    assert_refused(&program, "was deleted or cut off");
    // As the message says.
    std::fs::remove_file(beside(&program, "-shm")).unwrap();
    program.ok(&["status"]);
}

#[test]
fn an_empty_file_beside_a_wal_is_no_new_database() {
    let program = with_wal();
    std::fs::write(beside(&program, ""), "").unwrap();
    assert_refused(&program, "is missing or empty");
    assert_eq!(std::fs::read(beside(&program, "")).unwrap(), b"");
}

#[test]
fn a_damaged_file_is_refused() {
    for (words, damage) in [
        (
            "its header was destroyed",
            (|bytes| bytes[..16].fill(0)) as fn(&mut Vec<u8>),
        ),
        ("was cut off", |bytes| bytes.truncate(bytes.len() / 2)),
        ("is damaged", |bytes| {
            // The headers of all pages but the first.
            let pages = bytes.len() / 4096;
            for page in 1..pages {
                bytes[page * 4096..page * 4096 + 12].fill(0x5a);
            }
        }),
    ] {
        let program = Program::on_sqlite();
        program.ok(&["migrate"]);
        let mut bytes = std::fs::read(beside(&program, "")).unwrap();
        damage(&mut bytes);
        std::fs::write(beside(&program, ""), bytes).unwrap();
        assert_refused(&program, words);
    }
}

#[test]
fn a_file_removed_or_replaced_under_the_worker_ends_it() {
    for (replaced, words) in [(false, "was removed"), (true, "was replaced")] {
        let program = Program::on_sqlite();
        program.ok(&["migrate"]);
        let mut command = program.command(&["worker"]);
        let log = std::fs::File::create(program.dir.path().join("log")).unwrap();
        command.stderr(log).stdout(Stdio::null());
        let mut worker = Running(command.spawn().unwrap());
        let logged = || std::fs::read_to_string(program.dir.path().join("log")).unwrap();
        wait_until("the worker is listening", || {
            logged().contains("127.0.0.1:")
        });
        let path = beside(&program, "");
        if replaced {
            let other = Program::on_sqlite();
            other.ok(&["migrate"]);
            std::fs::rename(beside(&other, ""), &path).unwrap();
        } else {
            std::fs::remove_file(&path).unwrap();
        }
        let mut ended = None;
        wait_until("the worker ends", || {
            ended = worker.try_wait().unwrap();
            ended.is_some()
        });
        assert_eq!(ended.unwrap().code(), Some(2), "{}", logged());
        assert!(logged().contains(words), "{}", logged());
        assert!(replaced || !path.exists(), "a new file was begun");
    }
}

#[test]
fn the_clock_of_the_machine_two_years_ahead_removes_nothing() {
    let program = Program::on_sqlite();
    program.ok(&["migrate"]);
    let today = chrono::Utc::now().date_naive();
    program.file(
        "rows.csv",
        format!(
            "user_id,metric,value,unit,started_at,source,source_id\n\
             1,heart_rate,60,/min,{today}T00:00:00Z,watch,a\n"
        ),
    );
    program.ok(&["import", "csv", "rows.csv"]);
    let library = std::fs::read_dir("/usr/lib")
        .unwrap()
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("faketime/libfaketime.so.1"))
        .find(|library| library.exists())
        .expect("libfaketime is missing: install Debian's faketime, as scripts/test does");
    let mut command = program.command(&["run-once"]);
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME", "+730d")
        .env("VITALFOLD__RETENTION__RAW_ROWS", "30days");
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("--accept-clock"), "{ran:?}");
    let verified = program.ok(&["verify", "--all"]);
    assert!(verified.starts_with("1 groups checked"), "{verified}");
}

/// A database whose imported rows are in the WAL only, as a killed worker
/// leaves it.
fn killed_after_import() -> Program {
    let program = Program::on_sqlite();
    program.ok(&["migrate"]);
    import_and_kill(&program);
    assert!(beside(&program, "-wal").exists());
    program
}

fn import_and_kill(program: &Program) {
    let worker = Served::start(program, &[]);
    import(program, 60);
    drop(worker);
}

fn open(program: &Program) -> SqliteConnection {
    SqliteConnection::establish(beside(program, "").to_str().unwrap()).unwrap()
}

fn import(program: &Program, value: u32) {
    let rows = format!(
        "user_id,metric,value,unit,started_at,source,source_id\n\
         1,heart_rate,{value},/min,2026-01-01T00:00:00Z,watch,{value}\n"
    );
    program.file("rows.csv", rows);
    program.ok(&["import", "csv", "rows.csv"]);
}

fn without_wal(program: &Program) {
    for suffix in ["-wal", "-shm"] {
        match std::fs::remove_file(beside(program, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
            _ => {}
        }
    }
}

#[test]
fn a_wal_that_was_deleted_with_its_index_is_noticed() {
    let program = killed_after_import();
    without_wal(&program);
    assert_refused(&program, "commits of");
    // Nor does it pass once the application has written again.
    open(&program)
        .batch_execute("create table theirs (a)")
        .unwrap();
    let ran = program.run(&["status"]);
    assert!(ran.stderr.contains("lacks the last"), "{ran:?}");

    let program = killed_after_import();
    without_wal(&program);
    assert_refused(&program, "commits of");
    // As the message says.
    std::fs::remove_file(beside(&program, "-commits")).unwrap();
    program.ok(&["run-once"]);
}

/// Ways to go on after which nothing, or nothing unwanted, is missing.
#[test]
fn whole_databases_are_not_taken_for_lost() {
    let backup = |program: &Program, statement: &str| {
        let copy = program.dir.path().join("copy.db");
        open(program)
            .batch_execute(&statement.replace("FILE", copy.to_str().unwrap()))
            .unwrap();
        copy
    };
    type Way = fn(&Program, &dyn Fn(&Program, &str) -> PathBuf);
    let ways: [(&str, bool, Way); 8] = [
        ("killed", false, |_, _| {}),
        (
            "the application moves the WAL into the file",
            false,
            |program, _| {
                open(program)
                    .batch_execute("pragma wal_checkpoint(truncate)")
                    .unwrap();
                without_wal(program);
            },
        ),
        ("another journal mode", false, |program, _| {
            open(program)
                .batch_execute("pragma journal_mode = delete")
                .unwrap();
            assert!(!beside(program, "-wal").exists());
        }),
        (
            "the power is cut before the WAL is on the disk",
            true,
            |program, _| {
                let note = std::fs::read_to_string(beside(program, "-commits")).unwrap();
                let boot = note.split(' ').nth(2).unwrap();
                let earlier = note.replace(boot, &"0".repeat(boot.len()));
                std::fs::write(beside(program, "-commits"), earlier).unwrap();
                without_wal(program);
            },
        ),
        ("half a note", false, |program, _| {
            std::fs::write(beside(program, "-commits"), "0".repeat(256)).unwrap();
            without_wal(program);
        }),
        ("a backup moved into place", true, |program, backup| {
            let copy = backup(program, "vacuum into 'FILE'");
            import(program, 61);
            without_wal(program);
            std::fs::rename(copy, beside(program, "")).unwrap();
        }),
        ("a backup copied over the file", true, |program, backup| {
            let copy = backup(program, "vacuum into 'FILE'");
            import(program, 61);
            without_wal(program);
            std::fs::copy(copy, beside(program, "")).unwrap();
        }),
        (
            "a copy of the file and its note",
            false,
            |program, backup| {
                let copy = backup(program, "vacuum into 'FILE'");
                without_wal(program);
                std::fs::rename(copy, beside(program, "")).unwrap();
            },
        ),
    ];
    for (name, told, way) in ways {
        let program = killed_after_import();
        way(&program, &backup);
        let ran = program.run(&["run-once"]);
        assert_eq!(ran.code, Some(0), "{name}: {ran:?}");
        assert_eq!(
            ran.stderr.contains("lacks the last"),
            told,
            "{name}: {ran:?}"
        );
        let again = program.run(&["run-once"]);
        assert!(
            !again.stderr.contains("lacks the last"),
            "{name}: {again:?}"
        );
    }
}

#[test]
fn doctor_and_copy_notice_what_is_lost_too() {
    let program = killed_after_import();
    without_wal(&program);
    let ran = program.run(&["doctor"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("commits of"), "{ran:?}");
    let from = program.url.clone();
    let to = cluster::shared().database();
    Program::on(&to).ok(&["migrate"]);
    let ran = program.run(&["copy", "--from", &from, "--to", &to]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("commits of"), "{ran:?}");
}

#[test]
fn doctor_compares_indexes_with_their_tables() {
    let program = Program::on_sqlite();
    program.ok(&["migrate"]);
    import(&program, 60);
    program.ok(&["doctor"]);
    // An index that says something else than the table: quick_check passes.
    open(&program)
        .batch_execute(
            "create table notes (a, b); insert into notes values (1, 2); \
             create index notes_a on notes (a); pragma writable_schema = on; \
             update sqlite_master set sql = 'create index notes_a on notes (b)' \
             where name = 'notes_a'",
        )
        .unwrap();
    let ran = program.run(&["doctor"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("notes_a"), "{ran:?}");
}

#[test]
fn two_names_of_one_file() {
    let program = Program::on_sqlite();
    program.ok(&["migrate"]);
    let other = program.dir.path().join("other.db");
    std::fs::hard_link(beside(&program, ""), &other).unwrap();
    assert_refused(&program, "hard links");
    std::fs::remove_file(&other).unwrap();

    // A symbolic link is the same database: its WAL and note are those of the
    // file.
    std::fs::create_dir(program.dir.path().join("links")).unwrap();
    let link = program.dir.path().join("links/vitalfold.db");
    std::os::unix::fs::symlink(beside(&program, ""), &link).unwrap();
    let linked = Program::on(&format!("sqlite://{}", link.display()));
    import_and_kill(&linked);
    without_wal(&program);
    assert_refused(&program, "commits of");
    assert_refused(&linked, "commits of");
}

#[test]
fn another_database_in_place_is_told() {
    for existing in [true, false] {
        let program = Program::on_sqlite();
        program.ok(&["migrate"]);
        std::fs::remove_file(beside(&program, "")).unwrap();
        let words = if existing {
            let other = Program::on_sqlite();
            other.ok(&["migrate"]);
            std::fs::rename(beside(&other, ""), beside(&program, "")).unwrap();
            "is another database"
        } else {
            "is new"
        };
        let ran = program.run(&["run-once"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.stderr.contains(words), "{ran:?}");
        let again = program.run(&["run-once"]);
        assert!(!again.stderr.contains(words), "{again:?}");
    }
}

/// The program as a user whom permissions bind.
fn unprivileged(program: &Program, args: &[&str]) -> Ran {
    let owner = cluster::owner();
    let plain = program.command(args);
    let binary = PathBuf::from(plain.get_program());
    let mut command = cluster::unprivileged(&owner, &[], binary);
    command
        .args(args)
        .current_dir("/")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("DATABASE_URL", &program.url);
    Ran::from(command.output().unwrap())
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_file_that_cannot_be_used_is_one_clear_error() {
    type Spoil = fn(&Program);
    let cases: [(&str, bool, Spoil, &[&str]); 6] = [
        (
            "the file is read-only",
            true,
            |program| chmod(&beside(program, ""), 0o444),
            &["readonly database", "must be able to write"],
        ),
        (
            "the file may not be read",
            true,
            |program| chmod(&beside(program, ""), 0o000),
            &["Permission denied"],
        ),
        (
            "the folder is read-only",
            true,
            |program| chmod(program.dir.path(), 0o555),
            &["must be able to write"],
        ),
        (
            "the folder is read-only and the file new",
            false,
            |program| chmod(program.dir.path(), 0o555),
            &["must be able to write"],
        ),
        (
            "the folder may not be entered",
            true,
            |program| chmod(program.dir.path(), 0o000),
            &["Permission denied"],
        ),
        (
            "the path is a folder",
            false,
            |program| std::fs::create_dir(beside(program, "")).unwrap(),
            &["is a folder"],
        ),
    ];
    for (name, made, spoil, words) in cases {
        let program = Program::on_sqlite();
        chmod(program.dir.path(), 0o777);
        if made {
            let ran = unprivileged(&program, &["migrate"]);
            assert_eq!(ran.code, Some(0), "{name}: {ran:?}");
        }
        let before = std::fs::read(beside(&program, "")).ok();
        spoil(&program);
        for command in ["run-once", "migrate"] {
            let ran = unprivileged(&program, &[command]);
            assert_eq!(ran.code, Some(2), "{name}: {command}: {ran:?}");
            let errors = ran.stderr.matches("error: ").count();
            assert_eq!(errors, 1, "{name}: {command}: {ran:?}");
            for word in words.iter().chain(&["vitalfold.db"]) {
                assert!(ran.stderr.contains(word), "{name}: {command}: {ran:?}");
            }
        }
        chmod(program.dir.path(), 0o777);
        assert_eq!(std::fs::read(beside(&program, "")).ok(), before, "{name}");
    }
}

#[test]
fn a_disk_that_is_full_at_the_start_leaves_nothing_half_made() {
    let program = Program::on_sqlite();
    let limited = |name: &str| {
        let plain = program.command(&[name]);
        // Files may grow to 16 KiB; more is an error and no signal.
        let script = format!(
            "trap '' XFSZ; ulimit -f 16; exec {} {name}",
            plain.get_program().to_str().unwrap()
        );
        let mut shell = Command::new("bash");
        shell
            .args(["-c", &script])
            .env("DATABASE_URL", &program.url);
        Ran::from(shell.output().unwrap())
    };
    for command in ["migrate", "run-once"] {
        let ran = limited(command);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains("vitalfold.db"), "{ran:?}");
        assert_eq!(ran.stderr.matches("error: ").count(), 1, "{ran:?}");
    }
    program.ok(&["migrate"]);
    program.ok(&["run-once"]);
    program.ok(&["doctor"]);
}

#[test]
fn root_does_not_keep_the_owner_of_the_file_out() {
    let program = Program::on_sqlite();
    chmod(program.dir.path(), 0o777);
    assert_eq!(unprivileged(&program, &["migrate"]).code, Some(0));
    for suffix in ["-commits", ".lock"] {
        drop(std::fs::remove_file(beside(&program, suffix)));
    }
    program.ok(&["run-once"]);
    let ran = unprivileged(&program, &["run-once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!ran.stderr.contains("cannot be written"), "{ran:?}");
}

/// A worker ends at once; until then its address says why.
#[tokio::test(flavor = "multi_thread")]
async fn not_ready_as_soon_as_the_file_is_gone() {
    let program = Program::on_sqlite();
    program.ok(&["migrate"]);
    let mut config = Config::default();
    program.url.clone_into(&mut config.database.url);
    config.http.listen = "127.0.0.1:0".parse().unwrap();
    let store = SqliteStore::new(&config).unwrap();
    let listener = http::bind(&config.http).await.unwrap();
    let engine = Engine::new(store.clone(), &config, "nobody", CancellationToken::new());
    let server = Server::start(listener, &engine, &config).unwrap();
    let ready = || {
        ask(
            server.address(),
            "GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n",
        )
    };
    wait_until("it is ready", || ready().status == 200);
    std::fs::rename(beside(&program, ""), program.dir.path().join("away")).unwrap();
    let answer = ready();
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.body.contains("was removed"), "{answer:?}");
    server.close().await;
}

#[test]
fn a_run_whose_end_cannot_be_recorded_fails() {
    for (db, refuse, allow) in [
        (
            Database::postgres(),
            "create function refuse() returns trigger language plpgsql as $$ begin \
               raise exception 'not today'; end $$; \
             create trigger refuse before delete on worker_heartbeats \
               for each row execute function refuse()",
            "drop trigger refuse on worker_heartbeats",
        ),
        (
            Database::sqlite(),
            "create trigger refuse before delete on worker_heartbeats begin \
               select raise(abort, 'not today'); end",
            "drop trigger refuse",
        ),
    ] {
        let program = Program::on(db.url());
        program.ok(&["migrate"]);
        import(&program, 60);
        db.execute(refuse);
        let ran = program.run(&["run-once"]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert_eq!(ran.stderr.matches("error: ").count(), 1, "{ran:?}");
        assert!(ran.stderr.contains("not today"), "{ran:?}");
        assert!(
            ran.stderr.contains("what was folded is recorded"),
            "{ran:?}"
        );
        assert_eq!(db.value("(select count(*) from vitals_daily)"), "1");
        db.execute(allow);
        program.ok(&["run-once"]);
    }
}
