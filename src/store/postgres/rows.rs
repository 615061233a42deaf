//! A domain's typed columns as PostgreSQL values: one row at a time when
//! read, one array per column when written.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::deserialize::{self, FromSql, QueryableByName};
use diesel::pg::Pg;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::row::{Field, NamedRow, Row};
use diesel::sql_types::{Array, BigInt, Bool, Date, Double, Nullable, SmallInt, Text, Timestamptz};

use super::array::PgArray;
use crate::domain::table::{Column, ColumnType, Value};
use crate::domain::{Aggregate, AggregateKey, Columns, Period, RawRow};
use crate::store::room::ALLOCATION;
use crate::store::stored_group::StoredRaw;

pub(super) type Statement = BoxedSqlQuery<'static, Pg, SqlQuery>;

/// The fields of a row, in the order in which they are selected: finding each
/// by its name takes as long as reading it.
struct Fields<'r, R> {
    row: &'r R,
    next: usize,
    /// What the texts read so far take.
    text_bytes: usize,
}

impl<'r, R> Fields<'r, R> {
    fn of(row: &'r R) -> Self {
        Self {
            row,
            next: 0,
            text_bytes: 0,
        }
    }

    fn next_text<'a>(&mut self, name: &str) -> deserialize::Result<Option<String>>
    where
        R: Row<'a, Pg>,
    {
        let text = self.next::<Nullable<Text>, Option<String>>(name)?;
        self.text_bytes += text.as_ref().map_or(0, |text| text.len() + ALLOCATION);
        Ok(text)
    }

    fn next<'a, ST, T>(&mut self, name: &str) -> deserialize::Result<T>
    where
        R: Row<'a, Pg>,
        T: FromSql<ST, Pg>,
    {
        let field = self.row.get(self.next);
        let field = field.ok_or_else(|| format!("column `{name}` was not selected"))?;
        // Every test that reads finds a select list in another order.
        debug_assert_eq!(field.field_name(), Some(name));
        self.next += 1;
        T::from_nullable_sql(field.value())
    }

    fn next_value<'a>(&mut self, column: &Column) -> deserialize::Result<Value>
    where
        R: Row<'a, Pg>,
    {
        let name = column.name;
        let value = match column.ty {
            ColumnType::Text => self.next_text(name)?.map(Value::Text),
            // Selected as text, see `select_list`.
            ColumnType::Json => self.next_text(name)?.map(Value::Json),
            ColumnType::Double => self
                .next::<Nullable<Double>, Option<_>>(name)?
                .map(Value::Double),
            ColumnType::BigInt => self
                .next::<Nullable<BigInt>, Option<_>>(name)?
                .map(Value::BigInt),
            ColumnType::Date => self
                .next::<Nullable<Date>, Option<_>>(name)?
                .map(Value::Date),
            ColumnType::Timestamp => self
                .next::<Nullable<Timestamptz>, Option<_>>(name)?
                .map(Value::Timestamp),
        };
        Ok(value.unwrap_or(Value::Null))
    }

    /// What follows the period of an aggregate.
    fn aggregate<'a, M: Columns>(&mut self, period: &str) -> deserialize::Result<Aggregate<M>>
    where
        R: Row<'a, Pg>,
    {
        Ok(Aggregate {
            key: AggregateKey {
                period: Period::from_name(period)
                    .ok_or_else(|| format!("`{period}` is not a period"))?,
                local_date: self.next::<Date, _>("local_date")?,
                period_start: self.next::<Timestamptz, _>("period_start")?,
                series: self.next_text("series")?.unwrap_or_default(),
                unit: self.next_text("unit")?.unwrap_or_default(),
            },
            measure: M::from_values(|column| self.next_value(column))?,
        })
    }
}

