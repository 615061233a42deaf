//! Analytes by LOINC code: the unit that their results are folded in, and
//! what it takes to get there.
//!
//! A series stays one code's: codes are never merged, only the units of one.
//! Hemoglobin A1c (4548-4 in % NGSP, 59261-8 in mmol/mol IFCC) is left out:
//! UCUM takes mmol/mol for 0.1 %, but the scales differ by a master equation.
//!
//! Molar masses are sums of the abridged standard atomic weights (IUPAC 2021)
//! over the formula beside them, `PubChem`'s for the compound named.

mod blood;
mod chemistry;
mod hormones;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::domain::units::Conversion;

/// An analyte and the codes that report it.
#[derive(Debug)]
struct Substance {
    /// For results that are reported by their code alone.
    name: &'static str,
    /// In g/mol.
    molar_mass: Option<f64>,
    /// Equivalents in a mole.
    charge: Option<f64>,
    /// International units in a mole.
    units_per_mole: Option<f64>,
    /// Whether laboratories write U and IU for the same: of enzymes both are
    /// µmol/min, of hormones both are the international unit.
    is_iu_u: bool,
    /// Code and canonical unit, which is normal UCUM.
    codes: Codes,
}

/// A code and its canonical unit.
type Codes = &'static [(&'static str, &'static str)];

const fn plain(name: &'static str, codes: Codes) -> Substance {
    Substance {
        name,
        molar_mass: None,
        charge: None,
        units_per_mole: None,
        is_iu_u: false,
        codes,
    }
}

/// In g/mol.
const fn molar(name: &'static str, molar_mass: f64, codes: Codes) -> Substance {
    Substance {
        molar_mass: Some(molar_mass),
        ..plain(name, codes)
    }
}

/// In g/mol, with the equivalents in a mole.
const fn ion(name: &'static str, molar_mass: f64, charge: f64, codes: Codes) -> Substance {
    Substance {
        charge: Some(charge),
        ..molar(name, molar_mass, codes)
    }
}

/// Whose charges are counted as one to a mole.
const fn charged(name: &'static str, codes: Codes) -> Substance {
    Substance {
        charge: Some(1.0),
        ..plain(name, codes)
    }
}

/// Of which U and IU are the same.
const fn enzyme(name: &'static str, codes: Codes) -> Substance {
    Substance {
        is_iu_u: true,
        ..plain(name, codes)
    }
}

/// A registered code.
#[derive(Debug, Clone, Copy)]
pub(super) struct Analyte {
    substance: &'static Substance,
    pub(super) unit: &'static str,
}

/// How numbers get from one unit of an analyte to another.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    conversion: Conversion,
    /// From equivalents to moles, before the conversion; else 1.
    divisor: f64,
    /// From moles to equivalents, after it; else 1.
    factor: f64,
}

/// The registered substances of all groups.
fn substances() -> impl Iterator<Item = &'static Substance> {
    [
        blood::SUBSTANCES,
        chemistry::SUBSTANCES,
        hormones::SUBSTANCES,
    ]
    .into_iter()
    .flatten()
}

/// The registered codes and their units.
pub(super) fn codes() -> impl Iterator<Item = (&'static str, &'static str)> {
    substances().flat_map(|substance| substance.codes).copied()
}

impl Analyte {
    pub(super) fn of(code: &str) -> Option<Self> {
        static BY_CODE: LazyLock<HashMap<&'static str, Analyte>> = LazyLock::new(|| {
            let of_substance = |substance: &'static Substance| {
                let codes = substance.codes.iter();
                codes.map(move |(code, unit)| (*code, Analyte { substance, unit }))
            };
            substances().flat_map(of_substance).collect()
        });
        BY_CODE.get(code).copied()
    }

    /// What the analyte is called where the report does not say.
    pub(super) fn name(&self) -> &'static str {
        self.substance.name
    }
}

impl Scale {
    pub(super) const IDENTITY: Scale = Scale {
        conversion: Conversion::Identity,
        divisor: 1.0,
        factor: 1.0,
    };

    /// None where `from` and `to` measure different things, or nothing is
    /// known of an analyte that would have to be.
    pub(super) fn new(analyte: Option<Analyte>, from: &str, to: &str) -> Option<Scale> {
        let substance = analyte.map(|analyte| analyte.substance);
        let molar_mass = substance.and_then(|substance| substance.molar_mass);
        let plain = |from: &str, to: &str| {
            Some(Scale {
                conversion: Conversion::new(from, to, molar_mass).ok()?,
                ..Scale::IDENTITY
            })
        };
        let scale = plain(from, to);
        let Some(substance) = substance.filter(|_| scale.is_none()) else {
            return scale;
        };
        let as_units = |unit: &str| unit.replace("[IU]", "U");
        let same_units = || plain(&as_units(from), &as_units(to));
        let through_moles = |per_mole: f64, in_moles: fn(&str) -> Option<String>| {
            let (from_moles, to_moles) = (in_moles(from), in_moles(to));
            Some(Scale {
                divisor: from_moles.as_ref().map_or(1.0, |_| per_mole),
                factor: to_moles.as_ref().map_or(1.0, |_| per_mole),
                ..plain(
                    from_moles.as_deref().unwrap_or(from),
                    to_moles.as_deref().unwrap_or(to),
                )?
            })
        };
        None.or_else(|| same_units().filter(|_| substance.is_iu_u))
            .or_else(|| through_moles(substance.charge?, equivalents_in_moles))
            .or_else(|| through_moles(substance.units_per_mole?, units_in_moles))
    }

