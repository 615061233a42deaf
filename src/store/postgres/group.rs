//! A group's transaction.

use chrono::NaiveDate;
use diesel::QueryResult;
use diesel::query_builder::QueryFragment;
use diesel::sql_types::{Array, BigInt, Bool, Date, Integer, Nullable, Text};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures::join;

use super::cached::Cached;
use super::classify;
use super::pool::{Lease, answer};
use super::rows::{self, StoredAggregate};
use crate::domain::group::{GroupFold, neighbour_dates};
use crate::domain::table::Columns;
use crate::domain::{Fold, FoldRules, GroupKey, UserId};
use crate::store::group_states::RowState;
use crate::store::sql::{aggregate_key, list, measure_columns};
use crate::store::stored_group::{LeaveOut, POISON, Panicked, StoredGroup};
use crate::store::{ErrorClass, GroupOutcome, Isolation, Result, StoreError};

#[derive(diesel::QueryableByName)]
struct Lock {
    #[diesel(sql_type = Bool)]
    taken: bool,
    /// Of the group's mark, if it has one.
    #[diesel(sql_type = Nullable<BigInt>)]
    version: Option<i64>,
    /// Its next attempt is not yet due.
    #[diesel(sql_type = Bool)]
    put_off: bool,
}

enum Failed {
    Statement(diesel::result::Error),
    Panicked,
    /// Not a failure: a trial ends by its rollback.
    Trial(GroupOutcome),
}

impl From<diesel::result::Error> for Failed {
    fn from(error: diesel::result::Error) -> Self {
        Failed::Statement(error)
    }
}

pub(super) async fn fold<F: Fold>(
    mut lease: Lease,
    user_id: UserId,
    local_date: NaiveDate,
    rules: &FoldRules,
    isolation: Option<&Isolation>,
) -> Result<GroupOutcome> {
    let limit = lease.answer_timeout();
    let transaction = lease.transaction(async |connection| {
        // In a statement of its own before the rows are read: a snapshot
        // taken while waiting would miss what the lock's last holder saw.
        // The mark is read with it: an edit that commits later raises a
        // version which this fold does not delete.
        let lock = try_user_lock::<F>(connection, user_id, local_date).await?;
        // Put off since it was found: another worker tried it meanwhile.
        if !lock.taken || (lock.put_off && isolation.is_none()) {
            return Ok(GroupOutcome::Locked);
        }
        let group = read::<F>(connection, user_id, local_date).await?;
        let leave_out = LeaveOut::of(isolation, lock.version.is_some());
        let folded = group
            .fold(local_date, rules, &leave_out)
            .map_err(|Panicked| Failed::Panicked)?;
        let outcome = folded.outcome();
        write::<F>(
            connection,
            GroupKey {
                domain: F::DOMAIN,
                user_id,
                local_date,
            },
            folded.fold,
            folded.states.changed,
            lock.version,
        )
        .await?;
        if isolation.is_some_and(|isolation| isolation.trial) {
            // What a commit would check, too.
            connection
                .batch_execute("set constraints all immediate")
                .await?;
            return Err(Failed::Trial(outcome));
        }
        Ok(outcome)
    });
    match answer(limit, transaction).await {
        Ok(outcome) | Err(Failed::Trial(outcome)) => {
            lease.give_back();
            Ok(outcome)
        }
        Err(Failed::Statement(error)) => Err(classify::statement("fold group", &error)),
        Err(Failed::Panicked) => Err(StoreError::new(
            ErrorClass::Data,
            "fold group",
            "the fold panicked",
        )),
    }
}

async fn try_user_lock<F: Fold>(
    connection: &mut AsyncPgConnection,
    user_id: UserId,
    local_date: NaiveDate,
) -> QueryResult<Lock> {
    Cached(
        diesel::sql_query(format!(
            "select pg_try_advisory_xact_lock({LOCK_KEY}) as taken, g.version, \
               coalesce(g.state = 'dead' or g.next_attempt_at > now(), false) as put_off \
             from (values (1)) one left join aggregation_groups g \
               on g.user_id = $2 and g.domain = $1 and g.local_date = $3"
        ))
        .bind::<Text, _>(F::DOMAIN.name())
        .bind::<BigInt, _>(user_id)
        .bind::<Date, _>(local_date),
    )
    .get_result(connection)
    .await
}

/// The advisory lock of (domain, user).
pub(super) const LOCK_KEY: &str = "hashint8extended($2, hashtextextended('vitalfold ' || $1, 0))";

