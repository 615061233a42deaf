//! How many rows a second are folded for how much work.

use super::set_based;
use crate::arguments::Arguments;
use crate::line::{Against, Cost, Line, Report, Run, median};
use crate::process;
use crate::program::Program;
use crate::server::Server;
use crate::workload::{BACKFILL, DENSE, LABS, SYNC, Workload};

pub(super) fn run(server: &Server, arguments: &Arguments, report: &mut Report) {
    for workload in [SYNC, DENSE, LABS, BACKFILL] {
        let rounds = match workload.name {
            "backfill" => 1,
            _ => arguments.pick(1, 3),
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
    let (mut ours, mut statements) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(worker(workload, &template, server, arguments));
        statements.push(set_based::fold(workload, &template, server));
    }
    server.drop_database(&template);
    let name = workload.name;
    let pairs = |value: fn(&Cost) -> f64, other: &[Cost]| -> Vec<_> {
        let rate = |cost| workload.total() as f64 / value(cost);
        ours.iter().map(rate).zip(other.iter().map(rate)).collect()
    };
    let floor = Against::AtLeast(0.6);
    report.lines.push(Line::of_pairs(
        name,
        "rows a second, to one statement per period",
        "/s",
        floor,
        &pairs(|cost| cost.wall, &statements),
    ));
    report.lines.push(Line::of_pairs(
        name,
        "rows per CPU second, to one statement per period",
        "/s",
        floor,
        &pairs(Cost::cpu, &statements),
    ));
    for (side, costs) in [
        ("vitalfold", ours),
        ("one statement per period", statements),
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
