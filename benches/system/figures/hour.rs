//! An hour of trickle with autovacuum as PostgreSQL ships it: nothing grows but
//! by the rows that come. Runs when it is named.

use std::collections::BTreeMap;

use super::trickle::{DAYS, RATE, come};
use crate::arguments::Arguments;
use crate::line::{Against, Line, Report};
use crate::program::Program;
use crate::server::Server;
use crate::worker::Worker;

const MINUTES: u64 = 60;
/// What needed room at first has it by then.
const SETTLED_AFTER: u64 = 20;

pub(super) fn run(server: &Server, arguments: &Arguments, report: &mut Report) {
    let database = DAYS.template(server, arguments);
    let program = Program::on(&server.url(&database), arguments);
    program.ok(&["run-once"]);
    let worker = Worker::start(&program, &[("WORKER__SETTLE", "1s")]);
    let (mut seconds, mut before) = (0, Sizes::new());
    let rows = RATE * MINUTES * 60;
    come(server, &program, DAYS.rows, rows, || {
        seconds += 1;
        if seconds == SETTLED_AFTER * 60 {
            before = sizes(server, &database);
        }
    });
    let after = sizes(server, &database);
    worker.stop();
    server.drop_database(&database);

    let mut push = |what: String, after: f64, before: f64| {
        let pairs = [(after, before)];
        let line = Line::of_pairs("hour", what, "MB", Against::AtMost(1.1), &pairs);
        report.lines.push(line);
    };
    let since = format!("after {MINUTES} minutes, to after {SETTLED_AFTER}");
    let sum = |sizes: &Sizes| sizes.values().sum();
    push(
        format!("size of tables and indexes {since}"),
        sum(&after),
        sum(&before),
    );
    // The run history gets a row for each batch, by design.
    let of_users = after
        .iter()
        .filter(|(name, size)| **size > 1.0 && !name.starts_with("aggregation_batches"));
    for (name, size) in of_users {
        push(format!("{name} {since}"), *size, before[name]);
    }
}

/// Megabytes of each table and index.
type Sizes = BTreeMap<String, f64>;

fn sizes(server: &Server, database: &str) -> Sizes {
    let sizes = server.sql(
        database,
        "select relname || ' ' || pg_relation_size(oid) / 1e6 from pg_class \
         where relkind in ('r', 'i') and relnamespace = 'public'::regnamespace",
    );
    let size = |line: &str| {
        let (name, size) = line.split_once(' ')?;
        Some((name.to_owned(), size.parse().ok()?))
    };
    sizes.lines().filter_map(size).collect()
}
