//! How many rows a second are folded for how much work.

use super::replay::{Replay, Sent};
use super::{row_by_row, set_based};
use crate::arguments::Arguments;
use crate::line::{Against, Cost, Line, Report, Run, median};
use crate::process;
use crate::program::Program;
use crate::server::Server;
use crate::workload::{BACKFILL, DENSE, LABS, SYNC, Workload};

/// What a worker may hold at most, megabytes.
pub(super) const MEMORY: f64 = 20.0;

const STATEMENTS: &str = "one statement per period";
const REPLAYED: &str = "replayed statements";
const REPLAYED_IN_TWO: &str = "the same in two round trips";

pub(super) fn run(server: &Server, arguments: &Arguments, report: &mut Report) {
    for workload in [SYNC, DENSE, LABS, BACKFILL] {
        let rounds = match workload.name {
            "backfill" => 1,
            _ => 3,
        };
        one(
            &workload.sized(arguments),
            rounds,
            server,
            arguments,
            report,
        );
    }
}

fn one(
    workload: &Workload,
    rounds: usize,
    server: &Server,
    arguments: &Arguments,
    report: &mut Report,
) {
    let template = workload.template(server, arguments);
    let replay = Replay::record(workload, arguments);
    let (mut ours, mut statements) = (Vec::new(), Vec::new());
    let (mut one_by_one, mut in_two) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(worker(workload, &template, server, arguments));
        statements.push(set_based::fold(workload, &template, server));
        one_by_one.push(replay.fold(Sent::OneByOne, workload, &template, server));
        in_two.push(replay.fold(Sent::InTwo, workload, &template, server));
    }
    let name = workload.name;
    let total = workload.total();
    if name == "sync" {
        let cost = row_by_row::fold(workload, &template, server, arguments);
        let rows = row_by_row::sample(arguments);
        report.lines.push(Line::of_pairs(
            name,
            format!("CPU per row, to row by row ({rows} rows)"),
            "µs",
            Against::AtMost(0.2),
            &[(per_row(ours[0].cpu(), total), per_row(cost.cpu(), rows))],
        ));
        report.runs.push(Run {
            figure: name.to_owned(),
            side: "row by row (a sample)",
            rows,
            cost,
        });
    }
    server.drop_database(&template);
    let pairs = |value: fn(&Cost, u64) -> f64, other: &[Cost]| -> Vec<_> {
        let value = |cost| value(cost, total);
        ours.iter()
            .map(value)
            .zip(other.iter().map(value))
            .collect()
    };
    let (rate, cpu) = targets(name);
    for (other, costs, rate, cpu) in [
        (STATEMENTS, &statements, rate, cpu),
        (REPLAYED, &one_by_one, Against::AtLeast(0.9), Against::Low),
        (REPLAYED_IN_TWO, &in_two, Against::High, Against::Low),
    ] {
        report.lines.push(Line::of_pairs(
            name,
            format!("rows a second, to {other}"),
            "/s",
            rate,
            &pairs(|cost, rows| rows as f64 / cost.wall, costs),
        ));
        report.lines.push(Line::of_pairs(
            name,
            format!("CPU per row, to {other}"),
            "µs",
            cpu,
            &pairs(|cost, rows| per_row(cost.cpu(), rows), costs),
        ));
    }
    report.lines.push(Line::of_pairs(
        name,
        format!("server's CPU per row, to {STATEMENTS}"),
        "µs",
        cpu,
        &pairs(|cost, rows| per_row(cost.server_cpu, rows), &statements),
    ));
    report.lines.push(Line::limit(
        name,
        "resident memory",
        "MB",
        typical(&ours).memory as f64 / 1e6,
        MEMORY,
    ));
    for (side, costs) in [
        ("vitalfold", ours),
        (STATEMENTS, statements),
        (REPLAYED, one_by_one),
        (REPLAYED_IN_TWO, in_two),
    ] {
        report.runs.push(Run {
            figure: name.to_owned(),
            side,
            rows: workload.total(),
            cost: typical(&costs),
        });
    }
}

/// Rows a second and CPU per row, to one statement per period.
fn targets(name: &str) -> (Against, Against) {
    match name {
        "sync" => (Against::AtLeast(1.0), Against::AtMost(1.3)),
        "dense" => (Against::AtLeast(1.5), Against::Low),
        "labs" => (Against::AtLeast(0.9), Against::AtMost(1.6)),
        _ => (Against::AtLeast(1.0), Against::Low),
    }
}

/// Microseconds.
fn per_row(seconds: f64, rows: u64) -> f64 {
    seconds / rows as f64 * 1e6
}

fn typical(costs: &[Cost]) -> Cost {
    let of = |value: fn(&Cost) -> f64| median(costs.iter().map(value).collect());
    Cost {
        wall: of(|cost| cost.wall),
        server_cpu: of(|cost| cost.server_cpu),
        client_cpu: of(|cost| cost.client_cpu),
        memory: costs.iter().map(|cost| cost.memory).max().unwrap_or(0),
    }
}

fn worker(workload: &Workload, template: &str, server: &Server, arguments: &Arguments) -> Cost {
    server.copy(template, "run");
    let program = Program::on(&server.url("run"), arguments);
    let cost = process::measure(server, program.command(&["run-once"]));
    workload.assert_folded(server, "run");
    cost
}
