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
            "energy atwater general factors",
            "energy atwater specific factors",
            "dietary energy",
        ])
        .loinc(&["9052-2"])
        .healthkit("HKQuantityTypeIdentifierDietaryEnergyConsumed"),
    nutrient("protein", "g", 2_000.0)
        .aliases(&["proteins", "total protein"])
        .healthkit("HKQuantityTypeIdentifierDietaryProtein"),
    nutrient("fat_total", "g", 2_000.0)
        .aliases(&[
            "fat",
            "fats",
            "total fat",
            "lipid",
            "lipids",
            "total lipid",
            "total lipid fat",
        ])
        .healthkit("HKQuantityTypeIdentifierDietaryFatTotal"),
    nutrient("fat_saturated", "g", 2_000.0)
        .aliases(&[
            "saturated fat",
            "saturates",
            "sat fat",
            "saturated",
            "saturated fats",
            "fatty acids total saturated",
        ])
        .healthkit("HKQuantityTypeIdentifierDietaryFatSaturated"),
    nutrient("fat_monounsaturated", "g", 2_000.0)
        .aliases(&[
            "monounsaturated fat",
            "monounsaturates",
            "monounsaturated",
            "mono fat",
            "monounsaturated fats",
            "fatty acids total monounsaturated",
        ])
        .healthkit("HKQuantityTypeIdentifierDietaryFatMonounsaturated"),
    nutrient("fat_polyunsaturated", "g", 2_000.0)
        .aliases(&[
            "polyunsaturated fat",
            "polyunsaturates",
            "polyunsaturated",
            "poly fat",
            "polyunsaturated fats",
            "fatty acids total polyunsaturated",
        ])
        .healthkit("HKQuantityTypeIdentifierDietaryFatPolyunsaturated"),
    nutrient("fat_trans", "g", 1_000.0).aliases(&[
        "trans fat",
        "trans fats",
        "trans",
        "trans fatty acids",
        "fatty acids total trans",
    ]),
    nutrient("carbohydrates", "g", 5_000.0)
        .aliases(&[
            "carbs",
            "carb",
            "carbohydrate",
            "total carbohydrate",
            "total carbohydrates",
            "carbohydrate by difference",
        ])
        .healthkit("HKQuantityTypeIdentifierDietaryCarbohydrates"),
    nutrient("sugar", "g", 5_000.0)
        .aliases(&[
            "sugars",
            "total sugar",
            "total sugars",
            "sugars total",
            "sugars total including nlea",
        ])
        .healthkit("HKQuantityTypeIdentifierDietarySugar"),
    nutrient("fiber", "g", 1_000.0)
        .aliases(&[
            "fibre",
            "fibers",
            "dietary fiber",
            "dietary fibre",
            "total dietary fiber",
            "fiber total dietary",
        ])
        .healthkit("HKQuantityTypeIdentifierDietaryFiber"),
    // What is left of carbohydrates without fiber (and, for some, sugar alcohols).
    nutrient("carbohydrates_net", "g", 5_000.0).aliases(&[
        "net carbs",
        "net carb",
        "net carbohydrates",
    ]),
    nutrient("sugar_added", "g", 5_000.0).aliases(&["added sugar", "added sugars", "sugars added"]),
    nutrient("sugar_alcohols", "g", 1_000.0).aliases(&["sugar alcohol", "polyols"]),
    nutrient("starch", "g", 5_000.0),
    nutrient("omega_3", "g", 500.0).aliases(&["omega 3 fatty acids", "omega 3 fat"]),
    nutrient("omega_6", "g", 500.0).aliases(&["omega 6 fatty acids", "omega 6 fat"]),
    nutrient("cholesterol", "mg", 20_000.0)
        .aliases(&["dietary cholesterol"])
        .healthkit("HKQuantityTypeIdentifierDietaryCholesterol"),
    nutrient("water", "mL", 30_000.0)
        .aliases(&["water intake", "fluid", "fluids", "fluid intake"])
        .healthkit("HKQuantityTypeIdentifierDietaryWater"),
    nutrient("caffeine", "mg", 20_000.0).healthkit("HKQuantityTypeIdentifierDietaryCaffeine"),
    // As the substance; drinks are counted by vitals.
    nutrient("alcohol", "g", 1_000.0).aliases(&["ethanol", "ethyl alcohol", "alcohol ethyl"]),
    nutrient("choline", "mg", 50_000.0).aliases(&["choline total", "total choline"]),
];
