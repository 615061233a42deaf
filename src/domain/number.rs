//! Numbers in texts, as people, devices and laboratories write them.

mod comparator;

pub use comparator::{Comparator, comparator, strip_prefix_ignoring_case, trailing_comparator};

/// What marks the decimals of a text's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decimal {
    Point,
    Comma,
}

/// A number as written. Infinite where a double cannot hold it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Numeral {
    /// Has one reading; and the decimal mark that it shows, if any.
    Clear(f64, Option<Decimal>),
    /// Groups of three digits between blanks or points: thousands, or the
    /// parts of a telephone number.
    Grouped(f64, Option<Decimal>),
    /// One comma or point before three digits, such as `1,234`: a decimal mark
    /// or a thousands separator.
    Open {
        mark: Decimal,
        as_decimal: f64,
        as_thousands: f64,
    },
}

impl Decimal {
    /// The mark that separates thousands where this one marks decimals.
    pub fn other(self) -> Decimal {
        match self {
            Decimal::Point => Decimal::Comma,
            Decimal::Comma => Decimal::Point,
        }
    }
}

impl Numeral {
    /// The decimal mark that the numeral shows beyond doubt.
    pub fn shows(self) -> Option<Decimal> {
        match self {
            Numeral::Clear(_, shown) | Numeral::Grouped(_, shown) => shown,
            Numeral::Open { .. } => None,
        }
    }

    /// The number, where `decimal` marks decimals.
    pub fn with(self, decimal: Decimal) -> f64 {
        match self {
            Numeral::Clear(number, _) | Numeral::Grouped(number, _) => number,
            Numeral::Open {
                mark, as_decimal, ..
            } if mark == decimal => as_decimal,
            Numeral::Open { as_thousands, .. } => as_thousands,
        }
    }
}

/// The number that `text` begins with, and what follows it.
///
/// None where it begins with no number, or with digits that are none: dates,
/// versions, numbers padded with zeros, and the power `10E5`, which some mean
/// as 10 to the fifth and a computer reads as ten times that.
pub fn numeral(text: &str) -> Option<(Numeral, &str)> {
    if let Some(numeral) = plain(text) {
        return Some((numeral, ""));
    }
    let minus = text.strip_prefix(['-', '−']);
    let unsigned = minus.or_else(|| text.strip_prefix('+')).unwrap_or(text);
    let parts = Parts::scan(unsigned);
    let (rest, exponent) = exponent(&unsigned[parts.end..]);
    let sign = if minus.is_some() { -1.0 } else { 1.0 };
    let numeral = parts.read(exponent, sign)?;
    Some((numeral, rest))
}

/// No number that means something has more groups of digits.
const MAX_GROUPS: usize = 12;

/// Digits with a point at most, as nearly all numbers are; none for what needs
/// a closer look.
fn plain(text: &str) -> Option<Numeral> {
    let len = digits(text);
    let shown = match text[len..].strip_prefix('.') {
        None => None,
        // May be thousands.
        Some(decimals) if decimals.len() == 3 || decimals.is_empty() => return None,
        Some(_) => Some(Decimal::Point),
    };
    let after = &text[text.len().min(len + usize::from(shown.is_some()))..];
    let is_plain = len > 0 && digits(after) == after.len() && !text.starts_with("00");
    is_plain.then(|| Some(Numeral::Clear(text.parse().ok()?, shown)))?
}

/// Digits and what separates them.
struct Parts<'t> {
    groups: Vec<&'t str>,
    /// Between the groups.
    separators: Vec<char>,
    /// Byte offset behind the last group, and behind a point after it.
    end: usize,
}

impl<'t> Parts<'t> {
    fn scan(text: &'t str) -> Self {
        let first = &text[..digits(text)];
        let mut parts = Parts {
            groups: vec![first],
            separators: Vec::new(),
            end: first.len(),
        };
        while let Some(separator) = text[parts.end..].chars().next()
            && parts.groups.len() < MAX_GROUPS
        {
            let is_separator = matches!(separator, '.' | ',' | '\'' | '’' | ' ');
            let rest = &text[parts.end + separator.len_utf8()..];
            let len = digits(rest);
            // A blank separates numbers too, unless three digits follow.
            let is_group = len > 0 && (separator != ' ' || (len == 3 && parts.is_grouped()));
            if !is_separator || !is_group {
                break;
            }
            parts.separators.push(separator);
            parts.groups.push(&rest[..len]);
            parts.end += separator.len_utf8() + len;
        }
        // `5.`, but not `5..7`.
        let rest = &text[parts.end..];
        if !first.is_empty() && parts.separators.is_empty() && is_point_at_end(rest) {
            parts.end += 1;
        }
        parts
    }

