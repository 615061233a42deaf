//! The same backlog costs the same, whatever lies behind it and however much
//! there is of it; and a second worker helps.

use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::cluster::wait_until;
use crate::line::{Against, Line, Report};
use crate::process;
use crate::program::Program;
use crate::proxy::Proxy;
use crate::server::Server;
use crate::worker::Worker;
use crate::workload::{PENDING, SYNC, Workload};

pub(super) fn run(server: &Server, arguments: &Arguments, report: &mut Report) {
    let flat = Against::AtMost(1.2);
    let users = arguments.pick(60, 200);
    let backlog = Workload {
        name: "scale",
        users,
        ..SYNC
    };
    let (short, long) = arguments.pick((10_000, 200_000), (100_000, 5_000_000));
    for (name, history) in [("short", short), ("long", long)] {
        server.sql("postgres", &format!("create database {name}"));
        backlog.load(server, name, arguments);
        server.sql(name, &past(users, history));
        server.sql(name, "vacuum (analyze)");
        server.settled();
    }
    let cost = |workload: &Workload, template: &str| -> f64 {
        server.copy(template, "run");
        let program = Program::on(&server.url("run"), arguments);
        let cost = process::measure(server, program.command(&["run-once"]));
        cost.cpu() / workload.total() as f64 * 1e6
    };
    let pairs: Vec<_> = (0..arguments.pick(1, 2))
        .map(|_| (cost(&backlog, "long"), cost(&backlog, "short")))
        .collect();
    server.drop_database("long");
    report.lines.push(Line::of_pairs(
        "scale",
        format!("CPU per row behind {long} rows of history, to {short}"),
        "µs",
        flat,
        &pairs,
    ));

    let (few, many) = (250, arguments.pick(1000, 25_000));
    let sized = |name, groups: u64| Workload {
        name,
        users: groups,
        days: 1,
        ..SYNC
    };
    let (few, many) = (sized("few", few), sized("many", many));
    let templates = (
        few.template(server, arguments),
        many.template(server, arguments),
    );
    let pairs = [(cost(&many, &templates.1), cost(&few, &templates.0))];
    report.lines.push(Line::of_pairs(
        "scale",
        format!(
            "CPU per row of {} pending rows, to {}",
            many.total(),
            few.total()
        ),
        "µs",
        flat,
        &pairs,
    ));
    for name in [&templates.0, &templates.1] {
        server.drop_database(name);
    }

    let pairs: Vec<_> = (0..arguments.pick(1, 2))
        .map(|_| {
            let rate = |workers| drain_from_afar(server, workers, arguments);
            (rate(2), rate(1))
        })
        .collect();
    server.drop_database("run");
    server.drop_database("short");
    report.lines.push(Line::of_pairs(
        "scale",
        "rows a second of two workers 2 ms away, to one",
        "/s",
        Against::AtLeast(1.5),
        &pairs,
    ));
}

/// Rows that were folded long ago.
fn past(users: u64, rows: u64) -> String {
    // Without triggers nothing of it is to be folded.
    format!(
        "set session_replication_role = replica; \
         insert into raw_vitals (user_id, metric, value, unit, started_at, ended_at, \
           utc_offset_minutes, source) \
         select 1 + n / 40 % {users}, 'heart_rate', 60 + n % 60, '/min', at, at, 60, 'watch' \
         from (select n, timestamptz '2025-12-31 06:00+00' - make_interval(days => n / (40 * {users})) \
             + make_interval(mins => n % 40) as at \
           from generate_series(0, {rows} - 1) n) s"
    )
}

/// Rows a second that workers drain of a copy of the short template, which a
/// network of 2 ms each way, and not the server, limits: between a tenth and
/// nine tenths of it, when all of them have started and none has ended.
fn drain_from_afar(server: &Server, workers: usize, arguments: &Arguments) -> f64 {
    server.copy("short", "run");
    let proxy = Proxy::before(&server.socket());
    proxy.latency(Duration::from_millis(2));
    let program = Program::on(&proxy.url("run"), arguments);
    let settings = [
        ("WORKER__CONCURRENCY", "2"),
        ("WORKER__SETTLE", "0s"),
        ("POOL__SIZE", "4"),
        ("POOL__MAX_OVERFLOW", "0"),
    ];
    let pending = || -> f64 { server.sql("run", PENDING).parse().unwrap() };
    let all = pending();
    let workers: Vec<_> = (0..workers)
        .map(|_| Worker::start(&program, &settings))
        .collect();
    let reached = |share: f64| {
        let mut left = all;
        wait_until("the backlog is drained", || {
            std::thread::sleep(Duration::from_millis(50));
            left = pending();
            left <= all * (1.0 - share)
        });
        (Instant::now(), left)
    };
    let (from, before) = reached(0.1);
    let (to, after) = reached(0.9);
    workers.into_iter().for_each(Worker::stop);
    (before - after) / (to - from).as_secs_f64()
}
