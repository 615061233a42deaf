//! A group's transaction. The write lock of the immediate transaction stands for
//! the user lock.

mod read;
mod write;

use std::time::Duration;

use diesel::deserialize::{self, QueryableByName};
use diesel::prelude::*;
use diesel::result::Error;
use diesel::row::NamedRow;
use diesel::sql_types::{BigInt, Integer, Text};
use diesel::sqlite::Sqlite;

use super::SqliteStore;
use super::retention::{first_kept, take_share};
use super::rows::{StoredAggregate, bound_text, json};
use super::texts::of_domain;
use crate::domain::drift::compare;
use crate::domain::{Aggregate, Columns, Fold, FoldRules, GroupKey};
use crate::store::sql::{list, measure_columns};
use crate::store::stored_group::{LeaveOut, Panicked, ROWS_MISSING, StoredGroup};
use crate::store::window::Window;
use crate::store::{GroupCheck, GroupOutcome, Groups, Isolation, Result, Seal};
use crate::with_domain;
use read::{Found, changes, read};

impl Groups for SqliteStore {
    async fn fold(&self, key: GroupKey) -> Result<GroupOutcome> {
        let rules = self.rules.clone();
        self.write(
            "fold group",
            move |c| with_domain!(key.domain, F => fold::<F>(c, key, &rules, None)),
        )
        .await
    }

    async fn fold_without(&self, key: GroupKey, isolation: &Isolation) -> Result<GroupOutcome> {
        let (rules, isolation) = (self.rules.clone(), isolation.clone());
        if isolation.trial {
            return self
                .call("fold group", move |c| {
                    with_domain!(key.domain, F => try_fold::<F>(c, key, &rules, &isolation))
                })
                .await;
        }
        self.write(
            "fold group",
            move |c| with_domain!(key.domain, F => fold::<F>(c, key, &rules, Some(&isolation))),
        )
        .await
    }

    async fn row_ids(&self, key: GroupKey) -> Result<Vec<i64>> {
        self.call(
            "read row ids",
            move |c| with_domain!(key.domain, F => row_ids::<F>(c, key)),
        )
        .await
    }

    async fn check(&self, key: GroupKey) -> Result<GroupCheck> {
        let (rules, hours) = (self.rules.clone(), self.keep_hours);
        self.call("check group", move |c| {
            // So that it sees one moment.
            c.transaction(|c| with_domain!(key.domain, F => check::<F>(c, key, &rules, hours)))
        })
        .await
    }

    async fn seal(&self, key: GroupKey, of_share: bool) -> Result<Seal> {
        let (rules, hours) = (self.rules.clone(), self.keep_hours);
        self.write(
            "seal group",
            move |c| with_domain!(key.domain, F => seal::<F>(c, key, &rules, hours, of_share)),
        )
        .await
    }
}

fn row_ids<F: Fold>(connection: &mut SqliteConnection, key: GroupKey) -> QueryResult<Vec<i64>> {
    let group = read::<F>(connection, key)?;
    Ok(group.rows.iter().map(|stored| stored.row.id).collect())
}

fn fold<F: Fold>(
    connection: &mut SqliteConnection,
    key: GroupKey,
    rules: &FoldRules,
    isolation: Option<&Isolation>,
) -> QueryResult<GroupOutcome> {
    let changes = changes(connection, key)?;
    // Another process folded it or failed at it meanwhile.
    if !changes.call_for_attempt(isolation.is_some()) {
        return Ok(GroupOutcome::Locked);
    }
    let group = read::<F>(connection, key)?;
    if group.lacks_rows(key) && !changes.may_be_empty {
        return Err(Error::QueryBuilderError(ROWS_MISSING.into()));
    }
    let folded = group
        .fold(key, rules, &LeaveOut::of(isolation, &changes))
        .map_err(panicked)?;
    let outcome = folded.outcome(&changes);
    write::write(connection, key, folded, &changes)?;
    Ok(outcome)
}

/// Folds and rolls back.
fn try_fold<F: Fold>(
    connection: &mut SqliteConnection,
    key: GroupKey,
    rules: &FoldRules,
    isolation: &Isolation,
) -> QueryResult<GroupOutcome> {
    let mut outcome = None;
    let rolled_back = connection.immediate_transaction(|connection| {
        outcome = Some(fold::<F>(connection, key, rules, Some(isolation))?);
        QueryResult::<()>::Err(Error::RollbackTransaction)
    });
    match (outcome, rolled_back) {
        (None, Err(error)) => Err(error),
        (outcome, _) => outcome.ok_or(Error::RollbackTransaction),
    }
}

fn panicked(_: Panicked) -> Error {
    Error::QueryBuilderError("the fold panicked".into())
}

/// Asks a yes-or-no question about a group.
fn ask(connection: &mut SqliteConnection, key: GroupKey, question: &str) -> QueryResult<bool> {
    let answer: Found = diesel::sql_query(of_domain(question, key.domain))
        .bind::<BigInt, _>(key.user_id)
        .bind::<Text, _>(key.local_date.to_string())
        .get_result(connection)?;
    Ok(answer.found)
}

