//! The nutrients that have a name of their own, a unit and a limit.

mod amino_acids;
mod macronutrients;
mod minerals;
mod vitamins;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::domain::units::{self, Conversion};

/// A nutrient of the registry.
#[derive(Debug)]
pub struct Nutrient {
    /// Canonical name: the series of its aggregates.
    pub name: &'static str,
    /// Canonical UCUM unit of its aggregates.
    pub unit: &'static str,
    /// Largest amount of one entry in `unit`. An entry may be the total of a
    /// day of extremes or a high dose of a supplement.
    pub max: f64,
    /// What else people, labels and apps call it, in lower case.
    pub aliases: &'static [&'static str],
    /// LOINC codes that mean this nutrient as it is taken in.
    pub loinc: &'static [&'static str],
    /// `HealthKit` type identifier, where it has one.
    pub healthkit: Option<&'static str>,
    /// In g/mol, where labels of water or infusions give the substance.
    pub molar_mass: Option<f64>,
    /// International units in one `unit`, where that does not depend on the
    /// form of the nutrient.
    pub units_in_one: Option<f64>,
}

impl Nutrient {
    /// Whether a living human can take in this much in one entry.
    pub fn is_plausible(&self, amount: f64) -> bool {
        (0.0..=self.max).contains(&amount)
    }

    const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn loinc(mut self, codes: &'static [&'static str]) -> Self {
        self.loinc = codes;
        self
    }

    const fn healthkit(mut self, identifier: &'static str) -> Self {
        self.healthkit = Some(identifier);
        self
    }

    /// The way from a UCUM code to `unit`. An annotation says that something
    /// else is measured: dietary folate equivalents are no folate.
    pub fn conversion(&self, code: &str) -> Option<Conversion> {
        if let Some(units) = self.units_in_one
            && code == "[IU]"
        {
            return Some(Conversion::Divide(units));
        }
        if code.contains('{') {
            return None;
        }
        Conversion::new(code, self.unit, self.molar_mass).ok()
    }

    const fn units_in_one(mut self, units: f64) -> Self {
        self.units_in_one = Some(units);
        self
    }

    const fn molar_mass(mut self, gram_per_mole: f64) -> Self {
        self.molar_mass = Some(gram_per_mole);
        self
    }
}

/// A nutrient without other names; the tables add them.
const fn nutrient(name: &'static str, unit: &'static str, max: f64) -> Nutrient {
    Nutrient {
        name,
        unit,
        max,
        aliases: &[],
        loinc: &[],
        healthkit: None,
        molar_mass: None,
        units_in_one: None,
    }
}

/// All nutrients of the registry.
pub fn nutrients() -> impl Iterator<Item = &'static Nutrient> {
    [
        macronutrients::NUTRIENTS,
        minerals::NUTRIENTS,
        vitamins::NUTRIENTS,
        amino_acids::NUTRIENTS,
    ]
    .into_iter()
    .flatten()
}

/// The nutrient that a name, LOINC code or `HealthKit` identifier names.
pub fn lookup(name: &str) -> Option<&'static Nutrient> {
    named(name).map(|named| named.nutrient)
}

/// A nutrient as a row names it.
#[derive(Debug, Clone, Copy)]
pub struct Named<'n> {
    pub nutrient: &'static Nutrient,
    /// The unit that stands in the name: `Iron (mg)`.
    pub unit: Option<&'n str>,
}

/// As [`lookup`]. Of names only letters and digits count: `Vitamin B-12` is
/// `vitamin_b12`. A name in parts, as `B1 (Thiamine)` or `Sodium, Na (mg)`, is
/// that of a nutrient where all parts name it; the last may be a unit.
pub fn named(name: &str) -> Option<Named<'_>> {
    let whole = |nutrient| Named {
        nutrient,
        unit: None,
    };
    let name = name.trim();
    let unit = name.strip_suffix([')', ']']).map_or_else(
        || name.rsplit_once(','),
        |rest| rest.rsplit_once(['(', '[']),
    );
    // `Magnesium (mg)` names a unit, `Magnesium, Mg` the element.
    if let Some((rest, unit)) = unit
        && unit.trim().starts_with(char::is_lowercase)
        && let Some(nutrient) = one_name(rest)
        && units::normalize(unit).is_some_and(|code| nutrient.conversion(&code).is_some())
    {
        let unit = Some(unit);
        return Some(Named { nutrient, unit });
    }
    if let Some(nutrient) = one_name(name) {
        return Some(whole(nutrient));
    }
    if let Some((rest, unit)) = unit
        && let Some(nutrient) = one_name(rest).or_else(|| double_name(rest))
        && units::normalize(unit).is_some()
    {
        let unit = Some(unit);
        return Some(Named { nutrient, unit });
    }
    double_name(name).map(whole)
}

