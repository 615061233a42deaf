//! Text as people, forms and reports write it.

use std::borrow::Cow;

/// How much of a name or unit an explanation repeats.
const EXCERPT_CHARS: usize = 64;

/// Trimmed, white space collapsed to single blanks, and without the
/// zero-width characters that laboratory names carry (`[#/\u{200b}volume]`).
/// Borrows when there is nothing to change.
pub fn clean(text: &str) -> Cow<'_, str> {
    // As nearly all codes, units and results are.
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Cow::Borrowed(text);
    }
    let text = text.trim_matches(|c: char| c.is_whitespace() || is_zero_width(c));
    let mut blank_before = false;
    let is_clean = text.chars().all(|c| {
        let fits = !is_zero_width(c) && (!c.is_whitespace() || (c == ' ' && !blank_before));
        blank_before = c == ' ';
        fits
    });
    if is_clean {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !is_zero_width(*c)) {
        if !c.is_whitespace() {
            cleaned.push(c);
        } else if !cleaned.ends_with(' ') {
            cleaned.push(' ');
        }
    }
    Cow::Owned(cleaned)
}

/// Zero-width space, joiners, word joiner, byte order mark, soft hyphen.
fn is_zero_width(c: char) -> bool {
    matches!(
        c,
        '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{ad}'
    )
}

/// At most the first `chars` characters.
pub fn truncate(text: &str, chars: usize) -> &str {
    match text.char_indices().nth(chars) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// A name or unit as an explanation repeats it: cleaned, cut, in backticks.
pub fn quoted(text: &str) -> String {
    format!("`{}`", truncate(&clean(text), EXCERPT_CHARS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_collapsed_and_zero_width_removed() {
        for (text, cleaned) in [
            ("", ""),
            (" \t\u{200b} ", ""),
            ("Glucose", "Glucose"),
            ("  Total   Bilirubin\n", "Total Bilirubin"),
            ("a \u{200b} b", "a b"),
            (
                "Leukocytes [#/\u{200b}volume] in Blood",
                "Leukocytes [#/volume] in Blood",
            ),
            ("mmol\u{a0}/ L", "mmol / L"),
        ] {
            assert_eq!(clean(text), cleaned, "{text:?}");
        }
        assert!(matches!(clean(" as it is "), Cow::Borrowed("as it is")));
    }

    #[test]
    fn explanations_stay_short() {
        assert_eq!(truncate("µmol/L", 4), "µmol");
        assert_eq!(truncate("µmol", 9), "µmol");
        assert_eq!(quoted(&"é".repeat(500)), format!("`{}`", "é".repeat(64)));
    }
}
