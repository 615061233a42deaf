//! How people, devices and reports spell units.
//!
//! A spelling is looked up whole, then part by part, whatever its case: UCUM's
//! own case-sensitive prefixes count only where the tables have them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::signs::plain_signs;
use super::table::{ATOMS, BASES, EITHER, EVENTS, Either, MULTIPLES, PREFIXES};

/// What a spelling means.
#[derive(Debug, PartialEq)]
pub(super) struct Meaning {
    /// What it means wherever it stands. Whether that is a unit is for the
    /// parser to say.
    pub(super) sure: Option<Cow<'static, str>>,
    /// What else it may mean where a measurement says which.
    pub(super) possible: &'static [&'static str],
}

/// Codes that need no lookup, the most frequent first.
pub(super) fn frequent(unit: &str) -> Option<&'static str> {
    Some(match unit {
        "/min" => "/min",
        "mm[Hg]" => "mm[Hg]",
        "%" => "%",
        "kg" => "kg",
        "cm" => "cm",
        "m" => "m",
        "mg/dL" => "mg/dL",
        "mmol/L" => "mmol/L",
        "kcal" => "kcal",
        "min" => "min",
        "{count}" => "{count}",
        _ => return None,
    })
}

/// The meaning of a unit of which white space is clean.
pub(super) fn meaning(unit: &str) -> Meaning {
    let unit = plain_signs(unit);
    let key = unit.to_lowercase();
    if let Some(either) = EITHER.iter().find(|either| either.key == key) {
        return of_either(either, &unit);
    }
    let sure = match atom(&key).or_else(|| atom(key.trim_end_matches('.'))) {
        Some(code) => Cow::Borrowed(code),
        None => Cow::Owned(respell(&unit)),
    };
    Meaning {
        sure: Some(sure),
        possible: &[],
    }
}

fn of_either(either: &Either, unit: &str) -> Meaning {
    let sure = either.sure.iter().find(|(spelling, _)| *spelling == unit);
    Meaning {
        sure: sure.map(|(_, code)| Cow::Borrowed(*code)),
        possible: either.possible,
    }
}

/// Whether a symbol that has a prefix is in use for health.
pub(super) fn is_in_use(symbol: &str) -> bool {
    static IN_USE: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
        let sure = EITHER.iter().flat_map(|either| either.sure);
        atoms()
            .values()
            .copied()
            .chain(sure.map(|(_, code)| *code))
            .flat_map(|code| code.split(['/', '.', '(', ')']))
            .collect()
    });
    IN_USE.contains(symbol)
}

/// The code of a unit or part of one, by its spelling in lower case.
fn atom(key: &str) -> Option<&'static str> {
    atoms().get(key).copied()
}

fn atoms() -> &'static HashMap<String, &'static str> {
    static BY_KEY: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
        let mut by_key = HashMap::new();
        for base in BASES {
            for (prefix, symbols, names) in PREFIXES {
                if !base.prefixes.contains(*prefix) {
                    continue;
                }
                let code: &'static str = match prefix {
                    '-' => base.code,
                    prefix => format!("{prefix}{}", base.code).leak(),
                };
                let symbols = symbols
                    .iter()
                    .flat_map(|p| base.symbols.iter().map(move |s| (p, s)));
                for (prefix, stem) in symbols {
                    by_key.insert(format!("{prefix}{stem}"), code);
                }
                // `micromol`, `micro mol` and `micro-mol` beside `micromoles`.
                let stems = || base.names.iter().chain(base.symbols);
                for (prefix, stem) in names.iter().flat_map(|p| stems().map(move |s| (p, s))) {
                    by_key.insert(format!("{prefix}{stem}"), code);
                    if !prefix.is_empty() {
                        by_key.insert(format!("{prefix} {stem}"), code);
                        by_key.insert(format!("{prefix}-{stem}"), code);
                    }
                }
            }
        }
        for (code, spellings) in ATOMS {
            for key in spellings.split('|') {
                by_key.insert(key.to_owned(), *code);
                // As it stands once signs are plain.
                by_key.insert(key.replace(". ", "."), *code);
            }
        }
        by_key
    });
    &BY_KEY
}

/// `unit` with every part that has a usual other spelling written in UCUM.
fn respell(unit: &str) -> String {
    let mut parts: Vec<Cow<'_, str>> = split_outside_brackets(unit, '/')
        .into_iter()
        .map(part)
        .collect();
    if let [over, under] = &parts[..]
        && let Some(over) = numerator(
            &split_outside_brackets(unit, '/')[0].to_lowercase(),
            over,
            under,
        )
    {
        parts[0] = over;
    }
    if let [single] = &parts[..] {
        return single.to_string();
    }
    parts.join("/")
}

/// A numerator that counts: thousands of cells, a number of events.
fn numerator(reported: &str, over: &str, under: &str) -> Option<Cow<'static, str>> {
    let is_volume = matches!(under, "uL" | "mm3" | "mL" | "L");
    let is_counted = is_volume
        || under.starts_with("100")
        || matches!(under, "min" | "s" | "h" | "d" | "[HPF]" | "[LPF]");
    if !is_counted {
        return None;
    }
    let words: Vec<&str> = reported
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect();
    let rest: Vec<&str> = words
        .iter()
        .copied()
        .filter(|word| !EVENTS.contains(word))
        .collect();
    if rest.is_empty() || EVENTS.contains(&over) {
        return Some(Cow::Borrowed(""));
    }
    let rest = rest.join(" ");
    if !is_volume {
        return None;
    }
    // A letter stands for thousands where the volume holds few cells.
    match rest.as_str() {
        "k" if under != "L" => return Some(Cow::Borrowed("10*3")),
        "m" if under != "L" => return Some(Cow::Borrowed("10*6")),
        _ => {}
    }
    let found = MULTIPLES
        .iter()
        .find(|(_, words)| words.split('|').any(|word| word == rest));
    found.map(|(code, _)| Cow::Borrowed(*code))
}

