//! How many rows a second are folded for how much work.

use super::replay::{Replay, Sent};
use super::{row_by_row, set_based};
use crate::arguments::Arguments;
use crate::line::{Against, Cost, Line, Report, Run, median};
use crate::process;
use crate::program::Program;
use crate::server::Server;
use crate::workload::{BACKFILL, DENSE, LABS, SYNC, Workload};

const REPLAYED: &str = "replayed statements";
const REPLAYED_IN_TWO: &str = "the same in two round trips";

pub(super) fn run(server: &Server, arguments: &Arguments, report: &mut Report) {
    for workload in [SYNC, DENSE, LABS, BACKFILL] {
        let rounds = match workload.name {
            "backfill" => 1,
            _ => arguments.pick(1, 2),
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
    if name == "sync" {
        let cost = row_by_row::fold(workload, &template, server, arguments);
        let rows = row_by_row::sample(arguments);
        let rate = |cost: &Cost, rows| rows as f64 / cost.cpu();
        report.lines.push(Line::of_pairs(
            name,
            format!("rows per CPU second, beside row by row ({rows} rows)"),
            "/s",
            Against::AtLeast(5.0),
            &[(rate(&ours[0], workload.total()), rate(&cost, rows))],
        ));
        report.runs.push(Run {
            figure: name.to_owned(),
            side: "row by row (a sample)",
            rows,
            cost,
        });
    }
    server.drop_database(&template);
    let pairs = |value: fn(&Cost) -> f64, other: &[Cost]| -> Vec<_> {
        let rate = |cost| workload.total() as f64 / value(cost);
        ours.iter().map(rate).zip(other.iter().map(rate)).collect()
    };
    let floor = match name {
        "sync" | "dense" => Against::AtLeast(0.6),
        _ => Against::High,
    };
    for (other, costs, target) in [
        ("one statement per period", &statements, floor),
        (REPLAYED, &one_by_one, Against::AtLeast(0.9)),
        (REPLAYED_IN_TWO, &in_two, Against::High),
    ] {
        for (what, target, value) in [
            (
                "rows a second",
                target,
                (|cost| cost.wall) as fn(&Cost) -> f64,
            ),
            ("rows per CPU second", Against::High, Cost::cpu),
        ] {
            report.lines.push(Line::of_pairs(
                name,
                format!("{what}, beside {other}"),
                "/s",
                target,
                &pairs(value, costs),
            ));
        }
    }
    for (side, costs) in [
        ("vitalfold", ours),
        ("one statement per period", statements),
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
    assert_all_completed(workload, server);
    cost
}

/// Nothing is measured that did not do the work.
pub(super) fn assert_all_completed(workload: &Workload, server: &Server) {
    let completed = server.sql(
        "run",
        &format!(
            "select count(*) from raw_{} where status = 'completed'",
            workload.domain
        ),
    );
    assert_eq!(completed, workload.total().to_string(), "{workload:?}");
}
