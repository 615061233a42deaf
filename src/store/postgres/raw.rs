//! Raw rows on their way in.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

use super::rows::{self, ColumnArrays, Statement};
use super::schema::user_time_zones;
use super::{PgStore, pool, versions};
use crate::domain::table::Columns;
use crate::domain::{Fold, NewRow, UserId};
use crate::store::sql::{flat, list, of_domain, payload_columns};
use crate::store::{Inserted, RawRows, Resources, Result, Versioned};

impl RawRows for PgStore {
    async fn resolve_users(&self, references: &[String]) -> Result<Vec<UserId>> {
        on_connection!(self, "resolve users", c => resolve_users(c, references))
    }

    async fn store_versions(&self, resources: Resources) -> Result<Versioned> {
        on_connection!(self, "store versions", c => versions::store(c, resources))
    }

    async fn time_zones(&self, users: &[UserId]) -> Result<HashMap<UserId, String>> {
        on_connection!(self, "read time zones", c => time_zones(c, users))
    }

    async fn insert_raw<F: Fold>(&self, rows: Vec<NewRow<F::Payload>>) -> Result<Inserted> {
        on_connection!(self, "insert raw rows", c => insert::<F>(c, rows))
    }
}

#[derive(QueryableByName)]
struct PatientUser {
    #[diesel(sql_type = Text)]
    reference: String,
    #[diesel(sql_type = BigInt)]
    user_id: i64,
}

/// Makes allocations of user ids wait for each other.
pub(super) const ALLOCATION_LOCK: i64 = 0x7669_7461_6c75;

pub(super) async fn resolve_users(
    connection: &mut AsyncPgConnection,
    references: &[String],
) -> QueryResult<Vec<UserId>> {
    let known = known_users(connection, references).await?;
    if references
        .iter()
        .all(|reference| known.contains_key(reference))
    {
        return Ok(references
            .iter()
            .map(|reference| known[reference])
            .collect());
    }
    let known = connection
        .transaction(async |connection| {
            diesel::sql_query("select pg_advisory_xact_lock($1)")
                .bind::<BigInt, _>(ALLOCATION_LOCK)
                .execute(&mut *connection)
                .await?;
            diesel::sql_query(flat(include_str!("sql/allocate_users.sql")))
                .bind::<Array<Text>, _>(references)
                .execute(&mut *connection)
                .await?;
            known_users(connection, references).await
        })
        .await?;
    Ok(references
        .iter()
        .map(|reference| known[reference])
        .collect())
}

async fn known_users(
    connection: &mut AsyncPgConnection,
    references: &[String],
) -> QueryResult<HashMap<String, UserId>> {
    let rows: Vec<PatientUser> =
        diesel::sql_query("select reference, user_id from patient_users where reference = any($1)")
            .bind::<Array<Text>, _>(references)
            .load(connection)
            .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.reference, row.user_id))
        .collect())
}

pub(super) async fn time_zones(
    connection: &mut AsyncPgConnection,
    users: &[UserId],
) -> QueryResult<HashMap<UserId, String>> {
    let rows: Vec<(UserId, String)> = user_time_zones::table
        .filter(user_time_zones::user_id.eq_any(users))
        .select((user_time_zones::user_id, user_time_zones::time_zone))
        .load(connection)
        .await?;
    Ok(rows.into_iter().collect())
}

#[derive(QueryableByName)]
struct Stored {
    #[diesel(sql_type = BigInt)]
    inserted: i64,
    #[diesel(sql_type = BigInt)]
    corrected: i64,
}

pub(super) async fn insert<F: Fold>(
    connection: &mut AsyncPgConnection,
    rows: Vec<NewRow<F::Payload>>,
) -> QueryResult<Inserted> {
    let given = rows.len() as u64;
    let statement = bind_rows::<F>(insert_text::<F>(), rows);
    let stored: Stored = statement.get_result(connection).await?;
    let (inserted, corrected) = (
        stored.inserted.unsigned_abs(),
        stored.corrected.unsigned_abs(),
    );
    Ok(Inserted {
        inserted,
        corrected,
        duplicate: given - inserted - corrected,
    })
}

fn insert_text<F: Fold>() -> String {
    let columns = F::Payload::COLUMNS;
    let arrays = columns.iter().zip(FIRST_PAYLOAD..);
    let arrays: Vec<_> = arrays
        .map(|(column, place)| format!("${place}::{}", rows::array_type(column.ty)))
        .collect();
    let values: Vec<_> = columns
        .iter()
        .map(|column| rows::from_array("given", column))
        .collect();
    let names = payload_columns::<F>();
    let mut corrected = names.clone();
    corrected.extend(["utc_offset_minutes", "device", "note"].map(str::to_owned));
    let set: Vec<_> = corrected
        .iter()
        .map(|name| format!("{name} = excluded.{name}"))
        .collect();
    of_domain(include_str!("sql/insert_raw.sql"), F::DOMAIN)
        .replace("{names}", &list("", &names))
        .replace("{arrays}", &arrays.join(", "))
        .replace("{values}", &values.join(", "))
        .replace("{old}", &list("r.", &corrected))
        .replace("{new}", &list("excluded.", &corrected))
        .replace("{set}", &set.join(", "))
}

/// The parameter of the first payload column.
const FIRST_PAYLOAD: usize = 7;

fn bind_rows<F: Fold>(text: String, rows: Vec<NewRow<F::Payload>>) -> Statement {
    let statement = diesel::sql_query(text)
        .into_boxed()
        .bind::<Array<BigInt>, _>(rows.iter().map(|row| row.user_id).collect::<Vec<_>>())
        .bind::<Array<Integer>, _>(
            rows.iter()
                .map(|row| row.utc_offset_minutes)
                .collect::<Vec<_>>(),
        )
        .bind::<Array<Text>, _>(
            rows.iter()
                .map(|row| row.source.clone())
                .collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<Text>>, _>(
            rows.iter()
                .map(|row| row.source_id.clone())
                .collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<Text>>, _>(
            rows.iter()
                .map(|row| row.device.clone())
                .collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<Text>>, _>(
            rows.iter().map(|row| row.note.clone()).collect::<Vec<_>>(),
        );
    let mut payloads = ColumnArrays::of(F::Payload::COLUMNS, rows.len());
    for row in rows {
        payloads.push(row.payload.into_values());
    }
    payloads.bind(statement)
}
