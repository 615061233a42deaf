//! Results and expectations in words, in the languages of reports.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::lexicon::LEXICON;
use super::phrase;

/// The longest text that is read as a word or phrase.
const MAX_BYTES: usize = 300;

/// What a word or phrase means for a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// What was looked for is not in the specimen.
    Negative,
    Positive,
    /// Less than any grade.
    Trace,
    /// How much there is: `1+`, `few`, `1:80`.
    Grade,
    /// Neither negative nor positive: `borderline`.
    Unclear,
    /// Protected by antibodies.
    Immune,
    NotImmune,
    Normal,
    Abnormal,
    /// Not detected, or not done: `ND`.
    NotDetectedOrNotDone,
    /// The specimen gave no result.
    NoResult,
    /// A description such as `yellow`, and everything that is not understood.
    Other,
}

/// A text in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Without case, accents, blanks and punctuation.
    pub(super) key: String,
    pub(super) meaning: Meaning,
}

impl Word {
    /// Reads `text`, cleaned. Longer ones than a sentence are not understood.
    pub(super) fn of(text: &str) -> Word {
        if text.len() > MAX_BYTES {
            return Word {
                key: String::new(),
                meaning: Meaning::Other,
            };
        }
        let (key, meaning) = match sign(text) {
            Some(meaning) => (text.to_owned(), meaning),
            None => {
                let key = key(text);
                let meaning = whole(&key)
                    .or_else(|| phrase::without_remark(text))
                    .or_else(|| phrase::agreed(text))
                    .or_else(|| phrase::sentence(text))
                    .unwrap_or(Meaning::Other);
                (key, meaning)
            }
        };
        Word { key, meaning }
    }

    /// Whether the text says that something is or is not there.
    pub(super) fn is_finding(&self) -> bool {
        matches!(self.meaning, Meaning::Negative | Meaning::Positive)
    }
}

/// What texts without a letter mean, as far as they mean something.
pub(super) fn sign(text: &str) -> Option<Meaning> {
    let grades = text.trim_start_matches(['+', ' ']);
    let is_plus = !text.is_empty() && text.chars().all(|c| c == '+' || c == ' ');
    let is_counted = |digits: &str| matches!(digits, "1" | "2" | "3" | "4");
    let is_grade = is_plus
        || text == "(+)"
        || (text.starts_with('+') && is_counted(grades))
        || text
            .strip_suffix('+')
            .is_some_and(|digits| is_counted(digits.trim_end()));
    if is_grade || is_titre(text) {
        return Some(Meaning::Grade);
    }
    match text {
        "(-)" => Some(Meaning::Negative),
        // Negative to some, and nothing to others.
        "-" | "–" | "−" | "+/-" | "-/+" | "±" | "(±)" => Some(Meaning::Unclear),
        _ if !text.contains(char::is_alphanumeric) => Some(Meaning::NoResult),
        // The errors of spreadsheets.
        "#N/A" | "#VALUE!" | "#REF!" | "#NAME?" | "#DIV/0!" | "#NUM!" | "#NULL!" => {
            Some(Meaning::NoResult)
        }
        _ => None,
    }
}

/// A dilution at which there still was a reaction: `1:80`, `>= 1:640`.
fn is_titre(text: &str) -> bool {
    let dilution = text.trim_start_matches(['>', '=', '≥', ' ']);
    let is_whole = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    dilution
        .split_once(':')
        .is_some_and(|(one, many)| one.trim_end() == "1" && is_whole(many.trim_start()))
}

pub(super) fn whole(key: &str) -> Option<Meaning> {
    static MEANINGS: LazyLock<HashMap<&str, Meaning>> = LazyLock::new(|| {
        let all = LEXICON.iter();
        all.flat_map(|(meaning, keys)| keys.split_whitespace().map(|key| (key, *meaning)))
            .collect()
    });
    MEANINGS.get(key).copied()
}

