//! Removing the raw rows of a group for good.

use std::sync::Arc;
use std::time::Duration;

use diesel::result::Error;
use diesel::sql_types::{Array, BigInt, Date, Text, Timestamptz};
use diesel::{QueryResult, QueryableByName};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

use super::check::{compare_stored, standing};
use super::read::{lock, read};
use crate::domain::{Fold, FoldRules, GroupKey};
use crate::store::postgres::days::{touches, with_days};
use crate::store::postgres::retention::take_share;
use crate::store::room::{LARGEST, Room};
use crate::store::sql::of_domain;
use crate::store::window::Window;
use crate::store::{GroupCheck, Seal};

#[derive(QueryableByName)]
struct RowId {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

#[derive(QueryableByName)]
struct Removed {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

pub(super) async fn seal<F: Fold>(
    connection: &mut AsyncPgConnection,
    key: GroupKey,
    rules: &Arc<FoldRules>,
    keep_hours: Option<Duration>,
    of_share: bool,
) -> QueryResult<Seal> {
    let mut edited = false;
    let sealed = connection
        .transaction(async |connection| {
            if !lock::<F>(connection, key).await?.taken {
                return Ok(Seal::Locked);
            }
            let rows = touching_rows::<F>(connection, key).await?;
            if rows.is_empty() {
                return Ok(Seal::Empty);
            }
            if standing(connection, key).await?.is_unsettled() {
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
            let removed = remove::<F>(connection, key, &rows).await?;
            // A delete waits for an edit that is under way and then takes what it
            // left: its change is to be seen by now. Edits that come later wait
            // for this transaction, and then find no row.
            if standing(connection, key).await?.is_unsettled() {
                edited = true;
                return Err(Error::RollbackTransaction);
            }
            forget_removal::<F>(connection, key).await?;
            Ok(removed)
        })
        .await;
    match sealed {
        Err(Error::RollbackTransaction) if edited => Ok(Seal::Unsettled),
        sealed => sealed,
    }
}

async fn touching_rows<F: Fold>(
    connection: &mut AsyncPgConnection,
    key: GroupKey,
) -> QueryResult<Vec<i64>> {
    let text = include_str!("../sql/touching_rows.sql")
        .replace("{touches}", &touches(F::DOMAIN, "$4", "$5"));
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
    let text = with_days(include_str!("../sql/remove_rows.sql"), F::DOMAIN);
    let removed: Removed = diesel::sql_query(text)
        .bind::<BigInt, _>(key.user_id)
        .bind::<Array<BigInt>, _>(rows)
        .bind::<Date, _>(key.local_date)
        .get_result(connection)
        .await?;
    diesel::sql_query(
        "insert into sealed_groups (user_id, domain, local_date, raw_rows) values ($1, $2, $3, $4)",
    )
    .bind::<BigInt, _>(key.user_id)
    .bind::<Text, _>(F::DOMAIN.name())
    .bind::<Date, _>(key.local_date)
    .bind::<BigInt, _>(removed.rows)
    .execute(connection)
    .await?;
    Ok(Seal::Sealed {
        rows: removed.rows.unsigned_abs(),
    })
}

async fn forget_removal<F: Fold>(
    connection: &mut AsyncPgConnection,
    key: GroupKey,
) -> QueryResult<()> {
    diesel::sql_query(of_domain(
        include_str!("../sql/forget_removal.sql"),
        F::DOMAIN,
    ))
    .bind::<BigInt, _>(key.user_id)
    .execute(connection)
    .await
    .map(|_| ())
}
