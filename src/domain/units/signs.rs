//! The signs that units are written with, brought to one form.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// Micro signs, superscripts, powers, products, quotients in words, molar
/// masses and blanks the way UCUM writes them.
pub(super) fn plain_signs(unit: &str) -> String {
    let unit = compatible(unit);
    let unit = words_to_signs(bare(&unit));
    // `x10^3`: the times sign belongs to the value. Cyrillic has one of its own.
    let unit = match unit.strip_prefix(['x', 'X', '×', '*', 'х', 'Х']) {
        Some(rest) if rest.trim_start().starts_with("10") => rest.trim_start(),
        _ => &unit,
    };

    let mut plain = String::with_capacity(unit.len());
    let mut depth = 0u32;
    let mut below = false;
    let mut chars = unit.chars().peekable();
    let mut is_annotation = false;
    while let Some(c) = chars.next() {
        match c {
            '{' => is_annotation = true,
            '}' => is_annotation = false,
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        // What an annotation says is its writer's.
        if is_annotation {
            plain.push(c);
            continue;
        }
        match c {
            // HealthKit writes the molar mass into the unit.
            '<' if unit.contains('>') => while chars.next().is_some_and(|c| c != '>') {},
            c if superscript(c).is_some() => {
                let ten = ends_with_ten(&plain);
                plain.push_str(if ten { "*" } else { "" });
                plain.extend(superscript(c));
            }
            '^' if ends_with_ten(&plain) => plain.push('*'),
            '^' if chars
                .peek()
                .is_some_and(|c| c.is_ascii_digit() || *c == '-') => {}
            'E' | 'e'
                if ends_with_ten(&plain)
                    && chars
                        .peek()
                        .is_some_and(|c| c.is_ascii_digit() || *c == '+') =>
            {
                plain.push('*');
                chars.next_if_eq(&'+');
            }
            '*' if ends_with_ten(&plain) => plain.push('*'),
            // `m*2` and `m**2`.
            '*' if plain.ends_with('m') && matches!(chars.peek(), Some('2' | '3')) => {}
            // HealthKit's product below a solidus is all below it.
            '·' | '*' => plain.push(if below && depth == 0 { '/' } else { '.' }),
            ' ' if plain.ends_with(['/', '.'])
                || plain.ends_with("10*")
                || matches!(chars.peek(), Some('/' | '·' | '*' | '^')) => {}
            '/' => {
                below |= depth == 0;
                plain.push('/');
            }
            c => plain.push(c),
        }
    }
    let plain = area_of_body(plain);
    // `mmol L-1`: a blank before an exponent is a product.
    let factors = plain.split(' ').skip(1).collect::<Vec<_>>();
    let is_power = |factor: &&str| {
        factor
            .rsplit_once('-')
            .is_some_and(|(base, exponent)| !base.is_empty() && exponent.parse::<u8>().is_ok())
    };
    if !factors.is_empty() && factors.iter().all(is_power) {
        return plain.replace(' ', ".");
    }
    plain
}

/// The unit without brackets around all of it and without the asterisk of a
/// note: `(mL/min)`, `[mmol/L]`, `mg/dL*`.
fn bare(unit: &str) -> &str {
    let unit = match unit.strip_suffix('*') {
        Some(rest) if rest.ends_with(char::is_alphabetic) => rest,
        _ => unit,
    };
    let within = |open, close| unit.strip_prefix(open)?.strip_suffix(close);
    match within('(', ')').or_else(|| within('[', ']')) {
        Some(inner) if inner.contains('/') && !inner.contains(['(', ')', '[', ']']) => inner.trim(),
        _ => unit,
    }
}

/// One form of what has several: micro signs, full width, squared and
/// compatibility letters. Superscripts and annotations stay as they are.
fn compatible(unit: &str) -> Cow<'_, str> {
    if unit.is_ascii() {
        return Cow::Borrowed(unit);
    }
    let mut plain = String::with_capacity(unit.len());
    let mut is_annotation = false;
    for c in unit.chars() {
        is_annotation = match c {
            '{' => true,
            '}' => false,
            _ => is_annotation,
        };
        match c {
            c if is_annotation || c.is_ascii() || superscript(c).is_some() => plain.push(c),
            'µ' | 'μ' => plain.push('u'),
            'º' | '˚' => plain.push('°'),
            '⋅' | '•' | '∙' | '∗' | '・' => plain.push('·'),
            '∕' | '⁄' => plain.push('/'),
            '−' | '–' | '‐' => plain.push('-'),
            c => {
                for c in c.nfkc() {
                    plain.push(if c == 'μ' { 'u' } else { c });
                }
            }
        }
    }
    Cow::Owned(plain)
}

