//! The nutrients that have a name of their own, a unit and a limit.

mod macronutrients;
mod minerals;
mod vitamins;

use std::collections::HashMap;
use std::sync::LazyLock;

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
    }
}

/// All nutrients of the registry.
pub fn nutrients() -> impl Iterator<Item = &'static Nutrient> {
    [
        macronutrients::NUTRIENTS,
        minerals::NUTRIENTS,
        vitamins::NUTRIENTS,
    ]
    .into_iter()
    .flatten()
}

/// The nutrient that a name, LOINC code or `HealthKit` identifier names. Of
/// names only letters and digits count: `Vitamin B-12` is `vitamin_b12`.
pub fn lookup(name: &str) -> Option<&'static Nutrient> {
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
    let name = name.trim();
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
        ] {
            let found = lookup(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!((found.name, found.unit), (canonical, unit), "{name}");
        }
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
