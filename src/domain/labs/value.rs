//! Results as laboratories report them.

use super::flag::Flag;
use super::range::Interval;
use crate::domain::number::{
    Comparator, Decimal, Numeral, begins_unit, comparator, counts_wholes, numeral, power_factor,
    power_of_ten, trailing_comparator,
};
use crate::domain::sum::MAX_SUMMAND;
use crate::domain::text::clean;
use crate::domain::units;

/// What a reported result says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    Number(f64),
    /// Outside what the method can measure: `<0.5`.
    Bound(Comparator, f64),
    /// Words, titres, intervals, codes: everything else.
    Text,
}

/// Why a result is neither a number nor a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    NotFinite,
    /// A mark before three digits that may be of decimals or of thousands, or
    /// digits in groups without a unit and a range.
    Ambiguous,
    /// The result names another unit than the row.
    OtherUnit,
}

/// A result taken apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Parts<'t> {
    number: Option<Number>,
    /// The unit behind the number, where the row has none of its own.
    pub(super) unit: Option<&'t str>,
    /// The flag beside the number: `112 H`.
    pub(super) flag: Option<Flag>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Number {
    comparator: Option<Comparator>,
    numeral: Numeral,
    /// `x 10^3` behind the number.
    factor: f64,
    /// The number has an `L` behind it and the row no unit: low, or litres.
    is_low_or_litre: bool,
}

impl<'t> Parts<'t> {
    const TEXT: Parts<'static> = Parts {
        number: None,
        unit: None,
        flag: None,
    };

    /// Takes `text`, cleaned, apart; `unit` is the row's own, as reported.
    pub(super) fn of(text: &'t str, unit: Option<&str>) -> Result<Parts<'t>, Fault> {
        if is_digits(text)
            && let Some((numeral, "")) = numeral(text)
        {
            return Ok(Parts {
                number: Some(Number {
                    comparator: None,
                    numeral,
                    factor: 1.0,
                    is_low_or_litre: false,
                }),
                ..Parts::TEXT
            });
        }
        if is_not_finite(text) {
            return Err(Fault::NotFinite);
        }
        // A dash is no unit.
        let unit = unit.filter(|unit| !units::code_or_text(Some(unit)).is_empty());
        let unit = &*clean(unit.unwrap_or_default());
        // `1.5 L` in litres and `24 H` in hours have no flag.
        let is_own = |token: &str| text.ends_with(token) && is_same_unit(token, unit);
        let is_hour = text.ends_with(" H") && is_same_unit("h", unit);
        let beside = match text.strip_suffix(" H").filter(|_| is_hour) {
            Some(number) => Some((number, None)),
            None => Flag::beside(text).filter(|_| !is_own("L")),
        };
        let ends_in_litre = beside.is_some() && text.ends_with('L') && !text.ends_with("LL");
        let (text, flag) = beside.unwrap_or((text, None));
        let (trailing, text) = match trailing_comparator(text) {
            Some((comparator, rest)) => (Some(comparator), rest),
            None => (None, text),
        };
        let (leading, text) = match comparator(text) {
            Some((comparator, rest)) => (Some(comparator), rest),
            None => (None, text),
        };
        let Some((numeral, rest)) = numeral(text) else {
            return Ok(Parts::TEXT);
        };
        let Some((factor, named)) = tail(numeral, rest, unit)? else {
            return Ok(Parts::TEXT);
        };
        // A grade of a test strip, unless something measured it.
        let is_grade = text.starts_with('+')
            && flag.is_none()
            && leading.is_none()
            && unit.is_empty()
            && named.is_empty()
            && matches!(numeral, Numeral::Clear(1.0..=4.0, None));
        Ok(Parts {
            number: (!is_grade).then_some(Number {
                comparator: leading.or(trailing),
                numeral,
                factor,
                is_low_or_litre: ends_in_litre && unit.is_empty() && named.is_empty(),
            }),
            unit: (unit.is_empty() && !named.is_empty()).then_some(named),
            flag,
        })
    }

    /// The result in `unit`, the unit that it is reported in, beside the range
    /// of the same report.
    pub(super) fn value(&self, unit: &str, interval: Option<&Interval>) -> Result<Value, Fault> {
        let Some(number) = self.number else {
            return Ok(Value::Text);
        };
        if number.is_low_or_litre && interval.is_none() {
            return Err(Fault::Ambiguous);
        }
        let amount = settled(number.numeral, unit, interval).ok_or(Fault::Ambiguous)?;
        let amount = amount * number.factor;
        if amount.abs() > MAX_SUMMAND {
            return Err(Fault::NotFinite);
        }
        Ok(match number.comparator {
            Some(comparator) => Value::Bound(comparator, amount),
            None => Value::Number(amount),
        })
    }
}

