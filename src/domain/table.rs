//! Typed columns, so that each backend reads and writes every domain's tables
//! with one piece of code.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

/// The type of a column, as both backends can store it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    Text,
    Double,
    BigInt,
    Date,
    Timestamp,
    /// `jsonb` on `PostgreSQL`, text on `SQLite`.
    Json,
}

/// A column's name and type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub ty: ColumnType,
}

/// One field of one row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Text(String),
    Double(f64),
    BigInt(i64),
    Date(NaiveDate),
    Timestamp(DateTime<Utc>),
    Json(String),
}

/// A struct that is a list of columns. Implemented by [`columns!`](crate::columns).
pub trait Columns: Sized {
    const COLUMNS: &'static [Column];
    /// One value per column, in order.
    fn into_values(self) -> impl ExactSizeIterator<Item = Value>;
    /// The reverse of [`Columns::into_values`]: asks for one column's value
    /// after the other, in order.
    ///
    /// # Errors
    /// What `value` says, or names the first column whose value is of another
    /// type.
    fn from_values<E: From<ColumnError>>(
        value: impl FnMut(&Column) -> Result<Value, E>,
    ) -> Result<Self, E>;
}

/// A stored value that does not fit its column's type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column `{column}` holds a value of another type")]
pub struct ColumnError {
    pub column: &'static str,
}

/// A Rust type that fills one column.
pub trait ColumnValue: Sized {
    const TYPE: ColumnType;
    fn into_value(self) -> Value;
    fn from_value(value: Value) -> Option<Self>;
}

macro_rules! plain {
    ($type:ty, $variant:ident) => {
        impl ColumnValue for $type {
            const TYPE: ColumnType = ColumnType::$variant;
            fn into_value(self) -> Value {
                Value::$variant(self)
            }
            fn from_value(value: Value) -> Option<Self> {
                match value {
                    Value::$variant(v) => Some(v),
                    _ => None,
                }
            }
        }
    };
}
plain!(String, Text);
plain!(f64, Double);
plain!(i64, BigInt);
plain!(NaiveDate, Date);
plain!(DateTime<Utc>, Timestamp);

impl<T: ColumnValue> ColumnValue for Option<T> {
    const TYPE: ColumnType = T::TYPE;
    fn into_value(self) -> Value {
        self.map_or(Value::Null, T::into_value)
    }
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

fn json_text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("lists and maps of names and numbers are JSON")
}

macro_rules! json {
    ($type:ty) => {
        impl ColumnValue for $type {
            const TYPE: ColumnType = ColumnType::Json;
            fn into_value(self) -> Value {
                Value::Json(json_text(&self))
            }
            fn from_value(value: Value) -> Option<Self> {
                match value {
                    Value::Json(text) => serde_json::from_str(&text).ok(),
                    _ => None,
                }
            }
        }
    };
}
json!(Vec<String>);
json!(BTreeMap<String, i64>);

/// Amounts by name. Every finite number comes back with the bits that it had,
/// but for the sign of zero, which `jsonb` does not keep.
impl ColumnValue for BTreeMap<String, f64> {
    const TYPE: ColumnType = ColumnType::Json;
    fn into_value(self) -> Value {
        Value::Json(json_text(&self))
    }
    fn from_value(value: Value) -> Option<Self> {
        let Value::Json(text) = value else {
            return None;
        };
        // As digits first: reading them as a double at once rounds too early,
        // and `jsonb` gives back 1e21 and 1e-7 as other digits of equal value.
        let digits: BTreeMap<String, serde_json::Number> = serde_json::from_str(&text).ok()?;
        let numbers = digits
            .into_iter()
            .map(|(name, number)| Some((name, number.as_str().parse().ok()?)));
        numbers.collect()
    }
}

/// Declares a struct whose fields are columns of the same names.
#[macro_export]
macro_rules! columns {
    ($(#[$meta:meta])* pub struct $name:ident {
        $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $crate::domain::table::Columns for $name {
            const COLUMNS: &'static [$crate::domain::table::Column] = &[
                $($crate::domain::table::Column {
                    name: stringify!($field),
                    ty: <$type as $crate::domain::table::ColumnValue>::TYPE,
                },)*
            ];

            fn into_values(
                self,
            ) -> impl ExactSizeIterator<Item = $crate::domain::table::Value> {
                [$($crate::domain::table::ColumnValue::into_value(self.$field),)*].into_iter()
            }

            fn from_values<E: From<$crate::domain::table::ColumnError>>(
                value: impl FnMut(&$crate::domain::table::Column) -> Result<$crate::domain::table::Value, E>,
            ) -> Result<Self, E> {
                let mut values = Self::COLUMNS.iter().map(value);
                Ok(Self {
                    $($field: values
                        .next()
                        .transpose()?
                        .and_then($crate::domain::table::ColumnValue::from_value)
                        .ok_or($crate::domain::table::ColumnError {
                            column: stringify!($field),
                        })?,)*
                })
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stored(number: f64) -> f64 {
        let amounts = BTreeMap::from([("lunch".to_owned(), number)]);
        let stored = BTreeMap::<String, f64>::from_value(amounts.into_value());
        stored.unwrap()["lunch"]
    }

    /// As `jsonb` writes numbers: all digits, no exponent.
    fn normalized(number: f64) -> f64 {
        let text = format!("{{\"lunch\": {number}}}");
        let stored = BTreeMap::<String, f64>::from_value(Value::Json(text));
        stored.unwrap()["lunch"]
    }

    #[test]
    fn amounts_that_are_no_amounts_are_refused() {
        for text in ["", "[]", r#"{"lunch":"1"}"#, r#"{"lunch":null}"#] {
            let value = Value::Json(text.to_owned());
            assert_eq!(BTreeMap::<String, f64>::from_value(value), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn amounts_keep_their_bits(number in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL) {
            prop_assert_eq!(stored(number).to_bits(), number.to_bits());
            prop_assert_eq!(normalized(number).to_bits(), number.to_bits());
        }
    }
}
