//! Reference ranges as laboratories print them.

use super::expected::Expected;
use super::value::bare;
use super::words::Word;
use crate::domain::number::{
    Comparator, Decimal, Numeral, comparator, counts_wholes, numeral, strip_prefix_ignoring_case,
    trailing_comparator,
};
use crate::domain::text::clean;
use crate::domain::units;

/// What a result is expected to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Range {
    /// And the unit that it names, '' for none.
    Interval(Interval, String),
    /// In words: `Negative`.
    Expected(Expected),
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
    /// The decimal mark that the range shows.
    pub(super) decimal: Option<Decimal>,
}

/// The longest text that is an expectation and not a comment.
const MAX_EXPECTED_CHARS: usize = 60;

/// What `text` says beside a result in `unit`; none where it says nothing that
/// a result can be held against.
pub(super) fn parse(text: &str, unit: &str) -> Option<Range> {
    let text = clean(text);
    let text = without_label(bare(&text));
    // `(3.5-5.0) mmol/L`
    let numbers = text.strip_prefix(['(', '[']).unwrap_or(text);
    let interval = bounded(numbers, unit).or_else(|| between(numbers, unit));
    if let Some((interval, unit)) = interval {
        return is_meant(interval).then(|| Range::Interval(interval, unit.to_owned()));
    }
    let is_expectation = !text.is_empty()
        && text.chars().count() <= MAX_EXPECTED_CHARS
        // `Negative (<1:40)` and `No growth after 48 hours`, but not `Stage 2`.
        && (!text.contains(|c: char| c.is_ascii_digit()) || Word::of(text).is_finding());
    is_expectation.then(|| Expected::of(text).map(Range::Expected))?
}

/// `text` without a word that says only that it is a range.
fn without_label(text: &str) -> &str {
    const LABELS: [&str; 20] = [
        "reference range",
        "reference interval",
        "reference",
        "referenzbereich",
        "referenz",
        "ref. range",
        "ref range",
        "ref.",
        "ref",
        "normal range",
        "normal values",
        "normalwert",
        "normwert",
        "normal",
        "expected",
        "range",
        "valeurs normales",
        "norme",
        "vn",
        "vr",
    ];
    let labelled = LABELS.iter().find_map(|label| {
        let rest = strip_prefix_ignoring_case(text, label)?;
        let rest = rest.trim_start();
        // `Normal 3.5-5.0`, but not `Normal for age`.
        let is_number = numeral(rest).is_some() || comparator(rest).is_some();
        rest.strip_prefix(':').or(is_number.then_some(rest))
    });
    labelled.map_or(text, |rest| bare(rest.trim()))
}

/// `<200`, `>= 40 mg/dL`, `up to 5`, `60 or more`, `>3.5 and <5`.
fn bounded<'t>(text: &'t str, unit: &str) -> Option<(Interval, &'t str)> {
    let (comparator, rest) = match comparator(text) {
        Some(found) => found,
        None => {
            let (comparator, rest) = trailing_comparator(text)?;
            (comparator, rest)
        }
    };
    let (bound, rest) = numeral(rest)?;
    let (named, upper) = match separated(rest).filter(|_| !comparator.is_below()) {
        Some((comparator, rest)) if comparator.is_below() => {
            let (bound, rest) = numeral(rest)?;
            (self::unit(rest)?, Some((comparator, bound)))
        }
        _ => (self::unit(rest)?, None),
    };
    let (first, second) = (bound, upper.map(|(_, bound)| bound));
    let unit = if named.is_empty() { unit } else { named };
    let (ends, decimal) = settled([Some(first), second], unit)?;
    let mut interval = Interval {
        decimal,
        ..Interval::default()
    };
    if comparator.is_below() {
        interval.high = ends[0];
        interval.is_high_outside = comparator == Comparator::Below;
    } else {
        interval.low = ends[0];
        interval.is_low_outside = comparator == Comparator::Above;
    }
    if let Some((comparator, _)) = upper {
        interval.high = ends[1];
        interval.is_high_outside = comparator == Comparator::Below;
    }
    Some((interval, named))
}