/// Digits and points only, as nearly all results are: no unit and no flag.
pub(super) fn is_digits(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// The factor and the unit behind a number; none where anything else is.
fn tail<'t>(numeral: Numeral, rest: &'t str, unit: &str) -> Result<Option<(f64, &'t str)>, Fault> {
    let rest = rest.trim_start();
    if rest.is_empty() {
        return Ok(Some((1.0, "")));
    }
    let is_of_row = |named: &str| named == unit || is_same_unit(named, unit);
    if !unit.is_empty() && is_of_row(rest) {
        return Ok(Some((1.0, rest)));
    }
    let (factor, named) = match numeral {
        Numeral::Clear(10.0, None) => power_of_ten(rest).map(|(power, rest)| (power / 10.0, rest)),
        _ => None,
    }
    .or_else(|| power_factor(rest))
    .unwrap_or((1.0, rest));
    let named = named.trim_start();
    if named.is_empty() {
        // `4.5 x10^3` in a row whose unit has the power too.
        let is_doubled = units::code_or_text(Some(unit)).contains("10");
        return if is_doubled {
            Err(Fault::Ambiguous)
        } else {
            Ok(Some((factor, "")))
        };
    }
    let bare = bare(named);
    if !begins_unit(bare) || !(units::normalize(bare).is_some() || counts_wholes(bare)) {
        return Ok(None);
    }
    if unit.is_empty() || is_of_row(bare) {
        Ok(Some((factor, bare)))
    } else {
        Err(Fault::OtherUnit)
    }
}

/// `text` without the brackets around it.
pub(super) fn bare(text: &str) -> &str {
    let inside = |open, close| text.strip_prefix(open)?.strip_suffix(close);
    inside('(', ')')
        .or_else(|| inside('[', ']'))
        .map_or(text, str::trim)
}

fn is_same_unit(one: &str, other: &str) -> bool {
    units::code_or_text(Some(one)) == units::code_or_text(Some(other))
}

/// What a numeral says in `unit` beside a range; none where that leaves it
/// open.
fn settled(numeral: Numeral, unit: &str, interval: Option<&Interval>) -> Option<f64> {
    let shown = interval.and_then(|interval| interval.decimal);
    let (mark, as_decimal) = match numeral {
        Numeral::Clear(number, _) => return Some(number),
        Numeral::Grouped(number, _) => {
            return (!unit.is_empty() || interval.is_some()).then_some(number);
        }
        Numeral::Open {
            mark, as_decimal, ..
        } => (mark, as_decimal),
    };
    let decimal = match (mark, shown, counts_wholes(unit)) {
        // A comma before three digits.
        (Decimal::Comma, Some(Decimal::Comma), false) => Decimal::Comma,
        (Decimal::Comma, Some(Decimal::Point) | None, true) => Decimal::Point,
        // The range has points for decimals; but read that way, the result
        // must not lie within it.
        (Decimal::Comma, Some(Decimal::Point), false)
            if interval.is_some_and(|interval| !interval.contains(as_decimal)) =>
        {
            Decimal::Point
        }
        // A point before three digits.
        (Decimal::Point, Some(Decimal::Point), _) | (Decimal::Point, None, false) => Decimal::Point,
        (Decimal::Point, Some(Decimal::Comma), true) => Decimal::Comma,
        _ => return None,
    };
    Some(numeral.with(decimal))
}

