//! Log lines with colours for a terminal, which foreign text must not steer.

use std::fmt;

use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};

use crate::terminal;

/// Message and fields without colours, and safe for a terminal: the codes of
/// time and level are the only ones in a line.
#[derive(Default)]
pub(super) struct PlainFields(DefaultFields);

impl<'writer> FormatFields<'writer> for PlainFields {
    fn format_fields<R: RecordFields>(
        &self,
        mut writer: Writer<'writer>,
        fields: R,
    ) -> fmt::Result {
        let mut text = String::new();
        self.0.format_fields(Writer::new(&mut text), fields)?;
        writer.write_str(&terminal::one_line(&text))
    }
}