/// The second comparator of `>3.5 and <5`, and what follows it.
fn separated(rest: &str) -> Option<(Comparator, &str)> {
    let rest = rest.trim_start();
    let between = ["and", "und", "et", "to", "&", "-", "–", ",", ";"];
    let after = between
        .iter()
        .find_map(|between| strip_prefix_ignoring_case(rest, between));
    comparator(after.unwrap_or(rest).trim_start())
}

/// `3.5-5.0`, `3.5 – 5.0 mmol/L`, `-2 to 2`.
fn between<'t>(text: &'t str, unit: &str) -> Option<(Interval, &'t str)> {
    let text = ["from ", "between ", "von ", "de ", "entre "]
        .iter()
        .find_map(|word| strip_prefix_ignoring_case(text, word))
        .unwrap_or(text);
    let (low, rest) = numeral(text)?;
    // `3.5 mmol/L - 5.0 mmol/L`
    let twice = rest.split_once(" - ").filter(|(first, second)| {
        !first.trim().is_empty() && second.ends_with(first) && !first.contains('-')
    });
    let rest = twice.map_or(rest, |(first, _)| &rest[first.len()..]);
    let rest = rest.trim_start();
    let after = rest
        .strip_prefix(['-', '–', '—', '−', '~', '‐', '‑', '÷', '…'])
        .or_else(|| rest.strip_prefix(".."))
        .or_else(|| rest.strip_prefix("; "))
        .or_else(|| {
            const WORDS: [&str; 11] = [
                "to ", "bis ", "à ", "a ", "al ", "até ", "tot ", "till ", "til ", "and ", "et ",
            ];
            WORDS
                .iter()
                .find_map(|word| strip_prefix_ignoring_case(rest, word))
        })?;
    let (high, rest) = numeral(after.trim_start())?;
    let named = self::unit(rest)?;
    let unit = if named.is_empty() { unit } else { named };
    let (ends, decimal) = settled([Some(low), Some(high)], unit)?;
    let interval = Interval {
        low: ends[0],
        high: ends[1],
        decimal,
        ..Interval::default()
    };
    Some((interval, named))
}

/// The ends of a range in `unit`, and the decimal mark that they show. None
/// where they leave open what their marks mean.
fn settled(ends: [Option<Numeral>; 2], unit: &str) -> Option<([Option<f64>; 2], Option<Decimal>)> {
    let numerals = || ends.iter().flatten();
    let read = |decimal| ends.map(|end| end.map(|end| end.with(decimal)));
    let mut shown: Vec<Decimal> = numerals().filter_map(|end| end.shows()).collect();
    shown.dedup();
    let mut open: Vec<Decimal> = numerals()
        .filter_map(|end| match end {
            Numeral::Open { mark, .. } => Some(*mark),
            _ => None,
        })
        .collect();
    open.dedup();
    let decimal = match (&shown[..], &open[..], counts_wholes(unit)) {
        (_, [_, _], _) | ([_, _], _, _) => return None,
        ([], [], _) => return Some((read(Decimal::Point), None)),
        ([shown], [], _) => *shown,
        ([shown], [mark], false) if shown == mark => *mark,
        ([], [mark], true) => mark.other(),
        // `500-1,500`: no range ends below its beginning.
        ([], [mark], false) if is_reversed(read(*mark)) => mark.other(),
        ([], [Decimal::Point], false) => return Some((read(Decimal::Point), None)),
        _ => return None,
    };
    Some((read(decimal), Some(decimal)))
}

fn is_reversed([low, high]: [Option<f64>; 2]) -> bool {
    low.zip(high).is_some_and(|(low, high)| low > high)
}

/// What follows the numbers, where it can be their unit. A titre (`1:80`), a
/// third number or a mark cannot.
fn unit(rest: &str) -> Option<&str> {
    let rest = rest.trim_start();
    // `(3.5-5.0) mmol/L`
    let rest = rest.strip_prefix([')', ']']).unwrap_or(rest).trim_start();
    // Blood counts: `150-400 10*3/uL`.
    let is_unit = rest.starts_with("10*")
        || rest.starts_with("10^")
        || !rest.starts_with(|c: char| {
            matches!(c, ':' | ',' | ';' | '-' | '–' | '.') || c.is_ascii_digit()
        });
    let unit = bare(rest);
    // `<5.0 (calc)`
    let says_none = !unit.is_empty() && units::text(Some(unit)).is_empty();
    is_unit.then_some(if says_none { "" } else { unit })
}

