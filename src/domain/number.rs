//! Numbers in texts, as people, devices and laboratories write them.

/// What marks the decimals of a text's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decimal {
    Point,
    Comma,
}

/// Where the true number lies, seen from the one that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparator {
    Below,
    AtMost,
    Above,
    AtLeast,
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

impl Comparator {
    /// Whether numbers with this comparator lie below the one written.
    pub fn is_below(self) -> bool {
        matches!(self, Self::Below | Self::AtMost)
    }

    /// Whether the number written is itself excluded.
    pub fn is_strict(self) -> bool {
        matches!(self, Self::Below | Self::Above)
    }

    /// As it is stored; the first four codes of FHIR's `quantity-comparator`.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
        }
    }

    /// The reverse of [`Comparator::sign`].
    pub fn of_sign(sign: &str) -> Option<Self> {
        let all = [Self::Below, Self::AtMost, Self::Above, Self::AtLeast];
        all.into_iter().find(|comparator| comparator.sign() == sign)
    }
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

/// Signs and words for a comparator, each before those that it begins with.
const COMPARATORS: [(Comparator, &[&str]); 4] = [
    (
        Comparator::AtMost,
        &[
            "<=",
            "=<",
            "< =",
            "</=",
            "<or=",
            "< or =",
            "≤",
            "≦",
            "⩽",
            "&lt;=",
            "&le;",
            "less than or equal to",
            "less than or equal",
            "lower than or equal to",
            "kleiner gleich",
            "kleiner oder gleich",
            "inférieur ou égal à",
            "menor o igual a",
            "menor o igual que",
            "menor ou igual a",
            "not more than",
            "no more than",
            "at most",
            "up to",
            "maximum",
            "max.",
            "max",
            "lte",
            "le",
            "bis zu",
            "bis",
            "jusqu'à",
            "jusqu’à",
            "hasta",
            "fino a",
            "até",
            "tot",
            "upp till",
        ],
    ),
    (
        Comparator::AtLeast,
        &[
            ">=",
            "=>",
            "> =",
            ">/=",
            ">or=",
            "> or =",
            "≥",
            "≧",
            "⩾",
            "&gt;=",
            "&ge;",
            "greater than or equal to",
            "greater than or equal",
            "more than or equal to",
            "higher than or equal to",
            "größer gleich",
            "größer oder gleich",
            "supérieur ou égal à",
            "mayor o igual a",
            "mayor o igual que",
            "maior ou igual a",
            "not less than",
            "no less than",
            "at least",
            "minimum",
            "mindestens",
            "mind.",
            "min.",
            "gte",
            "ge",
            "ab",
        ],
    ),
    (
        Comparator::Below,
        &[
            "<",
            "&lt;",
            "less than",
            "lower than",
            "smaller than",
            "fewer than",
            "below",
            "under",
            "lt",
            "kleiner als",
            "kleiner",
            "weniger als",
            "unter",
            "inférieure à",
            "inférieur à",
            "inf. à",
            "moins de",
            "menor que",
            "menor de",
            "menor a",
            "inferior a",
            "menos de",
            "inferiore a",
            "minore di",
            "meno di",
            "menos que",
            "abaixo de",
            "kleiner dan",
            "lager dan",
            "minder dan",
            "mindre än",
            "mindre enn",
            "mindre end",
            "poniżej",
            "mniej niż",
        ],
    ),
    (
        Comparator::Above,
        &[
            ">",
            "&gt;",
            "greater than",
            "more than",
            "higher than",
            "larger than",
            "above",
            "over",
            "gt",
            "größer als",
            "größer",
            "mehr als",
            "über",
            "supérieure à",
            "supérieur à",
            "sup. à",
            "plus de",
            "mayor que",
            "mayor de",
            "mayor a",
            "superior a",
            "más de",
            "superiore a",
            "maggiore di",
            "più di",
            "maior que",
            "mais de",
            "mais que",
            "acima de",
            "groter dan",
            "hoger dan",
            "meer dan",
            "större än",
            "mer än",
            "større enn",
            "større end",
            "powyżej",
            "więcej niż",
        ],
    ),
];

