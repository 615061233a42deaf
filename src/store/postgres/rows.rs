//! A domain's typed columns as PostgreSQL values: one row at a time when
//! read, one array per column when written.

use diesel::deserialize::{self, FromSql, QueryableByName};
use diesel::pg::Pg;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::row::{Field, NamedRow, Row};
use diesel::sql_types::{Array, BigInt, Bool, Date, Double, Nullable, SmallInt, Text, Timestamptz};

use crate::domain::table::{Column, ColumnType, Value};
use crate::domain::{Aggregate, AggregateKey, Columns, Period, RawRow};
use crate::store::stored_group::StoredRaw;

pub(super) type Statement = BoxedSqlQuery<'static, Pg, SqlQuery>;

/// The fields of a row, in the order in which they are selected: finding each
/// by its name takes as long as reading it.
struct Fields<'r, R> {
    row: &'r R,
    next: usize,
}

impl<'r, R> Fields<'r, R> {
    fn of(row: &'r R) -> Self {
        Self { row, next: 0 }
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
            ColumnType::Text => self
                .next::<Nullable<Text>, Option<_>>(name)?
                .map(Value::Text),
            // Selected as text, see `select_list`.
            ColumnType::Json => self
                .next::<Nullable<Text>, Option<_>>(name)?
                .map(Value::Json),
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
}

/// Selected as id, status, poison, `utc_offset_minutes`, source, device, note
/// and the columns of `P`.
impl<P: Columns> QueryableByName<Pg> for StoredRaw<P> {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let mut fields = Fields::of(row);
        let id = fields.next::<BigInt, _>("id")?;
        let status = fields.next::<Text, _>("status")?;
        let poison = fields.next::<Bool, _>("poison")?;
        let utc_offset_minutes = fields.next::<SmallInt, i16>("utc_offset_minutes")?;
        Ok(StoredRaw {
            row: RawRow {
                id,
                utc_offset_minutes: utc_offset_minutes.into(),
                source: fields.next::<Text, _>("source")?,
                device: fields.next::<Nullable<Text>, _>("device")?,
                note: fields.next::<Nullable<Text>, _>("note")?,
                payload: P::from_values(|column| fields.next_value(column))?,
            },
            status,
            poison,
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
        Ok(StoredAggregate(Aggregate {
            key: AggregateKey {
                period: Period::from_name(&period)
                    .ok_or_else(|| format!("`{period}` is not a period"))?,
                local_date: fields.next::<Date, _>("local_date")?,
                period_start: fields.next::<Timestamptz, _>("period_start")?,
                series: fields.next::<Text, _>("series")?,
                unit: fields.next::<Text, _>("unit")?,
            },
            measure: M::from_values(|column| fields.next_value(column))?,
        }))
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
