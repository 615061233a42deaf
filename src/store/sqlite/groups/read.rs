//! Reading a group in its transaction.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::super::rows::{StoredAggregate, bound_text};
use super::super::texts::of_domain;
use super::ask;
use crate::domain::group::neighbour_dates;
use crate::domain::{Aggregate, Fold, GroupKey};
use crate::store::rejections::StoredRejection;
use crate::store::room::{LARGEST, Room};
use crate::store::sql::{list, measure_columns, place_of_too_long, raw_columns};
use crate::store::stored_group::{Changes, Standing, StoredGroup, StoredRaw};
use crate::store::window::Window;

#[derive(QueryableByName)]
pub(super) struct Found {
    #[diesel(sql_type = Bool)]
    pub(super) found: bool,
}

#[derive(QueryableByName)]
struct ChangesRow {
    #[diesel(sql_type = Text)]
    ids: String,
    #[diesel(sql_type = BigInt)]
    rows: i64,
    #[diesel(sql_type = Bool)]
    not_only_inserts: bool,
    #[diesel(sql_type = Bool)]
    may_be_empty: bool,
    #[diesel(sql_type = Nullable<Text>)]
    standing: Option<String>,
}

pub(super) fn changes(connection: &mut SqliteConnection, key: GroupKey) -> QueryResult<Changes> {
    let text = of_domain(include_str!("../sql/changes.sql"), key.domain);
    let row: ChangesRow = diesel::sql_query(text)
        .bind::<BigInt, _>(key.user_id)
        .bind::<Text, _>(key.local_date.to_string())
        .get_result(connection)?;
    let ids = serde_json::from_str(&row.ids);
    Ok(Changes {
        ids: ids.map_err(|error| diesel::result::Error::DeserializationError(error.into()))?,
        rows: row.rows.unsigned_abs(),
        not_only_inserts: row.not_only_inserts,
        may_be_empty: row.may_be_empty,
        failure: row.standing.map(|standing| match standing.as_str() {
            "dead" => Standing::Dead,
            "put_off" => Standing::PutOff,
            _ => Standing::Due,
        }),
    })
}

/// Ends with [`TooLarge`](crate::store::room::TooLarge) as soon as the group takes
/// more than the room of the largest.
pub(super) fn read<F: Fold>(
    connection: &mut SqliteConnection,
    key: GroupKey,
) -> QueryResult<StoredGroup<F>> {
    let mut room = Room::of(LARGEST);
    let rows = raw_rows::<F>(connection, key, &mut room)?;
    let rejections = rejections(connection, key, &mut room)?;
    let day_rows = day_rows::<F>(connection, key, &mut room)?;
    let sealed = ask(connection, key, include_str!("../sql/is_sealed.sql"))?;
    Ok(StoredGroup::new(key, rows, rejections, day_rows, sealed))
}

fn raw_rows<F: Fold>(
    connection: &mut SqliteConnection,
    key: GroupKey,
    room: &mut Room,
) -> QueryResult<Vec<StoredRaw<F::Payload>>> {
    let has_end = F::DOMAIN.tables().end.is_some();
    let text = match has_end {
        true => include_str!("../sql/read_intervals.sql"),
        false => include_str!("../sql/read_instants.sql"),
    };
    let text = of_domain(text, F::DOMAIN)
        .replace("{too_long}", &place_of_too_long::<F>())
        .replace("{columns}", &raw_columns::<F>());
    let window = Window::of(key.local_date);
    let query = diesel::sql_query(text)
        .into_boxed()
        .bind::<BigInt, _>(key.user_id)
        .bind::<Text, _>(bound_text(window.from))
        .bind::<Text, _>(bound_text(window.to))
        .bind::<Text, _>(key.local_date.to_string());
    let query = match has_end {
        true => query.bind::<Text, _>(bound_text(window.long_from)),
        false => query,
    };
    let mut rows = Vec::new();
    for row in query.load_iter::<StoredRaw<F::Payload>, _>(connection)? {
        let row = row?;
        room.take(row.weight())?;
        rows.push(row);
    }
    Ok(rows)
}

#[derive(QueryableByName)]
struct RejectionRow {
    #[diesel(sql_type = BigInt)]
    row_id: i64,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Bool)]
    poison: bool,
}

fn rejections(
    connection: &mut SqliteConnection,
    key: GroupKey,
    room: &mut Room,
) -> QueryResult<Vec<StoredRejection>> {
    let text = of_domain(include_str!("../sql/rejections.sql"), key.domain);
    let query = diesel::sql_query(text)
        .bind::<BigInt, _>(key.user_id)
        .bind::<Text, _>(key.local_date.to_string());
    let mut lines = Vec::new();
    for row in query.load_iter::<RejectionRow, _>(connection)? {
        let RejectionRow {
            row_id,
            reason,
            poison,
        } = row?;
        room.take(size_of::<StoredRejection>() + reason.len())?;
        lines.push(StoredRejection {
            row_id,
            reason,
            poison,
        });
    }
    Ok(lines)
}

fn day_rows<F: Fold>(
    connection: &mut SqliteConnection,
    key: GroupKey,
    room: &mut Room,
) -> QueryResult<Vec<Aggregate<F::Measure>>> {
    let (first, last) = neighbour_dates::<F>(key.local_date);
    let text = of_domain(include_str!("../sql/day_rows.sql"), F::DOMAIN)
        .replace("{columns}", &list("", &measure_columns::<F>()));
    let query = diesel::sql_query(text)
        .bind::<BigInt, _>(key.user_id)
        .bind::<Text, _>(first.to_string())
        .bind::<Text, _>(last.to_string());
    let mut rows = Vec::new();
    for row in query.load_iter::<StoredAggregate<F::Measure>, _>(connection)? {
        let row = row?;
        room.take(row.weight())?;
        rows.push(row.0);
    }
    Ok(rows)
}
