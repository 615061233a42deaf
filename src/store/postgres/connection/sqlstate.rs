//! The SQLSTATE of errors, which `diesel-async` drops.
//!
//! Each error message of the server is rewritten on its way in: its text, in
//! whatever language, is cut to a length and ends with ` (SQLSTATE 55P03)`, or
//! with ` (FATAL, SQLSTATE 57P01)` where the server ends the session with it: a
//! statement can raise any code, and the session goes on. The code thereby
//! reaches whoever handles the error, through every layer in between, and a
//! reader of the log sees it too.
//!
//! Source: PostgreSQL documentation, "Message Formats" (`ErrorResponse`) and
//! "Error and Notice Message Fields".

use std::borrow::Cow;

/// What a rewritten text ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::postgres) struct Code<'t> {
    pub(in crate::store::postgres) state: &'t str,
    /// The server ended the session.
    pub(in crate::store::postgres) is_fatal: bool,
}

/// The code at the end of a rewritten text.
pub(in crate::store::postgres) fn code(text: &str) -> Option<Code<'_>> {
    let (_, end) = text.strip_suffix(')')?.rsplit_once(" (")?;
    let (is_fatal, end) = match end.strip_prefix("FATAL, ") {
        Some(rest) => (true, rest),
        None => (false, end),
    };
    let state = end.strip_prefix("SQLSTATE ")?;
    (state.len() == 5).then_some(Code { state, is_fatal })
}

/// Bytes of an error's text that are kept: it goes into logs and, with each
/// attempt, into the database, and a trigger may write what it likes.
const LONGEST_TEXT: usize = 2000;

/// The type byte of an `ErrorResponse`.
const ERROR: u8 = b'E';
/// A type byte and a length that counts itself.
const HEADER: usize = 5;

/// Follows the messages of a server and rewrites errors.
#[derive(Debug)]
pub(in crate::store::postgres) struct Messages {
    /// The beginning of a message, up to its header; of an error all of it.
    begun: Vec<u8>,
    /// Bytes of the body that are still to come.
    left: usize,
}

impl Messages {
    pub(in crate::store::postgres) fn new() -> Self {
        Messages {
            begun: Vec::with_capacity(HEADER),
            left: 0,
        }
    }

    /// Takes the next bytes. Returns what to read in their place, or nothing
    /// where they stay as they are.
    pub(in crate::store::postgres) fn pass(&mut self, mut bytes: &[u8]) -> Option<Vec<u8>> {
        let all = bytes;
        let mut replaced: Option<Vec<u8>> = None;
        while let Some(&first) = bytes.first() {
            let is_error = *self.begun.first().unwrap_or(&first) == ERROR;
            let is_header = self.begun.len() < HEADER;
            let wanted = if is_header {
                HEADER - self.begun.len()
            } else {
                self.left
            };
            let (part, rest) = bytes.split_at(wanted.min(bytes.len()));
            if is_error {
                let passed = all.len() - bytes.len();
                replaced.get_or_insert_with(|| all[..passed].to_vec());
            } else if let Some(replaced) = &mut replaced {
                replaced.extend_from_slice(part);
            }
            if is_header || is_error {
                self.begun.extend_from_slice(part);
            }
            if !is_header {
                self.left -= part.len();
            } else if let Some(length) = self.begun.get(1..HEADER) {
                let length = length
                    .iter()
                    .fold(0, |sum, &byte| sum << 8 | usize::from(byte));
                self.left = length.saturating_sub(HEADER - 1);
            }
            bytes = rest;
            if self.begun.len() >= HEADER && self.left == 0 {
                if is_error && let Some(replaced) = &mut replaced {
                    replaced.extend(with_code(&self.begun));
                }
                self.begun.clear();
            }
        }
        replaced
    }

    /// The connection ended: returns the part of an error that was held back.
    pub(in crate::store::postgres) fn end(&mut self) -> Option<Vec<u8>> {
        let begun = std::mem::take(&mut self.begun);
        (begun.first() == Some(&ERROR)).then_some(begun)
    }
}

