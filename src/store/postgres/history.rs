//! What workers did, and what there is to look at.

use diesel::QueryResult;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::domain::{Fold, UserId};
use crate::store::history::{self, UserRow};
use crate::store::{History, SeriesLine};

const MINUTE: &str = "to_char(started_at, 'YYYY-MM-DD\"T\"HH24:MI\":00Z\"')";
const TIME: &str = "to_char(started_at, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')";

pub(super) async fn history(
    connection: &mut AsyncPgConnection,
    batches: i64,
) -> QueryResult<History> {
    let minutes = history::minutes(MINUTE, "now() - interval '1 hour'");
    Ok(History {
        minutes: diesel::sql_query(minutes).load(connection).await?,
        batches: diesel::sql_query(history::latest_batches(TIME))
            .bind::<BigInt, _>(batches)
            .load(connection)
            .await?,
    })
}

pub(super) async fn users<F: Fold>(
    connection: &mut AsyncPgConnection,
    after: UserId,
    limit: i64,
) -> QueryResult<Vec<UserId>> {
    let rows: Vec<UserRow> = diesel::sql_query(history::users::<F>())
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(limit)
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.user_id).collect())
}

pub(super) async fn series<F: Fold>(
    connection: &mut AsyncPgConnection,
    user_id: UserId,
    limit: i64,
) -> QueryResult<Vec<SeriesLine>> {
    diesel::sql_query(history::series::<F>())
        .bind::<BigInt, _>(user_id)
        .bind::<BigInt, _>(limit)
        .load(connection)
        .await
}
