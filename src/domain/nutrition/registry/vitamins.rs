//! Vitamins, in mass. International units measure an effect: how much mass
//! one is depends on the form of the vitamin, which no entry tells. Of vitamin
//! D it does not: 1 µg of D2 or D3 is 40 IU (Institute of Medicine 2011, DOI
//! 10.17226/13050; also 21 CFR 101.9).

use super::{Nutrient, nutrient};

pub(super) const NUTRIENTS: &[Nutrient] = &[
    // Retinol activity equivalents. A yearly dose against deficiency is 60,000.
    nutrient("vitamin_a", "ug", 300_000.0)
        .aliases(&["retinol", "vit a", "vitamin a rae"])
        .healthkit("HKQuantityTypeIdentifierDietaryVitaminA"),
    nutrient("vitamin_b6", "mg", 10_000.0)
        .aliases(&["b6", "pyridoxine", "pyridoxin", "vit b6"])
        .healthkit("HKQuantityTypeIdentifierDietaryVitaminB6"),
    nutrient("vitamin_b12", "ug", 100_000.0)
        .aliases(&["b12", "cobalamin", "cyanocobalamin", "vit b12"])
        .healthkit("HKQuantityTypeIdentifierDietaryVitaminB12"),
    nutrient("vitamin_c", "mg", 100_000.0)
        .aliases(&["ascorbic acid", "total ascorbic acid", "vit c"])
        .healthkit("HKQuantityTypeIdentifierDietaryVitaminC"),
    // A single dose against deficiency is 15,000.
    nutrient("vitamin_d", "ug", 50_000.0)
        .aliases(&["calciferol", "vit d", "vitamin d d2 d3"])
        .healthkit("HKQuantityTypeIdentifierDietaryVitaminD")
        .units_in_one(40.0),
    nutrient("vitamin_e", "mg", 20_000.0)
        .aliases(&["tocopherol", "alpha tocopherol", "vit e"])
        .healthkit("HKQuantityTypeIdentifierDietaryVitaminE"),
    nutrient("vitamin_k", "ug", 500_000.0)
        .aliases(&["vit k", "phylloquinone"])
        .healthkit("HKQuantityTypeIdentifierDietaryVitaminK"),
    nutrient("thiamin", "mg", 10_000.0)
        .aliases(&["thiamine", "vitamin b1", "b1", "vit b1"])
        .healthkit("HKQuantityTypeIdentifierDietaryThiamin"),
    nutrient("riboflavin", "mg", 10_000.0)
        .aliases(&["vitamin b2", "b2", "vit b2", "riboflavine"])
        .healthkit("HKQuantityTypeIdentifierDietaryRiboflavin"),
    nutrient("niacin", "mg", 20_000.0)
        .aliases(&["vitamin b3", "b3", "vit b3", "nicotinic acid", "vitamin pp"])
        .healthkit("HKQuantityTypeIdentifierDietaryNiacin"),
    nutrient("pantothenic_acid", "mg", 50_000.0)
        .aliases(&["pantothenate", "vitamin b5", "b5", "vit b5"])
        .healthkit("HKQuantityTypeIdentifierDietaryPantothenicAcid"),
    // Treatments of multiple sclerosis take 300,000 a day.
    nutrient("biotin", "ug", 1_000_000.0)
        .aliases(&["vitamin b7", "b7", "vit b7", "vitamin h"])
        .healthkit("HKQuantityTypeIdentifierDietaryBiotin"),
    nutrient("folate", "ug", 100_000.0)
        .aliases(&[
            "folic acid",
            "folacin",
            "vitamin b9",
            "b9",
            "vit b9",
            "folate total",
            "total folate",
        ])
        .healthkit("HKQuantityTypeIdentifierDietaryFolate"),
];
