//! What a command prints: facts on stdout, everything else on stderr.

use std::io::{IsTerminal, Write};

use clap::ValueEnum;

use crate::terminal;

/// The form of printed facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
    Csv,
}

/// The form of facts that make no rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TextFormat {
    Table,
    Json,
}

/// `--format`, and `--json` for short.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct FormatArgs {
    /// Form of the output
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = TextFormat::Table)]
    format: TextFormat,
    /// Short for --format json
    #[arg(long)]
    json: bool,
}

/// `--json` alone, for commands whose `FORMAT` means something else.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct FormatFlag {
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
}

impl FormatArgs {
    pub fn is_json(&self) -> bool {
        self.json || self.format == TextFormat::Json
    }
}

/// Prints text for people, or JSON, to stdout: nothing in it steers a terminal.
///
/// # Errors
/// A reader that left is an error of its own kind, not a panic.
pub fn print(text: &str) -> std::io::Result<()> {
    write(&terminal::lines(text))
}

/// Prints data for programs to stdout, as it is unless a terminal reads it.
///
/// # Errors
/// Those of [`print()`].
pub fn print_data(text: &str) -> std::io::Result<()> {
    if std::io::stdout().is_terminal() {
        print(text)
    } else {
        write(text)
    }
}

fn write(text: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        stdout.write_all(b"\n")?;
    }
    stdout.flush()
}

/// Prints over what is on the terminal, without a flicker: each line is
/// cleared behind its end, and the rest of the screen below.
pub fn redraw(text: &str) -> std::io::Result<()> {
    let lines: String = terminal::lines(text)
        .lines()
        .map(|line| format!("{line}\x1b[K\n"))
        .collect();
    write(&format!("\x1b[H{lines}\x1b[J"))
}

/// A table without borders, its columns separated by space.
pub fn table(header: &[&str]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table
        .load_preset(comfy_table::presets::NOTHING)
        .set_header(header);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

/// Lines without the white space at their ends. A cell is one line, whatever
/// the text in it.
pub fn render(table: &comfy_table::Table) -> String {
    let header = table
        .header()
        .into_iter()
        .flat_map(comfy_table::Row::cell_iter);
    let header: Vec<_> = header.map(comfy_table::Cell::content).collect();
    let header: Vec<_> = header.iter().map(AsRef::as_ref).collect();
    let mut safe = self::table(&header);
    for row in table.row_iter() {
        let cells = row.cell_iter();
        safe.add_row(cells.map(|cell| terminal::one_line(&cell.content()).into_owned()));
    }
    let lines: Vec<_> = safe
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n")
}
