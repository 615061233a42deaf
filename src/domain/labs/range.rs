//! Reference ranges as laboratories print them.

use super::value::{Comparator, leading_number};
use crate::domain::text::clean;

/// What a result is expected to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Range {
    /// And the unit that it names, '' for none.
    Interval(Interval, String),
    /// In words: `Negative`.
    Expected(String),
}

/// The numbers that a result is expected to lie between.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Interval {
    pub(super) low: Option<f64>,
    pub(super) high: Option<f64>,
    /// Whether the low end itself is too low (`> 40`).
    pub(super) is_low_outside: bool,
    /// Whether the high end itself is too high (`< 200`).
    pub(super) is_high_outside: bool,
}

/// The longest text that is an expectation and not a comment.
const MAX_EXPECTED_CHARS: usize = 60;

/// What `text` says; none where it says nothing that a result can be held
/// against.
pub(super) fn parse(text: &str) -> Option<Range> {
    let text = clean(text);
    let text = text
        .strip_prefix(['(', '['])
        .and_then(|inner| inner.strip_suffix([')', ']']))
        .unwrap_or(&text)
        .trim();
    let with_points = with_points(text);
    let interval = match &with_points {
        Some(text) => between(text),
        None => bounded(text).or_else(|| between(text)),
    };
    if let Some((interval, unit)) = interval {
        return is_meant(interval).then(|| Range::Interval(interval, unit.to_owned()));
    }
    let is_expectation = !text.is_empty()
        && text.chars().count() <= MAX_EXPECTED_CHARS
        && !text.contains(|c: char| c.is_ascii_digit())
        && !is_remark(text);
    is_expectation.then(|| Range::Expected(text.to_owned()))
}

/// `<200`, `>= 40 mg/dL`, `up to 5`.
fn bounded(text: &str) -> Option<(Interval, &str)> {
    let (comparator, rest) = match strip_prefix_ignoring_case(text, "up to ") {
        Some(rest) => (Comparator::AtMost, rest.trim_start()),
        None => Comparator::split(text)?,
    };
    let (bound, rest) = leading_number(rest)?;
    let unit = unit(rest)?;
    let interval = if comparator.is_below() {
        Interval {
            high: Some(bound),
            is_high_outside: comparator == Comparator::Below,
            ..Interval::default()
        }
    } else {
        Interval {
            low: Some(bound),
            is_low_outside: comparator == Comparator::Above,
            ..Interval::default()
        }
    };
    Some((interval, unit))
}

/// `3.5-5.0`, `3.5 – 5.0 mmol/L`, `-2 to 2`.
fn between(text: &str) -> Option<(Interval, &str)> {
    let (low, rest) = leading_number(text)?;
    let rest = rest.trim_start();
    let rest = rest
        .strip_prefix(['-', '–', '—', '−', '~'])
        .or_else(|| rest.strip_prefix(".."))
        .or_else(|| strip_prefix_ignoring_case(rest, "to "))?;
    let (high, rest) = leading_number(rest.trim_start())?;
    let interval = Interval {
        low: Some(low),
        high: Some(high),
        ..Interval::default()
    };
    Some((interval, unit(rest)?))
}

/// `3,5-5,0` with decimal points. Both commas must be decimal ones beyond
/// doubt: before three digits they might mark thousands.
fn with_points(text: &str) -> Option<String> {
    let is_decimal = |part: &str| {
        let digits = part.chars().take_while(char::is_ascii_digit).count();
        (1..=2).contains(&digits)
    };
    let parts: Vec<&str> = text.split(',').collect();
    let [low, between, high] = parts[..] else {
        return None;
    };
    let is_number_before = |part: &str| part.ends_with(|c: char| c.is_ascii_digit());
    let is_clear = !text.contains('.')
        && is_number_before(low)
        && is_decimal(between)
        && is_number_before(between)
        && is_decimal(high);
    is_clear.then(|| text.replace(',', "."))
}

/// What follows the numbers, where it can be their unit. A titre (`1:80`), a
/// third number or a decimal comma cannot.
fn unit(rest: &str) -> Option<&str> {
    let rest = rest.trim_start();
    // Blood counts: `150-400 10*3/uL`.
    let is_unit = rest.starts_with("10*")
        || rest.starts_with("10^")
        || !rest.starts_with(|c: char| {
            matches!(c, ':' | ',' | ';' | '-' | '–' | '.') || c.is_ascii_digit()
        });
    let bare = rest
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'));
    is_unit.then_some(bare.unwrap_or(rest))
}

