//! How people, devices and reports spell units.

/// Units that are right or wrong as a whole, the most frequent codes first so
/// that they need no parsing.
pub(super) fn whole(unit: &str) -> Option<&'static str> {
    Some(match unit {
        "/min" | "1/min" => "/min",
        "mm[Hg]" => "mm[Hg]",
        "%" => "%",
        "kg" => "kg",
        "cm" => "cm",
        "m" => "m",
        "mg/dL" => "mg/dL",
        "mmol/L" => "mmol/L",
        "kcal" | "Cal" => "kcal",
        "min" => "min",
        "ms" => "ms",
        "{count}" | "count" => "{count}",
        "C" | "c" => "Cel",
        "F" | "f" => "[degF]",
        "IU" => "[IU]",
        _ => return phrase(&unit.to_lowercase()),
    })
}

/// Phrases of several words, and units whose parts mean something else.
fn phrase(unit: &str) -> Option<&'static str> {
    Some(match unit {
        "bpm" | "brpm" | "rpm" => "/min",
        "mm hg" | "mm[hg]" => "mm[Hg]",
        "cm h2o" => "cm[H2O]",
        "deg c" | "degrees c" | "celsius" | "degree celsius" | "degrees celsius" => "Cel",
        "deg f" | "degrees f" | "fahrenheit" | "degree fahrenheit" | "degrees fahrenheit" => {
            "[degF]"
        }
        "ph" => "[pH]",
        "inr" => "{INR}",
        "mph" => "[mi_i]/h",
        "kph" | "kmh" => "km/h",
        // A-weighted sound pressure is read off the same scale.
        "dbaspl" | "dba" | "db(a)" | "db(spl)" | "db[spl]" => "dB[SPL]",
        // Hearing level has no UCUM unit: decibels over a normal threshold.
        "dbhl" | "db(hl)" => "dB",
        "fl oz" | "fl_oz_us" => "[foz_us]",
        "fl_oz_imp" => "[foz_br]",
        _ => return None,
    })
}

/// Whether `unit` says in words that there is none.
pub(super) fn says_none(unit: &str) -> bool {
    const WORDS: [&str; 6] = ["no units", "no unit", "unitless", "none", "n/a", "-"];
    WORDS.iter().any(|word| unit.eq_ignore_ascii_case(word))
}

/// `unit` with every part that has a usual other spelling written in UCUM.
/// Whether the result is a unit is for the parser to say.
pub(super) fn respell(unit: &str) -> String {
    let unit = plain_signs(unit);
    let all_caps = !unit.contains(|c: char| c.is_ascii_lowercase());
    let mut parts: Vec<&str> = split_outside_brackets(&unit)
        .into_iter()
        .map(|part| {
            let caps = if all_caps { capital_part(part) } else { None };
            caps.or_else(|| self::part(part)).unwrap_or(part)
        })
        .collect();
    if let [over, under] = parts[..] {
        parts[0] = match (over, under) {
            // Blood counts: thousands or millions of cells in a volume.
            (_, "uL" | "ul" | "mm3") => thousands(over).unwrap_or(over),
            // A number of events has no unit: beats/min is /min.
            ("{count}" | "{beats}" | "{breaths}", "min" | "s" | "h" | "d") => "",
            ("1", _) => "",
            _ => over,
        };
    }
    match parts[..] {
        [single] => single.to_owned(),
        _ => parts.join("/"),
    }
}

/// Micro signs, superscripts, powers, products, quotients in words, molar
/// masses and blanks the way UCUM writes them.
fn plain_signs(unit: &str) -> String {
    let unit = unit
        .replace(" per ", "/")
        .replace("1.73 m", "1.73m")
        .replace("**", "*");
    let unit = unit
        .strip_prefix("per ")
        .map_or(unit.clone(), |rest| format!("/{rest}"));
    // `x10^3`: the times sign belongs to the value.
    let unit = match unit.strip_prefix(['x', 'X', '×']) {
        Some(rest) if rest.starts_with("10") => rest,
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
            'µ' | 'μ' => plain.push('u'),
            '²' | '³' | '⁶' | '⁹' => {
                let ten = ends_with_ten(&plain);
                plain.push_str(if ten { "*" } else { "" });
                plain.push(match c {
                    '²' => '2',
                    '³' => '3',
                    '⁶' => '6',
                    _ => '9',
                });
            }
            '^' if ends_with_ten(&plain) => plain.push('*'),
            '^' if chars
                .peek()
                .is_some_and(|c| c.is_ascii_digit() || *c == '-') => {}
            'E' | 'e'
                if ends_with_ten(&plain) && chars.peek().is_some_and(char::is_ascii_digit) =>
            {
                plain.push('*');
            }
            '*' if ends_with_ten(&plain) => plain.push('*'),
            // HealthKit's product below a solidus is all below it.
            '·' | '⋅' | '*' => plain.push(if below && depth == 0 { '/' } else { '.' }),
            ' ' if plain.ends_with(['/', '.']) || matches!(chars.peek(), Some('/' | '·' | '*')) => {
            }
            '/' => {
                below |= depth == 0;
                plain.push('/');
            }
            c => plain.push(c),
        }
    }
    plain
}

