//! What a worker costs that has nothing to do.

use std::time::Duration;

use crate::arguments::Arguments;
use crate::line::{Line, Report};
use crate::program::Program;
use crate::server::Server;
use crate::worker::Worker;
use crate::workload::SYNC;

pub(super) fn run(server: &Server, arguments: &Arguments, report: &mut Report) {
    let name = "idle";
    server.sql("postgres", &format!("create database {name}"));
    SYNC.sized(arguments).load(server, name, arguments);
    let program = Program::on(&server.url(name), arguments);
    program.ok(&["run-once"]);
    let worker = Worker::start(&program, &[]);
    std::thread::sleep(Duration::from_secs(5));
    let seconds = arguments.pick(20, 60);
    // A statement outside a transaction is one of its own. Asked from another
    // database, so that asking is not counted.
    let statements = || -> f64 {
        let query = format!("select xact_commit from pg_stat_database where datname = '{name}'");
        server.sql("postgres", &query).parse().unwrap()
    };
    let (cpu, before) = (worker.cpu(), statements());
    std::thread::sleep(Duration::from_secs(seconds));
    let (cpu, sent) = (worker.cpu() - cpu, statements() - before);
    worker.stop();
    server.drop_database(name);
    let seconds = seconds as f64;
    let mut push = |line| report.lines.push(line);
    push(Line::limit(
        name,
        "CPU, of a core",
        "%",
        cpu / seconds * 100.0,
        0.5,
    ));
    push(Line::limit(
        name,
        "statements a second (poll 1 s)",
        "",
        sent / seconds,
        1.0,
    ));
}