/// `text` without case, accents, blanks and punctuation.
pub(super) fn key(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ą' => key.push('a'),
            'è' | 'é' | 'ê' | 'ë' | 'ę' | 'ě' => key.push('e'),
            'ì' | 'í' | 'î' | 'ï' | 'ı' => key.push('i'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => key.push('o'),
            'ù' | 'ú' | 'û' | 'ü' => key.push('u'),
            'ç' | 'ć' | 'č' => key.push('c'),
            'ñ' | 'ń' => key.push('n'),
            'ś' | 'ş' | 'š' => key.push('s'),
            'ź' | 'ż' | 'ž' => key.push('z'),
            'ł' => key.push('l'),
            'ğ' => key.push('g'),
            'ý' => key.push('y'),
            'ř' => key.push('r'),
            'æ' => key.push_str("ae"),
            'ß' => key.push_str("ss"),
            c if c.is_alphanumeric() => key.push(c),
            // Full-width and combining signs, blanks and punctuation.
            _ => {}
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_understood_in_many_spellings() {
        use Meaning::{
            Grade, Immune, Negative, NoResult, Normal, NotDetectedOrNotDone, NotImmune, Other,
            Positive, Trace, Unclear,
        };
        for (meaning, texts) in [
            (
                Negative,
                "Nonreactive|Non-Reactive|NON REACTIVE|non–reactive|Negative|NEG|Neg.|negative.|\
                 Not Detected|NOT-DETECTED|None Detected|None seen|Undetectable|Absent|Nil|None|\
                 No growth|No Growth.|(-)|negativ|nicht nachweisbar|Nicht reaktiv|Négatif|\
                 NÉGATIVE|Absence|non réactif|Negativo|No Reactivo|no detectado|Ausente|\
                 Não reagente|NÃO DETECTADO|Negatief|niet aantoonbaar|Ej påvisad|Ujemny|\
                 nie wykryto|NEGATİF|Negative (0.12)|Non-Reactive 0.08|Negative for influenza A|\
                 No growth after 48 hours|No growth at 5 days|SARS-CoV-2 RNA not detected|\
                 No Salmonella or Shigella isolated|NEGATIVE - NOT DETECTED|Negative/Not detected|\
                 SARS-CoV-2: Not Detected|Negative mg/dL|None seen /HPF|Absence de germes|\
                 No se observan|No bacterial growth|keine Bakterien nachweisbar|Anti-HIV nicht nachweisbar|Aucun germe|No se observan parásitos|VIH no reactivo|HCV não reagente|陰性|Non rilevato|assente",
            ),
            (
                Positive,
                "Positive|POS|Reactive|Detected|Present|growth|positiv|Reagente|Détecté|\
                 nachgewiesen|Weakly Positive|Repeatedly reactive|SARS-CoV-2 RNA DETECTED|\
                 Positive for Giardia|POSITIVE A|Positive (12.4)|陽性|Presente|Dodatni|Pozitif",
            ),
            (
                Grade,
                "1+|2 +|+1|+++|(+)|Few|RARE|moderate|Many|Small|large|1:80|>=1:640|TNTC|\
                 1+ (25 mg/dL)|1+ Positive|Small (1+)|Occasional|Scant growth|Heavy growth",
            ),
            (
                Trace,
                "Trace|TRACE|tr.|Spur|Spuren|Traces|Trace-lysed|Trazas|Tracce|Trace (10 mg/dL)",
            ),
            (
                Unclear,
                "Equivocal|INDETERMINATE|borderline|Gray zone|grey-zone|Inconclusive|grenzwertig|\
                 dudoso|douteux|-|±|+/-|NR",
            ),
            (Immune, "Immune|IMMUNE|Immun"),
            (NotImmune, "Non-immune|Not Immune|nonimmune"),
            (
                Normal,
                "Normal|WNL|within normal limits|Unremarkable|unauffällig",
            ),
            (NotDetectedOrNotDone, "ND|N.D.|n/d"),
            (
                NoResult,
                "TNP|QNS|Q.N.S.|Quantity not sufficient|hemolyzed|HAEMOLYSED|See note|\
                 See Comment|Pending|In process|clotted|Specimen rejected|Unsatisfactory|\
                 CANCELLED|Canceled|Test not performed|Not Done|not tested|Insufficient|error|\
                 INVALID|contaminated|DNR|*****|---|N/A|NA|#N/A|Hemolyzed specimen, recollect|\
                 Specimen clotted|Sample hemolysed|TNP - specimen clotted|See note 1|Clotted specimen|Result pending|QNS for analysis|\
                 hämolytisch|Material fehlt|folgt|Muestra insuficiente|hemolizado|en cours|\
                 Emolizzato|onvoldoende materiaal|Unable to calculate|?|null|Test cancelled",
            ),
            (
                Other,
                "Yellow|Amber|clear|E. coli|See Spot run|No growth of E. coli but Klebsiella|\
                 Negative, see note|not negative|Negative (repeat positive)|Not for release|\
                 specimen|Hepatitis|Hemolyzed 5.2|<1:40|12/5|5-10|A|Rh positive|\
                 not detected and detected|kein Material und nachweisbar|Nicht nachweisbar: positiv|Negative A|Normal H|None of the above|Negative/Positive|HIV not tested: negative",
            ),
        ] {
            for text in texts.split('|') {
                assert_eq!(Word::of(text).meaning, meaning, "{text}");
            }
        }
    }

    #[test]
    fn a_long_report_is_not_taken_for_a_word() {
        for part in ["a: ", "Negative ", "Negative: ", "- ", "("] {
            assert_eq!(Word::of(&part.repeat(20_000)).meaning, Meaning::Other);
        }
    }

    #[test]
    fn no_spelling_means_two_things() {
        let mut seen = HashMap::new();
        for (meaning, keys) in LEXICON {
            for word in keys.split_whitespace() {
                assert_eq!(key(word), word, "never found");
                let before = seen.insert(word, meaning);
                assert_eq!(before, None, "{word}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,20}") {
            Word::of(&text);
        }
    }
}
