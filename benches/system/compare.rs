//! A run beside an earlier one's JSON.

use std::fmt::Write;

use super::line::{Against, Line, Report};

/// What is not put down to noise.
const TOLERANCE: f64 = 0.15;

pub(crate) struct Earlier {
    figure: String,
    what: String,
    /// What was measured, where there is no ratio.
    ratio: f64,
    held: bool,
}

pub(crate) struct Worse {
    line: String,
    before: f64,
    /// Nothing: the figure has lost the line.
    now: Option<f64>,
}

/// An earlier run of the same size.
pub(crate) fn read(file: &str, size: &str) -> Result<Vec<Earlier>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let json: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("{file}: {error}"))?;
    if let Some(other) = json["size"].as_str().filter(|&other| other != size) {
        return Err(format!("{file} is of a {other} run, this one is {size}"));
    }
    let line = |line: &serde_json::Value| {
        Some(Earlier {
            figure: line["figure"].as_str()?.to_owned(),
            what: line["what"].as_str()?.to_owned(),
            ratio: line["ratio"].as_f64().or(line["ours"].as_f64())?,
            held: line["holds"].as_bool()?,
        })
    };
    json["lines"]
        .as_array()
        .and_then(|lines| lines.iter().map(line).collect())
        .ok_or_else(|| format!("{file}: not what --json writes"))
}

/// Ratios that are worse by more than the tolerance, limits that no longer
/// hold, and lines that a figure of this run no longer has.
pub(crate) fn worse(now: &Report, earlier: &[Earlier]) -> Vec<Worse> {
    let of_this_run = |before: &&Earlier| now.lines.iter().any(|line| line.figure == before.figure);
    earlier
        .iter()
        .filter(of_this_run)
        .filter_map(|before| {
            let same = |line: &&Line| line.figure == before.figure && line.what == before.what;
            let line = now.lines.iter().find(same);
            line.is_none_or(|line| is_worse(line, before))
                .then(|| Worse {
                    line: format!("{}: {}", before.figure, before.what),
                    before: before.ratio,
                    now: line.map(measured),
                })
        })
        .collect()
}

fn measured(line: &Line) -> f64 {
    match line.against {
        Against::Limit => line.ours,
        _ => line.ratio(),
    }
}

fn is_worse(line: &Line, before: &Earlier) -> bool {
    let now = measured(line);
    match line.against {
        Against::AtLeast(_) | Against::High => now < before.ratio * (1.0 - TOLERANCE),
        Against::AtMost(_) | Against::Low => now > before.ratio * (1.0 + TOLERANCE),
        Against::Limit => before.held && !line.holds(),
    }
}

pub(crate) fn render(worse: &[Worse]) -> String {
    if worse.is_empty() {
        return "no ratio is worse by more than 15 %\n".to_owned();
    }
    let mut text =
        String::from("worse by more than 15 %, no longer within a limit, or no longer measured:\n");
    for Worse { line, before, now } in worse {
        let now = now.map_or("nothing".to_owned(), |now| format!("{now:.2}"));
        writeln!(text, "  {line}: {before:.2} → {now}").unwrap();
    }
    text
}
