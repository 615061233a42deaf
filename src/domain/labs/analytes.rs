//! Analytes by LOINC code: the unit that their results are folded in, and
//! what it takes to get there.
//!
//! A series stays one code's: codes are never merged, only the units of one.
//! Hemoglobin A1c (4548-4 in % NGSP, 59261-8 in mmol/mol IFCC) is left out:
//! UCUM takes mmol/mol for 0.1 %, but the scales differ by a master equation.

use crate::domain::units::Conversion;

/// An analyte and the codes that report it.
#[derive(Debug)]
struct Substance {
    /// In g/mol.
    molar_mass: Option<f64>,
    /// Equivalents in a mole.
    charge: Option<f64>,
    /// Whether laboratories write U and IU for the same: of enzymes both are
    /// µmol/min, of thyrotropin both are the international unit.
    is_iu_u: bool,
    /// Code and canonical unit, which is normal UCUM.
    codes: &'static [(&'static str, &'static str)],
}

const fn molar(molar_mass: f64, codes: &'static [(&'static str, &'static str)]) -> Substance {
    Substance {
        molar_mass: Some(molar_mass),
        ..plain(codes)
    }
}

const fn ion(
    molar_mass: f64,
    charge: f64,
    codes: &'static [(&'static str, &'static str)],
) -> Substance {
    Substance {
        charge: Some(charge),
        ..molar(molar_mass, codes)
    }
}

const fn plain(codes: &'static [(&'static str, &'static str)]) -> Substance {
    Substance {
        molar_mass: None,
        charge: None,
        is_iu_u: false,
        codes,
    }
}

