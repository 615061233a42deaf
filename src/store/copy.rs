//! What moving a database from `SQLite` to PostgreSQL needs of both: which
//! tables, how a value is written, and one fingerprint that both can have.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::domain::{Domain, Fold};
use crate::with_domain;

/// A table that is copied. `worker_heartbeats` is not, since nobody works
/// meanwhile; `worker_control` is one row that both have; `retention_runs` is of
/// the other database's clock.
#[derive(Debug, Clone)]
pub struct Table {
    pub name: &'static str,
    /// The order of rows in `SQLite`, its primary key.
    pub key: String,
    /// Whether `id` counts up by itself.
    pub numbered: bool,
}

/// Every table that is copied, small ones first.
pub fn tables() -> Vec<Table> {
    let plain = |name, key: &str| Table {
        name,
        key: key.to_owned(),
        numbered: false,
    };
    let mut tables = vec![
        plain("user_time_zones", "user_id"),
        plain("patient_users", "reference"),
        plain("resource_versions", "resource, scope, source"),
        plain("failed_groups", "user_id, domain, local_date"),
        plain("rejected_rows", "user_id, domain, local_date, row_id"),
        plain("sealed_groups", "user_id, domain, local_date"),
        plain("aggregation_batches", "id"),
        Table {
            numbered: true,
            ..plain("aggregation_errors", "id")
        },
    ];
    for &domain in Domain::ALL {
        with_domain!(domain, F => {
            tables.push(Table { numbered: true, ..plain(F::DOMAIN.tables().raw, "id") });
            tables.push(plain(F::DOMAIN.tables().aggregates, &super::sql::aggregate_key::<F>()));
        });
    }
    // Last: what the triggers of the raw tables added meanwhile goes before.
    tables.push(Table {
        numbered: true,
        ..plain("group_changes", "user_id, domain, local_date, id")
    });
    tables
}

/// A column as PostgreSQL knows it. Generated ones are not copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// Such as `timestamp with time zone`.
    pub ty: String,
}

/// One field as `SQLite` stores it.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
}

impl Cell {
    /// Bytes of its text.
    pub(super) fn len(&self) -> usize {
        match self {
            Cell::Text(text) => text.len(),
            _ => 0,
        }
    }

    /// What PostgreSQL reads back as the same value of the column's type.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Cell::Null => None,
            Cell::Integer(number) => Some(number.to_string()),
            // The shortest digits that are this number and no other.
            Cell::Real(number) => Some(format!("{number:e}")),
            Cell::Text(text) => Some(text.clone()),
        }
    }

    /// The text that [`Fingerprint`] takes, the same as PostgreSQL's.
    fn canonical(&self, ty: &str) -> Option<String> {
        match (self, ty) {
            (Cell::Integer(number), "double precision") => Some(bits(*number as f64)),
            (Cell::Integer(number), "boolean") => Some((*number != 0).to_string()),
            (Cell::Real(number), _) => Some(bits(*number)),
            (Cell::Text(text), "timestamp with time zone") => {
                // As the application may have written it, to the microsecond.
                let time = chrono::DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%:z");
                let text = time.map_or_else(
                    |_| text.clone(),
                    |time| time.to_utc().format("%F %T%.6f").to_string(),
                );
                Some(text)
            }
            (cell, _) => cell.text(),
        }
    }
}

fn bits(number: f64) -> String {
    format!("{:016x}", number.to_bits())
}

/// Counts rows and sums a hash of each, so that the order does not matter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fingerprint {
    pub rows: u64,
    /// Comparable within one run of the program only.
    pub sum: u64,
}

impl Fingerprint {
    pub fn add_cells(&mut self, row: &[Cell], columns: &[Column]) {
        let row = row.iter().zip(columns);
        self.add_texts(
            row.map(|(cell, column)| cell.canonical(&column.ty))
                .collect(),
            columns,
        );
    }

    /// Takes a row in canonical texts, but for JSON, which is brought into
    /// one form here.
    pub(super) fn add_texts(&mut self, mut row: Vec<Option<String>>, columns: &[Column]) {
        for (text, column) in row.iter_mut().zip(columns) {
            if let (Some(text), "jsonb") = (text, column.ty.as_str()) {
                *text = json(text);
            }
        }
        let mut hasher = DefaultHasher::new();
        row.hash(&mut hasher);
        self.rows += 1;
        self.sum = self.sum.wrapping_add(hasher.finish());
    }
}

/// JSON with sorted names and numbers by their value: `jsonb` keeps neither
/// the order nor the digits.
fn json(text: &str) -> String {
    fn sorted(value: serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::Number(number) => {
                // Plus zero: `jsonb` knows no negative one.
                let value = number
                    .as_str()
                    .parse::<f64>()
                    .map(|value| bits(value + 0.0));
                Value::String(value.unwrap_or_else(|_| number.to_string()))
            }
            Value::Array(values) => values.into_iter().map(sorted).collect(),
            Value::Object(fields) => {
                let mut fields: Vec<_> = fields
                    .into_iter()
                    .map(|(name, value)| (name, sorted(value)))
                    .collect();
                fields.sort_by(|a, b| a.0.cmp(&b.0));
                fields.into_iter().collect()
            }
            other => other,
        }
    }
    serde_json::from_str(text).map_or_else(|_| text.to_owned(), |value| sorted(value).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(ty: &str) -> Vec<Column> {
        vec![Column {
            name: "c".into(),
            ty: ty.into(),
        }]
    }

    #[test]
    fn equal_values_have_one_fingerprint_and_others_have_another() {
        let lite = |cell: Cell, ty: &str| {
            let mut print = Fingerprint::default();
            print.add_cells(&[cell], &column(ty));
            print
        };
        let server = |text: &str, ty: &str| {
            let mut print = Fingerprint::default();
            print.add_texts(vec![Some(text.to_owned())], &column(ty));
            print
        };
        let text = |text: &str| Cell::Text(text.to_owned());
        assert_eq!(
            lite(text(r#"{"b": 1.50, "a": 1e21}"#), "jsonb"),
            server(r#"{"a": 1000000000000000000000, "b": 1.5}"#, "jsonb")
        );
        assert_eq!(lite(Cell::Integer(1), "boolean"), server("true", "boolean"));
        assert_eq!(
            lite(Cell::Integer(1), "double precision"),
            server("3ff0000000000000", "double precision")
        );
        assert_eq!(
            lite(
                text("2026-01-02 03:04:05.1+01:00"),
                "timestamp with time zone"
            ),
            server("2026-01-02 02:04:05.100000", "timestamp with time zone")
        );
        assert_ne!(lite(Cell::Null, "text"), lite(text(""), "text"));
        assert_ne!(lite(text("a"), "text"), server("b", "text"));
    }

    #[test]
    fn the_order_of_rows_does_not_matter() {
        let print = |rows: &[&str]| {
            let mut print = Fingerprint::default();
            for row in rows {
                print.add_cells(&[Cell::Text((*row).to_owned())], &column("text"));
            }
            print
        };
        assert_eq!(print(&["a", "b"]), print(&["b", "a"]));
        assert_ne!(print(&["a", "a"]), print(&["b", "b"]));
    }
}
