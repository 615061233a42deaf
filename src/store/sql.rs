//! Statement texts that both backends build from a domain's tables and columns.

use crate::domain::table::ColumnType;
use crate::domain::{Columns, Domain, Fold, bounds};

/// A statement on one line, as it is sent and logged: without the comments of its
/// file, which are lines that begin with `--`.
pub(super) fn flat(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("--"));
    lines.collect::<Vec<_>>().join(" ")
}

/// Puts a domain's names into a statement, and that on one line: `{raw}`, `{time}`, `{end}`, `{key}`,
/// `{aggregates}`, `{series}` and `{domain}`.
pub(super) fn of_domain(text: &str, domain: Domain) -> String {
    let tables = domain.tables();
    [
        ("{raw}", tables.raw),
        ("{time}", tables.time),
        ("{key}", tables.key),
        ("{aggregates}", tables.aggregates),
        ("{end}", tables.end.unwrap_or_default()),
        ("{series}", tables.series),
        ("{domain}", domain.name()),
    ]
    .into_iter()
    .fold(flat(text), |text, (place, name)| text.replace(place, name))
}

/// The names of a domain's payload columns, quoted, in order.
pub(super) fn payload_columns<F: Fold>() -> Vec<String> {
    quoted::<F::Payload>()
}

/// The columns of a domain's raw table that hold texts which a fold reads.
pub(super) fn text_columns<F: Fold>() -> Vec<&'static str> {
    let own = F::Payload::COLUMNS.iter();
    let own = own.filter(|column| column.ty == ColumnType::Text);
    let own = own.map(|column| column.name);
    ["source", "device", "note"]
        .into_iter()
        .chain(own)
        .collect()
}

/// The place, from 1 on, of the first text column whose text is longer than it
/// may be; 0 where none is.
///
/// `octet_length` reads the length alone: neither backend loads a long text for
/// it (`toast_raw_datum_size` in `detoast.c`; `OPFLAG_BYTELENARG` in `expr.c`).
pub(super) fn place_of_too_long<F: Fold>() -> String {
    let columns = text_columns::<F>();
    let tests = columns.iter().zip(1..).map(|(column, place)| {
        let longest = bounds::longest(column);
        format!("when octet_length(\"{column}\") > {longest} then {place}")
    });
    let tests: Vec<_> = tests.collect();
    format!("case {} else 0 end", tests.join(" "))
}

/// A raw column as a fold reads it: nothing of a text that is too long leaves
/// the database.
pub(super) fn bounded(column: &str) -> String {
    let longest = bounds::longest(column);
    format!(
        "case when octet_length(\"{column}\") > {longest} then '' else \"{column}\" end as \"{column}\""
    )
}

/// What a fold reads of a raw row behind its offset, in order.
pub(super) fn raw_columns<F: Fold>() -> String {
    let common = ["source", "device", "note"].into_iter().map(bounded);
    let own = F::Payload::COLUMNS.iter().map(|column| match column.ty {
        ColumnType::Text => bounded(column.name),
        // Without an end a row is an instant.
        _ if F::DOMAIN.tables().end == Some(column.name) => format!(
            "coalesce(\"{end}\", \"{time}\") as \"{end}\"",
            end = column.name,
            time = F::DOMAIN.tables().time
        ),
        _ => format!("\"{}\"", column.name),
    });
    common.chain(own).collect::<Vec<_>>().join(", ")
}

/// The names of a domain's measure columns, quoted, in order.
pub(super) fn measure_columns<F: Fold>() -> Vec<String> {
    quoted::<F::Measure>()
}

fn quoted<C: Columns>() -> Vec<String> {
    C::COLUMNS
        .iter()
        .map(|column| format!("\"{}\"", column.name))
        .collect()
}

/// The primary key of an aggregate table.
pub(super) fn aggregate_key<F: Fold>() -> String {
    format!(
        "user_id, period, local_date, period_start, {}, unit",
        F::DOMAIN.tables().series
    )
}

/// `prefix` before each name, joined by commas.
pub(super) fn list(prefix: &str, names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("{prefix}{name}")).collect();
    names.join(", ")
}
