//! Aggregates as JSON.

use serde_json::{Map, Value as Json};

use super::{Aggregate, Columns, Fold, Value};

/// Every column of an aggregate by its name, but for whose it is.
///
/// # Errors
/// A stored JSON column is not JSON.
pub fn aggregate<F: Fold>(row: Aggregate<F::Measure>) -> serde_json::Result<Map<String, Json>> {
    let key = row.key;
    let mut object = Map::new();
    object.insert("period".into(), key.period.name().into());
    object.insert("local_date".into(), key.local_date.to_string().into());
    object.insert("period_start".into(), key.period_start.to_rfc3339().into());
    object.insert(F::DOMAIN.tables().series.into(), key.series.into());
    object.insert("unit".into(), key.unit.into());
    for (column, value) in F::Measure::COLUMNS.iter().zip(row.measure.into_values()) {
        let value = match value {
            Value::Null => Json::Null,
            Value::Double(number) => number.into(),
            Value::BigInt(number) => number.into(),
            Value::Json(text) => serde_json::from_str(&text)?,
            Value::Text(text) => text.into(),
            Value::Date(date) => date.to_string().into(),
            Value::Timestamp(time) => time.to_rfc3339().into(),
        };
        object.insert(column.name.into(), value);
    }
    Ok(object)
}