fn ends_with_ten(text: &str) -> bool {
    text.strip_suffix("10")
        .is_some_and(|before| !before.ends_with(|c: char| c.is_ascii_digit()))
}

/// The parts between solidi that are in no bracket.
fn split_outside_brackets(unit: &str) -> Vec<&str> {
    let mut depth = 0u32;
    unit.split(|c| {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == '/' && depth == 0
    })
    .collect()
}

fn thousands(over: &str) -> Option<&'static str> {
    Some(match over.to_ascii_lowercase().as_str() {
        "k" | "th" | "tho" | "thou" | "thous" | "thousand" => "10*3",
        "m" | "mil" | "mill" | "million" => "10*6",
        _ => return None,
    })
}

/// A part of a unit, in the case that people write it.
fn part(part: &str) -> Option<&'static str> {
    Some(match part {
        "mmHg" | "mmhg" | "mm Hg" => "mm[Hg]",
        "cmH2O" | "cmh2o" => "cm[H2O]",
        "inHg" => "[in_i'Hg]",
        "lb" | "lbs" | "Lbs" | "pound" | "pounds" => "[lb_av]",
        "oz" | "ounce" | "ounces" => "[oz_av]",
        "st" | "stone" | "stones" => "[stone_av]",
        "ft" | "foot" | "feet" => "[ft_i]",
        "in" | "inch" | "inches" => "[in_i]",
        "yd" | "yard" | "yards" => "[yd_i]",
        "mi" | "mile" | "miles" => "[mi_i]",
        "degC" | "°C" | "℃" => "Cel",
        "degF" | "°F" | "℉" => "[degF]",
        "IU" | "iu" | "[iU]" => "[IU]",
        "mIU" | "miu" => "m[IU]",
        "uIU" | "uiu" | "mcIU" => "u[IU]",
        "nIU" => "n[IU]",
        "kIU" => "k[IU]",
        "mcg" => "ug",
        "mcL" => "uL",
        "mcmol" => "umol",
        "mcU" => "uU",
        "cc" => "mL",
        "cumm" => "mm3",
        "gm" | "gms" | "gram" | "grams" => "g",
        "kgs" | "kilogram" | "kilograms" => "kg",
        "liter" | "liters" | "litre" | "litres" => "L",
        "meter" | "meters" | "metre" | "metres" => "m",
        "hr" | "hrs" | "hour" | "hours" => "h",
        "sec" | "secs" | "second" | "seconds" => "s",
        "msec" => "ms",
        "mins" | "minute" | "minutes" => "min",
        "day" | "days" => "d",
        "week" | "weeks" | "wks" => "wk",
        "month" | "months" => "mo",
        "yr" | "yrs" | "year" | "years" => "a",
        "Cal" | "kCal" | "Kcal" => "kcal",
        "mEq" => "meq",
        "uEq" => "ueq",
        "mOsm" | "mOsmol" | "mosmol" => "mosm",
        "HPF" | "hpf" => "[HPF]",
        "LPF" | "lpf" => "[LPF]",
        "CFU" | "cfu" => "[CFU]",
        "pct" | "percent" => "%",
        "watt" | "watts" => "W",
        "siemens" => "S",
        "1.73m2" | "1.73_m2" | "1.73sqm" => "{1.73_m2}",
        "count" | "counts" => "{count}",
        "step" | "steps" => "{steps}",
        "beat" | "beats" => "{beats}",
        "breath" | "breaths" => "{breaths}",
        "cell" | "cells" => "{cells}",
        "flights" => "{flights}",
        _ => return None,
    })
}

/// A part of a unit of which every letter is a capital, as many laboratories
/// print: `MG/DL` is not megagauss, `U/ML` is not per megalitre.
fn capital_part(part: &str) -> Option<&'static str> {
    Some(match part {
        "KG" => "kg",
        "G" | "GM" => "g",
        "MG" => "mg",
        "MCG" | "UG" => "ug",
        "NG" => "ng",
        "PG" => "pg",
        "DL" => "dL",
        "ML" | "CC" => "mL",
        "UL" => "uL",
        "FL" => "fL",
        "MOL" => "mol",
        "MMOL" => "mmol",
        "UMOL" => "umol",
        "NMOL" => "nmol",
        "PMOL" => "pmol",
        "MEQ" => "meq",
        "MOSM" => "mosm",
        "MIU" => "m[IU]",
        "UIU" => "u[IU]",
        "KU" => "kU",
        "CM" => "cm",
        "MM" => "mm",
        "MM3" => "mm3",
        "MMHG" => "mm[Hg]",
        "KCAL" => "kcal",
        "MIN" => "min",
        "HR" | "HRS" => "h",
        "SEC" => "s",
        "LB" | "LBS" => "[lb_av]",
        _ => return None,
    })
}