    /// Whether all groups may be thousands so far: one to three digits, then
    /// three each.
    fn is_grouped(&self) -> bool {
        is_grouped(&self.groups)
    }

    fn read(&self, exponent: Option<&str>, sign: f64) -> Option<Numeral> {
        let number = |whole: &[&str], decimals: &str| -> Option<f64> {
            let mut text = whole.concat();
            if !decimals.is_empty() {
                text.push('.');
                text.push_str(decimals);
            }
            if let Some(exponent) = exponent {
                text.push('e');
                text.push_str(exponent);
            }
            Some(sign * text.parse::<f64>().ok()?)
        };
        let (groups, last) = (&self.groups[..], *self.groups.last()?);
        let before_last = &groups[..groups.len() - 1];
        let mark = |separator: char| match separator {
            '.' => Some(Decimal::Point),
            ',' => Some(Decimal::Comma),
            _ => None,
        };
        match self.separators[..] {
            [] => {
                let is_padded = last.len() > 1 && last.starts_with("00");
                let is_power = last == "10" && exponent.is_some();
                if last.is_empty() || is_padded || is_power {
                    return None;
                }
                Some(Numeral::Clear(number(groups, "")?, None))
            }
            [separator] => match mark(separator) {
                Some(mark) if self.is_grouped() && exponent.is_none() => Some(Numeral::Open {
                    mark,
                    as_decimal: number(before_last, last)?,
                    as_thousands: number(groups, "")?,
                }),
                Some(mark) => Some(Numeral::Clear(number(before_last, last)?, Some(mark))),
                None if !self.is_grouped() => None,
                None if separator == ' ' => Some(Numeral::Grouped(number(groups, "")?, None)),
                None => Some(Numeral::Clear(number(groups, "")?, None)),
            },
            [first, .., separator] => {
                let are_equal = |separators: &[char]| separators.iter().all(|s| *s == first);
                if are_equal(&self.separators) {
                    let is_lakh = first == ',' && is_lakh(groups);
                    if !self.is_grouped() && !is_lakh {
                        return None;
                    }
                    let shown = mark(first).map(Decimal::other);
                    let number = number(groups, "")?;
                    return Some(match first {
                        ' ' | '.' => Numeral::Grouped(number, shown),
                        _ => Numeral::Clear(number, shown),
                    });
                }
                let decimal = mark(separator)?;
                let is_lakh = first == ',' && is_lakh(before_last);
                let is_grouped = is_grouped(before_last) || is_lakh;
                let is_one = are_equal(&self.separators[..self.separators.len() - 1]);
                (is_grouped && is_one)
                    .then(|| Some(Numeral::Clear(number(before_last, last)?, Some(decimal))))?
            }
        }
    }
}

fn is_grouped(groups: &[&str]) -> bool {
    let [first, others @ ..] = groups else {
        return false;
    };
    (1..=3).contains(&first.len())
        && !first.starts_with('0')
        && others.iter().all(|group| group.len() == 3)
}

/// Grouped as in India: `1,50,000`.
fn is_lakh(groups: &[&str]) -> bool {
    let [first, middle @ .., last] = groups else {
        return false;
    };
    (1..=2).contains(&first.len())
        && !first.starts_with('0')
        && !middle.is_empty()
        && middle.iter().all(|group| group.len() == 2)
        && last.len() == 3
}

fn is_point_at_end(rest: &str) -> bool {
    rest.strip_prefix('.')
        .is_some_and(|after| !after.starts_with(['.', ',']))
}

/// The length of the ASCII digits that `text` begins with.
fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// What follows an exponent such as `e3` or `E-12`, and its digits with sign.
fn exponent(text: &str) -> (&str, Option<&str>) {
    let Some(after) = text.strip_prefix(['e', 'E']) else {
        return (text, None);
    };
    let sign = usize::from(after.starts_with(['+', '-']));
    match digits(&after[sign..]) {
        0 => (text, None),
        len => (&after[sign + len..], Some(&after[..sign + len])),
    }
}

