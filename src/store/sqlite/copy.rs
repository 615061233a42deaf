//! Tables as they are, for a copy of them elsewhere.

use diesel::connection::DefaultLoadingMode;
use diesel::deserialize::{self, FromSql, QueryableByName};
use diesel::prelude::*;
use diesel::row::{Field, NamedRow, Row};
use diesel::sql_types::{BigInt, Double, Text};
use diesel::sqlite::{Sqlite, SqliteType};
use tokio::sync::mpsc::Sender;

use super::{Result, SqliteStore};
use crate::store::copy::{Cell, Column, Table};

/// A row of whatever columns were asked for.
struct Cells(Vec<Cell>);

impl QueryableByName<Sqlite> for Cells {
    fn build<'a>(row: &impl NamedRow<'a, Sqlite>) -> deserialize::Result<Self> {
        (0..row.field_count())
            .map(|index| {
                let field = Row::get(row, index).ok_or("a column is missing")?;
                let Some(value) = field.value() else {
                    return Ok(Cell::Null);
                };
                Ok(match value.value_type() {
                    None => Cell::Null,
                    Some(SqliteType::Text) => {
                        Cell::Text(<String as FromSql<Text, Sqlite>>::from_sql(value)?)
                    }
                    Some(SqliteType::Float | SqliteType::Double) => {
                        Cell::Real(<f64 as FromSql<Double, Sqlite>>::from_sql(value)?)
                    }
                    Some(SqliteType::SmallInt | SqliteType::Integer | SqliteType::Long) => {
                        Cell::Integer(<i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?)
                    }
                    Some(SqliteType::Binary) => return Err("a column holds a blob".into()),
                })
            })
            .collect::<deserialize::Result<_>>()
            .map(Cells)
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// Bytes of text after which rows are sent: they are in memory several times.
const MOST_BYTES: usize = 16 << 20;

impl SqliteStore {
    pub async fn count_rows(&self, table: &Table) -> Result<u64> {
        let text = format!("select count(*) as rows from {}", table.name);
        let count: Count = self
            .call("count rows", move |connection| {
                diesel::sql_query(text).get_result(connection)
            })
            .await?;
        Ok(count.rows.unsigned_abs())
    }

    /// Sends the rows of a table in the order of its key, at most `size` at a
    /// time and fewer where they are large, without the first `skip`. Ends early when nobody receives.
    pub async fn read_rows(
        &self,
        table: &Table,
        columns: &[Column],
        skip: u64,
        size: usize,
        to: Sender<Vec<Vec<Cell>>>,
    ) -> Result<()> {
        let names: Vec<_> = columns
            .iter()
            .map(|column| format!("\"{}\"", column.name))
            .collect();
        let text = format!(
            "select {} from {} order by {} limit -1 offset {skip}",
            names.join(", "),
            table.name,
            table.key
        );
        self.call("read rows", move |connection| {
            let rows =
                diesel::sql_query(text).load_iter::<Cells, DefaultLoadingMode>(connection)?;
            let mut batch = Vec::with_capacity(size);
            let mut bytes = 0;
            for row in rows {
                let row = row?.0;
                bytes += row.iter().map(Cell::len).sum::<usize>();
                batch.push(row);
                if batch.len() == size || bytes > MOST_BYTES {
                    bytes = 0;
                    if to.blocking_send(std::mem::take(&mut batch)).is_err() {
                        return Ok(());
                    }
                }
            }
            if !batch.is_empty() {
                // Nobody receives: nothing is left to be said.
                drop(to.blocking_send(batch));
            }
            Ok(())
        })
        .await
    }
}
