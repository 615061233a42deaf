//! Sleep, mindfulness and other times that are the length of a sample.

use super::Kind::Duration;
use super::{Metric, metric};

/// Minutes in two days: the longest single stretch that is believed. A night's
/// total may be one sample; no group spans more than a day and an evening.
const TWO_DAYS: f64 = 2.0 * 24.0 * 60.0;

const fn time(name: &'static str) -> Metric {
    metric(name, Duration, "min", 0.0, TWO_DAYS)
}

/// `HealthKit` reports a sleep sample's stage as its category value; the bare
/// type `HKCategoryTypeIdentifierSleepAnalysis` does not say whether the person
/// slept and is no metric.
pub(super) const METRICS: &[Metric] = &[
    // Asleep, stage unspecified.
    Metric {
        loinc: &["93832-4"],
        healthkit: &[
            "HKCategoryValueSleepAnalysisAsleep",
            "HKCategoryValueSleepAnalysisAsleepUnspecified",
        ],
        ..time("sleep")
    },
    Metric {
        loinc: &["93830-8"],
        healthkit: &["HKCategoryValueSleepAnalysisAsleepCore"],
        ..time("sleep_core")
    },
    Metric {
        loinc: &["93831-6"],
        healthkit: &["HKCategoryValueSleepAnalysisAsleepDeep"],
        ..time("sleep_deep")
    },
    Metric {
        loinc: &["93829-0"],
        healthkit: &["HKCategoryValueSleepAnalysisAsleepREM"],
        ..time("sleep_rem")
    },
    Metric {
        healthkit: &["HKCategoryValueSleepAnalysisAwake"],
        ..time("sleep_awake")
    },
    Metric {
        healthkit: &["HKCategoryValueSleepAnalysisInBed"],
        ..time("sleep_in_bed")
    },
    Metric {
        healthkit: &["HKCategoryTypeIdentifierMindfulSession"],
        ..time("mindful_time")
    },
    Metric {
        loinc: &["55411-3"],
        healthkit: &["HKQuantityTypeIdentifierAppleExerciseTime"],
        ..time("exercise_time")
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierAppleMoveTime"],
        ..time("move_time")
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierAppleStandTime"],
        ..time("stand_time")
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierTimeInDaylight"],
        ..time("time_in_daylight")
    },
];

/// The names by which a raw row is one of a night, as the triggers of
/// `raw_vitals` know them: it touches the day after its end too.
pub const SLEEP_NAMES: &[&str] = &[
    "sleep",
    "sleep_core",
    "sleep_deep",
    "sleep_rem",
    "sleep_awake",
    "sleep_in_bed",
    "HKCategoryTypeIdentifierSleepAnalysis",
    "HKCategoryValueSleepAnalysisInBed",
    "HKCategoryValueSleepAnalysisAsleep",
    "HKCategoryValueSleepAnalysisAsleepUnspecified",
    "HKCategoryValueSleepAnalysisAsleepCore",
    "HKCategoryValueSleepAnalysisAsleepDeep",
    "HKCategoryValueSleepAnalysisAsleepREM",
    "HKCategoryValueSleepAnalysisAwake",
    "93832-4",
    "93831-6",
    "93830-8",
    "93829-0",
];

/// What a metric tells about a night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SleepPart {
    /// That the person slept, without a stage: `sleep` itself.
    Asleep,
    /// That the person slept, and how.
    Stage,
    Awake,
}

/// None for time in bed, which says nothing about sleep.
pub fn sleep_part(name: &str) -> Option<SleepPart> {
    match name {
        "sleep" => Some(SleepPart::Asleep),
        "sleep_core" | "sleep_deep" | "sleep_rem" => Some(SleepPart::Stage),
        "sleep_awake" => Some(SleepPart::Awake),
        _ => None,
    }
}

/// The metric that every stage of sleep counts towards.
pub fn sleep() -> &'static Metric {
    &METRICS[0]
}
