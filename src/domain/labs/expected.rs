//! What a range in words accepts.

use super::flag::Flag;
use super::words::{Meaning, Word, key, whole};

/// The words that a range accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expected {
    alternatives: Vec<Word>,
}

impl Expected {
    /// Reads a range, cleaned. None where it accepts nothing in particular.
    pub(super) fn of(range: &str) -> Option<Expected> {
        let all = Word::of(range);
        let beginning = range.to_lowercase();
        let is_remark = REMARKS.iter().any(|remark| beginning.starts_with(remark));
        if is_remark || is_silent(&all) {
            return None;
        }
        let mut alternatives = vec![all];
        if alternatives[0].meaning == Meaning::Other {
            let mut parts = parts(range);
            // `Neg-Trace`, but not `Non-pregnant`.
            let dashed = range.split('-').map(str::trim);
            if dashed.clone().all(|part| whole(&key(part)).is_some()) {
                parts = dashed.collect();
            }
            if parts.len() > 1 {
                alternatives.extend(parts.into_iter().map(Word::of));
                let is_silent = |word: &Word| is_silent(word) && word.key != "none";
                if alternatives.iter().any(is_silent) {
                    return None;
                }
                // The list as a whole is equal to itself only.
                alternatives.rotate_left(1);
            }
        }
        Some(Expected { alternatives })
    }

    /// How a result in words stands to what is expected.
    pub(super) fn judge(&self, result: &Word) -> Flag {
        use Meaning::{
            Abnormal, Grade, Immune, Negative, NoResult, Normal, NotDetectedOrNotDone, NotImmune,
            Other, Positive, Trace, Unclear,
        };
        let is_equal = |word: &Word| word.key == result.key && !result.key.is_empty();
        let is_undecided = matches!(result.meaning, NoResult | NotDetectedOrNotDone);
        if !is_undecided && self.alternatives.iter().any(is_equal) {
            return Flag::Normal;
        }
        let listed = match &self.alternatives[..] {
            [parts @ .., _whole] if !parts.is_empty() => parts,
            all => all,
        };
        let any = |meanings: &[Meaning]| listed.iter().any(|word| meanings.contains(&word.meaning));
        let all = |meanings: &[Meaning]| listed.iter().all(|word| meanings.contains(&word.meaning));
        let (is_normal, is_abnormal) = match result.meaning {
            Negative => (any(&[Negative]), all(&[Positive, Immune])),
            Positive => (any(&[Positive, Immune]), all(&[Negative, Trace])),
            Immune => (any(&[Positive, Immune]), false),
            NotImmune => (false, all(&[Positive, Immune])),
            Grade => (false, all(&[Negative, Trace])),
            Trace => (any(&[Trace]), all(&[Negative])),
            Normal => (any(&[Normal]), false),
            Abnormal => (false, all(&[Normal])),
            NotDetectedOrNotDone => {
                let is_detection =
                    |word: &Word| word.meaning == Negative && word.key.contains("detect");
                (listed.iter().any(is_detection), false)
            }
            Unclear | NoResult | Other => (false, false),
        };
        match (is_normal, is_abnormal) {
            (true, _) => Flag::Normal,
            (false, true) => Flag::Abnormal,
            (false, false) => Flag::Unknown,
        }
    }
}

/// Whether a range that reads so says nothing.
fn is_silent(word: &Word) -> bool {
    word.key.is_empty()
        || matches!(
            word.meaning,
            Meaning::NoResult | Meaning::NotDetectedOrNotDone | Meaning::Unclear
        )
        || ["none", "unknown"].contains(&word.key.as_str())
}

/// How ranges begin that talk about the range instead of giving one.
const REMARKS: [&str; 9] = [
    "see ",
    "refer ",
    "not established",
    "not defined",
    "varies",
    "siehe ",
    "voir ",
    "nicht definiert",
    "depends on",
];

