//! Conversion of values between units.

use octofhir_ucum::{Case, EvalResult, Number, UnitExpr, evaluate, lookup_unit, parse_expression};

use super::normalize;
use crate::domain::text::quoted;

/// How values get from one unit to another. Made once, applied to many values.
#[derive(Debug, Clone, PartialEq)]
pub enum Conversion {
    /// The same unit: values keep their bits.
    Identity,
    Multiply(f64),
    /// Where the inverse factor is the rounder number: g to kg is `/ 1000`.
    Divide(f64),
    /// Not proportional (temperatures, logarithms): UCUM codes for the library.
    Function {
        from: String,
        to: String,
    },
}

/// Why a value cannot be converted. The texts name units, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    #[error("{} is no unit", quoted(.0))]
    Unknown(String),
    #[error("{} does not convert to {}", quoted(from), quoted(to))]
    Inconvertible { from: String, to: String },
    #[error("the value has no counterpart in {}", quoted(.0))]
    OutOfDomain(String),
}

/// `value` in unit `from` as a value in unit `to`, each in any spelling that
/// [`normalize`] knows. Equal units give the same bits.
///
/// # Errors
/// When a spelling is no unit, the two measure different things, or the value
/// has no counterpart.
pub fn convert(value: f64, from: &str, to: &str) -> Result<f64, UnitError> {
    let code = |unit: &str| normalize(unit).ok_or_else(|| UnitError::Unknown(unit.to_owned()));
    let (from, to) = (code(from)?, code(to)?);
    Conversion::new(&from, &to, None)?
        .apply(value)
        .ok_or_else(|| UnitError::OutOfDomain(to.into_owned()))
}

/// As [`convert`], of UCUM codes only and with a molar mass in g/mol where
/// mass and amount of substance meet.
///
/// # Errors
/// As [`convert`].
pub fn convert_ucum(
    value: f64,
    from: &str,
    to: &str,
    molar_mass: Option<f64>,
) -> Result<f64, UnitError> {
    for code in [from, to] {
        // Equal units convert without being parsed.
        if !super::is_ucum(code) {
            return Err(UnitError::Unknown(code.to_owned()));
        }
    }
    Conversion::new(from, to, molar_mass)?
        .apply(value)
        .ok_or_else(|| UnitError::OutOfDomain(to.to_owned()))
}

impl Conversion {
    /// From and to are UCUM codes. With a molar mass in g/mol an amount of
    /// substance converts to a mass and back (blood glucose: 180.156).
    ///
    /// # Errors
    /// When a code is not UCUM, or the two measure different things.
    pub fn new(from: &str, to: &str, molar_mass: Option<f64>) -> Result<Self, UnitError> {
        if from == to {
            return Ok(Self::Identity);
        }
        let inconvertible = || UnitError::Inconvertible {
            from: from.to_owned(),
            to: to.to_owned(),
        };
        let (a, b) = (Term::parse(from)?, Term::parse(to)?);
        if a.substance == b.substance {
            if !a.unit.is_commensurable(&b.unit) {
                return Err(inconvertible());
            }
            if a.unit.special.is_some() || b.unit.special.is_some() {
                return Ok(Self::Function {
                    from: from.to_owned(),
                    to: to.to_owned(),
                });
            }
            return proportional(a.unit.factor, b.unit.factor)
                // A number of things is no fraction of anything.
                .filter(|way| *way == Self::Identity || !(counts(from) || counts(to)))
                .ok_or_else(inconvertible);
        }
        let molar_mass = molar_mass.ok_or_else(inconvertible)?;
        through_molar_mass(&a, &b, molar_mass).ok_or_else(inconvertible)
    }

    /// The converted value; none when it is not a finite number or outside
    /// what the target unit can express.
    pub fn apply(&self, value: f64) -> Option<f64> {
        let converted = match self {
            Self::Identity => value,
            Self::Multiply(factor) => shortest(value * factor),
            Self::Divide(divisor) => shortest(value / divisor),
            Self::Function { from, to } => octofhir_ucum::convert(value, from, to).ok()?,
        };
        converted.is_finite().then_some(converted)
    }
}

/// Whether a code is nothing but an annotation: steps, a score.
fn counts(code: &str) -> bool {
    code.starts_with('{') && code.ends_with('}') && code != "{ratio}"
}