fn check<F: Fold>(
    connection: &mut SqliteConnection,
    key: GroupKey,
    rules: &FoldRules,
    keep_hours: Option<Duration>,
) -> QueryResult<GroupCheck> {
    if ask(connection, key, include_str!("sql/has_changes.sql"))? {
        return Ok(GroupCheck::Unsettled);
    }
    let failed = ask(connection, key, include_str!("sql/is_unsettled.sql"))?;
    let group = read::<F>(connection, key)?;
    if group.is_empty(key) && !failed {
        return Ok(GroupCheck::Empty);
    }
    if group.lacks_rows(key) {
        return Ok(GroupCheck::RowsMissing);
    }
    if failed {
        return Ok(GroupCheck::Unsettled);
    }
    compare_stored::<F>(connection, key, group, rules, keep_hours)
}

struct Versioned<M>(Aggregate<M>, i32);

impl<M: Columns> QueryableByName<Sqlite> for Versioned<M> {
    fn build<'a>(row: &impl NamedRow<'a, Sqlite>) -> deserialize::Result<Self> {
        let version = NamedRow::get::<Integer, i32>(row, "algorithm_version")?;
        Ok(Versioned(StoredAggregate::build(row)?.0, version))
    }
}

/// Folds a settled group and compares, without hour rows that are no longer kept.
fn compare_stored<F: Fold>(
    connection: &mut SqliteConnection,
    key: GroupKey,
    group: StoredGroup<F>,
    rules: &FoldRules,
    keep_hours: Option<Duration>,
) -> QueryResult<GroupCheck> {
    let folded = group
        .fold(key, rules, &LeaveOut::Poison)
        .map_err(panicked)?;
    let columns = list("", &measure_columns::<F>());
    let text = of_domain(include_str!("sql/period_rows.sql"), F::DOMAIN)
        .replace("{more}", &format!(", algorithm_version, {columns}"));
    let mut stored = Vec::new();
    for (period, first) in &folded.fold.periods {
        let rows: Vec<Versioned<F::Measure>> = diesel::sql_query(text.clone())
            .bind::<BigInt, _>(key.user_id)
            .bind::<Text, _>(period.name())
            .bind::<Text, _>(first.to_string())
            .load(connection)?;
        stored.extend(rows.into_iter().map(|row| (row.0, row.1)));
    }
    let mut drifts = compare(&folded.fold.aggregates, &stored, F::ALGORITHM_VERSION);
    if let Some(keep) = keep_hours {
        let first_kept = first_kept(connection, keep)?;
        drifts.retain(|drift| !drift.is_of_expired_hour(first_kept));
    }
    Ok(GroupCheck::Settled {
        drifts,
        misjudged_rows: folded.rejections.misjudged(),
    })
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

fn seal<F: Fold>(
    connection: &mut SqliteConnection,
    key: GroupKey,
    rules: &FoldRules,
    keep_hours: Option<Duration>,
    of_share: bool,
) -> QueryResult<Seal> {
    let window = Window::of(key.local_date);
    let rows: Vec<Id> =
        diesel::sql_query(of_domain(include_str!("sql/touching_rows.sql"), F::DOMAIN))
            .bind::<BigInt, _>(key.user_id)
            .bind::<Text, _>(bound_text(window.long_from))
            .bind::<Text, _>(bound_text(window.to))
            .bind::<Text, _>(key.local_date.to_string())
            .load(connection)?;
    if rows.is_empty() {
        return Ok(Seal::Empty);
    }
    if ask(connection, key, include_str!("sql/is_unsettled.sql"))? {
        return Ok(Seal::Unsettled);
    }
    let group = read::<F>(connection, key)?;
    match compare_stored::<F>(connection, key, group, rules, keep_hours)? {
        GroupCheck::Settled {
            drifts,
            misjudged_rows: 0,
        } if drifts.is_empty() => {}
        _ => return Ok(Seal::Drifted),
    }
    if of_share && !take_share(connection, F::DOMAIN)? {
        return Ok(Seal::Spent);
    }
    remove(connection, key, &rows)
}

fn remove(connection: &mut SqliteConnection, key: GroupKey, rows: &[Id]) -> QueryResult<Seal> {
    diesel::sql_query(of_domain(include_str!("sql/seal.sql"), key.domain))
        .bind::<BigInt, _>(key.user_id)
        .bind::<Text, _>(key.local_date.to_string())
        .bind::<BigInt, _>(i64::try_from(rows.len()).unwrap_or(i64::MAX))
        .execute(connection)?;
    let last: Id = diesel::sql_query("select coalesce(max(id), 0) as id from group_changes")
        .get_result(connection)?;
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let ids = json(&ids);
    let deleted = diesel::sql_query(of_domain(include_str!("sql/remove_rows.sql"), key.domain))
        .bind::<Text, _>(&ids)
        .execute(connection)?;
    diesel::sql_query(of_domain(
        include_str!("sql/forget_rejections.sql"),
        key.domain,
    ))
    .bind::<BigInt, _>(key.user_id)
    .bind::<Text, _>(&ids)
    .execute(connection)?;
    // The changes that the delete's trigger has just appended.
    diesel::sql_query("delete from group_changes where id > ?")
        .bind::<BigInt, _>(last.id)
        .execute(connection)?;
    Ok(Seal::Sealed {
        rows: deleted as u64,
    })
}