fn is_not_finite(text: &str) -> bool {
    let word = text.trim_start_matches(['-', '+']);
    ["nan", "inf", "infinity"]
        .iter()
        .any(|name| word.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::labs::range::{self, Range};

    /// The result in a row with `unit` and `range`.
    fn read(text: &str, unit: &str, range: &str) -> Result<Value, Fault> {
        let parts = Parts::of(text, Some(unit))?;
        let unit = parts.unit.unwrap_or(unit);
        match range::parse(range, unit) {
            Some(Range::Interval(interval, _)) => parts.value(unit, Some(&interval)),
            _ => parts.value(unit, None),
        }
    }

    #[test]
    fn reported_results_are_read() {
        use Comparator::{Above, AtLeast, AtMost, Below};
        for (text, value) in [
            ("5.4", Value::Number(5.4)),
            ("5", Value::Number(5.0)),
            ("+5", Value::Number(5.0)),
            ("-2.5", Value::Number(-2.5)),
            ("−2.5", Value::Number(-2.5)),
            (".5", Value::Number(0.5)),
            ("5.", Value::Number(5.0)),
            ("1e3", Value::Number(1000.0)),
            ("1.2E3", Value::Number(1200.0)),
            ("1.005", Value::Number(1.005)),
            ("-1E-245", Value::Number(-1e-245)),
            ("<0.5", Value::Bound(Below, 0.5)),
            (">200", Value::Bound(Above, 200.0)),
            ("<=1.005", Value::Bound(AtMost, 1.005)),
            (">= 60", Value::Bound(AtLeast, 60.0)),
            ("≤ 3", Value::Bound(AtMost, 3.0)),
            ("≥3", Value::Bound(AtLeast, 3.0)),
            ("=> 90", Value::Bound(AtLeast, 90.0)),
            ("< -2", Value::Bound(Below, -2.0)),
            ("GT 45", Value::Bound(Above, 45.0)),
            ("LT 5", Value::Bound(Below, 5.0)),
            ("less than 5", Value::Bound(Below, 5.0)),
            ("More than 5", Value::Bound(Above, 5.0)),
            ("greater than or equal to 5", Value::Bound(AtLeast, 5.0)),
            ("up to 40", Value::Bound(AtMost, 40.0)),
            ("> or = 60", Value::Bound(AtLeast, 60.0)),
            ("60 or more", Value::Bound(AtLeast, 60.0)),
            ("&lt;5", Value::Bound(Below, 5.0)),
            ("< 0,01", Value::Bound(Below, 0.01)),
            ("> 600 mg/dL", Value::Bound(Above, 600.0)),
            // Decimal commas that can be nothing else.
            ("5,4", Value::Number(5.4)),
            ("0,123", Value::Number(0.123)),
            ("1.234,5", Value::Number(1234.5)),
            ("1 234,5", Value::Number(1234.5)),
            // Thousands that can be nothing else.
            ("1'234", Value::Number(1234.0)),
            ("1,234.5", Value::Number(1234.5)),
            ("1,234,567", Value::Number(1_234_567.0)),
            ("1,50,000", Value::Number(150_000.0)),
            // Flags and units beside the number.
            ("112 H", Value::Number(112.0)),
            ("112H", Value::Number(112.0)),
            ("112 (H)", Value::Number(112.0)),
            ("112 [HH]", Value::Number(112.0)),
            ("H 112", Value::Number(112.0)),
            ("112*", Value::Number(112.0)),
            ("112 **", Value::Number(112.0)),
            ("*112", Value::Number(112.0)),
            ("112 ↑", Value::Number(112.0)),
            ("112 High", Value::Number(112.0)),
            ("<5 L*", Value::Bound(Below, 5.0)),
            ("5.4 mmol/L", Value::Number(5.4)),
            ("5.4 mmol/L H", Value::Number(5.4)),
            ("5.4mmol/L", Value::Number(5.4)),
            ("200mL", Value::Number(200.0)),
            ("98%", Value::Number(98.0)),
            ("150 10*3/uL", Value::Number(150.0)),
            ("98 (%)", Value::Number(98.0)),
            ("1.2 x 10^3", Value::Number(1200.0)),
            ("1.2x10³/uL", Value::Number(1200.0)),
            ("10^5 /mL", Value::Number(1e5)),
            ("4,398 /cumm", Value::Number(4398.0)),
            ("<5,000 copies/mL", Value::Bound(Below, 5000.0)),
            ("5 400 mg/L", Value::Number(5400.0)),
            // No numbers.
            ("Positive", Value::Text),
            ("0-2", Value::Text),
            ("5-10 /HPF", Value::Text),
            ("1:80", Value::Text),
            ("<1:10", Value::Text),
            ("12/5", Value::Text),
            ("120/80", Value::Text),
            ("120/80 mmHg", Value::Text),
            ("1+", Value::Text),
            ("+1", Value::Text),
            ("5 ± 0.2", Value::Text),
            ("~5", Value::Text),
            ("ca. 5", Value::Text),
            ("2024-05-06", Value::Text),
            ("06.05.2024", Value::Text),
            ("06/05/2024", Value::Text),
            ("555-1234", Value::Text),
            ("00123", Value::Text),
            ("5'10", Value::Text),
            ("1.2.3", Value::Text),
            ("112 (70-99)", Value::Text),
            ("2 seen", Value::Text),
            ("3 weeks ago", Value::Text),
            ("clear, yellow", Value::Text),
            ("N", Value::Text),
            ("e3", Value::Text),
            (".", Value::Text),
            ("<", Value::Text),
            ("0x1F", Value::Text),
            ("٣", Value::Text),
            ("--5", Value::Text),
            ("10E5", Value::Text),
            ("5 .4", Value::Text),
        ] {
            assert_eq!(read(text, "", ""), Ok(value), "{text}");
        }
    }

    #[test]
    fn the_row_decides_what_a_number_alone_leaves_open() {
        let number = |number| Ok(Value::Number(number));
        let ambiguous = Err(Fault::Ambiguous);
        for (text, unit, range, value) in [
            ("1,234", "", "", ambiguous),
            ("1,234", "mg/dL", "", ambiguous),
            ("1,234", "ng/mL", "30-400", ambiguous),
            ("1,234", "mmol/L", "0,5-2,0", number(1.234)),
            ("12,500", "mmol/L", "3,5-5,1", number(12.5)),
            ("4,398", "/cumm", "4,000-11,000", number(4398.0)),
            ("4,398", "cells/uL", "", number(4398.0)),
            ("4,398", "/uL", "4000-11000", number(4398.0)),
            ("4,398", "/uL", "4,5-11,0", ambiguous),
            ("4,398", "10*3/uL", "4,000-11,000", ambiguous),
            ("150,000", "/mm3", "150,000-450,000", number(150_000.0)),
            ("1,234", "U/L", "30.0-200.0", number(1234.0)),
            ("1,234", "U/L", "0.5-4.5", ambiguous),
            ("1,234", "mg/dL", "500-1,500", number(1234.0)),
            ("1.234", "", "", number(1.234)),
            ("1.020", "", "1.005-1.030", number(1.02)),
            ("1.234", "mmol/L", "0,5-2,0", ambiguous),
            ("4.398", "/uL", "", ambiguous),
            ("4.398", "/uL", "4.000-11.000", number(4398.0)),
            ("4.398", "/uL", "4.0-11.0", number(4.398)),
            ("1 234", "", "", ambiguous),
            ("1 234", "mg/L", "", number(1234.0)),
            ("1 234", "", "1 000 - 4 000", number(1234.0)),
            ("612.345.678", "", "", ambiguous),
            ("2.1 L", "", "", ambiguous),
            ("2.1 L", "", "3.5-5.1", number(2.1)),
            ("2.1 L", "mmol/L", "", number(2.1)),
            ("1.5 L", "L", "", number(1.5)),
            ("1.5L", "L", "", number(1.5)),
            ("+2", "mmol/L", "", number(2.0)),
            ("+2", "", "Negative", Ok(Value::Text)),
            ("5.4 mmol/L", "mmol/l", "", number(5.4)),
            ("5.4 mmol/L", "mg/dL", "", Err(Fault::OtherUnit)),
            ("98%", "%", "", number(98.0)),
            ("4.5 x10^3/uL", "10*3/uL", "", number(4.5)),
            ("4.5 x10^3", "10*3/uL", "", ambiguous),
            ("4.5 x10^3", "/uL", "", number(4500.0)),
            ("6.6 H", "mmol/L", "3,5-5,1", number(6.6)),
        ] {
            assert_eq!(read(text, unit, range), value, "{text} {unit} {range}");
        }
    }

    #[test]
    fn the_flag_beside_a_number_is_the_laboratorys() {
        for (text, flag) in [
            ("112 H", Some(Flag::High)),
            ("L 2.1", Some(Flag::Low)),
            ("112 (HH)", Some(Flag::CriticalHigh)),
            ("112 ↑", Some(Flag::High)),
            ("112!", Some(Flag::Abnormal)),
            ("112 low", Some(Flag::Low)),
            ("112*", None),
            ("112", None),
            ("112 mL", None),
            ("12 mg / L", None),
        ] {
            assert_eq!(Parts::of(text, None).unwrap().flag, flag, "{text}");
        }
        for (text, unit) in [("1.5 L", "L"), ("1.5L", "l"), ("24 H", "h")] {
            assert_eq!(Parts::of(text, Some(unit)).unwrap().flag, None, "{text}");
        }
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        for text in [
            "1e999",
            "-1e999",
            "<1e999",
            "NaN",
            "inf",
            "-Infinity",
            "1e300",
            "1e280 x10^9",
        ] {
            assert_eq!(read(text, "", ""), Err(Fault::NotFinite), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[\\PC0-9.,HL*() -]{0,20}") {
            let parts = Parts::of(&text, None);
            if let Ok(parts) = parts {
                proptest::prop_assert!(parts.value("", None) != Ok(Value::Number(f64::INFINITY)));
            }
        }

        #[test]
        fn any_number_is_read_as_written(number in -1e200..1e200f64) {
            proptest::prop_assert_eq!(read(&number.to_string(), "", ""), Ok(Value::Number(number)));
            proptest::prop_assert_eq!(read(&format!("{number:e}"), "", ""), Ok(Value::Number(number)));
        }
    }
}
