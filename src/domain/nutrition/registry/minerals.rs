//! Minerals. Each is the element: salt is sodium and chloride, and no amount
//! of it is turned into either, because labels mean different things by it.
//! A bare symbol names none: `Na` may be `n/a`, and `mg` a unit.

use super::{Nutrient, nutrient};

pub(super) const NUTRIENTS: &[Nutrient] = &[
    nutrient("sodium", "mg", 100_000.0)
        .aliases(&["sodium na"])
        .healthkit("HKQuantityTypeIdentifierDietarySodium")
        .molar_mass(22.99),
    nutrient("potassium", "mg", 100_000.0)
        .aliases(&["potassium k"])
        .healthkit("HKQuantityTypeIdentifierDietaryPotassium")
        .molar_mass(39.098),
    nutrient("calcium", "mg", 50_000.0)
        .aliases(&["calcium ca"])
        .healthkit("HKQuantityTypeIdentifierDietaryCalcium")
        .molar_mass(40.078),
    nutrient("iron", "mg", 5_000.0)
        .aliases(&["iron fe"])
        .healthkit("HKQuantityTypeIdentifierDietaryIron")
        .molar_mass(55.845),
    nutrient("magnesium", "mg", 50_000.0)
        .aliases(&["magnesium mg"])
        .healthkit("HKQuantityTypeIdentifierDietaryMagnesium")
        .molar_mass(24.305),
    nutrient("phosphorus", "mg", 50_000.0)
        .aliases(&["phosphorous", "phosphorus p"])
        .healthkit("HKQuantityTypeIdentifierDietaryPhosphorus")
        .molar_mass(30.974),
    nutrient("zinc", "mg", 5_000.0)
        .aliases(&["zinc zn"])
        .healthkit("HKQuantityTypeIdentifierDietaryZinc")
        .molar_mass(65.38),
    nutrient("copper", "mg", 1_000.0)
        .aliases(&["copper cu"])
        .healthkit("HKQuantityTypeIdentifierDietaryCopper")
        .molar_mass(63.546),
    nutrient("manganese", "mg", 1_000.0)
        .aliases(&["manganese mn"])
        .healthkit("HKQuantityTypeIdentifierDietaryManganese")
        .molar_mass(54.938),
    nutrient("selenium", "ug", 50_000.0)
        .aliases(&["selenium se"])
        .healthkit("HKQuantityTypeIdentifierDietarySelenium")
        .molar_mass(78.971),
    // Tablets against radioactive iodine hold 100 mg.
    nutrient("iodine", "ug", 2_000_000.0)
        .aliases(&["iodine i"])
        .healthkit("HKQuantityTypeIdentifierDietaryIodine")
        .molar_mass(126.904),
    nutrient("chloride", "mg", 200_000.0)
        .aliases(&["chloride cl"])
        .healthkit("HKQuantityTypeIdentifierDietaryChloride")
        .molar_mass(35.45),
    nutrient("chromium", "ug", 100_000.0)
        .aliases(&["chromium cr"])
        .healthkit("HKQuantityTypeIdentifierDietaryChromium")
        .molar_mass(51.996),
    nutrient("molybdenum", "ug", 100_000.0)
        .aliases(&["molybdenum mo"])
        .healthkit("HKQuantityTypeIdentifierDietaryMolybdenum")
        .molar_mass(95.95),
    nutrient("fluoride", "mg", 1_000.0).aliases(&["fluorine", "fluoride f"]),
];
