//! What a worker costs that has nothing to do.

use std::time::Duration;

use crate::arguments::Arguments;
use crate::line::{Line, Report};
use crate::program::Program;
use crate::server::Server;
use crate::worker::Worker;
use crate::workload::SYNC;

pub(super) fn run(_: &Server, arguments: &Arguments, report: &mut Report) {
    let server = Server::with(&["-c", "shared_preload_libraries=pg_stat_statements"]);
    server.sql("postgres", "create database idle");
    server.sql("postgres", "create extension pg_stat_statements");
    SYNC.sized(arguments).load(&server, "idle", arguments);
    let program = Program::on(&server.url("idle"), arguments);
    program.ok(&["run-once"]);
    let seconds = arguments.pick(8, 30);
    let mut measure = |what: &str, settings| {
        let (cpu, statements) = rest(&server, &program, settings, seconds);
        let mut push = |line| report.lines.push(line);
        push(Line::limit(
            "idle",
            format!("CPU of a core, {what}"),
            "%",
            cpu * 100.0,
            0.5,
        ));
        if settings.len() == 1 {
            push(Line::limit(
                "idle",
                "statements a second, without them (a poll each 0.75 to 1.25 s)",
                "",
                statements,
                1.0 / 0.75,
            ));
        }
    };
    measure("with the page's readings", &[]);
    measure("without them", &[("HTTP__ENABLED", "false")]);
}

/// CPU seconds and statements a second of a worker at rest.
fn rest(server: &Server, program: &Program, settings: &[(&str, &str)], seconds: u64) -> (f64, f64) {
    let worker = Worker::start(program, settings);
    std::thread::sleep(Duration::from_secs(3));
    server.sql("postgres", "select pg_stat_statements_reset()");
    let before = worker.cpu();
    std::thread::sleep(Duration::from_secs(seconds));
    let cpu = worker.cpu() - before;
    let sent = server.sql(
        "postgres",
        "select coalesce(sum(calls), 0) from pg_stat_statements s \
         join pg_database d on d.oid = s.dbid where datname = 'idle'",
    );
    worker.stop();
    let statements: f64 = sent.parse().unwrap();
    (cpu / seconds as f64, statements / seconds as f64)
}
