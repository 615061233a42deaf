//! How the figures are shown.

use std::fmt::Write;

use super::line::{Against, Line, Report, Run};

/// Tables that Markdown shows as such, and which limits hold.
pub(crate) fn render(report: &Report) -> String {
    let mut text = tables(report);
    let limits = report.lines.iter().filter(|line| line.has_limit());
    let (hold, missed): (Vec<_>, Vec<_>) = limits.partition(|line| line.holds());
    let all = hold.len() + missed.len();
    writeln!(text, "\n{} of {all} limits hold.", hold.len()).unwrap();
    for line in missed {
        writeln!(text, "Missed: {}: {}", line.figure, line.what).unwrap();
    }
    text
}

fn tables(report: &Report) -> String {
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
    let spread = match &line.ratios[..] {
        [lowest, .., highest] => format!("{lowest:.2}–{highest:.2}"),
        _ => String::new(),
    };
    let (ratio, target) = match line.against {
        Against::AtLeast(target) => (format!("{:.2}", line.ratio()), format!("≥ {target}")),
        Against::AtMost(target) => (format!("{:.2}", line.ratio()), format!("≤ {target}")),
        Against::High | Against::Low => (format!("{:.2}", line.ratio()), String::new()),
        // Beside it stands the limit itself.
        Against::Limit => (String::new(), "within".to_owned()),
    };
    let value = |value| format!("{} {}", number(value), line.unit);
    format!(
        "| {} | {} | {} | {} | {ratio} | {spread} | {target} | {} |",
        line.figure,
        line.what,
        value(line.ours).trim_end(),
        value(line.baseline).trim_end(),
        match (line.has_limit(), line.holds()) {
            (false, _) => "",
            (true, true) => "ok",
            (true, false) => "missed",
        },
    )
}

/// Three digits that mean something.
fn number(value: f64) -> String {
    match value.abs() {
        _ if value.fract() == 0.0 => format!("{value:.0}"),
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
                "ratio": (line.against != Against::Limit).then(|| line.ratio()),
                "ratios": (line.against != Against::Limit).then_some(&line.ratios),
                "target": match line.against {
                    Against::AtLeast(target) | Against::AtMost(target) => Some(target),
                    Against::High | Against::Low => None,
                    Against::Limit => Some(line.baseline),
                },
                "better": match line.against {
                    Against::AtLeast(_) | Against::High => "high",
                    Against::AtMost(_) | Against::Low => "low",
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
