//! Texts of several words that mean one thing.

use super::expected::parts;
use super::words::{Meaning, Word, key, sign, whole};
use crate::domain::units;

/// What stands before a remark in brackets or an index: `Negative (0.12)`,
/// `Non-Reactive 0.08`, `1+ (25 mg/dL)`.
pub(super) fn without_remark(text: &str) -> Option<Meaning> {
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
            let is_unit = index.contains('/') && units::normalize(index).is_some();
            if matches!(index, "A" | "AA" | "H") {
                // The flag beside a finding; beside `Negative` it contradicts.
                let meaning = whole(&key(head));
                return meaning.filter(|meaning| *meaning == Meaning::Positive);
            }
            if !is_index && !is_unit {
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
    // `See note 1`, but not `Hemolyzed 5.2`.
    meaning.filter(|meaning| *meaning != Meaning::NoResult || key(head).starts_with("see"))
}

/// What all parts of a text mean alike: `Negative - not detected`, `1+
/// positive`, `SARS-CoV-2: not detected`.
pub(super) fn agreed(text: &str) -> Option<Meaning> {
    if let Some((test, result)) = text.split_once(": ") {
        let is_name = matches!(Word::of(test).meaning, Meaning::Other)
            && !test
                .split(|c: char| !c.is_alphanumeric())
                .map(key)
                .any(|word| {
                    FOUND.contains(&&*word) || NEGATIONS.contains(&&*word) || whole(&word).is_some()
                });
        return (is_name && !result.contains(": "))
            .then(|| Word::of(result).meaning)
            .filter(|meaning| matches!(meaning, Meaning::Negative | Meaning::Positive));
    }
    let parts = parts(text);
    let of = |part: &str| sign(part).or_else(|| whole(&key(part)));
    if let [_, _, ..] = parts[..] {
        let first = of(parts[0])?;
        let is_finding = matches!(first, Meaning::Negative | Meaning::Positive);
        let are_alike = parts.iter().all(|part| of(part) == Some(first));
        return (is_finding && are_alike).then_some(first);
    }
    let (grade, word) = text.split_once(' ')?;
    let is_graded = sign(grade) == Some(Meaning::Grade) && of(word) == Some(Meaning::Positive);
    is_graded.then_some(Meaning::Grade)
}

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

/// Sentences that say one thing: `No growth after 48 hours`, `Negative for
/// influenza`, `SARS-CoV-2 RNA not detected`, `Specimen clotted`.
pub(super) fn sentence(text: &str) -> Option<Meaning> {
    const CONTRASTS: [&str; 20] = [
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
        "und",
        "oder",
        "pero",
        "sino",
        "mais",
        "mas",
        "ma",
        "et",
        "maar",
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
        [
            "kein" | "keine" | "keinerlei",
            ..,
            "nachweisbar" | "nachgewiesen" | "gefunden" | "gesehen" | "sichtbar" | "wachstum",
        ]
        | [.., "nicht", "nachweisbar" | "nachgewiesen" | "reaktiv"]
        | [
            ..,
            "non",
            "detecte" | "detectee" | "detectes" | "reactif" | "retrouve",
        ]
        | ["aucun" | "aucune", _]
        | [
            "no",
            "se",
            "detecta" | "detectan" | "detecto" | "observa" | "observan" | "aisla",
            _,
        ]
        | [
            ..,
            "no",
            "detectado" | "detectada" | "reactivo" | "reactiva",
        ]
        | [
            ..,
            "nao",
            "detectado" | "detectada" | "reagente" | "reativo",
        ]
        | [.., "non", "rilevato" | "rilevata" | "reattivo"]
        | [.., "niet", "aantoonbaar" | "aangetoond"]
            if words.len() < 7 =>
        {
            Some(Meaning::Negative)
        }
        ["absence" | "ausencia" | "assenza", "de" | "d" | "di", _, ..] if findings == 0 => {
            Some(Meaning::Negative)
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
    const BEGINNINGS: [&str; 28] = [
        "clotted",
        "contaminated",
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
