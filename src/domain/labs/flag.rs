//! How a result stands to what is expected.

use super::range::{Interval, Range};
use super::value::Value;
use super::words::{Meaning, Word};
use crate::domain::number::Comparator;

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
            .filter_map(|part| Flag::of_code(part).or_else(|| Flag::of_codes(part)))
            .max()
    }

    /// Several codes between blanks: `U HH`.
    fn of_codes(text: &str) -> Option<Flag> {
        let codes = text.split_whitespace();
        let are_codes = codes.clone().count() > 1
            && codes.clone().all(|code| {
                let is_of_code = |c: char| c.is_uppercase() || "*!+<>↑↓".contains(c);
                code.len() <= 3 && code.chars().all(is_of_code)
            });
        are_codes.then(|| codes.filter_map(Flag::of_code).max())?
    }

    fn of_code(code: &str) -> Option<Flag> {
        let code = code.trim();
        let code = code.strip_prefix(['(', '[']).unwrap_or(code);
        let code = code.strip_suffix([')', ']']).unwrap_or(code);
        // `L!` and `*L` are `L`. `L*` is critical to some laboratories and has
        // a note to others: low is what both say.
        let bare = code.trim_matches(['!', '*']);
        let code = if bare.is_empty() { code } else { bare }.trim();
        Some(match code.to_uppercase().as_str() {
            "N" | "ND" | "NR" => Flag::Normal,
            // Significantly low is not critical.
            "L" | "LU" | "<" | "LX" | "LO" | "↓" | "↓↓" => Flag::Low,
            "H" | "HU" | ">" | "HX" | "HI" | "↑" | "↑↑" => Flag::High,
            "LL" => Flag::CriticalLow,
            "HH" => Flag::CriticalHigh,
            // A plus is more than normal to some, and positive to others.
            "A" | "AA" | "*" | "**" | "***" | "DET" | "RR" | "WR" | "!" | "!!" | "+" | "++"
            | "+++" => Flag::Abnormal,
            _ => return Flag::of_words(code),
        })
    }

    fn of_words(text: &str) -> Option<Flag> {
        let word = Word::of(text);
        let key = word.key.as_str();
        // `none` and `nil` are no flag.
        let is_of_test = ["neg", "pos", "react", "reakt", "detect", "reag"]
            .iter()
            .any(|part| key.contains(part));
        match word.meaning {
            Meaning::Normal => Some(Flag::Normal),
            Meaning::Abnormal => Some(Flag::Abnormal),
            Meaning::Negative if is_of_test => Some(Flag::Normal),
            Meaning::Positive if is_of_test => Some(Flag::Abnormal),
            _ => FLAG_WORDS
                .iter()
                .find(|(_, words)| words.split(' ').any(|known| known == key))
                .map(|(flag, _)| *flag),
        }
    }

    /// The flag that stands beside a result, such as `112 H`, `H 112` or
    /// `112*`, and the result without it; none where no flag does. An asterisk
    /// refers to a note and is no flag.
    pub(super) fn beside(text: &str) -> Option<(&str, Option<Flag>)> {
        let is_digit = |c: char| c.is_ascii_digit();
        let starts_number =
            |text: &str| text.starts_with(|c: char| is_digit(c) || "<>≤≥.-".contains(c));
        let bare = |text: &str| {
            let is_bracket = |c: char| matches!(c, '(' | ')' | '[' | ']');
            text.trim_matches(is_bracket).trim().to_owned()
        };
        // Behind, after a blank or right after the number.
        if text.starts_with(|c: char| is_digit(c) || !c.is_alphabetic()) {
            let (number, token) = split_token(text);
            if let Some(flag) = flag_token(&bare(token)) {
                let is_attached = !number.is_empty() && text[number.len()..].starts_with(token);
                let number = number.trim_end();
                // Not the litre of `200mL` or of `12 mg / L`.
                let is_number = if is_attached {
                    number.ends_with(is_digit)
                } else {
                    number.contains(is_digit) && !number.ends_with('/')
                };
                return is_number.then_some((number, flag));
            }
        }
        // Before.
        let (token, number) = match text.split_once(' ') {
            Some((token, number)) => (token, number.trim_start()),
            None => {
                let end = text.find(|c| !matches!(c, '*' | '↑' | '↓' | '!'))?;
                text.split_at(end)
            }
        };
        let token = bare(token);
        let flag = flag_token(&token)?;
        let is_flag = !matches!(token.as_str(), "A" | "AA" | "N");
        (is_flag && starts_number(number)).then_some((number, flag))
    }

    /// How `value`, reported as `word` if it is a text, stands to the range of
    /// the same report, in the report's own unit: a conversion rounds, and a
    /// result at the limit would flip.
    pub(super) fn judge(value: Value, word: Option<&Word>, range: Option<&Range>) -> Flag {
        match (value, range) {
            (Value::Number(number), Some(Range::Interval(interval, _))) => interval.place(number),
            (Value::Bound(comparator, bound), Some(Range::Interval(interval, _))) => {
                interval.place_bound(comparator, bound)
            }
            (Value::Text, Some(Range::Expected(expected))) => {
                word.map_or(Flag::Unknown, |word| expected.judge(word))
            }
            _ => Flag::Unknown,
        }
    }
}

