//! A domain's typed columns as `SQLite` values. Times are text in UTC with
//! microseconds, `2026-01-31 23:59:00.000000+00:00`, so that text order is
//! time order; dates are `2026-01-31`.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use diesel::QueryResult;
use diesel::deserialize::{self, QueryableByName};
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::result::Error;
use diesel::row::NamedRow;
use diesel::sql_types::{BigInt, Double, Nullable, Text};
use diesel::sqlite::Sqlite;

use crate::domain::table::{Column, ColumnType, Value};
use crate::domain::{Aggregate, AggregateKey, Columns, Period, RawRow};
use crate::store::room::ALLOCATION;
use crate::store::stored_group::StoredRaw;

pub(super) type Statement = BoxedSqlQuery<'static, Sqlite, SqlQuery>;

/// The database's clock, in the format of stored times.
pub(super) const NOW: &str = "strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')";

/// An age, as a change of the clock: `-15.000 seconds`.
pub(super) fn ago(age: Duration) -> String {
    format!("-{:.3} seconds", age.as_secs_f64())
}

/// Ids as JSON: `SQLite` takes no arrays.
pub(super) fn json(ids: &[i64]) -> String {
    serde_json::json!(ids).to_string()
}

pub(super) fn date(text: &str) -> QueryResult<NaiveDate> {
    text.parse()
        .map_err(|error: chrono::ParseError| Error::DeserializationError(error.into()))
}

/// How many rows a statement may touch or give.
pub(super) fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) fn time_text(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S%.6f+00:00").to_string()
}

/// The same of a time to compare stored ones with. Behind all that can be stored,
/// text order is not time order.
pub(super) fn bound_text(time: DateTime<Utc>) -> String {
    time_text(time.min(LATEST.and_time(NaiveTime::MIN).and_utc()))
}

const LATEST: NaiveDate = NaiveDate::from_ymd_opt(9999, 12, 31).expect("a date");

pub(super) fn parse_time(text: &str) -> deserialize::Result<DateTime<Utc>> {
    Ok(DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%:z")?.to_utc())
}

impl<P: Columns> QueryableByName<Sqlite> for StoredRaw<P> {
    fn build<'a>(row: &impl NamedRow<'a, Sqlite>) -> deserialize::Result<Self> {
        let offset = NamedRow::get::<BigInt, i64>(row, "utc_offset_minutes")?;
        let mut text_bytes = 0;
        let mut text = |name| {
            let text = NamedRow::get::<Nullable<Text>, Option<String>>(row, name)?;
            text_bytes += text.as_ref().map_or(0, |text| text.len() + ALLOCATION);
            deserialize::Result::Ok(text)
        };
        let source = text("source")?.unwrap_or_default();
        let (device, note) = (text("device")?, text("note")?);
        let payload = P::from_values(|column| {
            let value = value(row, column)?;
            if let Value::Text(text) = &value {
                text_bytes += text.len() + ALLOCATION;
            }
            deserialize::Result::Ok(value)
        })?;
        Ok(StoredRaw {
            row: RawRow {
                id: NamedRow::get::<BigInt, i64>(row, "id")?,
                // A fold rejects what no place has.
                utc_offset_minutes: i32::try_from(offset).unwrap_or(i32::MAX),
                source,
                device,
                note,
                payload,
            },
            too_long: u8::try_from(NamedRow::get::<BigInt, i64>(row, "too_long")?)?,
            text_bytes: u32::try_from(text_bytes)?,
        })
    }
}

/// An aggregate as it stands in its table, and what its texts take in bytes. Its
/// series is selected as `series`.
pub(super) struct StoredAggregate<M>(pub(super) Aggregate<M>, usize);

impl<M> StoredAggregate<M> {
    /// Bytes that it takes.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.1
    }
}

