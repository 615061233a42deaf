//! What a cell found, and how it is shown.

use std::fmt::Write;
use std::time::Duration;

/// What a cell that ran to its end saw.
pub(crate) struct Outcome {
    /// How often something was broken.
    pub(crate) faults: u32,
    pub(crate) rows: u64,
    pub(crate) groups: u64,
    /// Groups and passes that were tried again, as the workers logged it.
    pub(crate) retries: u64,
    /// Rows, groups, locks and transactions that somebody would have to free
    /// by hand.
    pub(crate) rescues: u64,
    /// From the end of a fault to the next commit; the longest.
    pub(crate) recovery: Duration,
    /// Aggregates that differ from an oracle's.
    pub(crate) difference: u64,
}

impl Outcome {
    pub(crate) fn sound(self) -> Result<Outcome, String> {
        if self.rescues > 0 || self.difference > 0 {
            return Err(format!(
                "{} left to rescue, {} aggregates differ",
                self.rescues, self.difference
            ));
        }
        Ok(self)
    }
}

pub(crate) struct Line {
    pub(crate) cell: &'static str,
    pub(crate) seconds: f64,
    pub(crate) outcome: Result<Outcome, String>,
}

/// A table that Markdown shows as one.
pub(crate) fn render(lines: &[Line]) -> String {
    let mut text = String::from(
        "| cell | faults | rows | groups | retries | rescues | recovered in | difference |\n\
         | --- | --: | --: | --: | --: | --: | --: | --: |\n",
    );
    for line in lines {
        match &line.outcome {
            Ok(seen) => writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {:.1} s | {} |",
                line.cell,
                seen.faults,
                seen.rows,
                seen.groups,
                seen.retries,
                seen.rescues,
                seen.recovery.as_secs_f64(),
                seen.difference
            ),
            Err(error) => writeln!(text, "| {} | FAILED: {} |", line.cell, error.trim()),
        }
        .unwrap();
    }
    text
}

pub(crate) fn json(lines: &[Line], size: &str, seed: u64) -> String {
    let cells: Vec<_> = lines
        .iter()
        .map(|line| match &line.outcome {
            Ok(seen) => serde_json::json!({
                "cell": line.cell,
                "seconds": line.seconds,
                "faults": seen.faults,
                "rows": seen.rows,
                "groups": seen.groups,
                "retries": seen.retries,
                "rescues": seen.rescues,
                "recovery_seconds": seen.recovery.as_secs_f64(),
                "difference": seen.difference,
            }),
            Err(error) => serde_json::json!({ "cell": line.cell, "error": error }),
        })
        .collect();
    serde_json::json!({ "size": size, "seed": seed, "cells": cells }).to_string()
}
