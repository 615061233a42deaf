//! Vital signs and measures of the body.

use super::Kind::{Cumulative, Discrete};
use super::{COUNT, Metric, metric};

pub(super) const METRICS: &[Metric] = &[
    // Fetuses and infants reach 300, arrhythmias 480.
    Metric {
        loinc: &["8867-4"],
        healthkit: &["HKQuantityTypeIdentifierHeartRate"],
        ..metric("heart_rate", Discrete, "/min", 1.0, 500.0)
    },
    Metric {
        loinc: &["40443-4"],
        healthkit: &["HKQuantityTypeIdentifierRestingHeartRate"],
        ..metric("resting_heart_rate", Discrete, "/min", 10.0, 250.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierWalkingHeartRateAverage"],
        ..metric("walking_heart_rate", Discrete, "/min", 10.0, 400.0)
    },
    // Fall within one minute; negative where the rate still rises.
    Metric {
        healthkit: &["HKQuantityTypeIdentifierHeartRateRecoveryOneMinute"],
        ..metric("heart_rate_recovery", Discrete, "/min", -100.0, 200.0)
    },
    // Standard deviation of beat intervals (SDNN).
    Metric {
        loinc: &["80404-7"],
        healthkit: &["HKQuantityTypeIdentifierHeartRateVariabilitySDNN"],
        ..metric("heart_rate_variability", Discrete, "ms", 0.0, 2000.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierAtrialFibrillationBurden"],
        ..metric("atrial_fibrillation_burden", Discrete, "%", 0.0, 100.0)
    },
    // Zero is apnoea; newborns in distress exceed 100.
    Metric {
        loinc: &["9279-1"],
        healthkit: &["HKQuantityTypeIdentifierRespiratoryRate"],
        ..metric("respiratory_rate", Discrete, "/min", 0.0, 200.0)
    },
    // Arterial, by pulse oximetry, capillary.
    Metric {
        loinc: &["2708-6", "59408-5", "2710-2"],
        healthkit: &["HKQuantityTypeIdentifierOxygenSaturation"],
        ..metric("oxygen_saturation", Discrete, "%", 1.0, 100.0)
    },
    Metric {
        loinc: &["61006-3"],
        healthkit: &["HKQuantityTypeIdentifierPeripheralPerfusionIndex"],
        ..metric("peripheral_perfusion_index", Discrete, "%", 0.0, 100.0)
    },
    // Any site, oral, rectal, tympanic, axillary, temporal. Survived: 11.8 and 46.5.
    Metric {
        loinc: &["8310-5", "8331-1", "8332-9", "8333-7", "8328-7", "75539-7"],
        healthkit: &["HKQuantityTypeIdentifierBodyTemperature"],
        ..metric("body_temperature", Discrete, "Cel", 10.0, 50.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierBasalBodyTemperature"],
        ..metric("basal_body_temperature", Discrete, "Cel", 10.0, 50.0)
    },
    // Skin, which follows the room.
    Metric {
        healthkit: &["HKQuantityTypeIdentifierAppleSleepingWristTemperature"],
        ..metric("wrist_temperature", Discrete, "Cel", 0.0, 50.0)
    },
    // Weight lifters reach 370.
    Metric {
        loinc: &["8480-6"],
        healthkit: &["HKQuantityTypeIdentifierBloodPressureSystolic"],
        ..metric("systolic_blood_pressure", Discrete, "mm[Hg]", 10.0, 400.0)
    },
    // Zero: heard to the end of the scale.
    Metric {
        loinc: &["8462-4"],
        healthkit: &["HKQuantityTypeIdentifierBloodPressureDiastolic"],
        ..metric("diastolic_blood_pressure", Discrete, "mm[Hg]", 0.0, 375.0)
    },
    Metric {
        loinc: &["8478-0"],
        ..metric("mean_blood_pressure", Discrete, "mm[Hg]", 5.0, 380.0)
    },
    // Blood and interstitial fluid, by mass and by substance; record 2656. Molar mass of glucose.
    Metric {
        loinc: &[
            "41653-7", "2339-0", "15074-8", "2340-8", "14743-9", "32016-8", "99504-3",
        ],
        healthkit: &["HKQuantityTypeIdentifierBloodGlucose"],
        molar_mass: Some(180.156),
        ..metric("blood_glucose", Discrete, "mg/dL", 0.0, 3000.0)
    },
    // Pumps and pens write U for international units.
    Metric {
        healthkit: &["HKQuantityTypeIdentifierInsulinDelivery"],
        same_unit: &["U"],
        ..metric("insulin_delivery", Cumulative, "[IU]", 0.0, 5000.0)
    },
    // Survived: 1.5.
    Metric {
        loinc: &["74859-0"],
        healthkit: &["HKQuantityTypeIdentifierBloodAlcoholContent"],
        ..metric("blood_alcohol", Discrete, "%", 0.0, 2.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierElectrodermalActivity"],
        ..metric("electrodermal_activity", Discrete, "uS", 0.0, 1000.0)
    },
    Metric {
        loinc: &["20150-9"],
        healthkit: &["HKQuantityTypeIdentifierForcedExpiratoryVolume1"],
        ..metric("forced_expiratory_volume_1", Discrete, "L", 0.0, 15.0)
    },
    Metric {
        loinc: &["19870-5", "19868-9"],
        healthkit: &["HKQuantityTypeIdentifierForcedVitalCapacity"],
        ..metric("forced_vital_capacity", Discrete, "L", 0.0, 15.0)
    },
    Metric {
        loinc: &["19935-6", "33452-4"],
        healthkit: &["HKQuantityTypeIdentifierPeakExpiratoryFlowRate"],
        ..metric("peak_expiratory_flow", Discrete, "L/min", 0.0, 1500.0)
    },
    Metric {
        healthkit: &["HKQuantityTypeIdentifierInhalerUsage"],
        ..metric("inhaler_usage", Cumulative, COUNT, 0.0, 1000.0)
    },
    // Of a night, as rated by the watch.
    Metric {
        healthkit: &["HKQuantityTypeIdentifierAppleSleepingBreathingDisturbances"],
        ..metric("breathing_disturbances", Discrete, COUNT, 0.0, 1000.0)
    },
    // Any, measured, stated, with and without clothes. Survived: 0.212 and 635.
    Metric {
        loinc: &["29463-7", "3141-9", "3142-7", "8350-1", "8351-9"],
        healthkit: &["HKQuantityTypeIdentifierBodyMass"],
        ..metric("body_weight", Discrete, "kg", 0.1, 700.0)
    },
    Metric {
        loinc: &["91557-9"],
        healthkit: &["HKQuantityTypeIdentifierLeanBodyMass"],
        ..metric("lean_body_mass", Discrete, "kg", 0.1, 400.0)
    },
    // Any, measured, stated, estimated, lying (length). Shortest newborn to tallest man.
    Metric {
        loinc: &["8302-2", "3137-7", "3138-5", "8301-4", "8306-3"],
        healthkit: &["HKQuantityTypeIdentifierHeight"],
        ..metric("body_height", Discrete, "cm", 15.0, 280.0)
    },
    // Apple Health gives it the unit count.
    Metric {
        loinc: &["39156-5"],
        healthkit: &["HKQuantityTypeIdentifierBodyMassIndex"],
        same_unit: &["{count}", "1"],
        ..metric("body_mass_index", Discrete, "kg/m2", 2.0, 260.0)
    },
    Metric {
        loinc: &["41982-0"],
        healthkit: &["HKQuantityTypeIdentifierBodyFatPercentage"],
        ..metric("body_fat", Discrete, "%", 0.5, 95.0)
    },
    Metric {
        loinc: &["8280-0", "56086-2"],
        healthkit: &["HKQuantityTypeIdentifierWaistCircumference"],
        ..metric("waist_circumference", Discrete, "cm", 10.0, 400.0)
    },
    // By any means, by tape measure.
    Metric {
        loinc: &["9843-4", "8287-5"],
        ..metric("head_circumference", Discrete, "cm", 10.0, 120.0)
    },
];