/// Molar masses are sums of the abridged standard atomic weights (IUPAC 2021)
/// over the formula beside them, `PubChem`'s for the compound named.
#[rustfmt::skip]
const SUBSTANCES: &[Substance] = &[
    // Glucose: serum, blood, fasting, glucometer, urine; then molar.
    molar(180.156, &[ // C6H12O6
        ("2345-7", "mg/dL"), ("2339-0", "mg/dL"), ("1558-6", "mg/dL"), ("41653-7", "mg/dL"), ("5792-7", "mg/dL"),
        ("14749-6", "mmol/L"), ("15074-8", "mmol/L"), ("14771-0", "mmol/L"),
    ]),
    // Cholesterol: total, HDL, LDL, VLDL, non-HDL; then molar.
    molar(386.664, &[ // C27H46O
        ("2093-3", "mg/dL"), ("2085-9", "mg/dL"), ("13457-7", "mg/dL"), ("18262-6", "mg/dL"), ("2089-1", "mg/dL"),
        ("13458-5", "mg/dL"), ("43396-1", "mg/dL"),
        ("14647-2", "mmol/L"), ("14646-4", "mmol/L"), ("22748-8", "mmol/L"), ("39469-2", "mmol/L"),
        ("69419-0", "mmol/L"), ("25371-6", "mmol/L"),
    ]),
    // Triglycerides: a mixture, converted by convention as triolein.
    molar(885.453, &[ // C57H104O6
        ("2571-8", "mg/dL"), ("3043-7", "mg/dL"), ("14927-8", "mmol/L"), ("70218-3", "mmol/L"),
    ]),
    // Creatinine: serum, blood; molar; urine in mass and molar.
    molar(113.12, &[ // C4H7N3O
        ("2160-0", "mg/dL"), ("38483-4", "mg/dL"), ("14682-9", "umol/L"), ("59826-8", "umol/L"),
        ("2161-8", "mg/dL"), ("14683-7", "mmol/L"),
    ]),
    // Urea nitrogen: the mass is that of the two nitrogen atoms of urea.
    molar(28.014, &[("3094-0", "mg/dL"), ("6299-2", "mg/dL"), ("14937-7", "mmol/L")]), // N2
    // Urea as the whole molecule.
    molar(60.056, &[ // CH4N2O
        ("3091-6", "mg/dL"), ("20977-5", "mg/dL"), ("22664-7", "mmol/L"), ("72903-8", "mmol/L"),
    ]),
    // Uric acid.
    molar(168.112, &[("3084-1", "mg/dL"), ("14933-6", "umol/L")]), // C5H4N4O3
    // Bilirubin: total, blood, direct, indirect; then molar.
    molar(584.673, &[ // C33H36N4O6
        ("1975-2", "mg/dL"), ("42719-5", "mg/dL"), ("1968-7", "mg/dL"), ("1971-1", "mg/dL"),
        ("14631-6", "umol/L"), ("14629-0", "umol/L"), ("14630-8", "umol/L"),
    ]),
    ion(40.078, 2.0, &[("17861-6", "mg/dL"), ("49765-1", "mg/dL"), ("2000-8", "mmol/L")]), // Ca
    ion(24.305, 2.0, &[("19123-9", "mg/dL"), ("2601-3", "mmol/L")]), // Mg
    // Phosphate: laboratories report the mass of its phosphorus. Its charge
    // depends on the pH, so equivalents are not converted.
    molar(30.974, &[("2777-1", "mg/dL"), ("14879-1", "mmol/L")]), // P
    ion(22.99, 1.0, &[("2951-2", "mmol/L"), ("2947-0", "mmol/L")]), // Na
    ion(39.098, 1.0, &[("2823-3", "mmol/L"), ("6298-4", "mmol/L")]), // K
    ion(35.45, 1.0, &[("2075-0", "mmol/L"), ("2069-3", "mmol/L")]), // Cl
    // Carbon dioxide, bicarbonate and anion gap: charges counted as one.
    Substance {
        charge: Some(1.0),
        ..plain(&[("2028-9", "mmol/L"), ("20565-8", "mmol/L"), ("1963-8", "mmol/L"), ("33037-3", "mmol/L")])
    },
    molar(55.845, &[("2498-4", "ug/dL"), ("14798-3", "umol/L")]), // Fe
    // Vitamin B12 as cyanocobalamin, which assays are calibrated with.
    molar(1355.388, &[("2132-9", "pg/mL"), ("14685-2", "pmol/L")]), // C63H88CoN14O14P
    // Vitamin D 25-OH: D3; the sum of D2 and D3 is converted as D3 as well.
    molar(400.647, &[("1989-3", "ng/mL"), ("62292-8", "ng/mL"), ("14635-7", "nmol/L")]), // C27H44O2
    // Folate as folic acid.
    molar(441.404, &[("2284-8", "ng/mL"), ("14732-2", "nmol/L")]), // C19H19N7O6
    // Free thyroxine (T4) and free triiodothyronine (T3).
    molar(776.872, &[("3024-7", "ng/dL"), ("14920-3", "pmol/L")]), // C15H11I4NO4
    molar(650.976, &[("3051-0", "pg/mL"), ("14928-6", "pmol/L")]), // C15H12I3NO4
    // Cortisol, testosterone.
    molar(362.466, &[("2143-6", "ug/dL"), ("14675-3", "nmol/L")]), // C21H30O5
    molar(288.431, &[("2986-8", "ng/dL"), ("14913-8", "nmol/L")]), // C19H28O2
    // Lactate as lactic acid, ammonia as NH3 (not as nitrogen), homocysteine.
    molar(90.078, &[("14118-4", "mg/dL"), ("2524-7", "mmol/L")]), // C3H6O3
    molar(17.031, &[("22763-7", "ug/dL"), ("16362-6", "umol/L")]), // NH3
    molar(135.181, &[("2428-1", "mg/L"), ("13965-9", "umol/L")]), // C4H9NO2S
    // Hemoglobin: mmol/L counts monomers, a quarter of the tetramer (ICSH).
    molar(16_114.5, &[("718-7", "g/dL"), ("59260-0", "mmol/L")]),
    // Proteins: mass only. Albumin, in urine, protein, globulin, CRP,
    // ferritin, PSA, NT-proBNP, MCHC.
    plain(&[
        ("1751-7", "g/dL"), ("1754-1", "mg/L"), ("2885-2", "g/dL"), ("10834-0", "g/dL"), ("1988-5", "mg/L"),
        ("30522-7", "mg/L"), ("2276-4", "ng/mL"), ("2857-1", "ng/mL"), ("33762-6", "pg/mL"), ("786-4", "g/dL"),
    ]),
    // Leukocytes, platelets, erythrocytes.
    plain(&[
        ("6690-2", "10*3/uL"), ("26464-8", "10*3/uL"), ("777-3", "10*3/uL"), ("26515-7", "10*3/uL"),
        ("789-8", "10*6/uL"), ("26453-1", "10*6/uL"),
    ]),
    // TSH; then ALT, AST, ALP, GGT, LDH, CK, amylase, lipase.
    Substance {
        is_iu_u: true,
        ..plain(&[
            ("3016-3", "m[IU]/L"), ("11579-0", "m[IU]/L"),
            ("1742-6", "U/L"), ("1920-8", "U/L"), ("6768-6", "U/L"), ("2324-2", "U/L"), ("2532-0", "U/L"),
            ("2157-6", "U/L"), ("1798-8", "U/L"), ("3040-3", "U/L"),
        ])
    },
];

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

