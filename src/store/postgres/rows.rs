//! A domain's typed columns as PostgreSQL values: one row at a time when
//! read, one array per column when written.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::deserialize::{self, QueryableByName};
use diesel::pg::Pg;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::row::NamedRow;
use diesel::sql_types::{Array, BigInt, Bool, Date, Double, Nullable, Text, Timestamptz};

use crate::domain::table::{Column, ColumnType, Value};
use crate::domain::{Aggregate, AggregateKey, Columns, Period, RawRow};
use crate::store::stored_group::StoredRaw;

pub(super) type Statement = BoxedSqlQuery<'static, Pg, SqlQuery>;

impl<P: Columns> QueryableByName<Pg> for StoredRaw<P> {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        Ok(StoredRaw {
            row: RawRow {
                id: NamedRow::get::<BigInt, i64>(row, "id")?,
                utc_offset_minutes: NamedRow::get::<diesel::sql_types::SmallInt, i16>(
                    row,
                    "utc_offset_minutes",
                )?
                .into(),
                source: NamedRow::get::<Text, String>(row, "source")?,
                device: NamedRow::get::<Nullable<Text>, Option<String>>(row, "device")?,
                note: NamedRow::get::<Nullable<Text>, Option<String>>(row, "note")?,
                payload: P::from_values(values::<P>(row)?)?,
            },
            status: NamedRow::get::<Text, String>(row, "status")?,
            poison: NamedRow::get::<Bool, bool>(row, "poison")?,
        })
    }
}

/// An aggregate as it stands in its table. Its series is selected as `series`.
pub(super) struct StoredAggregate<M>(pub(super) Aggregate<M>);

impl<M: Columns> QueryableByName<Pg> for StoredAggregate<M> {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let period = NamedRow::get::<Text, String>(row, "period")?;
        Ok(StoredAggregate(Aggregate {
            key: AggregateKey {
                period: Period::from_name(&period)
                    .ok_or_else(|| format!("`{period}` is not a period"))?,
                local_date: NamedRow::get::<Date, NaiveDate>(row, "local_date")?,
                period_start: NamedRow::get::<Timestamptz, DateTime<Utc>>(row, "period_start")?,
                series: NamedRow::get::<Text, String>(row, "series")?,
                unit: NamedRow::get::<Text, String>(row, "unit")?,
            },
            measure: M::from_values(values::<M>(row)?)?,
        }))
    }
}

fn values<'a, C: Columns>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Vec<Value>> {
    C::COLUMNS.iter().map(|column| value(row, column)).collect()
}

fn value<'a>(row: &impl NamedRow<'a, Pg>, column: &Column) -> deserialize::Result<Value> {
    let name = column.name;
    let value = match column.ty {
        ColumnType::Text => {
            NamedRow::get::<Nullable<Text>, Option<String>>(row, name)?.map(Value::Text)
        }
        // Selected as text, see `select_list`.
        ColumnType::Json => {
            NamedRow::get::<Nullable<Text>, Option<String>>(row, name)?.map(Value::Json)
        }
        ColumnType::Double => {
            NamedRow::get::<Nullable<Double>, Option<f64>>(row, name)?.map(Value::Double)
        }
        ColumnType::BigInt => {
            NamedRow::get::<Nullable<BigInt>, Option<i64>>(row, name)?.map(Value::BigInt)
        }
        ColumnType::Date => {
            NamedRow::get::<Nullable<Date>, Option<NaiveDate>>(row, name)?.map(Value::Date)
        }
        ColumnType::Timestamp => {
            NamedRow::get::<Nullable<Timestamptz>, Option<DateTime<Utc>>>(row, name)?
                .map(Value::Timestamp)
        }
    };
    Ok(value.unwrap_or(Value::Null))
}

/// A domain's columns as they are selected for reading.
pub(super) fn select_list<C: Columns>() -> String {
    let columns: Vec<_> = C::COLUMNS
        .iter()
        .map(|Column { name, ty }| match ty {
            ColumnType::Json => format!("\"{name}\"::text as \"{name}\""),
            _ => format!("\"{name}\""),
        })
        .collect();
    columns.join(", ")
}

/// The array type that carries a column's values to `unnest`.
pub(super) fn array_type(ty: ColumnType) -> &'static str {
    match ty {
        ColumnType::Text | ColumnType::Json => "text[]",
        ColumnType::Double => "double precision[]",
        ColumnType::BigInt => "bigint[]",
        ColumnType::Date => "date[]",
        ColumnType::Timestamp => "timestamptz[]",
    }
}

/// How a column's value is written once it is out of its array.
pub(super) fn from_array(alias: &str, column: &Column) -> String {
    match column.ty {
        ColumnType::Json => format!("{alias}.\"{}\"::jsonb", column.name),
        _ => format!("{alias}.\"{}\"", column.name),
    }
}

/// Binds one array per column, in column order.
pub(super) fn bind_columns(
    mut statement: Statement,
    columns: &[Column],
    rows: Vec<Vec<Value>>,
) -> Statement {
    let mut by_column: Vec<Vec<Value>> = columns
        .iter()
        .map(|_| Vec::with_capacity(rows.len()))
        .collect();
    for row in rows {
        for (values, value) in by_column.iter_mut().zip(row) {
            values.push(value);
        }
    }
    macro_rules! array {
        ($values:expr, $sql:ty, $($variant:ident)|+) => {
            statement.bind::<Array<Nullable<$sql>>, _>(
                $values
                    .into_iter()
                    .map(|value| match value {
                        $(Value::$variant(inner) => Some(inner),)+
                        _ => None,
                    })
                    .collect::<Vec<_>>(),
            )
        };
    }
    for (column, values) in columns.iter().zip(by_column) {
        statement = match column.ty {
            ColumnType::Text | ColumnType::Json => array!(values, Text, Text | Json),
            ColumnType::Double => array!(values, Double, Double),
            ColumnType::BigInt => array!(values, BigInt, BigInt),
            ColumnType::Date => array!(values, Date, Date),
            ColumnType::Timestamp => array!(values, Timestamptz, Timestamp),
        };
    }
    statement
}
