//! How the figures are shown.

use std::fmt::Write;

use crate::line::{Against, Line, Report, Run};

/// Tables that Markdown shows as such.
pub(crate) fn render(report: &Report) -> String {
    let mut text = String::new();
    if !report.lines.is_empty() {
        text.push_str(
            "| figure | | vitalfold | beside it | ratio | spread | target | |\n\
             | --- | --- | --: | --: | --: | --: | --: | --- |\n",
        );
    }
    for line in &report.lines {
        writeln!(text, "{}", row(line)).unwrap();
    }
    if !report.runs.is_empty() {
        text.push_str(
            "\n| where the time goes | | rows/s | wall s | server CPU s | client CPU s | CPU µs/row | memory MB |\n\
             | --- | --- | --: | --: | --: | --: | --: | --: |\n",
        );
    }
    for run in &report.runs {
        let Run {
            figure,
            side,
            rows,
            cost,
        } = run;
        let rows = *rows as f64;
        writeln!(
            text,
            "| {figure} | {side} | {} | {:.2} | {:.2} | {:.2} | {:.1} | {:.0} |",
            number(rows / cost.wall),
            cost.wall,
            cost.server_cpu,
            cost.client_cpu,
            cost.cpu() / rows * 1e6,
            cost.memory as f64 / 1e6,
        )
        .unwrap();
    }
    text
}

fn row(line: &Line) -> String {
    let sign = match line.against {
        Against::AtLeast(_) => "≥",
        Against::AtMost(_) | Against::Limit => "≤",
    };
    let spread = match &line.ratios[..] {
        [lowest, .., highest] => format!("{lowest:.2}–{highest:.2}"),
        _ => "-".to_owned(),
    };
    format!(
        "| {} | {} | {} {unit} | {} {unit} | {:.2} | {spread} | {sign} {} | {} |",
        line.figure,
        line.what,
        number(line.ours),
        number(line.baseline),
        line.ratio(),
        line.target(),
        if line.holds() { "ok" } else { "missed" },
        unit = line.unit,
    )
}

/// Three digits that mean something.
fn number(value: f64) -> String {
    match value.abs() {
        1000.0.. => format!("{:.0}", value),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

pub(crate) fn json(report: &Report, size: &str, seconds: f64) -> String {
    let lines: Vec<_> = report
        .lines
        .iter()
        .map(|line| {
            serde_json::json!({
                "figure": line.figure,
                "what": line.what,
                "unit": line.unit,
                "ours": line.ours,
                "baseline": line.baseline,
                "ratio": line.ratio(),
                "ratios": line.ratios,
                "target": line.target(),
                "better": match line.against {
                    Against::AtLeast(_) => "high",
                    Against::AtMost(_) => "low",
                    Against::Limit => "within",
                },
                "holds": line.holds(),
            })
        })
        .collect();
    let runs: Vec<_> = report
        .runs
        .iter()
        .map(|run| {
            serde_json::json!({
                "figure": run.figure,
                "side": run.side,
                "rows": run.rows,
                "wall_seconds": run.cost.wall,
                "server_cpu_seconds": run.cost.server_cpu,
                "client_cpu_seconds": run.cost.client_cpu,
                "memory_bytes": run.cost.memory,
            })
        })
        .collect();
    let all = serde_json::json!({"size": size, "seconds": seconds, "lines": lines, "runs": runs});
    format!("{all:#}\n")
}
