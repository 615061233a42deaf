//! A database file that is lost, replaced or damaged is never taken for whole.

use std::path::PathBuf;
use std::process::Stdio;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

use crate::cluster::wait_until;
use crate::program::{Program, Ran, Running};

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