/// Words for a comparator behind the number.
const TRAILING: [(Comparator, &[&str]); 2] = [
    (
        Comparator::AtMost,
        &[
            " or less",
            " or lower",
            " or below",
            " or fewer",
            " and below",
            " and lower",
            " and under",
        ],
    ),
    (
        Comparator::AtLeast,
        &[
            " or more",
            " or greater",
            " or higher",
            " or above",
            " or over",
            " and above",
            " and higher",
            " and over",
        ],
    ),
];

/// The comparator that `text` begins with, and what follows it.
///
/// Signs (`<`, `≥`, `>/=`, `> or =`) and words (`GT`, `less than`, `bis`,
/// `supérieur à`), in any case.
pub fn comparator(text: &str) -> Option<(Comparator, &str)> {
    // As nearly all numbers do.
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    COMPARATORS.iter().find_map(|(comparator, spellings)| {
        spellings.iter().find_map(|spelling| {
            let rest = strip_prefix_ignoring_case(text, spelling)?;
            // `lt 5` and `lt5`, but not `lte`.
            let is_whole = !spelling.ends_with(char::is_alphanumeric)
                || !rest.starts_with(char::is_alphabetic);
            is_whole.then(|| (*comparator, rest.trim_start()))
        })
    })
}

/// The comparator that `text` ends with, such as `60 or more`, and what stands
/// before it.
pub fn trailing_comparator(text: &str) -> Option<(Comparator, &str)> {
    TRAILING.iter().find_map(|(comparator, spellings)| {
        spellings.iter().find_map(|spelling| {
            let start = text.len().checked_sub(spelling.len())?;
            let end = text.get(start..)?;
            let is_it = end.eq_ignore_ascii_case(spelling);
            is_it.then(|| (*comparator, text[..start].trim_end()))
        })
    })
}

/// `text` without `prefix`, which is in lower case.
pub fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let mut rest = text.chars();
    for expected in prefix.chars() {
        let mut found = rest.next()?.to_lowercase();
        if found.next() != Some(expected) || found.next().is_some() {
            return None;
        }
    }
    Some(rest.as_str())
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
        while let Some(separator) = text[parts.end..].chars().next() {
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
    unit.retain(|c| !c.is_whitespace() && !matches!(c, '{' | '}' | '.'));
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
    fn comparators_are_signs_and_words() {
        use Comparator::{Above, AtLeast, AtMost, Below};
        for (text, comparator) in [
            ("<5", Below),
            ("< 5", Below),
            ("&lt;5", Below),
            ("LT 5", Below),
            ("lt5", Below),
            ("Less than 5", Below),
            ("below 5", Below),
            ("kleiner als 5", Below),
            ("Inférieur à 5", Below),
            ("menor que 5", Below),
            ("<=5", AtMost),
            ("=< 5", AtMost),
            ("≤ 5", AtMost),
            ("< or = 5", AtMost),
            ("less than or equal to 5", AtMost),
            ("UP TO 5", AtMost),
            ("bis 5", AtMost),
            ("hasta 5", AtMost),
            (">5", Above),
            ("GT 5", Above),
            ("more than 5", Above),
            ("ÜBER 5", Above),
            ("supérieur à 5", Above),
            (">=5", AtLeast),
            ("=> 5", AtLeast),
            (">or=5", AtLeast),
            (">/= 5", AtLeast),
            ("≥5", AtLeast),
            ("greater than or equal to 5", AtLeast),
            ("at least 5", AtLeast),
            ("GTE 5", AtLeast),
        ] {
            assert_eq!(super::comparator(text), Some((comparator, "5")), "{text}");
        }
        for text in [
            "5",
            "leukocytes",
            "Gelb",
            "abnormal",
            "lthing",
            "",
            "~5",
            "ca. 5",
        ] {
            assert_eq!(comparator(text), None, "{text}");
        }
        assert_eq!(trailing_comparator("60 or More"), Some((AtLeast, "60")));
        assert_eq!(trailing_comparator("5 mg or less"), Some((AtMost, "5 mg")));
        assert_eq!(trailing_comparator("more"), None);
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
            comparator(&text);
            trailing_comparator(&text);
            power_factor(&text);
            power_of_ten(&text);
        }
    }
}
