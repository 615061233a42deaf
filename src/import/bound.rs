//! Vital signs of which a source gives a bound instead of a number: `<40`,
//! `HI`, `at least 90`. `docs/vitals.md` states the rules.

use super::csv::Marks;
use crate::domain::number::{Comparator, comparator, trailing_comparator};
use crate::domain::text::clean;
use crate::domain::vitals::registry;

/// What a source says that was measured.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measured {
    /// None with a comparator: beyond what the device measures.
    pub(super) value: Option<f64>,
    pub(super) comparator: Option<Comparator>,
    pub(super) unit: Option<String>,
}

/// Metrics whose meters show a word beyond their range. Elsewhere the same
/// words rate a value, or speak of a battery.
const SHOWN_AS_WORDS: [&str; 3] = [
    "blood_glucose",
    "body_temperature",
    "basal_body_temperature",
];

/// What meters and their exports show in place of a number, in lower case.
const LOW: [&str; 14] = [
    "low", "lo", "lo!", "low!", "niedrig", "tief", "bas", "faible", "bajo", "baja", "basso",
    "baixo", "laag", "lågt",
];
const HIGH: [&str; 14] = [
    "high", "hi", "hi!", "high!", "hoch", "haut", "élevé", "alto", "alta", "hoog", "högt", "høj",
    "høy", "too high",
];

/// Words that begin a text about a period's extreme, not about one value.
const EXTREMES: [&str; 4] = ["max", "maximum", "min", "minimum"];

/// The side of its range that a meter of `metric` names instead of a number.
pub(super) fn device_word(metric: &str, text: &str) -> Option<Comparator> {
    let found = registry::lookup(metric)?;
    let has_words = SHOWN_AS_WORDS.contains(&found.metric.name);
    has_words.then(|| word(text))?
}

fn word(text: &str) -> Option<Comparator> {
    let text = clean(text).to_lowercase();
    if LOW.contains(&&*text) {
        Some(Comparator::Below)
    } else if HIGH.contains(&&*text) {
        Some(Comparator::Above)
    } else {
        None
    }
}

/// The comparator of a value, and the text of its number, which is not empty. `text` is clean.
pub(super) fn split(text: &str) -> Option<(Comparator, &str)> {
    let first_word = text.split(|c: char| !c.is_alphabetic()).next()?;
    if EXTREMES.contains(&&*first_word.to_lowercase()) {
        return None;
    }
    if let Some(found) = comparator(text).or_else(|| trailing_comparator(text)) {
        return Some(found).filter(|(_, number)| !number.is_empty());
    }
    // `HI (>600)`: the word and the bound must agree.
    let side = word(first_word)?;
    let rest = text[first_word.len()..].trim_start_matches([' ', ':', ',']);
    let rest = match rest.strip_prefix(['(', '[']) {
        Some(inner) => inner.strip_suffix([')', ']'])?.trim(),
        None => rest,
    };
    comparator(rest).filter(|(comparator, _)| comparator.is_below() == side.is_below())
}

/// The bound that `text`, a value without a unit of its own, states; none for
/// a number and for what is not understood.
pub(super) fn of_text(metric: &str, text: &str) -> Option<Measured> {
    if let Some(comparator) = device_word(metric, text) {
        return Some(Measured {
            value: None,
            comparator: Some(comparator),
            unit: None,
        });
    }
    let text = clean(text);
    let (comparator, rest) = split(&text)?;
    let (value, unit) = Marks::default().number(rest, None).ok()?;
    Some(Measured {
        value: Some(value),
        comparator: Some(comparator),
        unit: (!unit.is_empty()).then(|| unit.to_owned()),
    })
}

/// Whether `text` says of an amount that it is a trace or lies below a bound.
pub(super) fn is_amount_bound(text: &str) -> bool {
    let lower = text.to_lowercase();
    split(text).is_some() || ["tr", "tr.", "trace", "traces", "spuren"].contains(&&*lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Comparator, number and unit.
    type Found = (Comparator, Option<f64>, Option<&'static str>);

    #[test]
    fn bounds_are_read_and_nothing_else() {
        use Comparator::{Above, AtLeast, AtMost, Below};
        let cases: &[(&str, &str, Option<Found>)] = &[
            ("blood_glucose", "Low", Some((Below, None, None))),
            ("blood_glucose", " LO ", Some((Below, None, None))),
            ("15074-8", "HI", Some((Above, None, None))),
            ("2339-0", "Niedrig", Some((Below, None, None))),
            (
                "HKQuantityTypeIdentifierBloodGlucose",
                "élevé",
                Some((Above, None, None)),
            ),
            ("body_temperature", "Lo", Some((Below, None, None))),
            ("blood_glucose", "<40", Some((Below, Some(40.0), None))),
            ("blood_glucose", "< 40", Some((Below, Some(40.0), None))),
            (
                "blood_glucose",
                "<2,2 mmol/L",
                Some((Below, Some(2.2), Some("mmol/L"))),
            ),
            (
                "blood_glucose",
                ">600 mg/dL",
                Some((Above, Some(600.0), Some("mg/dL"))),
            ),
            (
                "blood_glucose",
                "HI (>600)",
                Some((Above, Some(600.0), None)),
            ),
            ("blood_glucose", "Low: <40", Some((Below, Some(40.0), None))),
            ("blood_glucose", "GT 22.2", Some((Above, Some(22.2), None))),
            (
                "heart_rate",
                "less than 40",
                Some((Below, Some(40.0), None)),
            ),
            (
                "oxygen_saturation",
                "≥ 95 %",
                Some((AtLeast, Some(95.0), Some("%"))),
            ),
            (
                "oxygen_saturation",
                "70 or less",
                Some((AtMost, Some(70.0), None)),
            ),
            (
                "systolic_blood_pressure",
                "=<90",
                Some((AtMost, Some(90.0), None)),
            ),
            // A rating, a battery, a summary, a contradiction, an open number.
            ("heart_rate", "High", None),
            ("body_weight", "Lo", None),
            ("heart_rate", "max 180", None),
            ("blood_glucose", "HI (<40)", None),
            ("blood_glucose", "LO (<40", None),
            ("blood_glucose", "<1,234", None),
            ("blood_glucose", "<", None),
            ("blood_glucose", "<40<", None),
            ("blood_glucose", "> 40 (normal)", None),
            ("blood_glucose", "55", None),
            ("blood_glucose", "Lows", None),
            ("blood_glucose", "", None),
        ];
        for (metric, text, expected) in cases {
            let found = of_text(metric, text);
            let expected = expected.map(|(comparator, value, unit)| Measured {
                value,
                comparator: Some(comparator),
                unit: unit.map(str::to_owned),
            });
            assert_eq!(found, expected, "{metric} {text}");
        }
    }

    #[test]
    fn words_of_no_metric_are_both_sides() {
        assert!(LOW.iter().all(|low| !HIGH.contains(low)));
        for text in ["<1 g", "Tr", "trace", "Spuren", "> 5"] {
            assert!(is_amount_bound(text), "{text}");
        }
        for text in ["1 g", "try", "0", ""] {
            assert!(!is_amount_bound(text), "{text}");
        }
    }
}
