//! The target of a copy.

use diesel::deserialize::{self, FromSql, QueryableByName};
use diesel::pg::Pg;
use diesel::row::{Field, NamedRow, Row};
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text};
use diesel::{OptionalExtension, QueryResult};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures::TryStreamExt;

use super::{PgStore, Result};
use crate::store::copy::{self, Cell, Column, Fingerprint, Table};
use crate::store::sql::flat;

/// The table that is copied last, into which triggers of the others append.
const CHANGES: &str = "group_changes";

/// A row of texts.
struct Texts(Vec<Option<String>>);

impl QueryableByName<Pg> for Texts {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        (0..row.field_count())
            .map(|index| {
                let field = Row::get(row, index).ok_or("a column is missing")?;
                field
                    .value()
                    .map(<String as FromSql<Text, Pg>>::from_sql)
                    .transpose()
            })
            .collect::<deserialize::Result<_>>()
            .map(Texts)
    }
}

#[derive(diesel::QueryableByName)]
struct ColumnRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    ty: String,
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

#[derive(diesel::QueryableByName)]
struct Source {
    #[diesel(sql_type = Text)]
    source: String,
}

#[derive(diesel::QueryableByName)]
struct Found {
    #[diesel(sql_type = Bool)]
    found: bool,
}

/// Runs one piece of work on a connection of the pool.
macro_rules! on_lease {
    ($store:ident, $operation:literal, $connection:ident => $call:expr) => {{
        let mut lease = $store.lease($operation).await?;
        let $connection = &mut *lease;
        let result = $call.await;
        lease.finish($operation, result)
    }};
}

impl PgStore {
    /// Which source an unfinished copy into this database is of.
    pub async fn unfinished_copy(&self) -> Result<Option<String>> {
        on_lease!(self, "look for a copy", c => unfinished(c))
    }

    /// Marks this database as the unfinished copy of `source`, if it is empty;
    /// returns the first table that is not.
    pub async fn begin_copy(&self, source: &str) -> Result<Option<&'static str>> {
        on_lease!(self, "begin copy", c => begin(c, source))
    }

    pub async fn copied_columns(&self, table: &Table) -> Result<Vec<Column>> {
        on_lease!(self, "read columns", c => columns(c, table))
    }

    pub async fn count_rows(&self, table: &Table) -> Result<u64> {
        on_lease!(self, "count rows", c => count(c, table))
    }

    /// Inserts rows with the ids they have, in one transaction. What triggers
    /// append to `group_changes` meanwhile is deleted: the source's own changes
    /// follow the raw rows.
    pub async fn insert_rows(
        &self,
        table: &Table,
        columns: &[Column],
        rows: Vec<Vec<Cell>>,
    ) -> Result<()> {
        on_lease!(self, "insert rows", c => insert(c, table, columns, rows))
    }

    /// Reads a whole table, `size` rows at a time.
    pub async fn fingerprint(
        &self,
        table: &Table,
        columns: &[Column],
        size: usize,
        progress: impl Fn(u64) + Sync,
    ) -> Result<Fingerprint> {
        on_lease!(self, "read rows", c => fingerprint(c, table, columns, size, &progress))
    }

    /// Lets ids go on behind those that were copied, refreshes the planner's
    /// statistics, and takes the mark of [`PgStore::begin_copy`] away.
    pub async fn finish_copy(&self) -> Result<()> {
        on_lease!(self, "finish copy", c => finish(c))
    }
}

async fn unfinished(connection: &mut AsyncPgConnection) -> QueryResult<Option<String>> {
    let there: Found =
        diesel::sql_query("select to_regclass('copy_in_progress') is not null as found")
            .get_result(connection)
            .await?;
    if !there.found {
        return Ok(None);
    }
    let source: Option<Source> = diesel::sql_query("select source from copy_in_progress")
        .get_result(connection)
        .await
        .optional()?;
    Ok(source.map(|row| row.source))
}

async fn begin(
    connection: &mut AsyncPgConnection,
    source: &str,
) -> QueryResult<Option<&'static str>> {
    connection
        .transaction(async |connection| {
            for table in copy::tables() {
                let rows: Found = diesel::sql_query(format!(
                    "select exists (select from {}) as found",
                    table.name
                ))
                .get_result(connection)
                .await?;
                if rows.found {
                    return Ok(Some(table.name));
                }
            }
            connection
                .batch_execute("create table copy_in_progress (source text not null)")
                .await?;
            diesel::sql_query("insert into copy_in_progress values ($1)")
                .bind::<Text, _>(source)
                .execute(connection)
                .await?;
            QueryResult::Ok(None)
        })
        .await
}

