//! The metrics that have a name of their own, a unit and limits.

mod activity;
mod body;
mod not_measured;
mod sleep;

use std::collections::HashMap;
use std::sync::LazyLock;

#[cfg(test)]
pub(crate) use not_measured::all_not_measured;
pub use not_measured::not_measured;
pub use sleep::{SLEEP_NAMES, SleepPart, sleep, sleep_part};

/// How samples of a metric add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An amount per sample; the sum is what counts (steps).
    Cumulative,
    /// A state at a time; a sum means nothing (heart rate).
    Discrete,
    /// A length of time; without a value, the sample's own length (sleep).
    Duration,
}

/// A metric of the registry.
#[derive(Debug)]
pub struct Metric {
    /// Canonical name: the series of its aggregates.
    pub name: &'static str,
    pub kind: Kind,
    /// Canonical UCUM unit of its aggregates.
    pub unit: &'static str,
    /// Lowest and highest value of one sample in `unit` that a living human
    /// can have, records and newborns included. Both included.
    pub plausible: (f64, f64),
    /// LOINC codes that mean this metric.
    pub loinc: &'static [&'static str],
    /// `HealthKit` type identifiers, or category values, that mean this metric.
    pub healthkit: &'static [&'static str],
    /// UCUM codes that sources of this metric use for `unit` although UCUM
    /// takes them for something else.
    pub same_unit: &'static [&'static str],
    /// In g/mol, where sources report the substance or its mass.
    pub molar_mass: Option<f64>,
}

impl Metric {
    /// Whether values count things, so that a missing unit leaves no doubt.
    pub fn is_count(&self) -> bool {
        self.unit == COUNT
    }

    pub fn is_plausible(&self, value: f64) -> bool {
        let (low, high) = self.plausible;
        low <= value && value <= high
    }
}

/// The unit of a pure number of things.
pub const COUNT: &str = "{count}";

/// A metric, and the vocabulary that it was named in.
#[derive(Debug, Clone, Copy)]
pub struct MetricRef {
    pub metric: &'static Metric,
    pub named_by: NamedBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedBy {
    CanonicalName,
    Loinc,
    /// Percentages of `HealthKit` are fractions: 0.97 `%` is 97 %.
    HealthKit,
}

/// All metrics of the registry.
pub fn metrics() -> impl Iterator<Item = &'static Metric> {
    [body::METRICS, activity::METRICS, sleep::METRICS]
        .into_iter()
        .flatten()
}

/// The metric that a canonical name, LOINC code or `HealthKit` identifier names.
pub fn lookup(name: &str) -> Option<MetricRef> {
    static BY_NAME: LazyLock<HashMap<&'static str, MetricRef>> = LazyLock::new(|| {
        let mut by_name = HashMap::new();
        for metric in metrics() {
            let mut add = |name, named_by| by_name.insert(name, MetricRef { metric, named_by });
            add(metric.name, NamedBy::CanonicalName);
            for code in metric.loinc {
                add(code, NamedBy::Loinc);
            }
            for identifier in metric.healthkit {
                add(identifier, NamedBy::HealthKit);
            }
        }
        by_name
    });
    BY_NAME.get(name).copied()
}

