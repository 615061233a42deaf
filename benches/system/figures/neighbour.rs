//! What an application notices while a backlog is drained beside it.

use std::time::{Duration, SystemTime};

use super::set_based;
use super::throughput::MEMORY;
use crate::api::{Api, Load};
use crate::arguments::Arguments;
use crate::cluster::wait_until;
use crate::line::{Against, Line, Report};
use crate::process;
use crate::program::Program;
use crate::sampler::{Sampler, Seen};
use crate::server::Server;
use crate::sql::Sql;
use crate::worker::Worker;
use crate::workload::{SYNC, Workload};

/// The defaults of `pool.size` and `pool.max_overflow` together.
const CONNECTIONS: f64 = 50.0;

/// Days that were folded before.
const HISTORY: u64 = 2;

/// One drain, with the application beside it.
struct Drain {
    seen: Seen,
    p99: f64,
    bad: f64,
}

pub(super) fn run(server: &Server, arguments: &Arguments, report: &mut Report) {
    let backlog = Workload {
        name: "neighbour",
        users: arguments.pick(100, 1250),
        days: HISTORY + 10,
        ..SYNC
    };
    let template = template(&backlog, server, arguments);
    let load = Load {
        clients: 8,
        rate: 200,
        seconds: arguments.pick(6, 25),
        users: backlog.users,
    };
    let mut worker = Watched::default();
    let (mut ours, mut statements, mut bad) = (Vec::new(), Vec::new(), (0.0, 0.0));
    for _ in 0..arguments.pick(2, 3) {
        let alone = beside(server, &template, &load, || {
            std::thread::sleep(Duration::from_secs(load.seconds - 2));
        });
        let drained = beside(server, &template, &load, || {
            worker.drain(server, arguments, &load);
        });
        worker.saw(&drained.seen);
        let stated = beside(server, &template, &load, || {
            let mut psql = server.client("psql", "run");
            psql.args(["-X", "-q", "-c", set_based::text(backlog.domain)]);
            // With requests beside it, sessions never end.
            process::run(psql);
        });
        ours.push((drained.p99, alone.p99));
        statements.push((stated.p99, alone.p99));
        bad = (bad.0 + drained.bad, bad.1 + stated.bad);
    }
    server.drop_database("run");
    server.drop_database(&template);
    let mut push = |line| report.lines.push(line);
    push(Line::of_pairs(
        "neighbour",
        "API p99 beside the worker, to alone",
        "ms",
        Against::AtMost(1.2),
        &ours,
    ));
    push(Line::of_pairs(
        "neighbour",
        "API p99 beside one statement per period, to alone",
        "ms",
        Against::Low,
        &statements,
    ));
    push(Line::limit(
        "neighbour",
        "failed or late requests, worker",
        "",
        bad.0,
        0.0,
    ));
    push(Line::limit(
        "neighbour",
        "failed or late requests, one statement",
        "",
        bad.1,
        0.0,
    ));
    let Watched { seen, hold, memory } = worker;
    push(Line::limit(
        "neighbour",
        "connections at once",
        "",
        seen.connections,
        CONNECTIONS,
    ));
    push(Line::limit(
        "neighbour",
        "oldest transaction",
        "s",
        seen.transaction,
        1.0,
    ));
    push(Line::limit(
        "neighbour",
        "connection held, p99 within",
        "ms",
        hold * 1000.0,
        50.0,
    ));
    push(Line::limit(
        "neighbour",
        "resident memory",
        "MB",
        memory as f64 / 1e6,
        MEMORY,
    ));
}

/// The backlog behind a history that was folded: the application's plans are
/// those of tables that are in use.
fn template(backlog: &Workload, server: &Server, arguments: &Arguments) -> String {
    let name = "template_neighbour".to_owned();
    server.sql("postgres", &format!("create database {name}"));
    let history = Workload {
        days: HISTORY,
        ..*backlog
    };
    history.load(server, &name, arguments);
    Program::on(&server.url(&name), arguments).ok(&["run-once"]);
    backlog.load(server, &name, arguments);
    server.sql(&name, "vacuum (analyze)");
    server.settled();
    name
}

/// The most of all drains.
#[derive(Default)]
struct Watched {
    seen: Seen,
    hold: f64,
    memory: u64,
}

impl Watched {
    fn saw(&mut self, seen: &Seen) {
        self.seen.connections = self.seen.connections.max(seen.connections);
        self.seen.transaction = self.seen.transaction.max(seen.transaction);
    }

    fn drain(&mut self, server: &Server, arguments: &Arguments, load: &Load) {
        let program = Program::on(&server.url("run"), arguments);
        let worker = Worker::start(&program, &[]);
        // Looking for what is left reads what is done, which the application
        // would notice.
        std::thread::sleep(Duration::from_secs(load.seconds));
        wait_until_drained(server);
        self.hold = self
            .hold
            .max(worker.p99("vitalfold_connection_hold_seconds"));
        self.memory = self.memory.max(worker.memory());
        worker.stop();
    }
}

/// Nothing of the backlog is pending; what the application inserts meanwhile
/// may be.
fn wait_until_drained(server: &Server) {
    // One connection: starting a program for each look would be noticed too.
    // The application's rows are of today.
    let sql = Sql::connect(&server.url("run")).unwrap();
    let left = "select exists (select from group_changes where domain = 'vitals' \
                and local_date < current_date - 2)::text";
    wait_until("the backlog is drained", || {
        std::thread::sleep(Duration::from_millis(250));
        sql.value(left) == "false"
    });
}

fn beside(server: &Server, template: &str, load: &Load, work: impl FnOnce()) -> Drain {
    server.copy(template, "run");
    let api = Api::start(server, "run", load);
    // The clients connect and prepare first.
    std::thread::sleep(Duration::from_secs(1));
    // Beside each, so that it makes no difference.
    let sampler = Sampler::start(server);
    let from = SystemTime::now();
    work();
    let to = SystemTime::now();
    let seen = sampler.stop();
    let answers = api.end();
    Drain {
        seen,
        p99: answers.p99(from, to),
        bad: answers.bad as f64,
    }
}
