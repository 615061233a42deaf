//! What a check found, and how it is printed.

use serde::Serialize;

use crate::commands::output;
use crate::store::StoreError;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Ok,
    /// Works, but not as well or as long as it should.
    Warn,
    /// Does not work, or gives wrong or no results.
    Error,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) level: Level,
    pub(super) found: String,
    /// What to do about it; empty when all is well.
    pub(super) advice: String,
}

impl Finding {
    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Finding {
        Finding::new(check, Level::Ok, found, "")
    }

    pub(super) fn warn(
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Finding {
        Finding::new(check, Level::Warn, found, advice)
    }

    pub(super) fn error(
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Finding {
        Finding::new(check, Level::Error, found, advice)
    }

    /// The check itself failed.
    pub(super) fn unknown(check: &'static str, error: &StoreError) -> Finding {
        Finding::error(
            check,
            format!("could not be checked: {error}"),
            "grant the role what the message names, or try again",
        )
    }

    fn new(
        check: &'static str,
        level: Level,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Finding {
        Finding {
            check,
            level,
            found: found.into(),
            advice: advice.into(),
        }
    }
}

fn counted(findings: &[Finding], level: Level) -> usize {
    findings.iter().filter(|found| found.level == level).count()
}

pub(super) fn as_json(findings: &[Finding]) -> String {
    serde_json::json!({
        "errors": counted(findings, Level::Error),
        "warnings": counted(findings, Level::Warn),
        "findings": findings,
    })
    .to_string()
}

/// A line per check; what to do stands below what was found.
pub(super) fn as_table(findings: &[Finding]) -> String {
    let mut table = output::table(&["CHECK", "RESULT", "FOUND"]);
    for finding in findings {
        let result = match finding.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Error => "ERROR",
        };
        table.add_row([finding.check, result, &finding.found]);
        if !finding.advice.is_empty() {
            table.add_row(["", "", &format!("→ {}", finding.advice)]);
        }
    }
    format!(
        "{}\n\n{} checks: {} errors, {} warnings",
        output::render(&table),
        findings.len(),
        counted(findings, Level::Error),
        counted(findings, Level::Warn),
    )
}
