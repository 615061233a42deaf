//! How a result stands to what is expected.

use super::range::{Interval, Range};
use super::value::{Comparator, Value};

/// Least severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flag {
    /// There is nothing to judge by.
    Unknown,
    Normal,
    Low,
    High,
    /// Not as expected, without a direction.
    Abnormal,
    CriticalLow,
    CriticalHigh,
}

impl Flag {
    const ALL: [Flag; 7] = [
        Flag::Unknown,
        Flag::Normal,
        Flag::Low,
        Flag::High,
        Flag::Abnormal,
        Flag::CriticalLow,
        Flag::CriticalHigh,
    ];

    /// The name stored in the flag columns.
    pub fn name(self) -> &'static str {
        match self {
            Flag::Unknown => "unknown",
            Flag::Normal => "normal",
            Flag::Low => "low",
            Flag::High => "high",
            Flag::Abnormal => "abnormal",
            Flag::CriticalLow => "critical_low",
            Flag::CriticalHigh => "critical_high",
        }
    }

    /// The flag that a stored name stands for; unknown for any other text.
    pub fn from_name(name: &str) -> Flag {
        Flag::ALL
            .into_iter()
            .find(|flag| flag.name() == name)
            .unwrap_or(Flag::Unknown)
    }

    /// What the laboratory itself said: HL7 interpretation codes (table 0078,
    /// `v3-ObservationInterpretation`) and the words some write instead. Of
    /// several codes the most severe. None where they do not tell normal from
    /// abnormal (`IND`, `U`, `S`, …).
    pub(super) fn reported(interpretation: &str) -> Option<Flag> {
        interpretation
            .split(['~', ',', ';'])
            .filter_map(|code| Flag::of_code(code.trim()))
            .max()
    }

    fn of_code(code: &str) -> Option<Flag> {
        Some(match code.to_uppercase().as_str() {
            "N" | "NEG" | "ND" | "NR" | "NORMAL" | "NEGATIVE" => Flag::Normal,
            // Significantly low is not critical.
            "L" | "LU" | "<" | "LX" | "LOW" => Flag::Low,
            "H" | "HU" | ">" | "HX" | "HIGH" => Flag::High,
            "LL" | "L*" | "CRITICAL LOW" | "CRITICALLY LOW" => Flag::CriticalLow,
            "HH" | "H*" | "CRITICAL HIGH" | "CRITICALLY HIGH" => Flag::CriticalHigh,
            "A"
            | "AA"
            | "*"
            | "A*"
            | "POS"
            | "DET"
            | "RR"
            | "WR"
            | "ABNORMAL"
            | "POSITIVE"
            | "CRITICAL ABNORMAL"
            | "CRITICALLY ABNORMAL" => Flag::Abnormal,
            _ => return None,
        })
    }

    /// How `value`, reported as `text`, stands to the range of the same
    /// report, in the report's own unit: a conversion rounds, and a result at
    /// the limit would flip.
    pub(super) fn judge(value: Value, text: &str, range: Option<&Range>) -> Flag {
        match (value, range) {
            (Value::Number(number), Some(Range::Interval(interval, _))) => interval.place(number),
            (Value::Bound(comparator, bound), Some(Range::Interval(interval, _))) => {
                interval.place_bound(comparator, bound)
            }
            (Value::Text, Some(Range::Expected(expected))) => {
                if is_expected(text, expected) {
                    Flag::Normal
                } else {
                    Flag::Abnormal
                }
            }
            _ => Flag::Unknown,
        }
    }
}

/// Equal ignoring case, as a whole or to one of several alternatives.
fn is_expected(text: &str, expected: &str) -> bool {
    let expected = expected.to_lowercase();
    let text = text.to_lowercase();
    text == expected
        || expected
            .split([',', ';'])
            .flat_map(|part| part.split(" or "))
            .any(|alternative| text == alternative.trim())
}

impl Interval {
    fn place(&self, number: f64) -> Flag {
        let is_low = |low| number < low || (self.is_low_outside && number == low);
        let is_high = |high| number > high || (self.is_high_outside && number == high);
        if self.low.is_some_and(is_low) {
            Flag::Low
        } else if self.high.is_some_and(is_high) {
            Flag::High
        } else {
            Flag::Normal
        }
    }

