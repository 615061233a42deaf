//! Movement, sport and surroundings.

use super::Kind::{Cumulative, Discrete};
use super::{COUNT, Metric, metric};

pub(super) const METRICS: &[Metric] = &[
    // One sample may be a day's total; 24 hour walkers pass 300,000.
    Metric {
        loinc: &["55423-8", "41950-7"],
        healthkit: &["HKQuantityTypeIdentifierStepCount"],
        ..metric("steps", Cumulative, COUNT, 0.0, 500_000.0)
    },
    Metric {
        loinc: &["96502-0"],
        healthkit: &["HKQuantityTypeIdentifierPushCount"],
        ..metric("wheelchair_pushes", Cumulative, COUNT, 0.0, 500_000.0)
    },
    Metric {
        loinc: &["100304-5"],
        healthkit: &["HKQuantityTypeIdentifierFlightsClimbed"],
        ..metric("flights_climbed", Cumulative, COUNT, 0.0, 20_000.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierSwimmingStrokeCount"],
        ..metric("swimming_strokes", Cumulative, COUNT, 0.0, 200_000.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierNumberOfTimesFallen"],
        ..metric("falls", Cumulative, COUNT, 0.0, 1000.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierNumberOfAlcoholicBeverages"],
        ..metric("alcoholic_beverages", Cumulative, COUNT, 0.0, 200.0)
    },
    // A sample of 1 for each hour with a minute stood.
    Metric {
        healthkit: &["HKCategoryTypeIdentifierAppleStandHour"],
        same_unit: &["h"],
        ..metric("stand_hours", Cumulative, COUNT, 0.0, 48.0)
    },
    Metric {
        loinc: &["55430-3"],
        healthkit: &["HKQuantityTypeIdentifierDistanceWalkingRunning"],
        ..metric("distance_walking_running", Cumulative, "m", 0.0, 500_000.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierDistanceCycling"],
        ..metric("distance_cycling", Cumulative, "m", 0.0, 2_000_000.0)
    },
    Metric {
        loinc: &["93816-7"],
        healthkit: &["HKQuantityTypeIdentifierDistanceSwimming"],
        ..metric("distance_swimming", Cumulative, "m", 0.0, 300_000.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierDistanceWheelchair"],
        ..metric("distance_wheelchair", Cumulative, "m", 0.0, 1_000_000.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierDistanceDownhillSnowSports"],
        ..metric(
            "distance_downhill_snow_sports",
            Cumulative,
            "m",
            0.0,
            1_000_000.0,
        )
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierDistanceCrossCountrySkiing"],
        ..metric(
            "distance_cross_country_skiing",
            Cumulative,
            "m",
            0.0,
            1_000_000.0,
        )
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierDistancePaddleSports"],
        ..metric("distance_paddle_sports", Cumulative, "m", 0.0, 1_000_000.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierDistanceRowing"],
        ..metric("distance_rowing", Cumulative, "m", 0.0, 1_000_000.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierDistanceSkatingSports"],
        ..metric("distance_skating_sports", Cumulative, "m", 0.0, 1_000_000.0)
    },
    Metric {
        loinc: &["41981-2"],
        healthkit: &["HKQuantityTypeIdentifierActiveEnergyBurned"],
        ..metric("active_energy", Cumulative, "kcal", 0.0, 50_000.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierBasalEnergyBurned"],
        ..metric("basal_energy", Cumulative, "kcal", 0.0, 20_000.0)
    },
    // Record 101.1.
    Metric {
        healthkit: &["HKQuantityTypeIdentifierVO2Max"],
        ..metric("vo2_max", Discrete, "mL/kg/min", 1.0, 110.0)
    },
    // About the metabolic equivalent (MET).
    Metric {
        healthkit: &["HKQuantityTypeIdentifierPhysicalEffort"],
        ..metric("physical_effort", Discrete, "kcal/h/kg", 0.0, 60.0)
    },
    // Rated by the person, 1 to 10.
    Metric {
        healthkit: &["HKQuantityTypeIdentifierWorkoutEffortScore"],
        ..metric("workout_effort", Discrete, COUNT, 0.0, 10.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierEstimatedWorkoutEffortScore"],
        ..metric("estimated_workout_effort", Discrete, COUNT, 0.0, 10.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierWalkingSpeed"],
        ..metric("walking_speed", Discrete, "m/s", 0.0, 15.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierWalkingStepLength"],
        ..metric("walking_step_length", Discrete, "m", 0.0, 3.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierWalkingAsymmetryPercentage"],
        ..metric("walking_asymmetry", Discrete, "%", 0.0, 100.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierWalkingDoubleSupportPercentage"],
        ..metric("walking_double_support", Discrete, "%", 0.0, 100.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierAppleWalkingSteadiness"],
        ..metric("walking_steadiness", Discrete, "%", 0.0, 100.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierSixMinuteWalkTestDistance"],
        ..metric("six_minute_walk_distance", Discrete, "m", 0.0, 3000.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierStairAscentSpeed"],
        ..metric("stair_ascent_speed", Discrete, "m/s", 0.0, 10.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierStairDescentSpeed"],
        ..metric("stair_descent_speed", Discrete, "m/s", 0.0, 15.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierRunningSpeed"],
        ..metric("running_speed", Discrete, "m/s", 0.0, 20.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierRunningPower"],
        ..metric("running_power", Discrete, "W", 0.0, 3000.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierRunningStrideLength"],
        ..metric("running_stride_length", Discrete, "m", 0.0, 6.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierRunningVerticalOscillation"],
        ..metric("running_vertical_oscillation", Discrete, "cm", 0.0, 100.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierRunningGroundContactTime"],
        ..metric("running_ground_contact_time", Discrete, "ms", 0.0, 5000.0)
    },
    // Motor-paced record 82.
    Metric {
        healthkit: &["HKQuantityTypeIdentifierCyclingSpeed"],
        ..metric("cycling_speed", Discrete, "m/s", 0.0, 90.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierCyclingCadence"],
        ..metric("cycling_cadence", Discrete, "/min", 0.0, 400.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierCyclingPower"],
        ..metric("cycling_power", Discrete, "W", 0.0, 4000.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierCyclingFunctionalThresholdPower"],
        ..metric(
            "cycling_functional_threshold_power",
            Discrete,
            "W",
            0.0,
            1000.0,
        )
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierCrossCountrySkiingSpeed"],
        ..metric("cross_country_skiing_speed", Discrete, "m/s", 0.0, 40.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierPaddleSportsSpeed"],
        ..metric("paddle_sports_speed", Discrete, "m/s", 0.0, 30.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierRowingSpeed"],
        ..metric("rowing_speed", Discrete, "m/s", 0.0, 20.0)
    },
    // Record dive 332.
    Metric {
        healthkit: &["HKQuantityTypeIdentifierUnderwaterDepth"],
        ..metric("underwater_depth", Discrete, "m", 0.0, 400.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierWaterTemperature"],
        ..metric("water_temperature", Discrete, "Cel", -5.0, 60.0)
    },
    // UV index; highest ever measured on the ground 43.
    Metric {
        healthkit: &["HKQuantityTypeIdentifierUVExposure"],
        ..metric("uv_exposure", Discrete, COUNT, 0.0, 50.0)
    },
    // Levels are averaged as reported, not by energy.
    Metric {
        healthkit: &["HKQuantityTypeIdentifierEnvironmentalAudioExposure"],
        same_unit: &["dB"],
        ..metric(
            "environmental_audio_exposure",
            Discrete,
            "dB[SPL]",
            0.0,
            200.0,
        )
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierHeadphoneAudioExposure"],
        same_unit: &["dB"],
        ..metric("headphone_audio_exposure", Discrete, "dB[SPL]", 0.0, 200.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierEnvironmentalSoundReduction"],
        same_unit: &["dB[SPL]"],
        ..metric("environmental_sound_reduction", Discrete, "dB", 0.0, 100.0)
    },
];