/// The error message with its code at the end of its text. One without a code
/// or a text stays as it is.
fn with_code(message: &[u8]) -> Vec<u8> {
    let fields = || {
        message[HEADER..]
            .split(|&byte| byte == 0)
            .filter_map(<[u8]>::split_first)
    };
    let field = |wanted: u8| {
        let mut fields = fields();
        fields.find_map(|(kind, text)| (*kind == wanted).then_some(text))
    };
    let Some(code) = field(b'C') else {
        return message.to_vec();
    };
    // Never translated, but unknown to some poolers.
    let is_fatal = match field(b'V').or_else(|| field(b'S')) {
        Some(severity) => severity == b"FATAL" || severity == b"PANIC",
        None => false,
    };
    let mut body = Vec::with_capacity(256);
    for (kind, text) in fields() {
        body.push(*kind);
        if *kind == b'M' {
            body.extend_from_slice(beginning(&without_values(text, code)));
            let lead = if is_fatal {
                " (FATAL, SQLSTATE "
            } else {
                " (SQLSTATE "
            };
            body.extend_from_slice(lead.as_bytes());
            body.extend_from_slice(code);
            body.push(b')');
        } else {
            body.extend_from_slice(text);
        }
        body.push(0);
    }
    body.push(0);
    let Ok(length) = u32::try_from(body.len() + HEADER - 1) else {
        return message.to_vec();
    };
    [&[ERROR], &length.to_be_bytes()[..], &body].concat()
}

/// The text without what it quotes, where the code says that a value is wrong
/// (class 22): `invalid input syntax for type integer: "73.5"`.
fn without_values<'t>(text: &'t [u8], code: &[u8]) -> Cow<'t, [u8]> {
    // As the translations of the server quote.
    const QUOTES: [char; 10] = ['"', '\'', '„', '“', '”', '«', '»', '‘', '’', '「'];
    let text_read = String::from_utf8_lossy(text);
    match text_read.find(QUOTES) {
        Some(first) if code.starts_with(b"22") => {
            // One quote alone begins a value that has no end.
            let last = text_read.rfind(QUOTES).filter(|last| *last > first);
            let behind = last.unwrap_or(text_read.len());
            let rest: String = text_read[behind..].chars().skip(1).collect();
            Cow::Owned(format!("{}…{rest}", &text_read[..first]).into_bytes())
        }
        _ => Cow::Borrowed(text),
    }
}

