//! Vitals: what phones, watches, cuffs and scales measure.

mod accumulator;
mod bound;
mod fold;
mod merge;
mod overlap;
#[cfg(test)]
mod properties;
pub mod registry;
mod sample;
mod source;
#[cfg(test)]
mod tests;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::{Aggregate, DayFold, Domain, Fold, FoldRules, Period, RawRow};
use crate::columns;

columns! {
    /// A row of `raw_vitals` as a device or an importer reported it.
    pub struct VitalSample {
        /// Canonical name, LOINC code or `HealthKit` identifier.
        pub metric: String,
        /// In `unit`; none for a row whose length in time is its value, and
        /// with a comparator for one beyond what its device measures.
        pub value: Option<f64>,
        /// `<`, `<=`, `>` or `>=`: where the value lies, seen from `value`.
        pub comparator: Option<String>,
        pub unit: Option<String>,
        pub started_at: DateTime<Utc>,
        /// Equal to `started_at` for an instant.
        pub ended_at: DateTime<Utc>,
    }
}

columns! {
    /// What a row of `vitals_aggregates` says, in the row's unit.
    ///
    /// `min`, `max`, `first` and `last` that are bounds have a comparator; they
    /// are none where a device had no number to show.
    ///
    /// Amounts and durations are merged where samples overlap, see
    /// `docs/overlap.md`: `total`, `value_sum`, `mean`, `hours_covered` and
    /// `sources` are of what is left, `count`, `min`, `max`, `first` and
    /// `last` of the samples as they were reported.
    pub struct VitalMeasure {
        /// Accepted rows of this metric, merged away or not, so that the day
        /// rows' counts add up to the raw rows. Rows of sleep stages count in
        /// their stage: `sleep` counts rows named so, and may be 0.
        ///
        /// Hour rows of amounts and durations: samples that give something to
        /// the hour. One that reaches over several hours is in each of them.
        pub count: i64,
        /// Of `count`, samples below a bound such as `<40`; discrete metrics
        /// only. They are no part of `value_sum` and `mean`.
        pub below_count: i64,
        /// Of `count`, samples above a bound such as `>600`.
        pub above_count: i64,
        /// Sum over the period, for cumulative metrics and durations only.
        pub total: Option<f64>,
        /// Sum of what the samples give: with the count of samples that are no
        /// bounds it carries the mean.
        pub value_sum: f64,
        /// `value_sum` by that count, none where every sample is a bound. A day
        /// of `count` 0 weighs as one: its `mean`, `min`, `max`, `first` and
        /// `last` are its total.
        pub mean: Option<f64>,
        pub min: Option<f64>,
        pub max: Option<f64>,
        pub first: Option<f64>,
        pub last: Option<f64>,
        /// None where `min` is a value.
        pub min_comparator: Option<String>,
        pub max_comparator: Option<String>,
        pub first_comparator: Option<String>,
        pub last_comparator: Option<String>,
        /// Local hours that samples, or what is left of them, reach into.
        pub hours_covered: Option<i64>,
        /// Days with at least one sample; none on hour and day rows.
        pub days_covered: Option<i64>,
        /// Distinct sources that gave something, sorted.
        pub sources: Vec<String>,
        /// Rejected samples of this series in the period.
        pub rejected_count: i64,
    }
}

/// A row reaches over so many hours at most: what lies behind them touches no
/// day. Longer ones are mistakes.
pub const LONGEST_HOURS: i64 = 48;

/// From 18:00 to midnight.
const EVENING: TimeDelta = TimeDelta::hours(6);

/// The vitals domain.
#[derive(Debug)]
pub struct Vitals;

impl Fold for Vitals {
    const DOMAIN: Domain = Domain::Vitals;
    const ALGORITHM_VERSION: i32 = 3;
    const PERIODS: &'static [Period] = &[Period::Hour, Period::Day, Period::Week, Period::Month];
    const SHOWN_COLUMNS: &'static [&'static str] = &[
        "count",
        "total",
        "mean",
        "min",
        "max",
        "first",
        "last",
        "hours_covered",
        "days_covered",
        "rejected_count",
    ];

    type Payload = VitalSample;
    type Measure = VitalMeasure;

    fn source_key(row: &VitalSample) -> &str {
        &row.metric
    }

    fn time(row: &VitalSample) -> DateTime<Utc> {
        row.started_at
    }

    /// Sleep from 18:00 on counts to the next day.
    fn belongs(date: NaiveDate, row: &RawRow<VitalSample>) -> bool {
        let start = row.payload.started_at;
        let start = match registry::SLEEP_NAMES.contains(&&*row.payload.metric) {
            true => start + EVENING,
            false => start,
        };
        row.local_date(start) == date
    }

    fn series_named(name: &str) -> String {
        registry::lookup(name).map_or_else(|| name.to_owned(), |found| found.metric.name.to_owned())
    }

    fn fold_day(
        date: NaiveDate,
        rows: &[RawRow<VitalSample>],
        rules: &FoldRules,
    ) -> DayFold<VitalMeasure> {
        fold::fold_day(date, rows, rules)
    }

    fn fold_days(days: &[&Aggregate<VitalMeasure>]) -> VitalMeasure {
        fold::fold_days(days)
    }
}
