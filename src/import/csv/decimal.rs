//! What marks the decimals of a file's numbers.

use crate::domain::number::{Decimal, Numeral, begins_unit, comparator, numeral};
use crate::domain::text::clean;
use crate::domain::units;
use crate::import::csv::row::number;

/// What is known of the decimal marks of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::import) struct Marks {
    /// What the caller says.
    told: Option<Decimal>,
    /// Whether some number of the file shows that it has points, or commas.
    has_points: bool,
    has_commas: bool,
    /// Semicolons separate the columns, as where commas mark decimals.
    has_semicolons: bool,
}

/// A number that the file leaves open, or that contradicts what the caller
/// says.
const OPEN: &str = "has a comma or point that may mark decimals or thousands: \
                    say which with `--decimal comma` or `--decimal point`";
const CONTRADICTS: &str = "has another decimal mark than `--decimal` says";
const NOT_A_NUMBER: &str = "is not a plain number such as 5.4";
const OTHER_UNIT: &str = "names another unit than the unit column";

impl Marks {
    /// The caller knows.
    pub(in crate::import) fn told(decimal: Decimal) -> Marks {
        Marks {
            told: Some(decimal),
            ..Marks::default()
        }
    }

    /// Nothing is known yet of a file with this separator.
    pub(super) fn of_separator(separator: u8) -> Marks {
        Marks {
            has_semicolons: separator == b';',
            ..Marks::default()
        }
    }

    /// Notes what a value shows; of a result of a laboratory only if it begins
    /// with a number.
    pub(super) fn see_value(&mut self, text: &str) {
        let text = clean(text);
        let text = comparator(&text).map_or(&*text, |(_, rest)| rest);
        if let Some((numeral, _)) = numeral(text) {
            self.see(numeral);
        }
    }

    /// Notes what the numbers of a reference range show.
    pub(super) fn see_range(&mut self, text: &str) {
        each_numeral(text, |numeral, _| self.see(numeral));
    }

    fn see(&mut self, numeral: Numeral) {
        match numeral.shows() {
            Some(Decimal::Point) => self.has_points = true,
            Some(Decimal::Comma) => self.has_commas = true,
            None => {}
        }
    }

    /// The mark of decimals, as far as it is certain.
    fn decimal(self) -> Option<Decimal> {
        match (self.told, self.has_points, self.has_commas) {
            (Some(told), ..) => Some(told),
            (None, true, false) => Some(Decimal::Point),
            (None, false, true) => Some(Decimal::Comma),
            (None, ..) => None,
        }
    }