/// The first bytes of a text in UTF-8, up to the end of a character.
fn beginning(text: &[u8]) -> &[u8] {
    let is_inside = |&&byte: &&u8| byte & 0xc0 == 0x80;
    match text.get(LONGEST_TEXT) {
        None => text,
        Some(_) => {
            let cut = text[..=LONGEST_TEXT].iter().rev().take_while(is_inside);
            &text[..LONGEST_TEXT - cut.count()]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[kind], &length.to_be_bytes()[..], body].concat()
    }

    #[test]
    fn errors_end_with_their_code_wherever_the_bytes_are_cut() {
        let error = b"SFEHLER\0VERROR\0C55P03\0MSperre (SQLSTATE 00000)\0Fproc.c\0\0";
        let coded =
            b"SFEHLER\0VERROR\0C55P03\0MSperre (SQLSTATE 00000) (SQLSTATE 55P03)\0Fproc.c\0\0";
        let (row, ready) = (message(b'D', b"E\0\0\0\x09E"), message(b'Z', b"E"));
        let sent = [&row[..], &message(b'E', error), &message(b'n', b""), &ready].concat();
        let read = [&row[..], &message(b'E', coded), &message(b'n', b""), &ready].concat();
        for first in 0..=sent.len() {
            for second in [first, (first + 3).min(sent.len()), sent.len()] {
                let mut messages = Messages::new();
                let mut got = Vec::new();
                for part in [&sent[..first], &sent[first..second], &sent[second..]] {
                    got.extend(messages.pass(part).unwrap_or_else(|| part.to_vec()));
                }
                assert_eq!(got, read, "cut at {first} and {second}");
                assert_eq!(messages.end(), None);
            }
        }
    }

    #[test]
    fn the_last_code_counts_and_whether_the_session_ended_with_it() {
        for (text, state, is_fatal) in [
            ("Sperre (SQLSTATE 00000) (SQLSTATE 55P03)", "55P03", false),
            ("x (FATAL, SQLSTATE 57P01) (SQLSTATE P0001)", "P0001", false),
            ("Ende (FATAL, SQLSTATE 57P01)", "57P01", true),
        ] {
            assert_eq!(code(text), Some(Code { state, is_fatal }), "{text}");
        }
        for (fields, end) in [
            (
                &b"SFATAL\0VFATAL\0C57P01\0MEnde\0\0"[..],
                "(FATAL, SQLSTATE 57P01)",
            ),
            (b"SFATAL\0C08P01\0MEnde\0\0", "(FATAL, SQLSTATE 08P01)"),
            // Raised by a statement, under whatever name.
            (b"SFEHLER\0VERROR\0C57P01\0MVFATAL\0\0", "(SQLSTATE 57P01)"),
            (
                b"SERROR\0VERROR\0C08006\0MFATAL\nVFATAL\0\0",
                "(SQLSTATE 08006)",
            ),
        ] {
            let coded = with_code(&message(b'E', fields));
            let coded = String::from_utf8_lossy(&coded[HEADER..]).into_owned();
            assert!(coded.contains(&format!(" {end}\0")), "{coded:?}");
        }
    }

    #[test]
    fn a_text_about_a_value_does_not_tell_it() {
        for (code, text, told) in [
            (
                "22P02",
                "invalid input syntax for type integer: \"73.5\"",
                "integer: …",
            ),
            (
                "22003",
                "value \"9\" is out of range for type integer",
                "value … is out of range",
            ),
            (
                "22P02",
                "ungültige Eingabe für Typ integer: »73.5«",
                "integer: …",
            ),
            ("22P02", "kaputt: \"73", "kaputt: …"),
            (
                "42703",
                "column \"x\" does not exist",
                "column \"x\" does not exist",
            ),
        ] {
            let text = without_values(text.as_bytes(), code.as_bytes());
            let text = String::from_utf8(text.into_owned()).unwrap();
            assert!(text.contains(told) && !text.contains("73"), "{text}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        for text in [
            "x".repeat(5000),
            "é".repeat(2500),
            format!("x{}", "血".repeat(2000)),
        ] {
            let fields = [b"VERROR\0CP0001\0M", text.as_bytes(), b"\0\0"].concat();
            let coded = with_code(&message(b'E', &fields));
            assert!(coded.len() < LONGEST_TEXT + 64, "{}", coded.len());
            let coded = String::from_utf8(coded[HEADER..].to_vec()).unwrap();
            assert!(coded.ends_with(" (SQLSTATE P0001)\0\0"), "{coded}");
        }
    }

    #[test]
    fn other_messages_are_not_copied() {
        let mut messages = Messages::new();
        assert_eq!(messages.pass(&message(b'D', &[b'E'; 100])), None);
    }

    #[test]
    fn what_is_no_whole_error_is_left_as_it_is() {
        let mut messages = Messages::new();
        let bare = message(b'E', b"MHallo\0\0");
        assert_eq!(messages.pass(&bare), Some(bare.clone()));
        assert_eq!(messages.pass(&bare[..7]), Some(Vec::new()));
        assert_eq!(messages.end().as_deref(), Some(&bare[..7]));
        for text in [
            "",
            "connection closed",
            "x (SQLSTATE 123)",
            "(SQLSTATE 12345",
        ] {
            assert_eq!(code(text), None, "{text}");
        }
    }
}