/// A binary product of decimals misses the decimal it stands for by a few
/// units in the last place: 0.57 × 100 is 56.99999999999999. Where a decimal
/// of at most nine places is as near as that, it is the one that is meant.
fn shortest(value: f64) -> f64 {
    const PLACES: f64 = 1e9;
    let scaled = (value * PLACES).round();
    // Beyond 2^53 not every integer is a double, so nothing could be said.
    if scaled.abs() > 9e15 {
        return value;
    }
    let decimal = scaled / PLACES;
    if (decimal - value).abs() <= value.abs() * (4.0 * f64::EPSILON) {
        decimal
    } else {
        value
    }
}

/// The conversion by `from / to`, as the rounder of factor and divisor.
fn proportional(from: Number, to: Number) -> Option<Conversion> {
    let factor = from.checked_div(to)?;
    if factor == Number::ONE {
        return Some(Conversion::Identity);
    }
    let divisor = to.checked_div(from)?;
    let (digits, exponent) = factor.to_integer_and_exponent();
    let (divisor_digits, _) = divisor.to_integer_and_exponent();
    let conversion = if exponent >= 0 || digits.unsigned_abs() < divisor_digits.unsigned_abs() {
        Conversion::Multiply(factor.to_f64())
    } else {
        Conversion::Divide(divisor.to_f64())
    };
    match conversion {
        Conversion::Multiply(by) | Conversion::Divide(by) if !by.is_normal() => None,
        conversion => Some(conversion),
    }
}

/// Mass from amount of substance or the reverse: one power of `mol` more on
/// one side must be one power of gram more on the other.
fn through_molar_mass(a: &Term, b: &Term, molar_mass: f64) -> Option<Conversion> {
    const GRAM: usize = 2;
    let moles = a.substance.moles - b.substance.moles;
    let mut dimension = a.unit.dim;
    dimension.0[GRAM] = dimension.0[GRAM].checked_add(i8::try_from(moles).ok()?)?;
    let fits = moles.abs() == 1
        && a.substance.equivalents == b.substance.equivalents
        && a.substance.osmoles == b.substance.osmoles
        && dimension == b.unit.dim
        && a.unit.arbitrary == b.unit.arbitrary
        && a.unit.special.is_none()
        && b.unit.special.is_none();
    if !fits || !molar_mass.is_normal() || molar_mass < 0.0 {
        return None;
    }
    // In UCUM a mole is a number, so a factor in moles has Avogadro's in it.
    let avogadro = evaluate(&UnitExpr::Symbol("mol".to_owned())).ok()?.factor;
    let gram_per_entity = Number::from_f64(molar_mass)?.checked_div(avogadro)?;
    if moles == 1 {
        proportional(a.unit.factor.checked_mul(gram_per_entity)?, b.unit.factor)
    } else {
        proportional(a.unit.factor, b.unit.factor.checked_mul(gram_per_entity)?)
    }
}

/// A unit and what UCUM leaves out of its dimension.
struct Term {
    unit: EvalResult,
    substance: Substance,
}

impl Term {
    fn parse(code: &str) -> Result<Self, UnitError> {
        let unknown = || UnitError::Unknown(code.to_owned());
        let parsed = parse_expression(code).map_err(|_| unknown())?;
        Ok(Self {
            unit: evaluate(&parsed).map_err(|_| unknown())?,
            substance: Substance::of(&parsed),
        })
    }
}

/// Powers of the units that UCUM takes for pure numbers although they count
/// different things. Without them mmol/L would convert to cells per litre.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Substance {
    moles: i64,
    equivalents: i64,
    osmoles: i64,
}

impl Substance {
    fn of(expr: &UnitExpr) -> Self {
        match expr {
            UnitExpr::Symbol(symbol) => Self::of_symbol(symbol),
            UnitExpr::Power(base, exponent) => Self::of(base).times(i64::from(*exponent)),
            UnitExpr::Annotated(unit, _) => Self::of(unit),
            UnitExpr::Product(terms) => terms
                .iter()
                .map(Self::of)
                .fold(Self::default(), |a, b| a.plus(b)),
            UnitExpr::Quotient(over, under) => Self::of(over).plus(Self::of(under).times(-1)),
            UnitExpr::Reciprocal(unit) => Self::of(unit).times(-1),
            UnitExpr::Numeric(_) | UnitExpr::Annotation(_) => Self::default(),
        }
    }

    fn of_symbol(symbol: &str) -> Self {
        let mut substance = Self::default();
        match lookup_unit(symbol, Case::Sensitive).map(|(_, atom)| atom.code) {
            // katal: mol/s; U: umol/min; [pH]: of mol/l.
            Some("mol" | "kat" | "U" | "[pH]") => substance.moles = 1,
            Some("eq") => substance.equivalents = 1,
            Some("osm") => substance.osmoles = 1,
            _ => {}
        }
        substance
    }

