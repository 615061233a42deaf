//! What the numbers mean: domains, groups, periods and the pure folds.
//!
//! A domain is a raw table, a pure fold and an aggregate table. Adding one is
//! a folder here and a line in [`with_domain!`](crate::with_domain) and
//! [`Domain`].

pub mod bounds;
pub mod drift;
pub mod group;
pub mod json;
pub mod labs;
pub mod loinc;
pub mod memo;
pub mod number;
pub mod nutrition;
pub mod period;
pub mod rules;
pub mod sum;
pub mod table;
mod tables;
pub mod text;
pub mod units;
pub mod vitals;

use chrono::{DateTime, NaiveDate, Utc};

pub use period::Period;
pub use rules::FoldRules;
pub use table::{Columns, Value};
pub use tables::Tables;

/// A person. The application's own key; vitalfold never invents meaning for it.
pub type UserId = i64;

/// The kinds of health data that can be folded.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    clap::ValueEnum,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Domain {
    Vitals,
    Labs,
    Nutrition,
}

impl Domain {
    pub const ALL: &'static [Domain] = &[Domain::Vitals, Domain::Labs, Domain::Nutrition];

    /// The name used in tables, logs and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Domain::Vitals => "vitals",
            Domain::Labs => "labs",
            Domain::Nutrition => "nutrition",
        }
    }
}

impl std::fmt::Display for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// Runs `$body` with the type `$F` set to the [`Fold`] of a [`Domain`] value.
#[macro_export]
macro_rules! with_domain {
    ($domain:expr, $F:ident => $body:expr) => {
        match $domain {
            $crate::domain::Domain::Vitals => {
                type $F = $crate::domain::vitals::Vitals;
                $body
            }
            $crate::domain::Domain::Labs => {
                type $F = $crate::domain::labs::Labs;
                $body
            }
            $crate::domain::Domain::Nutrition => {
                type $F = $crate::domain::nutrition::Nutrition;
                $body
            }
        }
    };
}

/// The unit of work, of a transaction, of failure and of retry: all raw rows
/// of one user on one local date in one domain.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct GroupKey {
    pub domain: Domain,
    pub user_id: UserId,
    /// The calendar day where the person was.
    pub local_date: NaiveDate,
}

/// A raw row as a fold reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct RawRow<P> {
    pub id: i64,
    /// Minutes east of UTC where the person was, −840 to 840.
    pub utc_offset_minutes: i32,
    pub source: String,
    pub device: Option<String>,
    pub note: Option<String>,
    /// What the domain's raw table says beyond the columns all of them have.
    pub payload: P,
}

impl<P> RawRow<P> {
    /// The calendar day of an instant where the person was.
    pub fn local_date(&self, at: DateTime<Utc>) -> NaiveDate {
        period::local_date(at, self.utc_offset_minutes)
    }
}

/// A raw row on its way into its table.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRow<P> {
    pub user_id: UserId,
    /// Minutes east of UTC where the person was, −840 to 840.
    pub utc_offset_minutes: i32,
    /// The device, application or laboratory that reported the row.
    pub source: String,
    /// The source's own key of the row: a re-sent one is a correction.
    pub source_id: Option<String>,
    pub device: Option<String>,
    pub note: Option<String>,
    pub payload: P,
}

/// A row of an aggregate table.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate<M> {
    pub key: AggregateKey,
    pub measure: M,
}

/// What tells one aggregate of a user from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct AggregateKey {
    pub period: Period,
    /// Hour rows: the group's date. Coarser rows: the first date of the period.
    pub local_date: NaiveDate,
    /// The instant at which the period began where the person was.
    pub period_start: DateTime<Utc>,
    /// Canonical metric or nutrient name, or LOINC code, or the name of an
    /// analyte.
    pub series: String,
    /// UCUM code, or the unit as reported where it is not UCUM; '' for none.
    pub unit: String,
}

/// A raw row that no aggregate counts, and the rule that it broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    pub row_id: i64,
    /// `rule: explanation`, for example `unit_unknown: …`. Names the rule and
    /// never repeats the value, because values are people's health.
    pub reason: String,
}

/// What one group's raw rows fold to: hour rows (where the domain has them),
/// day rows, and the rows that were refused.
#[derive(Debug, Clone, PartialEq)]
pub struct DayFold<M> {
    /// Sorted by key.
    pub aggregates: Vec<Aggregate<M>>,
    /// Sorted by row id.
    pub rejected: Vec<Rejection>,
}

/// One domain: its tables and its pure fold.
///
/// Rows reach [`Fold::fold_day`] in (time, id) order, so that a fold of the
/// same rows gives the same bits.
pub trait Fold: Send + Sync + 'static {
    const DOMAIN: Domain;
    /// Raised whenever the same rows would fold to another result.
    const ALGORITHM_VERSION: i32;
    /// Finest first; always contains [`Period::Day`].
    const PERIODS: &'static [Period];

    /// The measure columns that a terminal has room for.
    const SHOWN_COLUMNS: &'static [&'static str];

    type Payload: Columns + Clone + PartialEq + Send + Sync + std::fmt::Debug + 'static;
    type Measure: Columns + Clone + PartialEq + Send + Sync + std::fmt::Debug + 'static;

    /// What [`Tables::key`] is of a row.
    fn source_key(row: &Self::Payload) -> &str;

    /// What [`Tables::time`] is of a row.
    fn time(row: &Self::Payload) -> DateTime<Utc>;

    /// Whether a row that touches a day belongs to its group.
    fn belongs(date: NaiveDate, row: &RawRow<Self::Payload>) -> bool {
        row.local_date(Self::time(&row.payload)) == date
    }

    /// The series that a person means by a name.
    fn series_named(name: &str) -> String;

    /// Folds all raw rows of one group into its hour and day rows.
    fn fold_day(
        date: NaiveDate,
        rows: &[RawRow<Self::Payload>],
        rules: &FoldRules,
    ) -> DayFold<Self::Measure>;

    /// Folds the day rows of one series, in date order and never empty, into
    /// one coarser row.
    fn fold_days(days: &[&Aggregate<Self::Measure>]) -> Self::Measure;
}
