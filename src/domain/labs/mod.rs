//! Labs: results from laboratory reports.

mod analytes;
mod expected;
mod flag;
mod fold;
mod lexicon;
mod phrase;
mod placement;
mod range;
mod result;
mod subject;
mod tally;
mod value;
mod words;

pub use flag::Flag;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::{Aggregate, DayFold, Domain, Fold, FoldRules, Period, RawRow};
use crate::columns;

columns! {
    /// A row of `raw_labs` as a report gave it.
    pub struct LabResult {
        /// LOINC code, or a local code with its system: `system|code`.
        pub code: Option<String>,
        pub name: String,
        pub category: Option<String>,
        /// As reported: `5.4`, `<0.5`, `Positive`, `1:80`.
        pub value: Option<String>,
        pub unit: Option<String>,
        /// As reported: `3.5-5.0`, `<200`, `Negative`.
        pub reference_range: Option<String>,
        /// The report's own flag: an HL7 interpretation code such as `H`, `LL`.
        pub interpretation: Option<String>,
        pub collected_at: DateTime<Utc>,
    }
}

columns! {
    /// What a row of `lab_aggregates` says, in the row's unit.
    pub struct LabMeasure {
        pub code: Option<String>,
        /// The name that the latest result carries.
        pub name: String,
        /// All results, whatever their kind; 0 where no specimen gave one.
        pub count: i64,
        /// Results that are a plain number; only these are averaged.
        pub numeric_count: i64,
        /// Results such as `<0.5`: counted, never averaged.
        pub below_count: i64,
        /// Results such as `>200`: counted, never averaged.
        pub above_count: i64,
        /// Specimens that gave no result, such as `hemolyzed` or `pending`; no
        /// part of `count`.
        pub no_result_count: i64,
        /// Sum of the plain numbers: with `numeric_count` it carries the mean.
        pub value_sum: Option<f64>,
        pub mean: Option<f64>,
        pub min: Option<f64>,
        pub max: Option<f64>,
        /// First plain number.
        pub first: Option<f64>,
        /// Last plain number.
        pub last: Option<f64>,
        /// First result as reported, in its own unit.
        pub first_text: String,
        /// Last result as reported, in its own unit.
        pub last_text: String,
        /// How often each result that is not a plain number was reported; with
        /// the reported unit where the row's unit is another.
        pub text_values: BTreeMap<String, i64>,
        /// Of the latest result that has a reference range.
        pub reference_low: Option<f64>,
        /// Of the latest result that has a reference range.
        pub reference_high: Option<f64>,
        /// Of the latest result: `low`, `normal`, `high`, `critical_low`,
        /// `critical_high`, `abnormal` or `unknown`.
        pub flag: String,
        /// The most severe flag of the period.
        pub worst_flag: String,
        /// Days with at least one result; none on day rows.
        pub days_covered: Option<i64>,
        /// Distinct sources, sorted.
        pub sources: Vec<String>,
        /// Rejected results of this series in the period.
        pub rejected_count: i64,
    }
}

/// Whether a LOINC code is that of a registered analyte.
pub fn is_registered(code: &str) -> bool {
    analytes::Analyte::of(code).is_some()
}

/// The registered codes and the UCUM units of their aggregates.
pub fn registered_units() -> impl Iterator<Item = (&'static str, &'static str)> {
    analytes::codes()
}

/// What a report's own flag says, if the fold understands it.
pub fn reported_flag(interpretation: &str) -> Option<Flag> {
    Flag::reported(interpretation)
}

/// The labs domain.
#[derive(Debug)]
pub struct Labs;

impl Fold for Labs {
    const DOMAIN: Domain = Domain::Labs;
    const ALGORITHM_VERSION: i32 = 3;
    const PERIODS: &'static [Period] = &[Period::Day, Period::Month, Period::Quarter, Period::Year];
    const SHOWN_COLUMNS: &'static [&'static str] = &[
        "name",
        "count",
        "mean",
        "min",
        "max",
        "last_text",
        "reference_low",
        "reference_high",
        "flag",
        "worst_flag",
    ];

    type Payload = LabResult;
    type Measure = LabMeasure;

    fn source_key(row: &LabResult) -> &str {
        row.code.as_deref().unwrap_or(&row.name)
    }

    fn time(row: &LabResult) -> DateTime<Utc> {
        row.collected_at
    }

    fn series_named(name: &str) -> String {
        // Codes of a system, `system|code`, are case-sensitive.
        if name.contains('|') {
            name.to_owned()
        } else {
            name.to_lowercase()
        }
    }

    fn fold_day(date: NaiveDate, rows: &[RawRow<LabResult>], _: &FoldRules) -> DayFold<LabMeasure> {
        fold::fold_day(date, rows)
    }

    fn fold_days(days: &[&Aggregate<LabMeasure>]) -> LabMeasure {
        fold::fold_days(days)
    }
}