fn double_name(name: &str) -> Option<&'static Nutrient> {
    let mut parts = name
        .split(['(', ')', '[', ']', ',', '/'])
        .filter(|part| !part.trim().is_empty())
        .map(one_name);
    let first = parts.next()??;
    parts
        .all(|part| part.is_some_and(|nutrient| nutrient.name == first.name))
        .then_some(first)
}

fn one_name(name: &str) -> Option<&'static Nutrient> {
    static BY_CODE: LazyLock<HashMap<&'static str, &'static Nutrient>> = LazyLock::new(|| {
        nutrients()
            .flat_map(|nutrient| nutrient.loinc.iter().map(move |code| (*code, nutrient)))
            .collect()
    });
    static BY_NAME: LazyLock<HashMap<String, &'static Nutrient>> = LazyLock::new(|| {
        nutrients()
            .flat_map(|nutrient| names(nutrient).map(move |name| (plain(name), nutrient)))
            .collect()
    });
    BY_CODE
        .get(name)
        .or_else(|| BY_NAME.get(&plain(name)))
        .copied()
}

fn names(nutrient: &'static Nutrient) -> impl Iterator<Item = &'static str> {
    let others = nutrient.aliases.iter().copied().chain(nutrient.healthkit);
    std::iter::once(nutrient.name).chain(others)
}

fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::domain::loinc;
    use crate::domain::units::normalize;

    #[test]
    fn every_name_means_one_nutrient_and_is_found() {
        let mut seen = HashSet::new();
        for nutrient in nutrients() {
            for name in names(nutrient).chain(nutrient.loinc.iter().copied()) {
                assert!(seen.insert(plain(name)), "{name} twice");
                assert_eq!(lookup(name).unwrap().name, nutrient.name);
            }
        }
        for stranger in ["", "salt", "broccoli", "90522", "8867-4", "-", "n/a", "mg"] {
            assert!(lookup(stranger).is_none(), "{stranger}");
        }
    }

    #[test]
    fn the_tables_are_well_formed() {
        for nutrient in nutrients() {
            let name = nutrient.name;
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(name.chars().all(is_plain), "{name}");
            assert_eq!(normalize(nutrient.unit).as_deref(), Some(nutrient.unit));
            for alias in nutrient.aliases {
                assert_eq!(alias.to_lowercase(), **alias, "{name}");
            }
            for code in nutrient.loinc {
                assert!(loinc::is_well_formed(code), "{name}: {code}");
            }
            if let Some(identifier) = nutrient.healthkit {
                assert!(identifier.starts_with("HKQuantityTypeIdentifierDietary"));
            }
            assert!(nutrient.max.is_normal() && nutrient.max > 0.0, "{name}");
        }
    }

    #[test]
    fn the_names_that_people_use_are_understood() {
        for (name, canonical, unit) in [
            ("calories", "energy", "kcal"),
            ("Energy Consumed", "energy", "kcal"),
            ("9052-2", "energy", "kcal"),
            (" Fat ", "fat_total", "g"),
            ("Saturated Fat", "fat_saturated", "g"),
            ("carbs", "carbohydrates", "g"),
            ("carbohydrate", "carbohydrates", "g"),
            ("sugars", "sugar", "g"),
            ("Dietary Fibre", "fiber", "g"),
            ("Vitamin B-12", "vitamin_b12", "ug"),
            ("cobalamin", "vitamin_b12", "ug"),
            ("folic acid", "folate", "ug"),
            ("Thiamine", "thiamin", "mg"),
            ("HKQuantityTypeIdentifierDietaryWater", "water", "mL"),
            ("Sodium, Na", "sodium", "mg"),
            ("alcohol", "alcohol", "g"),
            ("Thiamin (B1)", "thiamin", "mg"),
            ("B1 (Thiamine)", "thiamin", "mg"),
            ("B1 (Thiamine) (mg)", "thiamin", "mg"),
            ("vitamin_b1", "thiamin", "mg"),
            ("Vitamin B2 (Riboflavin)", "riboflavin", "mg"),
            ("B2 (Riboflavin)", "riboflavin", "mg"),
            ("Niacin (B3)", "niacin", "mg"),
            ("Vitamin B3, niacin", "niacin", "mg"),
            ("Pantothenic acid (B5)", "pantothenic_acid", "mg"),
            ("B5 (Pantothenic Acid) (mg)", "pantothenic_acid", "mg"),
            ("B6 (Pyridoxine)", "vitamin_b6", "mg"),
            ("Vitamin B-6", "vitamin_b6", "mg"),
            ("Biotin (B7)", "biotin", "ug"),
            ("Folate (B9)", "folate", "ug"),
            ("Folic Acid", "folate", "ug"),
            ("Folate (µg)", "folate", "ug"),
            ("Cobalamin (B12)", "vitamin_b12", "ug"),
            ("B12 (Cobalamin) (µg)", "vitamin_b12", "ug"),
            ("Vitamin K (phylloquinone)", "vitamin_k", "ug"),
            ("Vitamin E (alpha-tocopherol)", "vitamin_e", "mg"),
            ("Vitamin C, total ascorbic acid", "vitamin_c", "mg"),
            ("Vitamin D (D2 + D3)", "vitamin_d", "ug"),
            ("Vitamin D (IU)", "vitamin_d", "ug"),
            ("Vitamin A, IU", "vitamin_a", "ug"),
            ("Vitamin A, RAE", "vitamin_a", "ug"),
            ("Sodium, Na (mg)", "sodium", "mg"),
            ("Energy (kcal)", "energy", "kcal"),
            ("Trans-Fats (g)", "fat_trans", "g"),
            ("trans fat", "fat_trans", "g"),
            ("Net Carbs (g)", "carbohydrates_net", "g"),
            ("Omega-3 (g)", "omega_3", "g"),
            ("Cystine (g)", "cystine", "g"),
            ("Water (g)", "water", "mL"),
            ("Alcohol (g)", "alcohol", "g"),
            ("Total lipid (fat)", "fat_total", "g"),
            ("Carbohydrate, by difference", "carbohydrates", "g"),
            ("Fatty acids, total saturated", "fat_saturated", "g"),
            ("Fiber, total dietary", "fiber", "g"),
            ("Added Sugars (g)", "sugar_added", "g"),
        ] {
            let found = lookup(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!((found.name, found.unit), (canonical, unit), "{name}");
        }
    }

    #[test]
    fn names_of_two_nutrients_are_none() {
        for name in [
            "Thiamin (B2)",
            "Sodium / Potassium",
            "Folate, DFE",
            "Iron (haem)",
            "salt",
            "(mg)",
            "()",
            "",
        ] {
            assert!(lookup(name).is_none(), "{name}");
        }
        assert_eq!(named("Iron (mg)").unwrap().unit, Some("mg"));
        assert_eq!(named("Magnesium (mg)").unwrap().unit, Some("mg"));
        assert_eq!(named("Magnesium, Mg").unwrap().unit, None);
        assert_eq!(named("Fluoride, f").unwrap().unit, None);
    }

    /// The table of the documentation, in its notation.
    fn table() -> String {
        let rows = nutrients().map(|nutrient| {
            let Nutrient {
                name, unit, max, ..
            } = nutrient;
            let aliases = nutrient.aliases.join(", ");
            format!("| `{name}` | {unit} | {max} | {aliases} |\n")
        });
        rows.collect()
    }

    #[test]
    fn the_documentation_lists_the_registry() {
        let page = include_str!("../../../docs/nutrition.md");
        assert!(page.contains(&table()), "the table should be\n{}", table());
    }
}