/// Quotients in words, and what says that a value was calculated.
fn words_to_signs(unit: &str) -> String {
    let mut unit = unit.replace("**", "*").replace("1·73", "1.73");
    // `second(s)` and `Sekunde(n)`.
    for plural in ["(s)", "(n)", "(S)", "(N)"] {
        if let Some(at) = unit.find(plural)
            && unit[..at]
                .chars()
                .rev()
                .take(3)
                .filter(|c| c.is_alphabetic())
                .count()
                == 3
        {
            unit.replace_range(at..at + plural.len(), "");
        }
    }
    // `10exp9`.
    if let Some(at) = find_word(&unit, "exp")
        && unit[..at].trim_end() == "10"
        && unit[at + 3..]
            .trim_start()
            .starts_with(|c: char| c.is_ascii_digit())
    {
        unit = format!("10*{}", unit[at + 3..].trim_start());
    }
    // `millimolesPerLiter` and `BEATS_PER_MINUTE` of programs.
    while let Some(at) = find_word(&unit, "_per_") {
        unit.replace_range(at..at + 5, "/");
    }
    if let Some(at) = unit.find("Per")
        && unit[..at].ends_with(char::is_lowercase)
        && unit[at + 3..].starts_with(char::is_uppercase)
    {
        unit.replace_range(at..at + 3, "/");
    }
    if !unit.contains(' ') {
        return unit;
    }
    for (word, sign) in [
        (" per ", "/"),
        (" pro ", "/"),
        (" par ", "/"),
        (" por ", "/"),
        (" / ", "/"),
    ] {
        while let Some(at) = find_word(&unit, word) {
            unit.replace_range(at..at + word.len(), sign);
        }
    }
    if find_word(&unit, "per ") == Some(0) && !unit.eq_ignore_ascii_case("per cent") {
        unit.replace_range(..4, "/");
    }
    // Enzymes are measured at 37 °C unless a report says otherwise.
    for tail in [
        " (calc)", " (calc.)", " calc", " (37°C)", " 37°C", " 37C", " @37C", " @37°C",
    ] {
        let tail = tail.to_ascii_lowercase();
        if unit.to_ascii_lowercase().ends_with(&tail) && unit.len() > tail.len() {
            unit.truncate(unit.len() - tail.len());
        }
    }
    unit
}

/// Where `word`, which is ASCII in lower case, stands in any case.
fn find_word(text: &str, word: &str) -> Option<usize> {
    let window = |bytes: &[u8]| bytes.eq_ignore_ascii_case(word.as_bytes());
    text.as_bytes().windows(word.len()).position(window)
}

/// The area that kidneys are compared by, in its many spellings, as the
/// annotation that LOINC gives it.
fn area_of_body(unit: String) -> String {
    let Some(at) = unit.find("1.73").or_else(|| unit.find("1,73")) else {
        return unit;
    };
    let Some(over) = unit[..at]
        .trim_end_matches(['(', '[', '{', ' '])
        .strip_suffix('/')
    else {
        return unit;
    };
    let tail: String = unit[at + 4..]
        .to_lowercase()
        .chars()
        .map(|c| if c == 'м' { 'm' } else { c })
        .filter(char::is_ascii_alphanumeric)
        .collect();
    match tail.as_str() {
        "" | "m" | "m2" | "me2" | "sqm" | "msq" | "qm" | "m2bsa" | "sqmeter" | "sqmeters"
        | "squaremeter" | "squaremeters" | "squaremetre" | "squaremetres" => {
            format!("{over}/{{1.73_m2}}")
        }
        _ => unit,
    }
}

fn superscript(c: char) -> Option<char> {
    Some(match c {
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        '⁰' | '⁴'..='⁹' => char::from_digit(c as u32 - '⁰' as u32, 10)?,
        '⁻' => '-',
        _ => return None,
    })
}

fn ends_with_ten(text: &str) -> bool {
    text.strip_suffix("10")
        .is_some_and(|before| !before.ends_with(|c: char| c.is_ascii_digit()))
}