async fn columns(connection: &mut AsyncPgConnection, table: &Table) -> QueryResult<Vec<Column>> {
    let rows: Vec<ColumnRow> = diesel::sql_query(flat(include_str!("sql/copied_columns.sql")))
        .bind::<Text, _>(table.name)
        .load(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|ColumnRow { name, ty }| Column { name, ty })
        .collect())
}

async fn count(connection: &mut AsyncPgConnection, table: &Table) -> QueryResult<u64> {
    let count: Count = diesel::sql_query(format!("select count(*) as rows from {}", table.name))
        .get_result(connection)
        .await?;
    Ok(count.rows.unsigned_abs())
}

async fn insert(
    connection: &mut AsyncPgConnection,
    table: &Table,
    columns: &[Column],
    rows: Vec<Vec<Cell>>,
) -> QueryResult<()> {
    if table.name == CHANGES {
        return insert_rows(connection, table, columns, rows).await;
    }
    connection
        .transaction(async |connection| {
            insert_rows(connection, table, columns, rows).await?;
            diesel::sql_query(format!("delete from {CHANGES}"))
                .execute(connection)
                .await
                .map(|_| ())
        })
        .await
}

async fn insert_rows(
    connection: &mut AsyncPgConnection,
    table: &Table,
    columns: &[Column],
    rows: Vec<Vec<Cell>>,
) -> QueryResult<()> {
    let names: Vec<_> = columns
        .iter()
        .map(|column| format!("\"{}\"", column.name))
        .collect();
    let arrays: Vec<_> = (1..=columns.len())
        .map(|i| format!("${i}::text[]"))
        .collect();
    let values: Vec<_> = names
        .iter()
        .zip(columns)
        .map(|(name, column)| format!("s.{name}::{}", column.ty))
        .collect();
    let text = flat(include_str!("sql/copy_rows.sql"))
        .replace("{table}", table.name)
        .replace("{names}", &names.join(", "))
        .replace("{values}", &values.join(", "))
        .replace("{arrays}", &arrays.join(", "));
    let mut statement = diesel::sql_query(text).into_boxed();
    for index in 0..columns.len() {
        let column: Vec<_> = rows.iter().map(|row| row[index].text()).collect();
        statement = statement.bind::<Array<Nullable<Text>>, _>(column);
    }
    statement.execute(connection).await.map(|_| ())
}

async fn fingerprint(
    connection: &mut AsyncPgConnection,
    table: &Table,
    columns: &[Column],
    size: usize,
    progress: &(impl Fn(u64) + Sync),
) -> QueryResult<Fingerprint> {
    let values: Vec<_> = columns
        .iter()
        .map(|Column { name, ty }| match ty.as_str() {
            "double precision" => format!("encode(float8send(\"{name}\"), 'hex')"),
            "timestamp with time zone" => {
                format!("to_char(\"{name}\" at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')")
            }
            _ => format!("\"{name}\"::text"),
        })
        .collect();
    let cursor = format!(
        "declare copied no scroll cursor for select {} from {}",
        values.join(", "),
        table.name
    );
    let fetch = format!("fetch {size} from copied");
    connection
        .transaction(async |connection| {
            connection.batch_execute(&cursor).await?;
            let mut print = Fingerprint::default();
            loop {
                let fetch = diesel::sql_query(fetch.as_str());
                let mut rows = fetch.load_stream::<Texts>(connection).await?;
                let mut fetched = 0;
                while let Some(row) = rows.try_next().await? {
                    print.add_texts(row.0, columns);
                    fetched += 1;
                }
                drop(rows);
                progress(fetched as u64);
                if fetched < size {
                    return QueryResult::Ok(print);
                }
            }
        })
        .await
}

async fn finish(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    for table in copy::tables() {
        let name = table.name;
        if table.numbered {
            diesel::sql_query(format!(
                "select setval(pg_get_serial_sequence('{name}', 'id'), \
                   coalesce((select max(id) from {name}), 0) + 1, false)"
            ))
            .execute(connection)
            .await?;
        }
        connection.batch_execute(&format!("analyze {name}")).await?;
    }
    connection
        .batch_execute("drop table copy_in_progress")
        .await
}
