//! From an application's insert to the aggregate that everybody sees, by the
//! server's own times of commits.

use std::time::Duration;

use crate::arguments::Arguments;
use crate::line::{Line, Report, quantile};
use crate::program::Program;
use crate::server::Server;
use crate::worker::Worker;

const SETTLE: f64 = 1.0;
const POLL: f64 = 1.0;

pub(super) fn run(_: &Server, arguments: &Arguments, report: &mut Report) {
    let server = Server::with(&["-c", "track_commit_timestamp=on"]);
    server.sql("postgres", "create database fresh");
    let program = Program::on(&server.url("fresh"), arguments);
    program.ok(&["migrate"]);
    let worker = Worker::start(
        &program,
        &[("WORKER__SETTLE", "1s"), ("WORKER__POLL", "1s")],
    );
    // A row of another user each time: no aggregate is written twice.
    for user in 1..=arguments.pick(100, 400) {
        let insert = format!(
            "insert into raw_vitals (user_id, metric, value, unit, started_at, source) \
             values ({user}, 'heart_rate', 60, '/min', '2026-01-05 08:00+00', 'application')"
        );
        server.sql("fresh", &insert);
        std::thread::sleep(Duration::from_millis(60));
    }
    std::thread::sleep(Duration::from_secs(4));
    let seen = server.sql(
        "fresh",
        "select extract(epoch from pg_xact_commit_timestamp(a.xmin) - r.created_at) \
         from raw_vitals r left join vitals_aggregates a \
           on a.user_id = r.user_id and a.period = 'day'",
    );
    worker.stop();
    let seconds: Vec<f64> = seen
        .lines()
        .map(|line| line.parse().expect("every row was folded"))
        .collect();
    let mut push = |line| report.lines.push(line);
    let limit = (SETTLE + POLL + 0.1) * 1000.0;
    for (what, share) in [("p99", 0.99), ("median", 0.5)] {
        let what = format!("insert to visible, {what} (settle 1 s, poll 1 s)");
        push(Line::limit(
            "freshness",
            what,
            "ms",
            quantile(&seconds, share) * 1000.0,
            limit,
        ));
    }
}