impl<M: Columns> QueryableByName<Sqlite> for StoredAggregate<M> {
    fn build<'a>(row: &impl NamedRow<'a, Sqlite>) -> deserialize::Result<Self> {
        let key = key(row)?;
        let mut text_bytes = key.series.len() + key.unit.len() + 2 * ALLOCATION;
        let measure = M::from_values(|column| {
            let value = value(row, column)?;
            if let Value::Text(text) | Value::Json(text) = &value {
                text_bytes += text.len() + ALLOCATION;
            }
            deserialize::Result::Ok(value)
        })?;
        Ok(StoredAggregate(Aggregate { key, measure }, text_bytes))
    }
}

/// The key of an aggregate alone.
pub(super) struct StoredKey(pub(super) AggregateKey);

impl QueryableByName<Sqlite> for StoredKey {
    fn build<'a>(row: &impl NamedRow<'a, Sqlite>) -> deserialize::Result<Self> {
        Ok(StoredKey(key(row)?))
    }
}

fn key<'a>(row: &impl NamedRow<'a, Sqlite>) -> deserialize::Result<AggregateKey> {
    let period = NamedRow::get::<Text, String>(row, "period")?;
    Ok(AggregateKey {
        period: Period::from_name(&period).ok_or_else(|| format!("`{period}` is not a period"))?,
        local_date: NamedRow::get::<Text, String>(row, "local_date")?.parse()?,
        period_start: parse_time(&NamedRow::get::<Text, String>(row, "period_start")?)?,
        series: NamedRow::get::<Text, String>(row, "series")?,
        unit: NamedRow::get::<Text, String>(row, "unit")?,
    })
}

fn value<'a>(row: &impl NamedRow<'a, Sqlite>, column: &Column) -> deserialize::Result<Value> {
    let text = || NamedRow::get::<Nullable<Text>, Option<String>>(row, column.name);
    let value = match column.ty {
        ColumnType::Text => text()?.map(Value::Text),
        ColumnType::Json => text()?.map(Value::Json),
        ColumnType::Double => {
            NamedRow::get::<Nullable<Double>, Option<f64>>(row, column.name)?.map(Value::Double)
        }
        ColumnType::BigInt => {
            NamedRow::get::<Nullable<BigInt>, Option<i64>>(row, column.name)?.map(Value::BigInt)
        }
        ColumnType::Date => text()?
            .map(|t| t.parse::<NaiveDate>())
            .transpose()?
            .map(Value::Date),
        ColumnType::Timestamp => text()?
            .map(|t| parse_time(&t))
            .transpose()?
            .map(Value::Timestamp),
    };
    Ok(value.unwrap_or(Value::Null))
}

/// Binds one row's values, in column order.
pub(super) fn bind_values(
    mut statement: Statement,
    columns: &[Column],
    row: impl Iterator<Item = Value>,
) -> Statement {
    for (column, value) in columns.iter().zip(row) {
        statement = match column.ty {
            ColumnType::Double => statement.bind::<Nullable<Double>, _>(match value {
                Value::Double(number) => Some(number),
                _ => None,
            }),
            ColumnType::BigInt => statement.bind::<Nullable<BigInt>, _>(match value {
                Value::BigInt(number) => Some(number),
                _ => None,
            }),
            ColumnType::Text | ColumnType::Json | ColumnType::Date | ColumnType::Timestamp => {
                statement.bind::<Nullable<Text>, _>(match value {
                    Value::Text(text) | Value::Json(text) => Some(text),
                    Value::Date(date) => Some(date.to_string()),
                    Value::Timestamp(time) => Some(time_text(time)),
                    _ => None,
                })
            }
        };
    }
    statement
}

/// `?, ?, …`
pub(super) fn placeholders(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// Binds a filter as ?1 to ?3.
macro_rules! bind_filter {
    ($query:expr, $filter:expr) => {
        $query
            .bind::<diesel::sql_types::Text, _>($crate::store::sqlite::rows::json(&$filter.users))
            .bind::<diesel::sql_types::Nullable<diesel::sql_types::Text>, _>(
                $filter.from.map(|date| date.to_string()),
            )
            .bind::<diesel::sql_types::Nullable<diesel::sql_types::Text>, _>(
                $filter.to.map(|date| date.to_string()),
            )
    };
}
pub(super) use bind_filter;
