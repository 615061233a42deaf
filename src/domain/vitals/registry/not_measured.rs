//! The types of `HealthKit` that are no measurement, and why.

/// Types by what their samples are, without the prefix of category types.
const GROUPS: &[(&str, &[&str])] = &[
    (
        "a symptom has a severity and no amount",
        &[
            "AbdominalCramps",
            "Acne",
            "AppetiteChanges",
            "BladderIncontinence",
            "Bloating",
            "BreastPain",
            "ChestTightnessOrPain",
            "Chills",
            "Constipation",
            "Coughing",
            "Diarrhea",
            "Dizziness",
            "DrySkin",
            "Fainting",
            "Fatigue",
            "Fever",
            "GeneralizedBodyAche",
            "HairLoss",
            "Headache",
            "Heartburn",
            "HotFlashes",
            "LossOfSmell",
            "LossOfTaste",
            "LowerBackPain",
            "MemoryLapse",
            "MoodChanges",
            "Nausea",
            "NightSweats",
            "PelvicPain",
            "RapidPoundingOrFlutteringHeartbeat",
            "RunnyNose",
            "ShortnessOfBreath",
            "SinusCongestion",
            "SkippedHeartbeat",
            "SleepChanges",
            "SoreThroat",
            "VaginalDryness",
            "Vomiting",
            "Wheezing",
        ],
    ),
    (
        "cycle tracking has a state and no amount",
        &[
            "BleedingAfterPregnancy",
            "BleedingDuringPregnancy",
            "CervicalMucusQuality",
            "Contraceptive",
            "InfrequentMenstrualCycles",
            "IntermenstrualBleeding",
            "IrregularMenstrualCycles",
            "Lactation",
            "MenstrualFlow",
            "OvulationTestResult",
            "PersistentIntermenstrualBleeding",
            "Pregnancy",
            "PregnancyTestResult",
            "ProgesteroneTestResult",
            "ProlongedMenstrualPeriods",
            "SexualActivity",
        ],
    ),
    (
        "a notification of the watch or phone is no measurement",
        &[
            "AppleWalkingSteadinessEvent",
            "AudioExposureEvent",
            "EnvironmentalAudioExposureEvent",
            "HeadphoneAudioExposureEvent",
            "HighHeartRateEvent",
            "HypertensionEvent",
            "IrregularHeartRhythmEvent",
            "LowCardioFitnessEvent",
            "LowHeartRateEvent",
            "SleepApneaEvent",
        ],
    ),
    (
        "a habit is no measurement",
        &["HandwashingEvent", "ToothbrushingEvent"],
    ),
];

/// Why samples of a `HealthKit` category type are not folded; none for a type
/// that is measured or not known.
pub fn not_measured(identifier: &str) -> Option<&'static str> {
    let name = identifier.strip_prefix("HKCategoryTypeIdentifier")?;
    let group = GROUPS.iter().find(|(_, names)| names.contains(&name))?;
    Some(group.0)
}

/// The identifiers of the types that are not measured.
#[cfg(test)]
pub(crate) fn all_not_measured() -> impl Iterator<Item = String> {
    let names = GROUPS.iter().flat_map(|(_, names)| *names);
    names.map(|name| format!("HKCategoryTypeIdentifier{name}"))
}