/// Systems that have no range write 0 and 0, and some swap the ends.
fn is_meant(interval: Interval) -> bool {
    let is_finite = |end: Option<f64>| end.is_none_or(f64::is_finite);
    match (interval.low, interval.high) {
        (Some(low), Some(high)) if low > high || (low == 0.0 && high == 0.0) => false,
        (low, high) => is_finite(low) && is_finite(high),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(text: &str) -> Option<(Option<f64>, Option<f64>)> {
        match parse(text, "mg/L")? {
            Range::Interval(Interval { low, high, .. }, _) => Some((low, high)),
            Range::Expected(_) => panic!("{text} is no interval"),
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
            ("3,5 - 5,1", Some(3.5), Some(5.1)),
            ("3,5-5", Some(3.5), Some(5.0)),
            ("0,270-4,200", Some(0.27), Some(4.2)),
            ("1.005-1.030", Some(1.005), Some(1.03)),
            ("500-1,500", Some(500.0), Some(1500.0)),
            ("1,000.0-4,800.0", Some(1000.0), Some(4800.0)),
            ("4,000-11,000 /cumm", Some(4000.0), Some(11000.0)),
            ("4.000-11.000 /µl", Some(4000.0), Some(11000.0)),
            ("1,50,000-4,50,000", Some(150_000.0), Some(450_000.0)),
            ("1 000 - 4 800", Some(1000.0), Some(4800.0)),
            ("1'000-4'800", Some(1000.0), Some(4800.0)),
            ("100-1.000", Some(100.0), Some(1000.0)),
            ("3.5 mmol/L - 5.0 mmol/L", Some(3.5), Some(5.0)),
            ("Normal 3.5-5.0", Some(3.5), Some(5.0)),
            ("VN < 5,0", None, Some(5.0)),
            ("upto 5", None, Some(5.0)),
            ("[3.5; 5.0]", Some(3.5), Some(5.0)),
            ("(3.5-5.0) mmol/L", Some(3.5), Some(5.0)),
            ("3,5 à 5,1", Some(3.5), Some(5.1)),
            ("3,5 a 5,1", Some(3.5), Some(5.1)),
            ("3,5 bis 5,1", Some(3.5), Some(5.1)),
            ("entre 3,5 a 5,1", Some(3.5), Some(5.1)),
            ("normal: 70-99", Some(70.0), Some(99.0)),
            ("Ref: <5", None, Some(5.0)),
            ("Reference range: 3.5 to 5.1 mmol/L", Some(3.5), Some(5.1)),
            ("bis 40", None, Some(40.0)),
            ("jusqu'à 40", None, Some(40.0)),
            ("hasta 40", None, Some(40.0)),
            ("Less than 5", None, Some(5.0)),
            ("> or = 60", Some(60.0), None),
            ("60 or above", Some(60.0), None),
            ("≤ 0,5", None, Some(0.5)),
            (">=3.5 and <=5.1", Some(3.5), Some(5.1)),
            (">3.5 - <5.1 mmol/L", Some(3.5), Some(5.1)),
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
            let Some(Range::Interval(interval, _)) = parse(text, "") else {
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
            "Normal",
            "Negative (<1:40)",
            "Nonreactive <1.00",
            "No growth after 48 hours",
        ] {
            assert_eq!(parse(text, ""), Expected::of(text).map(Range::Expected));
            assert!(parse(text, "").is_some(), "{text}");
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
            "0.4-4,0",
            "0.5-1,200",
            "0-1,000",
            "<1,000",
            "1,005-1.030",
            "1,2,3-4",
            "Male: 13-17",
            "Stage 2",
            "Negative: <0.9, positive: >1.1",
            "M: 13-17 F: 12-15",
            "13.5 g/dL",
            "N/A",
            "None",
            "See note",
            "Not established for this age",
            "0-1e999",
            "The range of this test depends on age, sex and the time of the day of sampling",
        ] {
            assert_eq!(parse(text, ""), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[\\PC0-9.<>–() -]{0,20}") {
            parse(&text, "");
        }
    }
}
