//! Raw rows on their way in.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

use super::rows::{self, ColumnArrays, Statement};
use super::schema::user_time_zones;
use super::{PgStore, pool, versions};
use crate::domain::table::Columns;
use crate::domain::{Domain, Fold, NewRow, UserId};
use crate::store::sql::{list, payload_columns};
use crate::store::{Inserted, RawRows, Resources, Result, Versioned};
use crate::with_domain;

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
            // New ids lie above every user that has rows, whoever inserted them.
            let highest: Vec<_> = Domain::ALL
                .iter()
                .map(|domain| with_domain!(*domain, F => F::DOMAIN.tables().raw))
                .map(|table| format!("(select max(user_id) from {table})"))
                .collect();
            diesel::sql_query(format!(
                "insert into patient_users (reference, user_id) \
                 select reference, h.highest + row_number() over (order by position) \
                 from ( \
                   select reference, min(position) as position \
                   from unnest($1::text[]) with ordinality as r (reference, position) \
                   where not exists ( \
                     select from patient_users p where p.reference = r.reference) \
                   group by reference) n, \
                   (select greatest(0, (select max(user_id) from patient_users), {}) as highest) h",
                highest.join(", ")
            ))
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

pub(super) async fn insert<F: Fold>(
    connection: &mut AsyncPgConnection,
    rows: Vec<NewRow<F::Payload>>,
) -> QueryResult<Inserted> {
    let given = rows.len() as u64;
    let (with_id, without_id): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| row.source_id.is_some());
    connection
        .transaction(async |connection| {
            let mut counts = Inserted::default();
            if !without_id.is_empty() {
                counts.inserted += insert_new::<F>(connection, without_id).await?;
            }
            if !with_id.is_empty() {
                let (inserted, corrected) = upsert::<F>(connection, with_id).await?;
                counts.inserted += inserted;
                counts.corrected += corrected;
            }
            counts.duplicate = given - counts.inserted - counts.corrected;
            Ok(counts)
        })
        .await
}

async fn insert_new<F: Fold>(
    connection: &mut AsyncPgConnection,
    rows: Vec<NewRow<F::Payload>>,
) -> QueryResult<u64> {
    let text = format!(
        "{} on conflict (user_id, identity) do nothing",
        insert_text::<F>("")
    );
    let inserted = bind_rows::<F>(text, rows).execute(connection).await?;
    Ok(inserted as u64)
}

#[derive(QueryableByName)]
struct Upserted {
    #[diesel(sql_type = Bool)]
    inserted: bool,
}

async fn upsert<F: Fold>(
    connection: &mut AsyncPgConnection,
    rows: Vec<NewRow<F::Payload>>,
) -> QueryResult<(u64, u64)> {
    let mut names = payload_columns::<F>();
    names.extend(["utc_offset_minutes", "device", "note"].map(str::to_owned));
    let set: Vec<_> = names
        .iter()
        .map(|name| format!("{name} = excluded.{name}"))
        .collect();
    // One statement cannot touch a row twice: of rows that are the same within
    // this batch the last one counts.
    let text = format!(
        "{insert} on conflict (user_id, identity) \
         do update set {set} where ({old}) is distinct from ({new}) \
         returning (xmax = 0) as inserted",
        insert = insert_text::<F>(&format!(
            " join (select max(position) as position from s \
              group by user_id, source, source_id, {key}) last using (position)",
            key = F::DOMAIN.tables().key,
        )),
        set = set.join(", "),
        old = list("r.", &names),
        new = list("excluded.", &names),
    );
    let rows: Vec<Upserted> = bind_rows::<F>(text, rows).load(connection).await?;
    let inserted = rows.iter().filter(|row| row.inserted).count() as u64;
    Ok((inserted, rows.len() as u64 - inserted))
}

/// The insert of arrays of rows, in their order: ids follow it, and rows of
/// one instant are folded by id; `restrict` narrows `s`, the rows given.
fn insert_text<F: Fold>(restrict: &str) -> String {
    let columns = F::Payload::COLUMNS;
    let types: String = columns
        .iter()
        .enumerate()
        .map(|(i, column)| format!(", ${}::{}", i + 7, rows::array_type(column.ty)))
        .collect();
    let names = list("", &payload_columns::<F>());
    let selected: Vec<_> = columns
        .iter()
        .map(|column| rows::from_array("s", column))
        .collect();
    format!(
        "with s as ( \
           select * from unnest($1::bigint[], $2::integer[], $3::text[], $4::text[], $5::text[], \
             $6::text[]{types}) with ordinality \
           as u (user_id, utc_offset_minutes, source, source_id, device, note, {names}, position)) \
         insert into {table} as r \
           (user_id, utc_offset_minutes, source, source_id, device, note, {names}) \
         select s.user_id, s.utc_offset_minutes, s.source, s.source_id, s.device, s.note, \
           {selected} \
         from s{restrict} order by s.position",
        table = F::DOMAIN.tables().raw,
        selected = selected.join(", "),
    )
}

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
