//! What workers did, and what there is to look at.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::rows::now_plus;
use crate::domain::{Fold, UserId};
use crate::store::history::{self, UserRow};
use crate::store::{History, SeriesLine};

const MINUTE: &str = "replace(substr(started_at, 1, 16), ' ', 'T') || ':00Z'";
const TIME: &str = "replace(substr(started_at, 1, 23), ' ', 'T') || 'Z'";

pub(super) fn history(connection: &mut SqliteConnection, batches: i64) -> QueryResult<History> {
    let minutes = history::minutes(MINUTE, &now_plus("'-1 hour'"));
    Ok(History {
        minutes: diesel::sql_query(minutes).load(connection)?,
        batches: diesel::sql_query(history::latest_batches(TIME))
            .bind::<BigInt, _>(batches)
            .load(connection)?,
    })
}

pub(super) fn users<F: Fold>(
    connection: &mut SqliteConnection,
    after: UserId,
    limit: i64,
) -> QueryResult<Vec<UserId>> {
    let rows: Vec<UserRow> = diesel::sql_query(history::users::<F>())
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(limit)
        .load(connection)?;
    Ok(rows.into_iter().map(|row| row.user_id).collect())
}

pub(super) fn series<F: Fold>(
    connection: &mut SqliteConnection,
    user_id: UserId,
    limit: i64,
) -> QueryResult<Vec<SeriesLine>> {
    diesel::sql_query(history::series::<F>())
        .bind::<BigInt, _>(user_id)
        .bind::<BigInt, _>(limit)
        .load(connection)
}
