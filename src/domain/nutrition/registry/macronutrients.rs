//! Energy, what it comes from, and what is drunk.

use super::{Nutrient, nutrient};

pub(super) const NUTRIENTS: &[Nutrient] = &[
    // Contests in eating and days of ultra-endurance races pass 20,000.
    nutrient("energy", "kcal", 30_000.0)
        .aliases(&[
            "calories",
            "calorie",
            "kilocalories",
            "kcal",
            "energy consumed",
            "energy intake",
            "dietary energy",
        ])
        .loinc(&["9052-2"])
        .healthkit("HKQuantityTypeIdentifierDietaryEnergyConsumed"),
    nutrient("protein", "g", 2_000.0)
        .aliases(&["proteins"])
        .healthkit("HKQuantityTypeIdentifierDietaryProtein"),
    nutrient("fat_total", "g", 2_000.0)
        .aliases(&["fat", "fats", "total fat", "lipid", "lipids", "total lipid"])
        .healthkit("HKQuantityTypeIdentifierDietaryFatTotal"),
    nutrient("fat_saturated", "g", 2_000.0)
        .aliases(&["saturated fat", "saturates", "sat fat", "saturated"])
        .healthkit("HKQuantityTypeIdentifierDietaryFatSaturated"),
    nutrient("fat_monounsaturated", "g", 2_000.0)
        .aliases(&["monounsaturated fat", "monounsaturates", "monounsaturated"])
        .healthkit("HKQuantityTypeIdentifierDietaryFatMonounsaturated"),
    nutrient("fat_polyunsaturated", "g", 2_000.0)
        .aliases(&["polyunsaturated fat", "polyunsaturates", "polyunsaturated"])
        .healthkit("HKQuantityTypeIdentifierDietaryFatPolyunsaturated"),
    nutrient("fat_trans", "g", 1_000.0).aliases(&["trans fat", "trans"]),
    nutrient("carbohydrates", "g", 5_000.0)
        .aliases(&[
            "carbs",
            "carb",
            "carbohydrate",
            "total carbohydrate",
            "total carbohydrates",
        ])
        .healthkit("HKQuantityTypeIdentifierDietaryCarbohydrates"),
    nutrient("sugar", "g", 5_000.0)
        .aliases(&["sugars", "total sugar", "total sugars"])
        .healthkit("HKQuantityTypeIdentifierDietarySugar"),
    nutrient("fiber", "g", 1_000.0)
        .aliases(&["fibre", "fibers", "dietary fiber", "dietary fibre"])
        .healthkit("HKQuantityTypeIdentifierDietaryFiber"),
    nutrient("cholesterol", "mg", 20_000.0)
        .aliases(&["dietary cholesterol"])
        .healthkit("HKQuantityTypeIdentifierDietaryCholesterol"),
    nutrient("water", "mL", 30_000.0)
        .aliases(&["water intake", "fluid", "fluids", "fluid intake"])
        .healthkit("HKQuantityTypeIdentifierDietaryWater"),
    nutrient("caffeine", "mg", 20_000.0).healthkit("HKQuantityTypeIdentifierDietaryCaffeine"),
    // As the substance; drinks are counted by vitals.
    nutrient("alcohol", "g", 1_000.0).aliases(&["ethanol", "ethyl alcohol"]),
];