pub(super) async fn read<F: Fold>(
    connection: &mut AsyncPgConnection,
    user_id: UserId,
    local_date: NaiveDate,
) -> QueryResult<StoredGroup<F>> {
    let raw = Cached(
        diesel::sql_query(format!(
            "select id, status, (status = 'rejected' and starts_with(coalesce(error, ''), '{POISON}')) as poison, \
               utc_offset_minutes, source, device, note, {columns} \
             from {table} where user_id = $1 and local_date = $2 order by {time}, id",
            columns = rows::select_list::<F::Payload>(),
            table = F::RAW_TABLE,
            time = F::TIME_COLUMN,
        ))
        .bind::<BigInt, _>(user_id)
        .bind::<Date, _>(local_date),
    );
    let (first, last) = neighbour_dates::<F>(local_date);
    let days = Cached(
        diesel::sql_query(format!(
            "select period, local_date, period_start, {series} as series, unit, {columns} \
             from {table} where user_id = $1 and period = 'day' and local_date between $2 and $3",
            series = F::SERIES_COLUMN,
            columns = rows::select_list::<F::Measure>(),
            table = F::AGGREGATE_TABLE,
        ))
        .bind::<BigInt, _>(user_id)
        .bind::<Date, _>(first)
        .bind::<Date, _>(last),
    );
    let connection = &*connection;
    let (mut a, mut b) = (connection, connection);
    let (raw, days) = join!(raw.load(&mut a), days.load(&mut b));
    let days: Vec<StoredAggregate<F::Measure>> = days?;
    Ok(StoredGroup {
        rows: raw?,
        day_rows: days.into_iter().map(|stored| stored.0).collect(),
    })
}