/// The power of ten that `text` begins with, such as `x 10^3`, `×10³` or
/// `X10E3`, as a factor; and what follows it.
pub fn power_factor(text: &str) -> Option<(f64, &str)> {
    let text = text.trim_start();
    let after = text.strip_prefix(['x', 'X', '×', '*', '·'])?;
    power(after.trim_start().strip_prefix("10")?, true)
}

/// `text` follows a number 10: the power that makes it, such as `^5` or `⁵`.
pub fn power_of_ten(text: &str) -> Option<(f64, &str)> {
    power(text, false)
}

/// With `after_cross` the letter E and an asterisk raise too.
fn power(text: &str, after_cross: bool) -> Option<(f64, &str)> {
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raised: String = text
        .chars()
        .map_while(|c| RAISED.iter().position(|raised| *raised == c))
        .filter_map(|digit| char::from_digit(u32::try_from(digit).ok()?, 10))
        .collect();
    if !raised.is_empty() {
        let len: usize = text.chars().take(raised.len()).map(char::len_utf8).sum();
        return Some((ten_to(&raised)?, &text[len..]));
    }
    let after = match text.strip_prefix('^').or_else(|| text.strip_prefix("**")) {
        Some(after) => after,
        None if after_cross => text.strip_prefix(['*', 'E', 'e'])?,
        None => return None,
    };
    let after = after.trim_start();
    let sign = usize::from(after.starts_with(['+', '-']));
    let len = sign + digits(&after[sign..]);
    Some((ten_to(&after[..len])?, &after[len..]))
}

fn ten_to(exponent: &str) -> Option<f64> {
    format!("1e{exponent}").parse().ok()
}

/// Whether `text`, behind a number, begins as units do. Not so the 5 of `12/5`,
/// which UCUM takes for a unit.
pub fn begins_unit(text: &str) -> bool {
    let mut start = text.chars().skip_while(|c| *c == '/');
    let is_named = start
        .next()
        .is_some_and(|c| c.is_alphabetic() || "%‰°[{".contains(c));
    is_named || ["10*", "10^"].iter().any(|power| text.starts_with(power))
}

/// Whether a number in `unit` is a count of whole things, such as cells per
/// microlitre: there, three digits behind a mark are thousands.
pub fn counts_wholes(unit: &str) -> bool {
    let mut unit: String = unit.to_lowercase();
    unit.retain(|c| !c.is_whitespace() && !matches!(c, '{' | '}' | '[' | ']' | '.'));
    let Some((over, under)) = unit.split_once('/') else {
        return false;
    };
    let is_counted = matches!(
        over,
        "" | "1" | "cell" | "cells" | "count" | "copies" | "copy" | "cp" | "cfu" | "rbc" | "wbc"
    );
    let is_small = matches!(
        under,
        "cumm"
            | "cmm"
            | "mm3"
            | "mm^3"
            | "mm³"
            | "mm*3"
            | "ul"
            | "µl"
            | "μl"
            | "mcl"
            | "microliter"
            | "microlitre"
            | "ml"
    );
    is_counted && is_small
}

#[cfg(test)]
mod tests {
    use super::Decimal::{Comma, Point};
    use super::Numeral::{Clear, Grouped, Open};
    use super::*;

