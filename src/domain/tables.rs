//! The tables of each domain, as values.

use super::Domain;

/// The names that one domain has in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tables {
    pub raw: &'static str,
    /// The raw column of the time at which a row begins.
    pub time: &'static str,
    /// The raw column of the time at which a row ends; none where rows are
    /// instants.
    pub end: Option<&'static str>,
    /// SQL expression over raw columns which, with user, source, `source_id` and
    /// time, identifies a re-sent row.
    pub key: &'static str,
    pub aggregates: &'static str,
    /// The aggregate column that holds
    /// [`AggregateKey::series`](super::AggregateKey::series).
    pub series: &'static str,
}

impl Domain {
    pub const fn tables(self) -> &'static Tables {
        match self {
            Domain::Vitals => &Tables {
                raw: "raw_vitals",
                time: "started_at",
                end: Some("ended_at"),
                key: "metric",
                aggregates: "vitals_aggregates",
                series: "metric",
            },
            Domain::Labs => &Tables {
                raw: "raw_labs",
                time: "collected_at",
                end: None,
                key: "coalesce(code, name)",
                aggregates: "lab_aggregates",
                series: "analyte",
            },
            Domain::Nutrition => &Tables {
                raw: "raw_nutrition",
                time: "eaten_at",
                end: None,
                key: "nutrient",
                aggregates: "nutrition_aggregates",
                series: "nutrient",
            },
        }
    }
}
