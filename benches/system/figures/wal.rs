//! What a fold writes ahead: bytes for each raw row, and nothing of the raw
//! table's own.

use super::set_based;
use crate::arguments::Arguments;
use crate::line::{Against, Line, Report};
use crate::process;
use crate::program::Program;
use crate::server::Server;
use crate::workload::{DENSE, LABS, SYNC, Workload};

const RECORDS: &str = include_str!("wal_records.sql");

/// What a fold wrote for each row while raw rows held their state, measured
/// the same way, page images included.
const BEFORE: &[(Workload, f64)] = &[(SYNC, 1333.0), (DENSE, 779.0), (LABS, 2197.0)];

/// Bytes for each row.
struct Written {
    /// As after a checkpoint: with an image of each page that is written first.
    all: f64,
    without_images: f64,
    in_raw_table: f64,
    dead_tuples: f64,
}

pub(super) fn run(_: &Server, arguments: &Arguments, report: &mut Report) {
    // A vacuum that comes meanwhile would be counted; what was written is read.
    let server = Server::with(&["-c", "autovacuum=off", "-c", "wal_keep_size=4GB"]);
    server.sql("postgres", "create extension pg_walinspect");
    for (workload, before) in BEFORE {
        let workload = workload.sized(arguments);
        let template = workload.template(&server, arguments);
        let ours = written(&workload, &template, &server, || {
            let program = Program::on(&server.url("run"), arguments);
            process::run(program.command(&["run-once"]));
        });
        let theirs = written(&workload, &template, &server, || {
            server.sql("run", set_based::text(workload.domain));
        });
        server.drop_database("run");
        server.drop_database(&template);
        lines(workload.name, &ours, &theirs, *before, report);
    }
}

fn lines(name: &str, ours: &Written, theirs: &Written, before: f64, report: &mut Report) {
    let mut push = |line| report.lines.push(line);
    push(Line::of_pairs(
        "wal",
        format!("{name}: bytes for each row, to those when rows held their state"),
        "B",
        Against::AtMost(0.5),
        &[(ours.all, before)],
    ));
    for (what, value) in [
        ("bytes for each row", (|w| w.all) as fn(&Written) -> f64),
        ("bytes for each row but page images", |w| w.without_images),
    ] {
        push(Line::of_pairs(
            "wal",
            format!("{name}: {what}, to one statement per period"),
            "B",
            Against::Low,
            &[(value(ours), value(theirs))],
        ));
    }
    for (what, unit, value) in [
        (
            "bytes of the raw table for each row",
            "B",
            ours.in_raw_table,
        ),
        ("dead raw rows for each row", "", ours.dead_tuples),
    ] {
        push(Line::limit(
            "wal",
            format!("{name}: {what}"),
            unit,
            value,
            0.0,
        ));
    }
}

fn written(workload: &Workload, template: &str, server: &Server, fold: impl FnOnce()) -> Written {
    server.copy(template, "run");
    let position = || server.sql("postgres", "select pg_current_wal_insert_lsn()");
    let from = position();
    fold();
    server.settled();
    let to = position();
    // Only what has reached the disk can be read.
    server.sql("postgres", "checkpoint");
    let raw = format!("raw_{}", workload.domain);
    let pages = server.sql(
        "run",
        &format!(
            "select string_agg(format('rel %s/%s/%s ', \
                 case reltablespace when 0 then dattablespace else reltablespace end, \
                 pg_database.oid, pg_relation_filenode(c.oid)), '|') \
             from pg_class c, pg_database where datname = current_database() \
               and c.oid in (select '{raw}'::regclass union all \
                 select indexrelid from pg_index where indrelid = '{raw}'::regclass)"
        ),
    );
    let records = RECORDS
        .replace("{from}", &from)
        .replace("{to}", &to)
        .replace("{pages}", &pages);
    let dead = format!("select n_dead_tup from pg_stat_user_tables where relname = '{raw}'");
    let bytes: Vec<f64> = (server.sql("postgres", &records).split(' '))
        .map(|bytes| bytes.parse().unwrap())
        .collect();
    let [all, images, in_raw_table] = bytes[..] else {
        panic!("three numbers: {bytes:?}");
    };
    let for_each = |count: f64| count / workload.total() as f64;
    Written {
        all: for_each(all),
        without_images: for_each(all - images),
        in_raw_table: for_each(in_raw_table),
        dead_tuples: for_each(server.sql("run", &dead).parse().unwrap()),
    }
}
