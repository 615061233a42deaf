//! Statement texts that both backends build from a domain's columns.

use super::Which;
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

/// Selects the user and date of every group that `within`, a condition on
/// both, lets through; `extra` is added to it.
pub(super) fn known_groups<F: Fold>(within: &str, which: Which, extra: &str) -> String {
    let (raw, aggregates) = match which {
        // Day rows too: raw rows may have been deleted behind the triggers' back.
        Which::All => (String::new(), String::new()),
        Which::Outdated => (
            " and status = 'rejected'".to_owned(),
            format!(" and algorithm_version <> {}", F::ALGORITHM_VERSION),
        ),
    };
    // Sealed groups have nothing left to be folded from.
    format!(
        "select user_id, local_date from {raw_table} where {within}{raw}{extra} \
         union \
         select user_id, local_date from {aggregate_table} \
         where period = 'day' and {within}{aggregates}{extra} \
         except select user_id, local_date from sealed_groups \
         where domain = '{domain}' and {within}{extra}",
        raw_table = F::RAW_TABLE,
        aggregate_table = F::AGGREGATE_TABLE,
        domain = F::DOMAIN,
    )
}
