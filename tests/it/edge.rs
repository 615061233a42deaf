//! What comes in from outside, and what goes out where nobody takes it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;

use crate::modes::postgres;
use crate::program::Program;
use crate::served::{Served, TOKEN, ask};

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

fn with_rows() -> Program {
    let program = Program::on_sqlite();
    program.ok(&["generate", "--users", "2", "--days", "2", "--rows", "5"]);
    program
}

fn pending(program: &Program) -> i64 {
    let status = program.ok(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let domains = status["domains"].as_array().unwrap();
    let rows = domains
        .iter()
        .map(|domain| domain["pending_rows"].as_i64().unwrap());
    rows.sum()
}

#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let program = with_rows();
    assert!(pending(&program) > 0);
    let mut command = program.command(&["run-once"]);
    let ended = command
        .stderr(full())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(ended.code(), Some(0));
    assert_eq!(pending(&program), 0);
}

#[test]
fn a_summary_that_cannot_be_written_is_code_2_after_the_work() {
    let program = with_rows();
    for (args, code) in [(&["run-once"][..], 2), (&["--help"][..], 2)] {
        let mut command = program.command(args);
        let ended = command
            .stdout(full())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(ended.code(), Some(code), "{args:?}");
    }
    assert_eq!(pending(&program), 0);
}

#[test]
fn lost_lines_of_the_log_are_counted() {
    let program = with_rows();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut command = program.command(&["worker"]);
    command
        .env("VITALFOLD__HTTP__LISTEN", address.to_string())
        .env("VITALFOLD__WORKER__SETTLE", "0s")
        .stderr(full());
    let mut worker = command.spawn().unwrap();
    while TcpStream::connect(address).is_err() {
        assert_eq!(worker.try_wait().unwrap(), None, "the worker ended");
        std::thread::yield_now();
    }
    let metrics = ask(address, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").body;
    let lost = metrics
        .lines()
        .find(|line| line.starts_with("vitalfold_log_lines_lost_total"));
    worker.kill().unwrap();
    worker.wait().unwrap();
    assert!(lost.is_some_and(|line| !line.ends_with(" 0")), "{lost:?}");
}

#[test]
fn no_failed_start_prints_a_password() {
    for url in [
        "host=db user=app password=s3cret",
        "host=db password='s3 s3cret'",
        "postgres:/app:s3cret@db/health",
        "postgres://app:a?s3cret=b@db/health",
        "postgres://db/health?password=s3cret&nonsense=1",
    ] {
        let program = Program::on(url);
        let ran = program.run(&["status"]);
        assert_eq!(ran.code, Some(2), "{url}: {ran:?}");
        assert!(!ran.stderr.contains("s3cret"), "{url}: {ran:?}");
    }
    let program = Program::on_sqlite();
    let ran = program.run(&["postgres://app:s3cret@db/health"]);
    assert!(
        ran.code == Some(2) && !ran.stderr.contains("s3cret"),
        "{ran:?}"
    );
    program.file(
        "config.toml",
        "[database]\nurl = \"postgres://app:s3cret@db/h\n",
    );
    let ran = program.run(&["config", "check"]);
    assert!(ran.stderr.contains("line 2"), "{ran:?}");
    assert!(!ran.stderr.contains("s3cret"), "{ran:?}");
}

#[test]
fn extremes_on_the_command_line_and_in_the_configuration_are_explained() {
    let program = Program::on_sqlite();
    let ran = program.run(&["status", "--watch", "0s"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("shorter than 100ms"), "{ran:?}");
    for key in [
        "POOL__WAIT_TIMEOUT",
        "WORKER__SETTLE",
        "WORKER__KEEP_HISTORY",
    ] {
        let mut command = program.command(&["run-once"]);
        command.env(format!("VITALFOLD__{key}"), "18446744073709551615s");
        let ran = command.output().unwrap();
        let text = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(2), "{key}: {text}");
        assert!(
            text.contains(key) && text.contains("longer than 100 years"),
            "{text}"
        );
    }
}

#[test]
fn half_requests_hold_no_one_up() {
    let program = Program::on_sqlite();
    let worker = Served::start(&program, &[]);
    let half: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(worker.address).unwrap();
            stream
                .write_all(b"GET /health/live HTTP/1.1\r\nHost:")
                .unwrap();
            stream
        })
        .collect();
    // Answered once the first of them have been cut off.
    assert_eq!(worker.get("/health/live").status, 200);
    assert!(worker.metric("process_open_fds") < 100.0);
    drop(half);
}

