//! Raw rows on their way in.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::rows::{self, json};
use super::texts::of_domain;
use super::{SqliteStore, versions};
use crate::domain::table::Columns;
use crate::domain::{Fold, NewRow, UserId};
use crate::store::sql::{flat, list, payload_columns};
use crate::store::{Inserted, RawRows, Resources, Result, Versioned};

impl RawRows for SqliteStore {
    async fn resolve_users(&self, references: &[String]) -> Result<Vec<UserId>> {
        let references = references.to_vec();
        self.write("resolve users", move |c| resolve_users(c, &references))
            .await
    }

    async fn store_versions(&self, resources: Resources) -> Result<Versioned> {
        self.write("store versions", move |c| versions::store(c, resources))
            .await
    }

    async fn time_zones(&self, users: &[UserId]) -> Result<HashMap<UserId, String>> {
        let users = users.to_vec();
        self.call("read time zones", move |c| time_zones(c, &users))
            .await
    }

    async fn insert_raw<F: Fold>(&self, rows: Vec<NewRow<F::Payload>>) -> Result<Inserted> {
        self.write("insert raw rows", move |c| insert::<F>(c, rows))
            .await
    }
}

#[derive(QueryableByName)]
struct User {
    #[diesel(sql_type = BigInt)]
    user_id: i64,
}

pub(super) fn resolve_users(
    connection: &mut SqliteConnection,
    references: &[String],
) -> QueryResult<Vec<UserId>> {
    let allocate = flat(include_str!("sql/allocate_user.sql"));
    references
        .iter()
        .map(|reference| {
            diesel::sql_query(&allocate)
                .bind::<Text, _>(reference)
                .execute(connection)?;
            let user: User =
                diesel::sql_query("select user_id from patient_users where reference = ?")
                    .bind::<Text, _>(reference)
                    .get_result(connection)?;
            Ok(user.user_id)
        })
        .collect()
}

#[derive(QueryableByName)]
struct Zone {
    #[diesel(sql_type = BigInt)]
    user_id: i64,
    #[diesel(sql_type = Text)]
    time_zone: String,
}

pub(super) fn time_zones(
    connection: &mut SqliteConnection,
    users: &[UserId],
) -> QueryResult<HashMap<UserId, String>> {
    let zones: Vec<Zone> = diesel::sql_query(flat(include_str!("sql/time_zones.sql")))
        .bind::<Text, _>(json(users))
        .load(connection)?;
    Ok(zones
        .into_iter()
        .map(|zone| (zone.user_id, zone.time_zone))
        .collect())
}

pub(super) fn insert<F: Fold>(
    connection: &mut SqliteConnection,
    rows: Vec<NewRow<F::Payload>>,
) -> QueryResult<Inserted> {
    let payload = payload_columns::<F>();
    let columns = format!(
        "user_id, utc_offset_minutes, source, source_id, device, note, {}",
        list("", &payload)
    );
    let mut names = payload.clone();
    names.extend(["utc_offset_minutes", "device", "note"].map(str::to_owned));
    let set: Vec<_> = names
        .iter()
        .map(|name| format!("{name} = excluded.{name}"))
        .collect();
    let changed: Vec<_> = names
        .iter()
        .map(|name| format!("r.{name} is not excluded.{name}"))
        .collect();
    let of_row = |text| {
        of_domain(text, F::DOMAIN)
            .replace("{columns}", &columns)
            .replace("{values}", &rows::placeholders(6 + payload.len()))
    };
    let insert = of_row(include_str!("sql/insert_raw.sql"));
    let correct = of_row(include_str!("sql/correct_raw.sql"))
        .replace("{set}", &set.join(", "))
        .replace("{changed}", &changed.join(" or "));
    let mut counts = Inserted::default();
    for row in rows {
        if execute::<F>(connection, &insert, row.clone())? > 0 {
            counts.inserted += 1;
        } else if row.source_id.is_some() && execute::<F>(connection, &correct, row)? > 0 {
            counts.corrected += 1;
        } else {
            counts.duplicate += 1;
        }
    }
    Ok(counts)
}

fn execute<F: Fold>(
    connection: &mut SqliteConnection,
    text: &str,
    row: NewRow<F::Payload>,
) -> QueryResult<usize> {
    let statement = diesel::sql_query(text)
        .into_boxed()
        .bind::<BigInt, _>(row.user_id)
        .bind::<BigInt, _>(i64::from(row.utc_offset_minutes))
        .bind::<Text, _>(row.source)
        .bind::<Nullable<Text>, _>(row.source_id)
        .bind::<Nullable<Text>, _>(row.device)
        .bind::<Nullable<Text>, _>(row.note);
    rows::bind_values(statement, F::Payload::COLUMNS, row.payload.into_values()).execute(connection)
}
