//! Amino acids of protein.

use super::{Nutrient, nutrient};

/// More than a day's protein holds of any.
const MOST: f64 = 500.0;

pub(super) const NUTRIENTS: &[Nutrient] = &[
    nutrient("alanine", "g", MOST),
    nutrient("arginine", "g", MOST),
    nutrient("aspartic_acid", "g", MOST).aliases(&["aspartate"]),
    nutrient("cystine", "g", MOST),
    nutrient("glutamic_acid", "g", MOST).aliases(&["glutamate"]),
    nutrient("glycine", "g", MOST),
    nutrient("histidine", "g", MOST),
    nutrient("isoleucine", "g", MOST),
    nutrient("leucine", "g", MOST),
    nutrient("lysine", "g", MOST),
    nutrient("methionine", "g", MOST),
    nutrient("phenylalanine", "g", MOST),
    nutrient("proline", "g", MOST),
    nutrient("serine", "g", MOST),
    nutrient("threonine", "g", MOST),
    nutrient("tryptophan", "g", MOST),
    nutrient("tyrosine", "g", MOST),
    nutrient("valine", "g", MOST),
];