#[test]
fn a_request_through_a_proxy_is_not_local() {
    let program = Program::on_sqlite();
    let worker = Served::start(&program, &[]);
    let users = |head: &str| worker.request(&format!("GET /api/users HTTP/1.1\r\n{head}\r\n"));
    assert_eq!(users("Host: localhost\r\n").status, 200);
    for header in [
        "Forwarded: for=10.0.0.1",
        "X-Forwarded-Host: a",
        "Via: 1.1 a",
        "X-Real-IP: 1",
    ] {
        let answer = users(&format!("Host: localhost\r\n{header}\r\n"));
        assert_eq!(answer.status, 403, "{header}: {answer:?}");
    }
    // As nginx asks what is behind it, unless told otherwise.
    let of_nginx = "GET /api/users HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    assert_eq!(worker.request(of_nginx).status, 403);
    for route in ["failed", "series?user=1", "aggregates/vitals?user=1"] {
        let head = format!("GET /api/{route} HTTP/1.1\r\nHost: localhost\r\nVia: 1.1 a\r\n\r\n");
        assert_eq!(worker.request(&head).status, 403, "{route}");
    }
    // Two lengths, or a length beside chunks: one request is not read as two.
    for lengths in [
        "Content-Length: 0\r\nContent-Length: 44",
        "Content-Length: 44\r\nTransfer-Encoding: chunked, identity",
        "Content-Length: +0",
        "Transfer-Encoding: xchunked",
    ] {
        let smuggled = format!(
            "GET /health/live HTTP/1.1\r\nHost: localhost\r\n{lengths}\r\n\r\n\
             GET /api/users HTTP/1.1\r\nHost: localhost\r\n\r\n"
        );
        let answer = worker.request(&smuggled);
        assert_eq!(answer.status, 400, "{lengths}: {answer:?}");
    }
    assert_eq!(
        users("Host: localhost\r\nHost: evil.example\r\n").status,
        421
    );
    let absolute = "GET http://evil.example/api/users HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(worker.request(absolute).status, 421);
}

#[test]
fn wrong_tokens_do_not_lock_out_the_right_one_which_a_file_may_hold() {
    let program = Program::on_sqlite();
    let file = program.file("token", format!("{TOKEN}\n"));
    let worker = Served::start(&program, &[("HTTP__TOKEN_FILE", &file)]);
    let wrong: Vec<_> = (0..30)
        .map(|_| worker.get_with_token("/api/users", "wrong").status)
        .collect();
    assert_eq!(wrong.last(), Some(&429));
    assert_eq!(worker.get_with_token("/api/users", TOKEN).status, 200);
}

#[test]
fn stored_texts_steer_no_terminal() {
    let (db, program) = postgres();
    let evil = r"E'\x1b[2J\nERROR forged\u202e'";
    db.execute(&format!(
        "insert into raw_vitals (user_id, metric, value, unit, started_at, source, device) \
         select n, 'heart_rate', 60, '/min', '2026-01-05 10:00:00Z', {evil}, {evil} \
         from generate_series(1, 2) n; \
         insert into raw_vitals (user_id, metric, value, unit, started_at) \
         values (3, {evil}, 60, '/min', '2026-01-05 10:00:00Z'); \
         insert into raw_labs (user_id, name, value, collected_at) \
         values (1, {evil}, {evil}, '2026-01-05 10:00:00Z'); \
         create function refuse() returns trigger language plpgsql as $$ begin \
           if new.user_id = 2 then raise notice '%', {evil}; raise exception '%', {evil}; end if; \
           return new; end $$; \
         create trigger refuse before insert on vitals_aggregates for each row \
         execute function refuse()"
    ));
    for format in ["text", "journal", "json"] {
        let mut command = program.command(&["run-once"]);
        command.env("VITALFOLD__LOG__FORMAT", format);
        command.env("VITALFOLD__LOG__LEVEL", "trace");
        quiet(&format!("run-once as {format}"), &mut command);
    }
    db.execute("update vitals_aggregates set \"count\" = 7");
    for args in [
        "failed list",
        "failed show vitals 2 2026-01-05",
        "failed show vitals 2 2026-01-05 --json",
        "status",
        "doctor",
        "verify --all",
        "aggregates vitals --user 1",
        "aggregates labs --user 1",
        "aggregates labs --user 1 --json",
    ] {
        let args: Vec<_> = args.split(' ').collect();
        quiet(&format!("{args:?}"), &mut program.command(&args));
    }
    let shown = program.ok(&["failed", "show", "vitals", "2", "2026-01-05"]);
    assert!(shown.contains(r"\u001b[2J\nERROR forged\u202e"), "{shown}");
}

/// Neither an escape nor a line of a stored text is printed as it is.
fn quiet(what: &str, command: &mut std::process::Command) {
    let output = command.output().unwrap();
    for printed in [output.stdout, output.stderr] {
        let printed = String::from_utf8(printed).unwrap();
        assert!(
            !printed.contains(['\u{1b}', '\u{202e}']),
            "{what}: {printed}"
        );
        let forged = printed
            .lines()
            .find(|line| line.starts_with("ERROR forged"));
        assert_eq!(forged, None, "{what}");
    }
}
