//! Nutrition: what people eat and drink, nutrient by nutrient.

mod entry;
mod fold;
pub mod registry;
mod tally;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::{Aggregate, DayFold, Domain, Fold, FoldRules, Period, RawRow};
use crate::columns;

/// The meal of an entry that names none.
pub const NO_MEAL: &str = "unspecified";

columns! {
    /// A row of `raw_nutrition` as a person, an app or an importer reported it.
    pub struct NutritionEntry {
        /// Canonical name or another usual one, LOINC code or `HealthKit`
        /// identifier.
        pub nutrient: String,
        pub amount: Option<f64>,
        pub unit: Option<String>,
        pub meal: Option<String>,
        pub eaten_at: DateTime<Utc>,
    }
}

columns! {
    /// What a row of `nutrition_aggregates` says, in the row's unit.
    pub struct NutritionMeasure {
        /// Entries folded; rejected ones are not among them.
        pub count: i64,
        /// What was eaten in the period. Entries are summed as given: nothing
        /// tells one meal that two apps report from two equal ones.
        pub total: f64,
        /// The same under the name that it has in every domain: with `count`
        /// it carries the mean.
        pub value_sum: f64,
        /// Per entry.
        pub mean: f64,
        pub min: f64,
        pub max: f64,
        pub first: f64,
        pub last: f64,
        /// Total of each meal, by its name in lower case.
        pub meals: BTreeMap<String, f64>,
        /// Days with at least one entry; none on day rows.
        pub days_covered: Option<i64>,
        /// Distinct sources, sorted.
        pub sources: Vec<String>,
        /// Rejected entries of this series in the period.
        pub rejected_count: i64,
    }
}

/// The nutrition domain.
#[derive(Debug)]
pub struct Nutrition;

impl Fold for Nutrition {
    const DOMAIN: Domain = Domain::Nutrition;
    const ALGORITHM_VERSION: i32 = 2;
    const PERIODS: &'static [Period] = &[Period::Day, Period::Week, Period::Month];
    const SHOWN_COLUMNS: &'static [&'static str] = &[
        "count",
        "total",
        "mean",
        "min",
        "max",
        "meals",
        "days_covered",
        "rejected_count",
    ];

    type Payload = NutritionEntry;
    type Measure = NutritionMeasure;

    fn source_key(row: &NutritionEntry) -> &str {
        &row.nutrient
    }

    fn time(row: &NutritionEntry) -> DateTime<Utc> {
        row.eaten_at
    }

    fn series_named(name: &str) -> String {
        let name = name.trim();
        registry::lookup(name).map_or_else(|| name.to_owned(), |nutrient| nutrient.name.to_owned())
    }

    fn fold_day(
        date: NaiveDate,
        rows: &[RawRow<NutritionEntry>],
        _: &FoldRules,
    ) -> DayFold<NutritionMeasure> {
        fold::fold_day(date, rows)
    }

    fn fold_days(days: &[&Aggregate<NutritionMeasure>]) -> NutritionMeasure {
        fold::fold_days(days)
    }
}
