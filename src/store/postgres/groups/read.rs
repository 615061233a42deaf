//! Reading a group in its transaction.

use std::sync::{Mutex, PoisonError};

use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Bool, Date, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures::{TryStreamExt, try_join};

use super::texts::Texts;
use crate::domain::group::neighbour_dates;
use crate::domain::{Fold, GroupKey};
use crate::store::postgres::connection::cached::Cached;
use crate::store::postgres::rows::DayRow;
use crate::store::rejections::StoredRejection;
use crate::store::room::Room;
use crate::store::stored_group::{Changes, Standing, StoredGroup, StoredRaw};
use crate::store::window::Window;

/// What the statement that takes the lock tells.
pub(in crate::store::postgres) struct Lock {
    pub(in crate::store::postgres) taken: bool,
    pub(in crate::store::postgres) changes: Changes,
}

#[derive(diesel::QueryableByName)]
struct LockRow {
    #[diesel(sql_type = Bool)]
    taken: bool,
    #[diesel(sql_type = Array<BigInt>)]
    ids: Vec<i64>,
    #[diesel(sql_type = BigInt)]
    rows: i64,
    #[diesel(sql_type = Bool)]
    not_only_inserts: bool,
    #[diesel(sql_type = Bool)]
    may_be_empty: bool,
    #[diesel(sql_type = Nullable<Text>)]
    standing: Option<String>,
}

pub(in crate::store::postgres) async fn lock<F: Fold>(
    mut connection: &AsyncPgConnection,
    key: GroupKey,
) -> QueryResult<Lock> {
    let row: LockRow = Cached(
        diesel::sql_query(&Texts::of::<F>().lock)
            .bind::<Text, _>(key.domain.name())
            .bind::<BigInt, _>(key.user_id)
            .bind::<Date, _>(key.local_date),
    )
    .get_result(&mut connection)
    .await?;
    Ok(Lock {
        taken: row.taken,
        changes: Changes {
            ids: row.ids,
            rows: row.rows.unsigned_abs(),
            not_only_inserts: row.not_only_inserts,
            may_be_empty: row.may_be_empty,
            failure: row.standing.map(|standing| match standing.as_str() {
                "dead" => Standing::Dead,
                "put_off" => Standing::PutOff,
                _ => Standing::Due,
            }),
        },
    })
}

#[derive(diesel::QueryableByName)]
struct RejectionRow {
    #[diesel(sql_type = BigInt)]
    row_id: i64,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Bool)]
    poison: bool,
}

/// The texts of [`lock`] and [`read`].
pub(super) fn texts<F: Fold>() -> [&'static str; 4] {
    let texts = Texts::of::<F>();
    [
        &texts.lock,
        &texts.day_rows,
        &texts.rejections,
        &texts.raw_rows,
    ]
}

/// Ends with [`TooLarge`](crate::store::room::TooLarge) as soon as the group takes
/// more than its room.
pub(in crate::store::postgres) async fn read<F: Fold>(
    connection: &AsyncPgConnection,
    key: GroupKey,
    room: Room,
) -> QueryResult<StoredGroup<F>> {
    let (first, last) = neighbour_dates::<F>(key.local_date);
    let texts = Texts::of::<F>();
    let days = Cached(
        diesel::sql_query(&texts.day_rows)
            .bind::<BigInt, _>(key.user_id)
            .bind::<Date, _>(first)
            .bind::<Date, _>(last)
            .bind::<Date, _>(key.local_date)
            .bind::<Text, _>(F::DOMAIN.name()),
    );
    let rejections = Cached(
        diesel::sql_query(&texts.rejections)
            .bind::<BigInt, _>(key.user_id)
            .bind::<Text, _>(F::DOMAIN.name())
            .bind::<Date, _>(key.local_date),
    );
    let window = Window::of(key.local_date);
    let raw = diesel::sql_query(&texts.raw_rows)
        .into_boxed()
        .bind::<BigInt, _>(key.user_id)
        .bind::<Timestamptz, _>(window.from)
        .bind::<Timestamptz, _>(window.to)
        .bind::<Timestamptz, _>(window.day[0])
        .bind::<Timestamptz, _>(window.day[1]);
    let raw = Cached(match F::DOMAIN.tables().end {
        Some(_) => raw.bind::<Timestamptz, _>(window.long_from),
        None => raw,
    });
    let room = Mutex::new(room);
    let take = |bytes| {
        room.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(bytes)
    };
    let (mut a, mut b, mut c) = (connection, connection, connection);
    let days = async {
        let mut rows = Vec::new();
        let mut sealed = false;
        let mut stream = days.load_stream::<DayRow<F::Measure>>(&mut a).await?;
        while let Some(row) = stream.try_next().await? {
            take(row.weight())?;
            sealed |= row.sealed;
            rows.extend(row.aggregate);
        }
        QueryResult::Ok((sealed, rows))
    };
    let rejections = async {
        let mut lines = Vec::new();
        let mut stream = rejections.load_stream::<RejectionRow>(&mut b).await?;
        while let Some(row) = stream.try_next().await? {
            take(size_of::<StoredRejection>() + row.reason.len())?;
            lines.push(StoredRejection {
                row_id: row.row_id,
                reason: row.reason,
                poison: row.poison,
            });
        }
        QueryResult::Ok(lines)
    };
    let raw = async {
        let mut rows = Vec::new();
        let mut stream = raw.load_stream::<StoredRaw<F::Payload>>(&mut c).await?;
        while let Some(row) = stream.try_next().await? {
            take(row.weight())?;
            rows.push(row);
        }
        QueryResult::Ok(rows)
    };
    // The first that failed: those behind it say only that it did.
    let ((sealed, day_rows), rejections, rows) = try_join!(days, rejections, raw)?;
    Ok(StoredGroup::new(key, rows, rejections, day_rows, sealed))
}