/// Systems that have no range write 0 and 0, and some swap the ends.
fn is_meant(interval: Interval) -> bool {
    let is_finite = |end: Option<f64>| end.is_none_or(f64::is_finite);
    match (interval.low, interval.high) {
        (Some(low), Some(high)) if low > high || (low == 0.0 && high == 0.0) => false,
        (low, high) => is_finite(low) && is_finite(high),
    }
}

/// Whether `text` talks about the range instead of giving one.
fn is_remark(text: &str) -> bool {
    const WHOLE: [&str; 4] = ["none", "n/a", "na", "unknown"];
    const BEGINNINGS: [&str; 5] = ["see ", "refer ", "not established", "not defined", "varies"];
    let text = text.to_lowercase();
    WHOLE.contains(&text.as_str())
        || BEGINNINGS
            .iter()
            .any(|beginning| text.starts_with(beginning))
        || !text.contains(char::is_alphanumeric)
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix)
        .then(|| &text[prefix.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(text: &str) -> Option<(Option<f64>, Option<f64>)> {
        match parse(text)? {
            Range::Interval(Interval { low, high, .. }, _) => Some((low, high)),
            Range::Expected(text) => panic!("{text} is no interval"),
        }
    }

    #[test]
    fn intervals_are_read() {
        for (text, low, high) in [
            ("3.5-5.0", Some(3.5), Some(5.0)),
            ("3.5 – 5.0 mmol/L", Some(3.5), Some(5.0)),
            ("3.5 to 5.0", Some(3.5), Some(5.0)),
            ("3.5 TO 5.0", Some(3.5), Some(5.0)),
            ("(3.5-5.0)", Some(3.5), Some(5.0)),
            ("[3.5 - 5.0]", Some(3.5), Some(5.0)),
            ("0-5/hpf", Some(0.0), Some(5.0)),
            ("150-400 10*3/uL", Some(150.0), Some(400.0)),
            ("4.0-5.6 %", Some(4.0), Some(5.6)),
            ("-2 - 2", Some(-2.0), Some(2.0)),
            ("-3--1", Some(-3.0), Some(-1.0)),
            ("−2 to −1", Some(-2.0), Some(-1.0)),
            ("0..40", Some(0.0), Some(40.0)),
            ("3,5-5,0", Some(3.5), Some(5.0)),
            ("3,5 – 5,25 mmol/L", Some(3.5), Some(5.25)),
            ("7-7", Some(7.0), Some(7.0)),
            ("<200", None, Some(200.0)),
            ("<= 1.005", None, Some(1.005)),
            ("≤5 mg/dL", None, Some(5.0)),
            ("up to 5", None, Some(5.0)),
            ("Up to 41 U/L", None, Some(41.0)),
            ("> 40", Some(40.0), None),
            (">=60 mL/min/1.73m2", Some(60.0), None),
        ] {
            assert_eq!(interval(text), Some((low, high)), "{text}");
        }
    }

    #[test]
    fn an_open_end_is_outside() {
        for (text, is_low_outside, is_high_outside) in [
            ("<200", false, true),
            ("<=200", false, false),
            (">40", true, false),
            (">=40", false, false),
            ("40-200", false, false),
        ] {
            let Some(Range::Interval(interval, _)) = parse(text) else {
                panic!("{text}")
            };
            assert_eq!(interval.is_low_outside, is_low_outside, "{text}");
            assert_eq!(interval.is_high_outside, is_high_outside, "{text}");
        }
    }

    #[test]
    fn words_are_expectations() {
        for text in [
            "Negative",
            "Not detected",
            "Yellow",
            "None seen",
            "clear, yellow",
        ] {
            assert_eq!(parse(text), Some(Range::Expected(text.to_owned())));
        }
    }

    #[test]
    fn what_says_nothing_is_none() {
        for text in [
            "",
            " ",
            "-",
            "0-0",
            "0.0 - 0.0",
            "5.0-3.5",
            "<1:80",
            "3-5-7",
            "3,5-5.0",
            "3,500-5,000",
            "3,5-5",
            "1,2,3-4",
            "Male: 13-17",
            "M: 13-17 F: 12-15",
            "13.5 g/dL",
            "N/A",
            "None",
            "See note",
            "Not established for this age",
            "0-1e999",
            "The range of this test depends on age, sex and the time of the day of sampling",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[\\PC0-9.<>–() -]{0,20}") {
            let _ = parse(&text);
        }
    }
}