/// The alternatives that a range lists.
pub(super) fn parts(range: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = range.split([',', ';', '/', '|']).collect();
    for between in [" or ", " oder ", " ou ", " to ", " - ", " – "] {
        parts = parts
            .into_iter()
            .flat_map(|part| {
                let lower = part.to_ascii_lowercase();
                let mut found = Vec::new();
                let mut start = 0;
                while let Some(at) = lower[start..].find(between) {
                    found.push(&part[start..start + at]);
                    start += at + between.len();
                }
                found.push(&part[start..]);
                found
            })
            .collect();
    }
    let parts = parts.into_iter().map(str::trim);
    parts.filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_in_words_is_held_against_what_is_expected() {
        for (result, range, flag) in [
            ("Nonreactive", "Non-Reactive", Flag::Normal),
            ("Not Detected", "Negative", Flag::Normal),
            ("negativ", "Nicht nachweisbar", Flag::Normal),
            ("None", "None seen", Flag::Normal),
            ("Absent", "Nil", Flag::Normal),
            ("No growth after 48 hours", "No growth", Flag::Normal),
            ("Detected", "Not Detected", Flag::Abnormal),
            ("Reactive", "Non-reactive", Flag::Abnormal),
            ("1+", "Negative", Flag::Abnormal),
            ("Trace", "Negative", Flag::Abnormal),
            ("Few", "None seen", Flag::Abnormal),
            ("1:80", "Negative", Flag::Abnormal),
            ("Trace", "Negative/Trace", Flag::Normal),
            ("Trace", "NEG - TRACE", Flag::Normal),
            ("neg", "Negative to trace", Flag::Normal),
            ("Trace", "Neg-Trace", Flag::Normal),
            ("Few", "None-Few", Flag::Normal),
            ("Moderate", "None to few", Flag::Unknown),
            ("2+", "Negative/Trace", Flag::Abnormal),
            ("Positive", "Negative or normal", Flag::Unknown),
            ("Positive", "Positive", Flag::Normal),
            ("Positive", "Immune", Flag::Normal),
            ("Immune", "Reactive", Flag::Normal),
            ("Negative", "Positive", Flag::Abnormal),
            ("Not immune", "Immune", Flag::Abnormal),
            ("Immune", "Negative", Flag::Unknown),
            ("Yellow", "YELLOW", Flag::Normal),
            ("Straw", "Yellow; Straw", Flag::Normal),
            ("slightly  cloudy", "Clear, Slightly Cloudy", Flag::Normal),
            ("clear, yellow", "Clear, Yellow", Flag::Normal),
            ("Amber", "Yellow", Flag::Unknown),
            ("Pregnant", "Non-pregnant", Flag::Unknown),
            ("Abnormal", "Normal", Flag::Abnormal),
            ("WNL", "Normal", Flag::Normal),
            ("Equivocal", "Negative", Flag::Unknown),
            ("NR", "Nonreactive", Flag::Unknown),
            ("ND", "None detected", Flag::Normal),
            ("ND", "Negative", Flag::Unknown),
            ("-", "Negative", Flag::Unknown),
            ("(-)", "Negative", Flag::Normal),
            ("TNP", "Negative", Flag::Unknown),
            ("E. coli", "No growth", Flag::Unknown),
            ("Negative", "Yellow", Flag::Unknown),
            ("<1:40", "Negative", Flag::Unknown),
        ] {
            let expected = Expected::of(range).unwrap();
            assert_eq!(
                expected.judge(&Word::of(result)),
                flag,
                "{result} against {range}"
            );
        }
    }

    #[test]
    fn ranges_that_say_nothing_expect_nothing() {
        for range in [
            "See note",
            "see below",
            "Not Established",
            "N/A",
            "None",
            "NR",
            "ND",
            "---",
            "Varies with age",
            "Negative, see note",
            "Refer to report",
            "unknown",
            "*",
        ] {
            assert_eq!(Expected::of(range), None, "{range}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(result in "\\PC{0,20}", range in "\\PC{0,20}") {
            if let Some(expected) = Expected::of(&range) {
                expected.judge(&Word::of(&result));
            }
        }
    }
}