    #[test]
    fn numbers_are_read_as_written() {
        let open = |mark, as_decimal, as_thousands| Open {
            mark,
            as_decimal,
            as_thousands,
        };
        for (text, numeral, rest) in [
            ("5", Clear(5.0, None), ""),
            ("5 mg", Clear(5.0, None), " mg"),
            ("0", Clear(0.0, None), ""),
            ("+5", Clear(5.0, None), ""),
            ("-2.5", Clear(-2.5, Some(Point)), ""),
            ("−2,5", Clear(-2.5, Some(Comma)), ""),
            (".5", Clear(0.5, Some(Point)), ""),
            (",5", Clear(0.5, Some(Comma)), ""),
            ("5.", Clear(5.0, None), ""),
            ("5..7", Clear(5.0, None), "..7"),
            ("5,", Clear(5.0, None), ","),
            ("4,1", Clear(4.1, Some(Comma)), ""),
            ("4,1-5", Clear(4.1, Some(Comma)), "-5"),
            ("0,123", Clear(0.123, Some(Comma)), ""),
            ("1234,567", Clear(1234.567, Some(Comma)), ""),
            ("1,2345", Clear(1.2345, Some(Comma)), ""),
            ("1234.567", Clear(1234.567, Some(Point)), ""),
            ("1,234", open(Comma, 1.234, 1234.0), ""),
            ("-12,345", open(Comma, -12.345, -12345.0), ""),
            ("1.005", open(Point, 1.005, 1005.0), ""),
            ("0.005", Clear(0.005, Some(Point)), ""),
            ("1,234.5", Clear(1234.5, Some(Point)), ""),
            ("1.234,5", Clear(1234.5, Some(Comma)), ""),
            ("1,234,567", Clear(1_234_567.0, Some(Point)), ""),
            ("1,50,000", Clear(150_000.0, Some(Point)), ""),
            ("1,50,000.5", Clear(150_000.5, Some(Point)), ""),
            ("1'234", Clear(1234.0, None), ""),
            ("1’234.5", Clear(1234.5, Some(Point)), ""),
            ("1 234", Grouped(1234.0, None), ""),
            ("1 234,5", Clear(1234.5, Some(Comma)), ""),
            ("1.234.567", Grouped(1_234_567.0, Some(Comma)), ""),
            ("5 400 mg", Grouped(5400.0, None), " mg"),
            ("5 4000", Clear(5.0, None), " 4000"),
            ("1234 567", Clear(1234.0, None), " 567"),
            ("1e3", Clear(1000.0, None), ""),
            ("1.2E-3", Clear(0.0012, Some(Point)), ""),
            ("1e", Clear(1.0, None), "e"),
        ] {
            assert_eq!(super::numeral(text), Some((numeral, rest)), "{text}");
        }
    }

    #[test]
    fn digits_that_are_no_number_are_none() {
        for text in [
            "",
            ".",
            "-",
            "--5",
            "e3",
            "1.2.3",
            "12.05.2024",
            "1,2,3",
            "5'10",
            "0012",
            "000",
            "10E5",
            "1.234,567.8",
            "1,23,45",
            "1,234.567,8",
            "٣",
            "x",
        ] {
            assert_eq!(numeral(text), None, "{text}");
        }
    }

    #[test]
    fn powers_of_ten_are_factors() {
        for (text, factor, rest) in [
            ("x10^3", 1e3, ""),
            (" x 10^3/uL", 1e3, "/uL"),
            ("×10³", 1e3, ""),
            (" X10E3", 1e3, ""),
            ("*10*6", 1e6, ""),
            ("x10^-3 mg", 1e-3, " mg"),
            ("x10¹²/L", 1e12, "/L"),
        ] {
            assert_eq!(power_factor(text), Some((factor, rest)), "{text}");
        }
        for text in ["x", "x10", "10^3", "x 5", "xyz"] {
            assert_eq!(power_factor(text), None, "{text}");
        }
        assert_eq!(power_of_ten("^5 CFU/mL"), Some((1e5, " CFU/mL")));
        assert_eq!(power_of_ten("E5"), None);
        assert_eq!(power_of_ten("*5"), None);
    }

    #[test]
    fn counts_of_cells_are_whole() {
        for unit in [
            "/cumm",
            "/uL",
            "cells/µL",
            "/cu.mm",
            "/cu mm",
            "copies/mL",
            "CFU/mL",
            "[CFU]/mL",
            "/mm3",
        ] {
            assert!(counts_wholes(unit), "{unit}");
        }
        for unit in [
            "", "mg/dL", "10*3/uL", "K/uL", "/HPF", "%", "ng/mL", "mmol/L", "IU/mL",
        ] {
            assert!(!counts_wholes(unit), "{unit}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[\\PC0-9.,' ’eE^x⁵-]{0,20}") {
            let rest = numeral(&text).map_or("", |(_, rest)| rest);
            proptest::prop_assert!(text.ends_with(rest));
            power_factor(&text);
            power_of_ten(&text);
        }
    }
}
