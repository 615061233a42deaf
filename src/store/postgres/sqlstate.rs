//! The SQLSTATE of errors, which `diesel-async` drops.
//!
//! Each error message of the server is rewritten on its way in: its text, in
//! whatever language, ends with ` (SQLSTATE 55P03)`. The code thereby reaches
//! whoever handles the error, through every layer in between, and a reader of
//! the log sees it too.
//!
//! Source: PostgreSQL documentation, "Message Formats" (`ErrorResponse`) and
//! "Error and Notice Message Fields".

const LEAD: &str = " (SQLSTATE ";

/// The code at the end of a rewritten text.
pub(super) fn code(text: &str) -> Option<&str> {
    let (_, code) = text.strip_suffix(')')?.rsplit_once(LEAD)?;
    (code.len() == 5).then_some(code)
}

/// The type byte of an `ErrorResponse`.
const ERROR: u8 = b'E';
/// A type byte and a length that counts itself.
const HEADER: usize = 5;

/// Follows the messages of a server and rewrites errors.
#[derive(Debug)]
pub(super) struct Messages {
    /// The beginning of a message, up to its header; of an error all of it.
    begun: Vec<u8>,
    /// Bytes of the body that are still to come.
    left: usize,
}

impl Messages {
    pub(super) fn new() -> Self {
        Messages {
            begun: Vec::with_capacity(HEADER),
            left: 0,
        }
    }

    /// Takes the next bytes. Returns what to read in their place, or nothing
    /// where they stay as they are.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> Option<Vec<u8>> {
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
    pub(super) fn end(&mut self) -> Option<Vec<u8>> {
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
    let Some((_, code)) = fields().find(|(kind, _)| **kind == b'C') else {
        return message.to_vec();
    };
    let mut body = Vec::with_capacity(message.len() + 32);
    for (kind, text) in fields() {
        body.push(*kind);
        body.extend_from_slice(text);
        if *kind == b'M' {
            body.extend_from_slice(LEAD.as_bytes());
            body.extend_from_slice(code);
            body.push(b')');
        }
        body.push(0);
    }
    body.push(0);
    let Ok(length) = u32::try_from(body.len() + HEADER - 1) else {
        return message.to_vec();
    };
    [&[ERROR], &length.to_be_bytes()[..], &body].concat()
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
        assert_eq!(
            code("Sperre (SQLSTATE 00000) (SQLSTATE 55P03)"),
            Some("55P03")
        );
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