    /// The number that a column of numbers holds, and the unit behind it, ''
    /// for none; or what is wrong with it. `unit` is that of the unit column.
    pub(in crate::import) fn number<'t>(
        self,
        text: &'t str,
        unit: Option<&str>,
    ) -> Result<(f64, &'t str), &'static str> {
        let (numeral, rest) = match numeral(text) {
            Some(found) => found,
            // Padded with zeros, or a power of ten.
            None => (Numeral::Clear(number(text).ok_or(NOT_A_NUMBER)?, None), ""),
        };
        let named = rest.trim_start();
        if !named.is_empty() {
            if !begins_unit(named) || units::normalize(named).is_none() {
                return Err(NOT_A_NUMBER);
            }
            let is_same =
                |unit: &str| units::code_or_text(Some(unit)) == units::code_or_text(Some(named));
            if unit.is_some_and(|unit| !is_same(unit)) {
                return Err(OTHER_UNIT);
            }
        }
        Ok((self.settled(numeral)?, named))
    }

    fn settled(self, numeral: Numeral) -> Result<f64, &'static str> {
        let decimal = self.decimal();
        let mark = match numeral {
            Numeral::Open { mark, .. } => mark,
            Numeral::Clear(..) | Numeral::Grouped(..) => {
                let shown = numeral.shows();
                let contradicts = self.told.is_some() && shown.is_some() && shown != self.told;
                return if contradicts {
                    Err(CONTRADICTS)
                } else {
                    Ok(numeral.with(Decimal::Point))
                };
            }
        };
        let decimal = match (mark, decimal) {
            (_, Some(decimal)) if self.told.is_some() => decimal,
            (Decimal::Comma, Some(decimal)) => decimal,
            (Decimal::Point, Some(Decimal::Point)) => Decimal::Point,
            // Points are the rule, unless the file looks like one of commas.
            (Decimal::Point, None) if !self.has_semicolons && !self.has_commas => Decimal::Point,
            _ => return Err(OPEN),
        };
        Ok(numeral.with(decimal))
    }

    /// A laboratory's result and reference range, with the numbers that they
    /// leave open written as the file says; or which of them the file leaves
    /// open. What the row itself may decide stays as it is.
    pub(super) fn lab(
        self,
        value: String,
        range: Option<String>,
    ) -> Result<(String, Option<String>), Open> {
        let mut is_open = false;
        let mut check = |numeral: Numeral| -> Result<(), &'static str> {
            if let Numeral::Open { mark, .. } = numeral {
                is_open |= mark == Decimal::Comma || self.decimal() == Some(Decimal::Comma);
                // Unit and range of the row may tell, and the fold rejects the
                // row where they do not.
                let is_mixed = self.has_points && self.has_commas;
                if self.decimal().is_none() && (is_mixed || mark == Decimal::Comma) {
                    return Ok(());
                }
            }
            self.settled(numeral).map(drop)
        };
        let start = clean(&value);
        let start = comparator(&start).map_or(&*start, |(_, rest)| rest);
        if let Some((numeral, _)) = numeral(start) {
            check(numeral).map_err(Open::Value)?;
        }
        if let Some(range) = &range {
            let mut result = Ok(());
            each_numeral(range, |numeral, _| {
                result = result.and_then(|()| check(numeral));
            });
            result.map_err(Open::Range)?;
        }
        if !is_open || self.decimal().is_none() {
            return Ok((value, range));
        }
        let range = range.map(|range| self.rewritten(&range));
        Ok((self.rewritten(&value), range))
    }

    /// `text` with its numbers written with a decimal point.
    fn rewritten(self, text: &str) -> String {
        let mut rewritten = String::with_capacity(text.len());
        let mut done = 0;
        each_numeral(text, |numeral, written| {
            let is_marked = match numeral {
                Numeral::Clear(_, shown) => shown == Some(Decimal::Comma),
                Numeral::Grouped(..) => true,
                Numeral::Open { mark, .. } => {
                    mark == Decimal::Comma || self.decimal() == Some(Decimal::Comma)
                }
            };
            if let Ok(number) = self.settled(numeral)
                && is_marked
            {
                rewritten.push_str(&text[done..written.start]);
                rewritten.push_str(&plain(numeral, number));
                done = written.end;
            }
        });
        rewritten.push_str(&text[done..]);
        rewritten
    }
}

