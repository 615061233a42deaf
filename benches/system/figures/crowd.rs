//! Fifty clients of an application and three workers on a server that allows
//! sixty connections.

use std::time::{Duration, SystemTime};

use crate::api::{Api, Load};
use crate::arguments::Arguments;
use crate::line::{Line, Report};
use crate::program::Program;
use crate::sampler::Sampler;
use crate::server::Server;
use crate::worker::Worker;
use crate::workload::{SYNC, Workload};

/// Three pools of two beside fifty clients and the one that counts them, of the
/// 57 that are not reserved.
const WORKERS: usize = 3;
const SETTINGS: &[(&str, &str)] = &[
    ("POOL__SIZE", "2"),
    ("POOL__MAX_OVERFLOW", "0"),
    ("WORKER__CONCURRENCY", "1"),
    ("WORKER__SETTLE", "1s"),
];

pub(super) fn run(_: &Server, arguments: &Arguments, report: &mut Report) {
    let server = Server::with(&["-c", "max_connections=60"]);
    let backlog = Workload {
        name: "crowd",
        ..SYNC
    }
    .sized(arguments);
    let database = backlog.template(&server, arguments);
    let load = Load {
        clients: 50,
        rate: 200,
        seconds: arguments.pick(10, 600),
        users: backlog.users,
    };
    let program = Program::on(&server.url(&database), arguments);
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| Worker::start(&program, SETTINGS))
        .collect();
    let sampler = Sampler::start(&server);
    let from = SystemTime::now();
    let answers = Api::start(&server, &database, &load).end();
    let p99 = answers.p99(from, SystemTime::now());
    // What came last is settled and folded, too.
    std::thread::sleep(Duration::from_secs(4));
    let seen = sampler.stop();
    // Ours, and the server's two ways of saying so.
    let words = [
        "no connection within",
        "too many clients",
        "connection slots",
    ];
    let refused: usize = workers.iter().map(|worker| worker.logged(&words)).sum();
    workers.into_iter().for_each(Worker::stop);
    let left = server.sql(
        &database,
        "select count(*) from (select from group_changes union all select from failed_groups \
           union all select from rejected_rows) as left_over",
    );
    let mut push = |line| report.lines.push(line);
    push(Line::limit("crowd", "API p99", "ms", p99, 1000.0));
    push(Line::limit(
        "crowd",
        "failed or late requests",
        "",
        answers.bad as f64,
        0.0,
    ));
    push(Line::limit(
        "crowd",
        "pool timeouts and refused connections",
        "",
        refused as f64,
        0.0,
    ));
    push(Line::limit(
        "crowd",
        "connections of three workers",
        "",
        seen.connections,
        6.0,
    ));
    push(Line::limit(
        "crowd",
        "changes, failures and rejections left at the end",
        "",
        left.parse().unwrap(),
        0.0,
    ));
}