/// A part between two solidi, in UCUM if it is in the table.
fn part(part: &str) -> Cow<'_, str> {
    let (name, note) = match part.find('{') {
        Some(start) if start > 0 => part.split_at(start),
        _ => (part, ""),
    };
    // Mega or milli: only the whole unit may say which.
    let key = name.trim().to_lowercase();
    if name.starts_with('M') && matches!(key.as_str(), "mu" | "me") {
        return Cow::Borrowed(part);
    }
    if let Some(code) = atom(&key)
        .or_else(|| atom(key.trim_end_matches('.')))
        .or_else(|| symbol(key.trim_end_matches('.')))
        .filter(|code| !code.contains('/'))
    {
        return noted(code, note);
    }
    for (tail, noted_as) in TAILS {
        if let Some(code) = key.strip_suffix(tail).and_then(|key| atom(key.trim_end())) {
            return Cow::Owned(format!("{code}{noted_as}"));
        }
    }
    if let Some(code) = of_hundred(&key).or_else(|| power(&key)) {
        return noted(&code, note).into_owned().into();
    }
    if let Some(inner) = name
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
    {
        return Cow::Owned(format!("({}){note}", respell(inner)));
    }
    let factors = split_outside_brackets(part, '.');
    if factors.len() > 1 {
        let factors: Vec<_> = factors.into_iter().map(self::part).collect();
        return Cow::Owned(factors.join("."));
    }
    Cow::Borrowed(part)
}

/// What stands behind a unit and says of what: it changes no size.
const TAILS: [(&str, &str); 44] = [
    // Whole words before what they end with.
    (" of creatinine", "{creat}"),
    (" of creat", "{creat}"),
    ("(creatinine)", "{creat}"),
    ("(creat)", "{creat}"),
    ("(cr)", "{creat}"),
    (" cre", "{creat}"),
    ("creatinine", "{creat}"),
    ("creat", "{creat}"),
    ("crea", "{creat}"),
    ("cre", "{creat}"),
    ("cr", "{creat}"),
    (" albumin", ""),
    (" alb", ""),
    (" protein", ""),
    (" (feu)", "{FEU}"),
    ("feu", "{FEU}"),
    ("ddu", "{DDU}"),
    (" creatinin", "{creat}"),
    (" krea", "{creat}"),
    ("krea", "{creat}"),
    ("kre", "{creat}"),
    (" cr.", "{creat}"),
    (" hb", "{Hb}"),
    (" hgb", "{Hb}"),
    ("hb", "{Hb}"),
    // Of vitamin A, which is counted so here.
    (" rae", ""),
    (" dfe", "{DFE}"),
    (" ne", "{NE}"),
    (" te", "{TE}"),
    (" at", "{AT}"),
    (" creatinine", "{creat}"),
    (" creat.", "{creat}"),
    (" creat", "{creat}"),
    (" crea", "{creat}"),
    (" kreatinin", "{creat}"),
    (" créatinine", "{creat}"),
    (" cr", "{creat}"),
    (" feu", "{FEU}"),
    ("(feu)", "{FEU}"),
    (" ddu", "{DDU}"),
    ("(ddu)", "{DDU}"),
    (" h2o", ""),
    ("h2o", ""),
    (" water", ""),
];

fn noted<'a>(code: &'a str, note: &str) -> Cow<'a, str> {
    if note.is_empty() {
        Cow::Borrowed(code)
    } else {
        Cow::Owned(format!("{code}{note}"))
    }
}

/// Single letters whose other reading is no part of a larger unit.
fn symbol(key: &str) -> Option<&'static str> {
    Some(match key {
        "s" => "s",
        "ms" => "ms",
        "us" => "us",
        "mu" => "mU",
        "c" => "Cel",
        _ => return None,
    })
}

/// `100ml` as `dL`, `mg%` as `mg/dL`.
fn of_hundred(key: &str) -> Option<String> {
    if let Some(unit) = key.strip_suffix('%') {
        let code = atom(unit.trim_end())?;
        return Some(format!("{code}/dL"));
    }
    let unit = key.strip_prefix("100")?.trim_start();
    match atom(unit)? {
        "mL" => Some("dL".to_owned()),
        code if code.starts_with('{') => Some(format!("100{code}")),
        code => Some(format!("(100.{code})")),
    }
}

/// `m2` and `l-1`: a unit and its exponent.
fn power(key: &str) -> Option<String> {
    let digits = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let base = digits.strip_suffix(['-', '+']).unwrap_or(digits);
    let exponent = &key[base.len()..];
    if !matches!(
        exponent.trim_start_matches(['-', '+']),
        "1" | "2" | "3" | "4"
    ) || base.is_empty()
    {
        return None;
    }
    let code = atom(base).or_else(|| symbol(base))?;
    Some(format!("{code}{exponent}"))
}

/// The parts between separators that are in no bracket.
fn split_outside_brackets(unit: &str, separator: char) -> Vec<&str> {
    let mut depth = 0u32;
    unit.split(|c| {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == separator && depth == 0
    })
    .collect()
}