    /// Where every number that a comparator leaves possible lies, if they all
    /// lie on one side.
    fn place_bound(&self, comparator: Comparator, bound: f64) -> Flag {
        // A number that is just possible: the bound, or the next one within.
        let nearest = match comparator {
            Comparator::AtMost | Comparator::AtLeast => bound,
            Comparator::Below => bound.next_down(),
            Comparator::Above => bound.next_up(),
        };
        // What lies farther the same way: the end of the interval that the
        // numbers may pass, and the flag of those that have.
        let (end, beyond) = if comparator.is_below() {
            // Of amounts none is below zero: there, zero is no limit.
            let low = self.low.filter(|low| *low != 0.0 || self.is_low_outside);
            (low, Flag::Low)
        } else {
            (self.high, Flag::High)
        };
        match self.place(nearest) {
            flag if flag == beyond => beyond,
            Flag::Normal if end.is_none() => Flag::Normal,
            _ => Flag::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{range, value};
    use super::*;

    #[test]
    fn the_laboratorys_own_flag_is_understood() {
        for (codes, flag) in [
            ("H", Some(Flag::High)),
            ("l", Some(Flag::Low)),
            (" HH ", Some(Flag::CriticalHigh)),
            ("LL", Some(Flag::CriticalLow)),
            ("HU", Some(Flag::High)),
            ("N", Some(Flag::Normal)),
            ("AA", Some(Flag::Abnormal)),
            ("POS", Some(Flag::Abnormal)),
            ("NEG", Some(Flag::Normal)),
            ("Normal", Some(Flag::Normal)),
            ("N~H", Some(Flag::High)),
            ("A, LL", Some(Flag::CriticalLow)),
            ("IND", None),
            ("S", None),
            ("", None),
        ] {
            assert_eq!(Flag::reported(codes), flag, "{codes}");
        }
    }

    #[test]
    fn a_result_is_judged_by_its_own_range() {
        use Flag::{Abnormal, High, Low, Normal, Unknown};
        for (result, reference, flag) in [
            ("5.0", "3.5-5.0", Normal),
            ("5.01", "3.5-5.0", High),
            ("3.5", "3.5-5.0", Normal),
            ("3.49", "3.5-5.0", Low),
            ("200", "<200", High),
            ("200", "<=200", Normal),
            ("199", "<200", Normal),
            ("40", ">40", Low),
            ("40", ">=40", Normal),
            ("-3", "-2 - 2", Low),
            ("0", "0-5", Normal),
            // A comparator decides only where its bound does.
            ("<0.5", "3.5-5.0", Low),
            ("<3.5", "3.5-5.0", Low),
            ("<=3.5", "3.5-5.0", Unknown),
            ("<4", "3.5-5.0", Unknown),
            ("<0.5", "0-5", Normal),
            ("<5", "0-5", Normal),
            ("<6", "0-5", Unknown),
            ("<5", "<5", Normal),
            ("<=5", "<5", Unknown),
            ("<=5", "<=5", Normal),
            ("<1", "-2 - 2", Unknown),
            (">200", "<200", High),
            (">200", "0-200", High),
            (">=200", "0-200", Unknown),
            (">=200", "<200", High),
            (">100", "0-200", Unknown),
            (">60", ">=60", Normal),
            (">60", ">60", Normal),
            (">=60", ">60", Unknown),
            (">60", ">90", Unknown),
            // Words against words.
            ("Negative", "NEGATIVE", Normal),
            ("Positive", "Negative", Abnormal),
            ("Straw", "Yellow, Straw", Normal),
            ("trace", "Negative or trace", Normal),
            // Nothing to judge by.
            ("0-2", "0-5", Unknown),
            ("1:80", "<1:80", Unknown),
            ("5", "Negative", Unknown),
            ("Positive", "0-5", Unknown),
            ("5", "", Unknown),
            ("Positive", "see note", Unknown),
        ] {
            let value = value::parse(result).unwrap();
            let range = range::parse(reference);
            assert_eq!(
                Flag::judge(value, result, range.as_ref()),
                flag,
                "{result} in {reference}"
            );
        }
    }

    #[test]
    fn names_are_stored_and_found_again() {
        for flag in Flag::ALL {
            assert_eq!(Flag::from_name(flag.name()), flag);
        }
        assert_eq!(Flag::from_name("?"), Flag::Unknown);
        assert!(Flag::ALL.is_sorted());
    }
}
