//! Removing the raw rows of a group for good.

use std::sync::Arc;
use std::time::Duration;

use diesel::sql_types::{Array, BigInt, Date, Text, Timestamptz};
use diesel::{QueryResult, QueryableByName};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

use super::check::{compare_stored, is_unsettled};
use super::read::{Window, lock, read};
use crate::domain::{Fold, FoldRules, GroupKey};
use crate::store::postgres::days::{touches, with_days};
use crate::store::postgres::retention::take_share;
use crate::store::room::{LARGEST, Room};
use crate::store::sql::flat;
use crate::store::{GroupCheck, Seal};

#[derive(QueryableByName)]
struct RowId {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

pub(super) async fn seal<F: Fold>(
    connection: &mut AsyncPgConnection,
    key: GroupKey,
    rules: &Arc<FoldRules>,
    keep_hours: Option<Duration>,
    of_share: bool,
) -> QueryResult<Seal> {
    connection
        .transaction(async |connection| {
            if !lock::<F>(connection, key).await?.taken {
                return Ok(Seal::Locked);
            }
            // The application's edits wait from here on, and then find no row:
            // none is lost unseen. What was edited before has a change by now.
            let rows = lock_rows::<F>(connection, key).await?;
            if rows.is_empty() {
                return Ok(Seal::Empty);
            }
            if is_unsettled(connection, key).await? {
                return Ok(Seal::Unsettled);
            }
            let group = read::<F>(connection, key, Room::of(LARGEST)).await?;
            let check = compare_stored::<F>(connection, key, group, rules, keep_hours);
            match check.await? {
                GroupCheck::Settled {
                    drifts,
                    misjudged_rows: 0,
                } if drifts.is_empty() => {}
                _ => return Ok(Seal::Drifted),
            }
            if of_share && !take_share(connection, F::DOMAIN).await? {
                return Ok(Seal::Spent);
            }
            remove::<F>(connection, key, &rows).await
        })
        .await
}

async fn lock_rows<F: Fold>(
    connection: &mut AsyncPgConnection,
    key: GroupKey,
) -> QueryResult<Vec<i64>> {
    let text =
        include_str!("../sql/lock_rows.sql").replace("{touches}", &touches(F::DOMAIN, "$4", "$5"));
    let window = Window::of(key.local_date);
    let rows: Vec<RowId> = diesel::sql_query(with_days(&text, F::DOMAIN))
        .bind::<BigInt, _>(key.user_id)
        .bind::<Timestamptz, _>(window.long_from)
        .bind::<Timestamptz, _>(window.to)
        .bind::<Timestamptz, _>(window.day[0])
        .bind::<Timestamptz, _>(window.day[1])
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

async fn remove<F: Fold>(
    connection: &mut AsyncPgConnection,
    key: GroupKey,
    rows: &[i64],
) -> QueryResult<Seal> {
    diesel::sql_query(
        "insert into sealed_groups (user_id, domain, local_date, raw_rows) values ($1, $2, $3, $4)",
    )
    .bind::<BigInt, _>(key.user_id)
    .bind::<Text, _>(F::DOMAIN.name())
    .bind::<Date, _>(key.local_date)
    .bind::<BigInt, _>(i64::try_from(rows.len()).unwrap_or(i64::MAX))
    .execute(connection)
    .await?;
    let text = with_days(include_str!("../sql/remove_rows.sql"), F::DOMAIN);
    let deleted = diesel::sql_query(text)
        .bind::<BigInt, _>(key.user_id)
        .bind::<Array<BigInt>, _>(rows)
        .execute(connection)
        .await?;
    diesel::sql_query(flat(include_str!("../sql/forget_removal.sql")))
        .bind::<BigInt, _>(key.user_id)
        .bind::<Text, _>(F::DOMAIN.name())
        .bind::<Date, _>(key.local_date)
        .execute(connection)
        .await?;
    Ok(Seal::Sealed {
        rows: deleted as u64,
    })
}
