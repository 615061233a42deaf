//! Statement texts that both backends build from a domain's columns.

use crate::domain::{Columns, Fold};

/// The names of a domain's payload columns, quoted, in order.
pub(super) fn payload_columns<F: Fold>() -> Vec<String> {
    quoted::<F::Payload>()
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
        F::SERIES_COLUMN
    )
}

/// `prefix` before each name, joined by commas.
pub(super) fn list(prefix: &str, names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("{prefix}{name}")).collect();
    names.join(", ")
}