/// Selected as id, `too_long`, `utc_offset_minutes`, source,
/// device, note and the columns of `P`.
impl<P: Columns> QueryableByName<Pg> for StoredRaw<P> {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let mut fields = Fields::of(row);
        let id = fields.next::<BigInt, _>("id")?;
        let too_long = fields.next::<SmallInt, i16>("too_long")?;
        let utc_offset_minutes = fields.next::<SmallInt, i16>("utc_offset_minutes")?;
        Ok(StoredRaw {
            row: RawRow {
                id,
                utc_offset_minutes: utc_offset_minutes.into(),
                source: fields.next_text("source")?.unwrap_or_default(),
                device: fields.next_text("device")?,
                note: fields.next_text("note")?,
                payload: P::from_values(|column| fields.next_value(column))?,
            },
            too_long: u8::try_from(too_long)?,
            text_bytes: u32::try_from(fields.text_bytes)?,
        })
    }
}

/// An aggregate as it stands in its table. Selected as period, `local_date`,
/// `period_start`, `series`, unit and the columns of `M`; others may follow.
pub(super) struct StoredAggregate<M>(pub(super) Aggregate<M>);

impl<M: Columns> QueryableByName<Pg> for StoredAggregate<M> {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let mut fields = Fields::of(row);
        let period: String = fields.next::<Text, _>("period")?;
        fields.aggregate(&period).map(StoredAggregate)
    }
}

/// A day row that a fold reads, with whether its group is sealed, which comes
/// first; without day rows it comes alone.
pub(super) struct DayRow<M> {
    pub(super) sealed: bool,
    pub(super) aggregate: Option<Aggregate<M>>,
    /// What its texts take, in bytes.
    text_bytes: usize,
}

impl<M> DayRow<M> {
    /// Bytes that it takes, once read from its JSON.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.text_bytes
    }
}

impl<M: Columns> QueryableByName<Pg> for DayRow<M> {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let mut fields = Fields::of(row);
        let sealed = fields.next::<Bool, _>("sealed")?;
        let period = fields.next::<Nullable<Text>, Option<String>>("period")?;
        let aggregate = period.map(|period| fields.aggregate(&period));
        Ok(DayRow {
            sealed,
            aggregate: aggregate.transpose()?,
            text_bytes: fields.text_bytes,
        })
    }
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

/// One array per column.
pub(super) struct ColumnArrays {
    columns: &'static [Column],
    arrays: Vec<PgArray>,
}

impl ColumnArrays {
    /// Empty, with room for `rows`.
    pub(super) fn of(columns: &'static [Column], rows: usize) -> ColumnArrays {
        let array = |column: &Column| match column.ty {
            ColumnType::Text | ColumnType::Json => PgArray::with_capacity::<&str>(rows),
            ColumnType::Double => PgArray::with_capacity::<f64>(rows),
            ColumnType::BigInt => PgArray::with_capacity::<i64>(rows),
            ColumnType::Date => PgArray::with_capacity::<NaiveDate>(rows),
            ColumnType::Timestamp => PgArray::with_capacity::<DateTime<Utc>>(rows),
        };
        ColumnArrays {
            columns,
            arrays: columns.iter().map(array).collect(),
        }
    }

    /// Adds a row: one value per column, in column order.
    pub(super) fn push(&mut self, row: impl Iterator<Item = Value>) {
        for (array, value) in self.arrays.iter_mut().zip(row) {
            match value {
                Value::Null => array.push_null(),
                Value::Text(text) | Value::Json(text) => array.push(&*text),
                Value::Double(number) => array.push(number),
                Value::BigInt(number) => array.push(number),
                Value::Date(date) => array.push(date),
                Value::Timestamp(time) => array.push(time),
            }
        }
    }

    /// Binds them in column order.
    pub(super) fn bind(self, mut statement: Statement) -> Statement {
        for (column, array) in self.columns.iter().zip(self.arrays) {
            statement = match column.ty {
                ColumnType::Text | ColumnType::Json => {
                    statement.bind::<Array<Nullable<Text>>, _>(array)
                }
                ColumnType::Double => statement.bind::<Array<Nullable<Double>>, _>(array),
                ColumnType::BigInt => statement.bind::<Array<Nullable<BigInt>>, _>(array),
                ColumnType::Date => statement.bind::<Array<Nullable<Date>>, _>(array),
                ColumnType::Timestamp => statement.bind::<Array<Nullable<Timestamptz>>, _>(array),
            };
        }
        statement
    }
}
