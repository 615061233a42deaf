//! Results as laboratories report them.

use crate::domain::sum::MAX_SUMMAND;

/// What a reported result says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    Number(f64),
    /// Outside what the method can measure: `<0.5`.
    Bound(Comparator, f64),
    /// Words, titres, intervals, codes: everything else.
    Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparator {
    Below,
    AtMost,
    Above,
    AtLeast,
}

/// A number that no double holds, or none at all.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotFinite;

impl Comparator {
    /// The comparator that `text` begins with, and the rest of it.
    pub(super) fn split(text: &str) -> Option<(Self, &str)> {
        const SIGNS: [(&str, Comparator); 8] = [
            ("<=", Comparator::AtMost),
            ("=<", Comparator::AtMost),
            ("≤", Comparator::AtMost),
            ("<", Comparator::Below),
            (">=", Comparator::AtLeast),
            ("=>", Comparator::AtLeast),
            ("≥", Comparator::AtLeast),
            (">", Comparator::Above),
        ];
        SIGNS.into_iter().find_map(|(sign, comparator)| {
            let rest = text.strip_prefix(sign)?;
            Some((comparator, rest.trim_start()))
        })
    }

    /// Whether results with this comparator lie below their bound.
    pub(super) fn is_below(self) -> bool {
        matches!(self, Self::Below | Self::AtMost)
    }
}

/// What `text`, cleaned, says.
///
/// A decimal comma is not read: `5,400` is thousands to some and five to
/// others, and a result must not be wrong by a factor.
pub(super) fn parse(text: &str) -> Result<Value, NotFinite> {
    if let Some((comparator, rest)) = Comparator::split(text) {
        return match whole_number(rest) {
            Some(bound) => Ok(Value::Bound(comparator, finite(bound)?)),
            None => Ok(Value::Text),
        };
    }
    match whole_number(text) {
        Some(number) => Ok(Value::Number(finite(number)?)),
        None if is_not_finite(text) => Err(NotFinite),
        None => Ok(Value::Text),
    }
}

fn whole_number(text: &str) -> Option<f64> {
    let (number, rest) = leading_number(text)?;
    rest.is_empty().then_some(number)
}

/// The decimal number that `text` begins with, and the rest of it. Infinite
/// where a double cannot hold it.
pub(super) fn leading_number(text: &str) -> Option<(f64, &str)> {
    let minus = text.strip_prefix(['-', '−']);
    let digits = minus.or_else(|| text.strip_prefix('+')).unwrap_or(text);
    let mut end = 0;
    let mut seen_digit = false;
    let mut seen_point = false;
    let bytes = digits.as_bytes();
    while let Some(byte) = bytes.get(end) {
        match byte {
            b'0'..=b'9' => seen_digit = true,
            // Two points are the sign between two numbers.
            b'.' if !seen_point && bytes.get(end + 1) != Some(&b'.') => seen_point = true,
            _ => break,
        }
        end += 1;
    }
    if !seen_digit {
        return None;
    }
    end += exponent_len(&bytes[end..]);
    // The digits are ASCII, so that `end` is a character boundary.
    let (number, rest) = digits.split_at(end);
    let number: f64 = number.parse().ok()?;
    Some((if minus.is_some() { -number } else { number }, rest))
}

/// The length of an exponent such as `e3` or `E-12`; 0 for none.
fn exponent_len(bytes: &[u8]) -> usize {
    let sign = match bytes {
        [b'e' | b'E', b'+' | b'-', ..] => 1,
        [b'e' | b'E', ..] => 0,
        _ => return 0,
    };
    let digits = bytes[1 + sign..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits == 0 { 0 } else { 1 + sign + digits }
}

fn finite(number: f64) -> Result<f64, NotFinite> {
    if number.abs() <= MAX_SUMMAND {
        Ok(number)
    } else {
        Err(NotFinite)
    }
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
            ("-1E-245", Value::Number(-1e-245)),
            ("<0.5", Value::Bound(Below, 0.5)),
            (">200", Value::Bound(Above, 200.0)),
            ("<=1.005", Value::Bound(AtMost, 1.005)),
            (">= 60", Value::Bound(AtLeast, 60.0)),
            ("≤ 3", Value::Bound(AtMost, 3.0)),
            ("≥3", Value::Bound(AtLeast, 3.0)),
            ("< -2", Value::Bound(Below, -2.0)),
            ("Positive", Value::Text),
            ("0-2", Value::Text),
            ("1:80", Value::Text),
            ("clear, yellow", Value::Text),
            ("N", Value::Text),
            ("5,4", Value::Text),
            ("1,200", Value::Text),
            ("5.4 H", Value::Text),
            ("1.2.3", Value::Text),
            ("1e", Value::Text),
            ("e3", Value::Text),
            (".", Value::Text),
            ("<", Value::Text),
            ("<1:10", Value::Text),
            ("0x1F", Value::Text),
            ("٣", Value::Text),
            ("--5", Value::Text),
        ] {
            assert_eq!(parse(text), Ok(value), "{text}");
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
        ] {
            assert_eq!(parse(text), Err(NotFinite), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,20}") {
            let _ = parse(&text);
        }

        #[test]
        fn any_number_is_read_as_written(number in -1e200..1e200f64) {
            proptest::prop_assert_eq!(parse(&number.to_string()), Ok(Value::Number(number)));
            proptest::prop_assert_eq!(parse(&format!("{number:e}")), Ok(Value::Number(number)));
        }
    }
}