/// A metric without codes; the tables add them with struct update syntax.
const fn metric(name: &'static str, kind: Kind, unit: &'static str, low: f64, high: f64) -> Metric {
    Metric {
        name,
        kind,
        unit,
        plausible: (low, high),
        loinc: &[],
        healthkit: &[],
        same_unit: &[],
        molar_mass: None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::domain::loinc;
    use crate::domain::units::normalize;

    #[test]
    fn every_name_means_one_metric_and_is_found() {
        let mut seen = HashSet::new();
        for metric in metrics() {
            for (names, named_by) in [
                (&[metric.name][..], NamedBy::CanonicalName),
                (metric.loinc, NamedBy::Loinc),
                (metric.healthkit, NamedBy::HealthKit),
            ] {
                for name in names {
                    assert!(seen.insert(*name), "{name} twice");
                    let found = lookup(name).unwrap();
                    assert_eq!((found.metric.name, found.named_by), (metric.name, named_by));
                }
            }
        }
        assert!(lookup("no_such_metric").is_none());
    }

    #[test]
    fn the_tables_are_well_formed() {
        for metric in metrics() {
            let name = metric.name;
            assert!(
                name.chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
                "{name}"
            );
            assert_eq!(
                normalize(metric.unit).as_deref(),
                Some(metric.unit),
                "{name}"
            );
            for code in metric.same_unit {
                assert_eq!(normalize(code).as_deref(), Some(*code), "{name}");
            }
            for code in metric.loinc {
                assert!(loinc::is_well_formed(code), "{name}: {code}");
            }
            for identifier in metric.healthkit {
                assert!(identifier.starts_with("HK"), "{name}: {identifier}");
            }
            let (low, high) = metric.plausible;
            assert!(low < high, "{name}");
            assert!(metric.kind == Kind::Discrete || low == 0.0, "{name}");
        }
    }

    #[test]
    fn the_metrics_that_people_expect_are_there() {
        for (canonical, kind, unit, names) in [
            (
                "heart_rate",
                Kind::Discrete,
                "/min",
                "8867-4 HKQuantityTypeIdentifierHeartRate",
            ),
            ("resting_heart_rate", Kind::Discrete, "/min", "40443-4"),
            ("heart_rate_variability", Kind::Discrete, "ms", "80404-7"),
            ("respiratory_rate", Kind::Discrete, "/min", "9279-1"),
            (
                "oxygen_saturation",
                Kind::Discrete,
                "%",
                "2708-6 59408-5 2710-2",
            ),
            ("body_temperature", Kind::Discrete, "Cel", "8310-5 8331-1"),
            (
                "systolic_blood_pressure",
                Kind::Discrete,
                "mm[Hg]",
                "8480-6",
            ),
            (
                "diastolic_blood_pressure",
                Kind::Discrete,
                "mm[Hg]",
                "8462-4",
            ),
            (
                "blood_glucose",
                Kind::Discrete,
                "mg/dL",
                "41653-7 2339-0 15074-8",
            ),
            ("body_weight", Kind::Discrete, "kg", "29463-7 3141-9"),
            ("body_height", Kind::Discrete, "cm", "8302-2"),
            ("body_mass_index", Kind::Discrete, "kg/m2", "39156-5"),
            ("body_fat", Kind::Discrete, "%", "41982-0"),
            ("waist_circumference", Kind::Discrete, "cm", "8280-0"),
            ("head_circumference", Kind::Discrete, "cm", "9843-4 8287-5"),
            (
                "steps",
                Kind::Cumulative,
                COUNT,
                "55423-8 HKQuantityTypeIdentifierStepCount",
            ),
            ("distance_walking_running", Kind::Cumulative, "m", ""),
            ("distance_cycling", Kind::Cumulative, "m", ""),
            ("flights_climbed", Kind::Cumulative, COUNT, "100304-5"),
            ("active_energy", Kind::Cumulative, "kcal", "41981-2"),
            ("basal_energy", Kind::Cumulative, "kcal", ""),
            ("exercise_time", Kind::Duration, "min", ""),
            (
                "stand_hours",
                Kind::Cumulative,
                COUNT,
                "HKCategoryTypeIdentifierAppleStandHour",
            ),
            ("vo2_max", Kind::Discrete, "mL/kg/min", ""),
            ("sleep", Kind::Duration, "min", "93832-4"),
            ("sleep_core", Kind::Duration, "min", "93830-8"),
            ("sleep_deep", Kind::Duration, "min", "93831-6"),
            ("sleep_rem", Kind::Duration, "min", "93829-0"),
            ("sleep_awake", Kind::Duration, "min", ""),
            ("sleep_in_bed", Kind::Duration, "min", ""),
        ] {
            for name in names.split_whitespace().chain([canonical]) {
                let metric = lookup(name).unwrap_or_else(|| panic!("{name}")).metric;
                assert_eq!(
                    (metric.name, metric.kind, metric.unit),
                    (canonical, kind, unit)
                );
            }
        }
    }

    #[test]
    fn stages_are_parts_of_sleep() {
        assert_eq!(sleep().name, "sleep");
        for (name, part) in [
            ("sleep", Some(SleepPart::Asleep)),
            ("sleep_core", Some(SleepPart::Stage)),
            ("sleep_deep", Some(SleepPart::Stage)),
            ("sleep_rem", Some(SleepPart::Stage)),
            ("sleep_awake", Some(SleepPart::Awake)),
            ("sleep_in_bed", None),
            ("steps", None),
        ] {
            assert!(lookup(name).is_some());
            assert_eq!(sleep_part(name), part, "{name}");
        }
    }

    #[test]
    fn codes_that_are_folded_under_their_own_name_are_absent() {
        for code in [
            "10230-1",
            "72514-3",
            "85354-9",
            "HKCategoryTypeIdentifierSleepAnalysis",
        ] {
            assert!(lookup(code).is_none(), "{code}");
        }
    }
}