/// Flags spelt out, without case, accents, blanks and punctuation.
const FLAG_WORDS: [(Flag, &str); 5] = [
    (
        Flag::High,
        "high slightlyhigh abovenormal abovehigh abovehighnormal aboverange abovereferencerange \
         elevated increased raised veryhigh hoch erhoht erhoeht leichterhoht starkerhoht alto alta \
         elevado elevada aumentado aumentada aumentato eleve elevee haut haute elevato elevata hoog \
         verhoogd hog hogt forhojd forhojt hoy wysoki podwyzszony podwyzszona yuksek",
    ),
    (
        Flag::Low,
        "low slightlylow belownormal belowlow belowlownormal belowrange belowreferencerange \
         decreased reduced verylow niedrig erniedrigt vermindert tief bajo baja disminuido \
         disminuida baixo baixa diminuido diminuida bas basse diminue diminuee basso bassa \
         diminuito laag verlaagd lag lagt sankt lav lavt niski obnizony obnizona dusuk",
    ),
    (
        Flag::CriticalHigh,
        "criticalhigh criticallyhigh crithigh highcritical panichigh highpanic hcrit alerthigh \
         kritischhoch criticoalto",
    ),
    (
        Flag::CriticalLow,
        "criticallow criticallylow critlow lowcritical paniclow lowpanic lcrit alertlow \
         kritischniedrig criticobajo",
    ),
    (
        Flag::Abnormal,
        "critical crit criticalabnormal criticallyabnormal panic panicvalue alert kritisch critico \
         critica critique slightlyabnormal veryabnormal",
    ),
];

/// The last word of `text`, or the signs and capitals at its end.
fn split_token(text: &str) -> (&str, &str) {
    if let Some((number, token)) = text.rsplit_once(' ') {
        return (number, token);
    }
    let is_flag = |c: char| {
        matches!(
            c,
            'H' | 'L' | 'A' | '*' | '!' | '↑' | '↓' | '(' | ')' | '[' | ']'
        )
    };
    let start = text.trim_end_matches(is_flag).len();
    text.split_at(start)
}

/// The flag that a word beside a number is; none for any other word.
fn flag_token(token: &str) -> Option<Option<Flag>> {
    let signs = token.trim_matches(['*', '!']);
    if !token.is_empty() && signs.is_empty() {
        return Some(token.contains('!').then_some(Flag::Abnormal));
    }
    match signs {
        "H" | "L" | "HH" | "LL" | "A" | "AA" | "N" | "HI" | "LO" | "↑" | "↓" | "↑↑" | "↓↓" => {
            Some(Flag::of_code(token))
        }
        _ => {
            let word = Word::of(signs);
            let is_of_test = matches!(word.meaning, Meaning::Negative | Meaning::Positive);
            let is_word = signs.len() > 2 && signs.chars().all(char::is_alphabetic);
            let flag = Flag::of_words(signs).filter(|_| is_word && !is_of_test)?;
            Some(Some(flag))
        }
    }
}

impl Interval {
    pub(super) fn contains(&self, number: f64) -> bool {
        self.place(number) == Flag::Normal
    }

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
    use super::super::range;
    use super::super::value::Parts;
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
            ("U;HH", Some(Flag::CriticalHigh)),
            ("U HH", Some(Flag::CriticalHigh)),
            ("N H", Some(Flag::High)),
            ("HIGH", Some(Flag::High)),
            ("High", Some(Flag::High)),
            ("(H)", Some(Flag::High)),
            ("[L]", Some(Flag::Low)),
            ("*H", Some(Flag::High)),
            ("H*", Some(Flag::High)),
            ("L*", Some(Flag::Low)),
            ("L!", Some(Flag::Low)),
            ("A*", Some(Flag::Abnormal)),
            ("Abnormal", Some(Flag::Abnormal)),
            ("Abn", Some(Flag::Abnormal)),
            ("Critical", Some(Flag::Abnormal)),
            ("crit high", Some(Flag::CriticalHigh)),
            ("CRITICAL LOW", Some(Flag::CriticalLow)),
            ("panic high", Some(Flag::CriticalHigh)),
            ("panic", Some(Flag::Abnormal)),
            ("Above normal", Some(Flag::High)),
            ("Alto", Some(Flag::High)),
            ("bajo", Some(Flag::Low)),
            ("Hoch", Some(Flag::High)),
            ("erhöht", Some(Flag::High)),
            ("niedrig", Some(Flag::Low)),
            ("Élevé", Some(Flag::High)),
            ("laag", Some(Flag::Low)),
            ("wysoki", Some(Flag::High)),
            ("↑", Some(Flag::High)),
            ("+", Some(Flag::Abnormal)),
            ("++", Some(Flag::Abnormal)),
            ("!", Some(Flag::Abnormal)),
            ("Non-reactive", Some(Flag::Normal)),
            ("Detected", Some(Flag::Abnormal)),
            ("within normal limits", Some(Flag::Normal)),
            ("WNL", Some(Flag::Normal)),
            ("-", None),
            ("--", None),
            ("None", None),
            ("nil", None),
            ("not high", None),
            ("See note", None),
            ("no flag", None),
            ("R", None),
            ("I", None),
            ("E", None),
            ("W", None),
            ("?", None),
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
            let range = range::parse(reference, "");
            let interval = match &range {
                Some(Range::Interval(interval, _)) => Some(interval),
                _ => None,
            };
            let parts = Parts::of(result, None).unwrap();
            let value = parts.value("", interval).unwrap();
            let word = Word::of(result);
            assert_eq!(
                Flag::judge(value, Some(&word), range.as_ref()),
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
