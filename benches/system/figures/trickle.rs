//! A few rows a second into days that are full already: each is folded with
//! the two thousand before it.

use std::time::{Duration, Instant};

use super::set_based;
use crate::arguments::Arguments;
use crate::line::{Against, Line, Report};
use crate::program::Program;
use crate::server::Server;
use crate::worker::Worker;
use crate::workload::{FROM, SYNC, Workload};

pub(super) const DAYS: Workload = Workload {
    name: "trickle",
    users: 20,
    days: 10,
    rows: 2000,
    ..SYNC
};
pub(super) const RATE: u64 = 5;

pub(super) fn run(server: &Server, arguments: &Arguments, report: &mut Report) {
    let mut days = DAYS;
    days.rows = arguments.pick(400, days.rows);
    let rows = RATE * arguments.pick(8, 60);
    let template = days.template(server, arguments);
    Program::on(&server.url(&template), arguments).ok(&["run-once"]);
    server.sql(&template, "vacuum (analyze)");
    server.settled();

    server.copy(&template, "run");
    let program = Program::on(&server.url("run"), arguments);
    let worker = Worker::start(&program, &[("WORKER__SETTLE", "1s")]);
    let begun = worker.cpu();
    let (server_cpu, _) = come(server, &program, days.rows, rows, || {});
    let ours = server_cpu + worker.cpu() - begun;
    let size = size_when_vacuumed(server);
    come(
        server,
        &program,
        days.rows + rows.div_ceil(200),
        rows,
        || {},
    );
    let grown = size_when_vacuumed(server);
    worker.stop();

    server.copy(&template, "run");
    let (theirs, runs) = come(server, &program, days.rows, rows, || {
        server.sql("run", set_based::text(days.domain));
    });
    server.drop_database("run");
    server.drop_database(&template);
    eprintln!("bench trickle: the statements ran {runs} times");
    let per_row = |cpu: f64| cpu / rows as f64 * 1000.0;
    report.lines.push(Line::of_pairs(
        "trickle",
        format!("CPU per row of {RATE} a second, to the statements each second"),
        "ms",
        Against::AtMost(1.67),
        &[(per_row(ours), per_row(theirs))],
    ));
    report.lines.push(Line::of_pairs(
        "trickle",
        "size of tables and indexes when vacuumed, to as many rows before",
        "MB",
        Against::AtMost(1.1),
        &[(grown, size)],
    ));
}

/// Lets rows come; returns the server's CPU seconds and how often `each_second`
/// ran beside them.
pub(super) fn come(
    server: &Server,
    program: &Program,
    first_row: u64,
    rows: u64,
    mut each_second: impl FnMut(),
) -> (f64, u32) {
    let number = |number: u64| number.to_string();
    let before = server.cpu();
    let mut generate = program
        .command(&[
            "generate",
            "--from",
            FROM,
            "--first-row",
            &number(first_row),
        ])
        .args(["--users", &number(DAYS.users), "--days", &number(DAYS.days)])
        .args(["--rows", &number(rows.div_ceil(DAYS.users * DAYS.days))])
        .args(["--rate", &number(RATE)])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(rows / RATE);
    let mut runs = 0;
    while Instant::now() < end {
        std::thread::sleep(Duration::from_secs(1));
        each_second();
        runs += 1;
    }
    // There may be more places than rows were asked for.
    drop(generate.kill());
    drop(generate.wait());
    // What settles last.
    std::thread::sleep(Duration::from_secs(3));
    (server.cpu() - before, runs)
}

/// Megabytes. Minutes are too short for autovacuum to come by itself.
fn size_when_vacuumed(server: &Server) -> f64 {
    server.sql("run", "vacuum");
    let size = server.sql(
        "run",
        "select sum(pg_total_relation_size(oid)) / 1e6 from pg_class \
         where relkind = 'r' and relnamespace = 'public'::regnamespace",
    );
    size.parse().unwrap()
}