    fn times(self, by: i64) -> Self {
        Self {
            moles: self.moles.saturating_mul(by),
            equivalents: self.equivalents.saturating_mul(by),
            osmoles: self.osmoles.saturating_mul(by),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            moles: self.moles.saturating_add(other.moles),
            equivalents: self.equivalents.saturating_add(other.equivalents),
            osmoles: self.osmoles.saturating_add(other.osmoles),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_convert_to_the_decimal_that_is_meant() {
        for (value, from, to, expected) in [
            (98.6, "[degF]", "Cel", 37.0),
            (37.0, "Cel", "[degF]", 98.6),
            (310.15, "K", "Cel", 37.0),
            (1.0, "lb", "kg", 0.453_592_37),
            (150.0, "lbs", "kg", 68.038_855_5),
            (70.1, "in", "cm", 178.054),
            (3.1, "mi", "m", 4_988.966_4),
            (5.3, "km", "m", 5300.0),
            (3456.0, "g", "kg", 3.456),
            (418.4, "kJ", "kcal", 100.0),
            (16.0, "kPa", "Pa", 16_000.0),
            (0.57, "1", "%", 57.0),
            (7.5, "hr", "min", 450.0),
            (5.4, "mmol/L", "umol/mL", 5.4),
            (120.0, "bpm", "/s", 2.0),
            (1.2, "g/dL", "g/L", 12.0),
            (0.0, "lb", "kg", 0.0),
            (-4.0, "mmol/L", "mol/L", -0.004),
        ] {
            assert_eq!(
                convert(value, from, to),
                Ok(expected),
                "{value} {from} {to}"
            );
        }
    }

    #[test]
    fn equal_units_keep_the_bits() {
        for value in [0.1, -0.0, 1e-310, 72.000_000_000_000_01] {
            let same = convert(value, "beats/min", "/min").unwrap();
            assert_eq!(same.to_bits(), value.to_bits());
        }
        assert_eq!(
            Conversion::new("{steps}", "{count}", None),
            Ok(Conversion::Identity)
        );
        assert_eq!(
            Conversion::new("mL/min/kg", "mL/kg/min", None),
            Ok(Conversion::Identity)
        );
    }

    #[test]
    fn different_things_do_not_convert() {
        for (from, to) in [
            ("mmol/L", "10*9/L"),
            ("mmol/L", "meq/L"),
            ("mosm/kg", "mmol/kg"),
            ("mmol/L", "/L"),
            ("U/L", "/min/L"),
            ("U/L", "[IU]/L"),
            ("mg/dL", "mmol/L"),
            ("kg", "m"),
            ("[IU]/L", "mU/mL"),
            ("Cel", "%"),
        ] {
            assert!(
                matches!(convert(1.0, from, to), Err(UnitError::Inconvertible { .. })),
                "{from} {to}"
            );
        }
        assert_eq!(
            convert(1.0, "furlongs", "m"),
            Err(UnitError::Unknown("furlongs".to_owned()))
        );
    }

    #[test]
    fn a_molar_mass_turns_substance_into_mass() {
        for (value, from, to, expected) in [
            (5.5, "mmol/L", "mg/dL", 99.0858),
            (99.0858, "mg/dL", "mmol/L", 5.5),
            (1.0, "mol", "g", 180.156),
        ] {
            let conversion = Conversion::new(from, to, Some(180.156)).unwrap();
            assert_eq!(conversion.apply(value), Some(expected), "{from} {to}");
        }
        for (from, to) in [
            ("mmol/L", "mg"),
            ("meq/L", "mg/dL"),
            ("mmol/L", "10*9/L"),
            ("kg", "%"),
        ] {
            assert!(
                Conversion::new(from, to, Some(180.156)).is_err(),
                "{from} {to}"
            );
        }
    }

    #[test]
    fn what_has_no_counterpart_is_none() {
        assert_eq!(Conversion::Multiply(1e10).apply(1e305), None);
        assert_eq!(Conversion::Identity.apply(f64::NAN), None);
        assert_eq!(
            convert(-1.0, "mol/L", "[pH]"),
            Err(UnitError::OutOfDomain("[pH]".to_owned()))
        );
    }

    proptest::proptest! {
        #[test]
        fn there_and_back_is_the_same_number(value in -1e6..1e6f64) {
            for (a, b) in [("kg", "[lb_av]"), ("Cel", "[degF]"), ("cm", "[in_i]"), ("kcal", "kJ")] {
                let back = convert(convert(value, a, b).unwrap(), b, a).unwrap();
                proptest::prop_assert!((back - value).abs() <= value.abs() * 1e-12 + 1e-9);
            }
        }
    }
}