/// The column that a file leaves open, and why.
pub(super) enum Open {
    Value(&'static str),
    Range(&'static str),
}

/// `number` in digits with a point that can only mark decimals.
fn plain(numeral: Numeral, number: f64) -> String {
    let text = number.to_string();
    let is_decimal = matches!(numeral, Numeral::Open { as_decimal, .. } if as_decimal == number);
    match text.split_once('.') {
        // `1.234` again leaves open what it means.
        Some((_, decimals)) if is_decimal && decimals.len() == 3 => text + "0",
        _ => text,
    }
}

/// Calls `take` for every number in `text`, with the bytes that it takes up.
fn each_numeral(text: &str, mut take: impl FnMut(Numeral, std::ops::Range<usize>)) {
    let mut at = 0;
    let mut after_digit = false;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        // A dash behind a digit separates two numbers.
        let may_start = c.is_ascii_digit() || (!after_digit && matches!(c, '-' | '−' | '.' | ','));
        match numeral(rest).filter(|_| may_start) {
            Some((numeral, behind)) => {
                let end = text.len() - behind.len();
                take(numeral, at..end);
                at = end;
                after_digit = true;
            }
            None => {
                // The rest of a date or a version.
                let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',');
                let len = match c.is_ascii_digit() {
                    true => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
                    false => c.len_utf8(),
                };
                at += len;
                after_digit = c.is_ascii_digit();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(separator: u8, values: &[&str]) -> Marks {
        let mut marks = Marks::of_separator(separator);
        for value in values {
            marks.see_value(value);
        }
        marks
    }

    #[test]
    fn a_number_is_read_as_its_file_writes_numbers() {
        let comma = Marks::told(Decimal::Comma);
        let point = Marks::told(Decimal::Point);
        for (marks, text, number) in [
            (seen(b',', &[]), "5.4", Ok(5.4)),
            (seen(b',', &[]), "5,4", Ok(5.4)),
            (seen(b';', &[]), "72,5", Ok(72.5)),
            (seen(b',', &[]), "1.234", Ok(1.234)),
            (seen(b',', &[]), "1,234", Err(OPEN)),
            (seen(b';', &[]), "1,234", Err(OPEN)),
            (seen(b';', &[]), "1.234", Err(OPEN)),
            (seen(b'\t', &[]), "1.234", Ok(1.234)),
            (seen(b';', &["72,5"]), "1,234", Ok(1.234)),
            (seen(b';', &["72,5"]), "1.234", Err(OPEN)),
            (seen(b';', &["70.5"]), "1.234", Ok(1.234)),
            (seen(b',', &["70.5"]), "1,234", Ok(1234.0)),
            (seen(b',', &["70.5", "72,5"]), "1,234", Err(OPEN)),
            (seen(b',', &["70.5", "72,5"]), "1.234", Err(OPEN)),
            (seen(b';', &["1.234,5"]), "1,234", Ok(1.234)),
            (comma, "1,234", Ok(1.234)),
            (comma, "1.234", Ok(1234.0)),
            (comma, "72.5", Err(CONTRADICTS)),
            (comma, "72,5", Ok(72.5)),
            (point, "1,234", Ok(1234.0)),
            (point, "1.234", Ok(1.234)),
            (point, "72,5", Err(CONTRADICTS)),
            (seen(b',', &[]), "1 234,5", Ok(1234.5)),
            (seen(b',', &[]), "1'234", Ok(1234.0)),
            (seen(b',', &[]), "1.234,5", Ok(1234.5)),
            (seen(b',', &[]), "1,234.5", Ok(1234.5)),
            (seen(b',', &[]), "12 345", Ok(12345.0)),
            (seen(b',', &[]), "007", Ok(7.0)),
            (seen(b',', &[]), "5.", Ok(5.0)),
            (seen(b',', &[]), "98%", Ok(98.0)),
            (seen(b',', &[]), "98 %", Ok(98.0)),
            (seen(b',', &[]), "72.5 kg", Ok(72.5)),
            (seen(b',', &[]), "12/5", Err(NOT_A_NUMBER)),
            (seen(b',', &[]), "120/80", Err(NOT_A_NUMBER)),
            (seen(b',', &[]), "1.2.2024", Err(NOT_A_NUMBER)),
            (seen(b',', &[]), "NaN", Err(NOT_A_NUMBER)),
            (seen(b',', &[]), "some", Err(NOT_A_NUMBER)),
            (seen(b',', &[]), "١٢", Err(NOT_A_NUMBER)),
        ] {
            let read = marks.number(text, None).map(|(number, _)| number);
            assert_eq!(read, number, "{text} {marks:?}");
        }
        let marks = Marks::default();
        assert_eq!(marks.number("98%", None), Ok((98.0, "%")));
        assert_eq!(marks.number("98%", Some("%")), Ok((98.0, "%")));
        assert_eq!(marks.number("98%", Some("kg")), Err(OTHER_UNIT));
    }

    #[test]
    fn a_result_is_rewritten_only_where_it_would_stay_open() {
        let mut comma = Marks::of_separator(b';');
        comma.see_range("3,5-5,1");
        let mut point = Marks::of_separator(b',');
        point.see_value("5.4");
        let mut mixed = point;
        mixed.see_value("5,4");
        let told = Marks::told(Decimal::Comma);
        for (marks, value, range, expected) in [
            (comma, "4,1", "3,5-5,1", Some(("4,1", "3,5-5,1"))),
            (comma, "1,234", "<2", Some(("1.2340", "<2"))),
            (
                comma,
                "1,015",
                "1,005-1,030",
                Some(("1.0150", "1.0050-1.03")),
            ),
            (
                comma,
                "< 1,234 mg",
                "3,5-5,1",
                Some(("< 1.2340 mg", "3.5-5.1")),
            ),
            (comma, "1.020", "", None),
            (told, "1.020", "", Some(("1020", ""))),
            (told, "1.5", "", None),
            (point, "1,234", "500-1,500", Some(("1234", "500-1500"))),
            (
                point,
                "1.020",
                "1.005-1.030",
                Some(("1.020", "1.005-1.030")),
            ),
            (Marks::default(), "1,234", "", Some(("1,234", ""))),
            (
                Marks::default(),
                "Seen on 06.05.2024",
                "",
                Some(("Seen on 06.05.2024", "")),
            ),
            (Marks::default(), "clear, 1,5", "", Some(("clear, 1,5", ""))),
        ] {
            let read = marks.lab(value.to_owned(), Some(range.to_owned())).ok();
            let read = read.map(|(value, range)| (value, range.unwrap()));
            let expected = expected.map(|(value, range)| (value.to_owned(), range.to_owned()));
            assert_eq!(read, expected, "{value} {range} {marks:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[\\PC0-9.,' -]{0,20}") {
            let mut marks = Marks::default();
            marks.see_value(&text);
            marks.see_range(&text);
            marks.number(&text, None).ok();
            marks.lab(text.clone(), Some(text)).ok();
        }
    }
}