#[derive(diesel::QueryableByName)]
struct RowId {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

pub(super) async fn row_ids<F: Fold>(
    connection: &mut AsyncPgConnection,
    key: GroupKey,
) -> QueryResult<Vec<i64>> {
    let rows: Vec<RowId> = diesel::sql_query(format!(
        "select id from {table} where user_id = $1 and local_date = $2 order by {time}, id",
        table = F::RAW_TABLE,
        time = F::TIME_COLUMN,
    ))
    .bind::<BigInt, _>(key.user_id)
    .bind::<Date, _>(key.local_date)
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

async fn write<F: Fold>(
    connection: &mut AsyncPgConnection,
    key: GroupKey,
    folded: GroupFold<F::Measure>,
    changed: Vec<RowState>,
    mark: Option<i64>,
) -> QueryResult<()> {
    // A marked group is cleaned whatever its day rows say: that is how what
    // was changed behind our back is mended.
    let vanished =
        (folded.replaces || mark.is_some()).then(|| delete_vanished::<F>(key.user_id, &folded));
    let upsert = (!folded.aggregates.is_empty()).then(|| upsert::<F>(key.user_id, folded));
    let states = (!changed.is_empty()).then(|| set_states::<F>(key.user_id, changed));
    let unmark = mark.map(|version| {
        Cached(
            diesel::sql_query(
                "delete from aggregation_groups \
                 where user_id = $1 and domain = $2 and local_date = $3 and version = $4",
            )
            .bind::<BigInt, _>(key.user_id)
            .bind::<Text, _>(key.domain.name())
            .bind::<Date, _>(key.local_date)
            .bind::<BigInt, _>(version),
        )
    });
    let connection = &*connection;
    let (vanished, upsert, states, unmark) = join!(
        execute(connection, vanished),
        execute(connection, upsert),
        execute(connection, states),
        execute(connection, unmark),
    );
    vanished.and(upsert).and(states).and(unmark)
}

async fn execute<Q>(mut connection: &AsyncPgConnection, statement: Option<Q>) -> QueryResult<()>
where
    Q: diesel::query_builder::QueryId + QueryFragment<diesel::pg::Pg> + Send,
{
    match statement {
        Some(statement) => diesel_async::RunQueryDsl::execute(statement, &mut connection)
            .await
            .map(|_| ()),
        None => Ok(()),
    }
}

/// Replaces the rows of the periods that the group touched, except those that
/// are as they were: their `updated_at` stays and nothing is written.
fn upsert<F: Fold>(user_id: UserId, folded: GroupFold<F::Measure>) -> Cached<rows::Statement> {
    let columns = F::Measure::COLUMNS;
    let names = measure_columns::<F>();
    let types: String = columns
        .iter()
        .enumerate()
        .map(|(i, c)| format!(", ${}::{}", i + 8, rows::array_type(c.ty)))
        .collect();
    let selected: String = columns
        .iter()
        .map(|column| format!(", {}", rows::from_array("s", column)))
        .collect();
    let set: Vec<_> = names
        .iter()
        .map(|name| format!("{name} = excluded.{name}"))
        .collect();
    let text = format!(
        "insert into {table} as a ({key}, algorithm_version, {names}) \
         select $1, s.period, s.local_date, s.period_start, s.series, s.unit, $2{selected} \
         from unnest($3::text[], $4::date[], $5::timestamptz[], $6::text[], $7::text[]{types}) \
         as s (period, local_date, period_start, series, unit, {names}) \
         on conflict ({key}) do update set {set}, \
         algorithm_version = excluded.algorithm_version, updated_at = excluded.updated_at \
         where (a.algorithm_version, {old}) is distinct from (excluded.algorithm_version, {new})",
        table = F::AGGREGATE_TABLE,
        key = aggregate_key::<F>(),
        names = list("", &names),
        set = set.join(", "),
        old = list("a.", &names),
        new = list("excluded.", &names),
    );
    let keys: Vec<_> = folded
        .aggregates
        .iter()
        .map(|row| row.key.clone())
        .collect();
    let values = folded
        .aggregates
        .into_iter()
        .map(|row| row.measure.into_values())
        .collect();
    let statement = bind_keys(
        diesel::sql_query(text)
            .into_boxed()
            .bind::<BigInt, _>(user_id)
            .bind::<Integer, _>(F::ALGORITHM_VERSION),
        &keys,
    );
    Cached(rows::bind_columns(statement, columns, values))
}

/// Binds five arrays: period, `local_date`, `period_start`, series, unit.
fn bind_keys(statement: rows::Statement, keys: &[crate::domain::AggregateKey]) -> rows::Statement {
    statement
        .bind::<Array<Text>, _>(keys.iter().map(|key| key.period.name()).collect::<Vec<_>>())
        .bind::<Array<Date>, _>(keys.iter().map(|key| key.local_date).collect::<Vec<_>>())
        .bind::<Array<diesel::sql_types::Timestamptz>, _>(
            keys.iter().map(|key| key.period_start).collect::<Vec<_>>(),
        )
        .bind::<Array<Text>, _>(
            keys.iter()
                .map(|key| key.series.clone())
                .collect::<Vec<_>>(),
        )
        .bind::<Array<Text>, _>(keys.iter().map(|key| key.unit.clone()).collect::<Vec<_>>())
}

/// Deletes what the group's periods no longer have.
fn delete_vanished<F: Fold>(
    user_id: UserId,
    folded: &GroupFold<F::Measure>,
) -> Cached<rows::Statement> {
    let text = format!(
        "delete from {table} as a \
         using unnest($2::text[], $3::date[]) as p (period, local_date) \
         where a.user_id = $1 and a.period = p.period and a.local_date = p.local_date \
           and not exists ( \
             select from unnest($4::text[], $5::date[], $6::timestamptz[], $7::text[], $8::text[]) \
               as k (period, local_date, period_start, series, unit) \
             where k.period = a.period and k.local_date = a.local_date \
               and k.period_start = a.period_start and k.series = a.{series} and k.unit = a.unit)",
        table = F::AGGREGATE_TABLE,
        series = F::SERIES_COLUMN,
    );
    let keys: Vec<_> = folded
        .aggregates
        .iter()
        .map(|row| row.key.clone())
        .collect();
    let (periods, dates): (Vec<_>, Vec<_>) = folded
        .periods
        .iter()
        .map(|(period, first)| (period.name(), *first))
        .unzip();
    let statement = diesel::sql_query(text)
        .into_boxed()
        .bind::<BigInt, _>(user_id)
        .bind::<Array<Text>, _>(periods)
        .bind::<Array<Date>, _>(dates);
    Cached(bind_keys(statement, &keys))
}

fn set_states<F: Fold>(user_id: UserId, changed: Vec<RowState>) -> Cached<rows::Statement> {
    let text = format!(
        "update {table} as r set status = s.status, error = s.error, aggregated_at = now() \
         from unnest($2::bigint[], $3::text[], $4::text[]) as s (id, status, error) \
         where r.user_id = $1 and r.id = s.id \
           and (r.status, r.error) is distinct from (s.status, s.error)",
        table = F::RAW_TABLE,
    );
    Cached(
        diesel::sql_query(text)
            .into_boxed()
            .bind::<BigInt, _>(user_id)
            .bind::<Array<BigInt>, _>(changed.iter().map(|state| state.id).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(
                changed
                    .iter()
                    .map(|state| state.status())
                    .collect::<Vec<_>>(),
            )
            .bind::<Array<Nullable<Text>>, _>(
                changed
                    .into_iter()
                    .map(|state| state.reason)
                    .collect::<Vec<_>>(),
            ),
    )
}