impl Analyte {
    pub(super) fn of(code: &str) -> Option<Self> {
        SUBSTANCES.iter().find_map(|substance| {
            let (_, unit) = substance.codes.iter().find(|(known, _)| *known == code)?;
            Some(Self { substance, unit })
        })
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
        let conversion = |from: &str, to: &str| Conversion::new(from, to, molar_mass).ok();
        if let Some(conversion) = conversion(from, to) {
            return Some(Scale {
                conversion,
                ..Scale::IDENTITY
            });
        }
        let substance = substance?;
        if substance.is_iu_u {
            let as_units = |unit: &str| unit.replace("[IU]", "U");
            return Some(Scale {
                conversion: conversion(&as_units(from), &as_units(to))?,
                ..Scale::IDENTITY
            });
        }
        let charge = substance.charge?;
        let (from_moles, to_moles) = (in_moles(from), in_moles(to));
        Some(Scale {
            conversion: conversion(
                from_moles.as_deref().unwrap_or(from),
                to_moles.as_deref().unwrap_or(to),
            )?,
            divisor: if from_moles.is_some() { charge } else { 1.0 },
            factor: if to_moles.is_some() { charge } else { 1.0 },
        })
    }

    pub(super) fn is_identity(&self) -> bool {
        *self == Scale::IDENTITY
    }

    /// None where the result is no finite number.
    pub(super) fn apply(&self, value: f64) -> Option<f64> {
        let converted = self.conversion.apply(value / self.divisor)? * self.factor;
        converted.is_finite().then_some(converted)
    }
}

/// `meq/L` as `mmol/L`; none where the unit counts no equivalents.
fn in_moles(unit: &str) -> Option<String> {
    let (prefix, volume) = unit.split_once("eq/")?;
    matches!(prefix, "" | "m" | "u").then(|| format!("{prefix}mol/{volume}"))
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
                _ => panic!("{symbol}"),
            };
            mass += weight * count.parse().unwrap_or(1.0);
            rest = after;
        }
        mass
    }

    #[test]
    fn molar_masses_are_those_of_their_formulas() {
        let formulas = [
            ("2345-7", "C6H12O6"),
            ("2093-3", "C27H46O"),
            ("2571-8", "C57H104O6"),
            ("2160-0", "C4H7N3O"),
            ("3094-0", "N2"),
            ("3091-6", "CH4N2O"),
            ("3084-1", "C5H4N4O3"),
            ("1975-2", "C33H36N4O6"),
            ("17861-6", "Ca"),
            ("19123-9", "Mg"),
            ("2777-1", "P"),
            ("2951-2", "Na"),
            ("2823-3", "K"),
            ("2075-0", "Cl"),
            ("2498-4", "Fe"),
            ("2132-9", "C63H88CoN14O14P"),
            ("1989-3", "C27H44O2"),
            ("2284-8", "C19H19N7O6"),
            ("3024-7", "C15H11I4NO4"),
            ("3051-0", "C15H12I3NO4"),
            ("2143-6", "C21H30O5"),
            ("2986-8", "C19H28O2"),
            ("14118-4", "C3H6O3"),
            ("22763-7", "NH3"),
            ("2428-1", "C4H9NO2S"),
        ];
        for (code, formula) in formulas {
            let given = Analyte::of(code).unwrap().substance.molar_mass.unwrap();
            let expected = mass(formula);
            assert!((expected - given).abs() < 1e-6, "{formula}: {expected}");
        }
        // Hemoglobin's is that of a protein's chains.
        let masses = SUBSTANCES.iter().filter(|s| s.molar_mass.is_some());
        assert_eq!(masses.count(), formulas.len() + 1);
    }

    #[test]
    fn codes_are_loinc_and_units_are_normal() {
        let mut seen = BTreeSet::new();
        for (code, unit) in SUBSTANCES.iter().flat_map(|substance| substance.codes) {
            assert!(loinc::is_well_formed(code), "{code}");
            assert!(seen.insert(code), "{code} twice");
            assert_eq!(units::normalize(unit).as_deref(), Some(*unit));
        }
        for hemoglobin_a1c in ["4548-4", "59261-8"] {
            assert!(Analyte::of(hemoglobin_a1c).is_none());
        }
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
