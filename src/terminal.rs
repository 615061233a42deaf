//! Foreign text on its way to a terminal, a log line or a table.

use std::borrow::Cow;
use std::fmt::Write;

/// The text on one line, with every control character and every mark that
/// changes the direction of writing as `\u001b`. That form is also right
/// inside a JSON string.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            c if is_unsafe(c) => {
                // Safety: writing to a String does not fail.
                write!(safe, "\\u{:04x}", u32::from(c)).expect("a String takes any text");
            }
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// The same with the line breaks kept.
pub(crate) fn lines(text: &str) -> String {
    let safe: Vec<_> = text.split('\n').map(one_line).collect();
    safe.join("\n")
}

fn is_unsafe(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_a_terminal() {
        for (given, shown) in [
            ("Withings Scale\t2", "Withings Scale\t2"),
            ("\x1b[2Jgone", "\\u001b[2Jgone"),
            ("a\r\nERROR forged", "a\\r\\nERROR forged"),
            ("\u{9b}31m", "\\u009b31m"),
            ("\u{202e}evil\u{2066}", "\\u202eevil\\u2066"),
            ("Größe µmol/l 血", "Größe µmol/l 血"),
        ] {
            assert_eq!(one_line(given), shown);
        }
        assert_eq!(lines("a\nb\x07\n"), "a\nb\\u0007\n");
        // What a log in JSON holds stays JSON.
        let json = serde_json::json!({"source": "\u{9b}\u{202e}"}).to_string();
        let read: serde_json::Value = serde_json::from_str(&one_line(&json)).unwrap();
        assert_eq!(read["source"], "\u{9b}\u{202e}");
    }
}