    pub(super) fn is_identity(&self) -> bool {
        *self == Scale::IDENTITY
    }

    /// None where the result is no finite number.
    pub(super) fn apply(&self, value: f64) -> Option<f64> {
        let value = times(Conversion::Divide, self.divisor).apply(value)?;
        let value = self.conversion.apply(value)?;
        times(Conversion::Multiply, self.factor).apply(value)
    }

    /// The conversion, where units alone say it.
    pub(super) fn conversion(self) -> Conversion {
        match (self.divisor == 1.0, self.factor == 1.0) {
            (true, true) => self.conversion,
            (false, _) => Conversion::Divide(self.divisor),
            _ => Conversion::Multiply(self.factor),
        }
    }
}

/// By 1 nothing is rounded.
fn times(by: fn(f64) -> Conversion, factor: f64) -> Conversion {
    if factor == 1.0 {
        Conversion::Identity
    } else {
        by(factor)
    }
}

/// `meq/L` as `mmol/L`; none where the unit counts no equivalents.
fn equivalents_in_moles(unit: &str) -> Option<String> {
    let (prefix, volume) = unit.split_once("eq/")?;
    matches!(prefix, "" | "m" | "u").then(|| format!("{prefix}mol/{volume}"))
}

/// `u[IU]/mL` as `umol/mL`; none where the unit counts no units.
fn units_in_moles(unit: &str) -> Option<String> {
    let unit = unit.replace("[IU]", "U");
    let (prefix, volume) = unit.split_once("U/")?;
    matches!(prefix, "" | "m" | "u" | "n").then(|| format!("{prefix}mol/{volume}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::{loinc, units};

    /// The mass of `formula` by the abridged standard atomic weights.
    fn mass(formula: &str) -> f64 {
        let mut mass = 0.0;
        let mut rest = formula;
        while !rest.is_empty() {
            let end = rest[1..]
                .find(|c: char| c.is_ascii_uppercase())
                .map_or(rest.len(), |end| end + 1);
            let (element, after) = rest.split_at(end);
            let (symbol, count) = element.split_at(
                element
                    .find(|c: char| c.is_ascii_digit())
                    .unwrap_or(element.len()),
            );
            let weight = match symbol {
                "H" => 1.008,
                "C" => 12.011,
                "N" => 14.007,
                "O" => 15.999,
                "Na" => 22.99,
                "Mg" => 24.305,
                "P" => 30.974,
                "S" => 32.06,
                "Cl" => 35.45,
                "K" => 39.098,
                "Ca" => 40.078,
                "Fe" => 55.845,
                "Co" => 58.933,
                "I" => 126.904,
                "Li" => 6.94,
                "Zn" => 65.38,
                "Cu" => 63.546,
                "Pb" => 207.2,
                _ => panic!("{symbol}"),
            };
            mass += weight * count.parse().unwrap_or(1.0);
            rest = after;
        }
        mass
    }

    /// Analyte, molar mass and the formula beside them in the tables.
    fn formulas() -> Vec<(&'static str, f64, &'static str)> {
        let tables = [
            include_str!("analytes/blood.rs"),
            include_str!("analytes/chemistry.rs"),
            include_str!("analytes/hormones.rs"),
        ];
        let lines = tables.into_iter().flat_map(str::lines);
        lines
            .filter_map(|line| {
                let call = line.trim_start();
                let call = call
                    .strip_prefix("molar(")
                    .or_else(|| call.strip_prefix("ion("))?;
                let mut parts = call.splitn(3, '"').skip(1);
                let name = parts.next()?;
                let mass = parts.next()?.trim_start_matches([',', ' ']);
                let mass = mass.split(',').next()?.replace('_', "").parse().ok()?;
                let formula = line.rsplit_once("// ").map_or("", |(_, formula)| formula);
                Some((name, mass, formula.split(',').next()?))
            })
            .collect()
    }

    #[test]
    fn molar_masses_are_those_of_their_formulas() {
        let formulas = formulas();
        for &(name, given, formula) in &formulas {
            // Hemoglobin's is that of a protein's chains.
            if formula.is_empty() && given == 16_114.5 {
                continue;
            }
            let expected = mass(formula);
            assert!((expected - given).abs() < 1e-6, "{name}: {expected}");
        }
        let with_mass = substances().filter(|s| s.molar_mass.is_some());
        assert_eq!(with_mass.count(), formulas.len());
    }

    #[test]
    fn codes_are_loinc_and_units_are_normal() {
        let mut seen = BTreeSet::new();
        for (code, unit) in substances().flat_map(|substance| substance.codes) {
            assert!(loinc::is_well_formed(code), "{code}");
            assert!(seen.insert(code), "{code} twice");
            assert_eq!(units::normalize(unit).as_deref(), Some(*unit));
        }
        for hemoglobin_a1c in ["4548-4", "59261-8"] {
            assert!(Analyte::of(hemoglobin_a1c).is_none());
        }
    }

    /// The table of the documentation, in its notation.
    fn table() -> String {
        let row = |substance: &Substance| {
            let mass = substance
                .molar_mass
                .map_or(String::new(), |mass| mass.to_string());
            let mut units: Vec<&str> = substance.codes.iter().map(|(_, unit)| *unit).collect();
            units.dedup();
            let codes = units.iter().map(|unit| {
                let of_unit = substance.codes.iter().filter(|(_, of)| of == unit);
                let codes: Vec<_> = of_unit.map(|(code, _)| *code).collect();
                format!("`{unit}`: {}", codes.join(", "))
            });
            let codes: BTreeSet<_> = codes.collect();
            let codes: Vec<_> = codes.into_iter().collect();
            format!("| {} | {mass} | {} |\n", substance.name, codes.join("; "))
        };
        substances().map(row).collect()
    }

    #[test]
    fn the_documentation_lists_the_registry() {
        let page = include_str!("../../../docs/analytes.md");
        assert!(page.contains(&table()), "the table should be\n{}", table());
    }

    #[test]
    fn results_reach_the_unit_of_their_code() {
        for (code, value, unit, expected) in [
            ("2345-7", 5.0, "mmol/L", Some(90.078)),
            ("14749-6", 90.078, "mg/dL", Some(5.0)),
            ("14749-6", 5.5, "meq/L", None),
            ("14749-6", 5.5, "10*9/L", None),
            ("2000-8", 5.0, "meq/L", Some(2.5)),
            ("17861-6", 5.0, "meq/L", Some(10.0195)),
            ("2951-2", 140.0, "meq/L", Some(140.0)),
            ("2777-1", 2.0, "meq/L", None),
            ("3094-0", 5.0, "mmol/L", Some(14.007)),
            ("718-7", 10.0, "mmol/L", Some(16.1145)),
            ("1742-6", 1.0, "k[IU]/L", Some(1000.0)),
            ("1742-6", 1.0, "ukat/L", Some(60.0)),
            ("3016-3", 2.5, "uU/mL", Some(2.5)),
            ("2276-4", 100.0, "pmol/L", None),
            ("6690-2", 7.0, "10*9/L", Some(7.0)),
            ("6690-2", 7.0, "mmol/L", None),
            ("4544-3", 0.45, "1", Some(45.0)),
            ("4544-3", 0.45, "L/L", Some(45.0)),
            ("770-8", 0.6, "1", Some(60.0)),
            ("751-8", 4.5, "10*9/L", Some(4.5)),
            ("751-8", 4500.0, "/uL", Some(4.5)),
            ("785-6", 1.9, "fmol", Some(30.61755)),
            ("786-4", 20.0, "mmol/L", Some(32.229)),
            ("20448-7", 10.0, "m[IU]/L", Some(10.0)),
            ("20448-7", 60.0, "pmol/L", Some(10.0)),
            ("20448-7", 10.0, "uU/mL", Some(10.0)),
            ("14796-7", 10.0, "u[IU]/mL", Some(60.0)),
            ("14796-7", 10.0, "mU/L", Some(60.0)),
            ("9318-7", 3.0, "mg/mmol", Some(26.520_509_193_776_522)),
            ("2842-3", 10.0, "m[IU]/L", None),
            ("43583-4", 10.0, "mg/dL", None),
            ("19113-0", 100.0, "kU/L", Some(100.0)),
        ] {
            let analyte = Analyte::of(code).unwrap();
            let scale = Scale::new(Some(analyte), unit, analyte.unit);
            let converted = scale.and_then(|scale| scale.apply(value));
            assert_eq!(converted, expected, "{code} {unit}");
        }
        let calcium = Analyte::of("2000-8");
        let back = Scale::new(calcium, "mmol/L", "meq/L").unwrap();
        assert_eq!(back.apply(2.5), Some(5.0));
        assert_eq!(
            Scale::IDENTITY.apply(-0.0).map(f64::to_bits),
            Some((-0.0f64).to_bits())
        );
    }
}
