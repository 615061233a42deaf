//! Results and expectations in words, in the languages of reports.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::flag::Flag;
use super::lexicon::LEXICON;

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
    key: String,
    pub(super) meaning: Meaning,
}

/// The words that a range accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expected {
    alternatives: Vec<Word>,
}

impl Word {
    /// Reads `text`, cleaned.
    pub(super) fn of(text: &str) -> Word {
        let (key, meaning) = match sign(text) {
            Some(meaning) => (text.to_owned(), meaning),
            None => {
                let key = key(text);
                let meaning = whole(&key)
                    .or_else(|| without_remark(text))
                    .or_else(|| phrase(text))
                    .unwrap_or(Meaning::Other);
                (key, meaning)
            }
        };
        Word { key, meaning }
    }

    /// Without case, accents, blanks and punctuation.
    pub(super) fn key(&self) -> &str {
        &self.key
    }
}

impl Expected {
    /// Reads a range, cleaned. None where it accepts nothing in particular.
    pub(super) fn of(range: &str) -> Option<Expected> {
        let whole = Word::of(range);
        let beginning = range.to_lowercase();
        let is_remark = REMARKS.iter().any(|remark| beginning.starts_with(remark));
        if is_remark || is_silent(&whole) {
            return None;
        }
        let mut alternatives = vec![whole];
        if alternatives[0].meaning == Meaning::Other {
            let parts = parts(range);
            if parts.len() > 1 {
                alternatives.extend(parts.into_iter().map(Word::of));
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
fn parts(range: &str) -> Vec<&str> {
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

/// What texts without a letter mean, as far as they mean something.
fn sign(text: &str) -> Option<Meaning> {
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

fn whole(key: &str) -> Option<Meaning> {
    static MEANINGS: LazyLock<HashMap<&str, Meaning>> = LazyLock::new(|| {
        let all = LEXICON.iter();
        all.flat_map(|(meaning, keys)| keys.split_whitespace().map(|key| (key, *meaning)))
            .collect()
    });
    MEANINGS.get(key).copied()
}

/// What stands before a remark in brackets or an index: `Negative (0.12)`,
/// `Non-Reactive 0.08`, `1+ (25 mg/dL)`.
fn without_remark(text: &str) -> Option<Meaning> {
    let head = match text.strip_suffix([')', ']']) {
        Some(inside) => {
            let (head, remark) = inside.split_once(['(', '['])?;
            // `Negative (repeat: positive)`.
            let has_words = remark.split(|c: char| !c.is_alphanumeric());
            let contradicts = has_words.map(key).any(|key| {
                matches!(
                    whole(&key),
                    Some(Meaning::Positive | Meaning::Negative | Meaning::Unclear)
                )
            });
            if contradicts && whole(&key(head)) != whole(&key(remark)) {
                return None;
            }
            head
        }
        None => {
            let (head, index) = text.rsplit_once(' ')?;
            let is_index = index
                .chars()
                .all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | ':' | '<' | '>' | '='));
            if !is_index {
                return None;
            }
            head
        }
    };
    let head = head.trim_end();
    if head.is_empty() {
        return None;
    }
    let meaning = sign(head).or_else(|| whole(&key(head)));
    meaning.filter(|meaning| *meaning != Meaning::NoResult)
}

/// Sentences that say one thing: `No growth after 48 hours`, `Negative for
/// influenza`, `SARS-CoV-2 RNA not detected`, `Specimen clotted`.
fn phrase(text: &str) -> Option<Meaning> {
    const CONTRASTS: [&str; 11] = [
        "but",
        "however",
        "except",
        "other",
        "and",
        "although",
        "possible",
        "cannot",
        "aber",
        "repeat",
        "previously",
    ];
    const FOUND: [&str; 10] = [
        "detected",
        "seen",
        "isolated",
        "found",
        "identified",
        "observed",
        "present",
        "recovered",
        "noted",
        "reactive",
    ];
    const NEGATIONS: [&str; 9] = [
        "no", "not", "none", "non", "nil", "negative", "neg", "without", "never",
    ];
    if text.contains([',', ';', ':', '?']) || text.contains(". ") {
        return no_specimen(text);
    }
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(key)
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if words.iter().any(|word| CONTRASTS.contains(word)) {
        return no_specimen(text);
    }
    let negations = words.iter().filter(|word| NEGATIONS.contains(word)).count();
    let findings = words.iter().filter(|word| FOUND.contains(word)).count();
    match &words[..] {
        ["no", "growth", rest @ ..] if rest.iter().all(|word| is_of_time(word)) => {
            Some(Meaning::Negative)
        }
        [first, "for" | "fur" | "para" | "pour" | "per", _, ..]
            if findings == 0 && negations <= 1 =>
        {
            let is_finding = |meaning: &_| matches!(meaning, Meaning::Negative | Meaning::Positive);
            let finding = whole(first).filter(is_finding);
            finding.or_else(|| no_specimen(text))
        }
        ["no", .., last] if findings == 1 && negations == 1 && FOUND.contains(last) => {
            Some(Meaning::Negative)
        }
        ["no", middle @ .., "growth"] if negations == 1 && middle.len() < 4 => {
            Some(Meaning::Negative)
        }
        [.., "not" | "non", last] if findings == 1 && negations == 1 && FOUND.contains(last) => {
            Some(Meaning::Negative)
        }
        [
            _,
            ..,
            last @ ("detected" | "isolated" | "identified" | "present"),
        ] if findings == 1 && negations == 0 && FOUND.contains(last) => Some(Meaning::Positive),
        _ => no_specimen(text),
    }
}

fn is_of_time(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
        || matches!(
            word,
            "after"
                | "at"
                | "in"
                | "to"
                | "date"
                | "for"
                | "of"
                | "final"
                | "so"
                | "far"
                | "x"
                | "hour"
                | "hours"
                | "hrs"
                | "hr"
                | "h"
                | "day"
                | "days"
                | "d"
                | "incubation"
                | "aerobically"
                | "anaerobically"
                | "aerobic"
                | "anaerobic"
                | "bacterial"
        )
}

/// Notes that begin with why there is no result. One with a digit may hold a
/// result.
fn no_specimen(text: &str) -> Option<Meaning> {
    const BEGINNINGS: [&str; 26] = [
        "tnp",
        "qns",
        "test not performed",
        "not performed",
        "quantity not sufficient",
        "quantity insufficient",
        "insufficient",
        "unable to",
        "cancelled",
        "canceled",
        "see note",
        "see comment",
        "see report",
        "see below",
        "see attached",
        "specimen",
        "sample",
        "pending",
        "rejected",
        "unsatisfactory",
        "hemolyzed",
        "haemolysed",
        "test cancelled",
        "test canceled",
        "could not be",
        "no specimen",
    ];
    const FATES: [&str; 15] = [
        "clotted",
        "hemolyzed",
        "haemolyzed",
        "hemolysed",
        "haemolysed",
        "insufficient",
        "rejected",
        "unsatisfactory",
        "contaminated",
        "leaked",
        "mislabeled",
        "unlabeled",
        "received",
        "lost",
        "cancelled",
    ];
    if text.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(key)
        .collect();
    let text = words.join(" ");
    BEGINNINGS
        .iter()
        .filter(|beginning| {
            let rest = text.strip_prefix(*beginning);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        })
        // `Specimen` alone tells nothing of its fate.
        .any(|beginning| {
            let needs_fate = matches!(*beginning, "specimen" | "sample");
            !needs_fate || words.iter().any(|word| FATES.contains(&word.as_str()))
        })
        .then_some(Meaning::NoResult)
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
                 No Salmonella or Shigella isolated|No bacterial growth|陰性|Non rilevato|assente",
            ),
            (
                Positive,
                "Positive|POS|Reactive|Detected|Present|growth|positiv|Reagente|Détecté|\
                 nachgewiesen|Weakly Positive|Repeatedly reactive|SARS-CoV-2 RNA DETECTED|\
                 Positive for Giardia|Positive (12.4)|陽性|Presente|Dodatni|Pozitif",
            ),
            (
                Grade,
                "1+|2 +|+1|+++|(+)|Few|RARE|moderate|Many|Small|large|1:80|>=1:640|TNTC|\
                 1+ (25 mg/dL)|Small (1+)|Occasional|Scant growth|Heavy growth",
            ),
            (
                Trace,
                "Trace|TRACE|tr.|Spur|Spuren|Traces|Trazas|Tracce|Trace (10 mg/dL)",
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
                 Specimen clotted|Sample hemolysed|TNP - specimen clotted|QNS for analysis|\
                 hämolytisch|Material fehlt|folgt|Muestra insuficiente|hemolizado|en cours|\
                 Emolizzato|onvoldoende materiaal|Unable to calculate|?|null|Test cancelled",
            ),
            (
                Other,
                "Yellow|Amber|clear|E. coli|See Spot run|No growth of E. coli but Klebsiella|\
                 Negative, see note|not negative|Negative (repeat positive)|Not for release|\
                 specimen|Hepatitis|Hemolyzed 5.2|<1:40|12/5|5-10|A|Rh positive|\
                 not detected and detected|None of the above",
            ),
        ] {
            for text in texts.split('|') {
                assert_eq!(Word::of(text).meaning, meaning, "{text}");
            }
        }
    }

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
            ("2+", "Negative/Trace", Flag::Abnormal),
            ("Positive", "NEG-TRACE or Negative", Flag::Unknown),
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
        fn any_text_is_read_without_a_panic(result in "\\PC{0,20}", range in "\\PC{0,20}") {
            if let Some(expected) = Expected::of(&range) {
                expected.judge(&Word::of(&result));
            }
        }
    }
}
