//! Versions of resources and their rows.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

use super::raw;
use crate::domain::labs::Labs;
use crate::domain::nutrition::Nutrition;
use crate::domain::vitals::Vitals;
use crate::domain::{Domain, Fold, NewRow, UserId};
use crate::store::sql::{flat, of_domain};
use crate::store::versions::{Plan, RowName, State};
use crate::store::{Resources, Versioned};

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    resource: String,
    #[diesel(sql_type = BigInt)]
    scope: i64,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_updated: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    version: Option<i64>,
    #[diesel(sql_type = Bool)]
    retracted: bool,
    #[diesel(sql_type = Nullable<Text>)]
    rows: Option<String>,
}

pub(super) async fn store(
    connection: &mut AsyncPgConnection,
    resources: Resources,
) -> QueryResult<Versioned> {
    connection
        .transaction(async |connection| {
            let stored = lock(connection, &resources).await?;
            let mut plan = resources.plan(stored);
            for domain in Domain::ALL {
                plan.done.retracted += delete(connection, *domain, &plan).await?;
            }
            let Resources {
                vitals,
                labs,
                nutrition,
                ..
            } = resources;
            let rows = plan.rows(vitals);
            insert::<Vitals>(connection, rows, &mut plan).await?;
            let rows = plan.rows(labs);
            insert::<Labs>(connection, rows, &mut plan).await?;
            let rows = plan.rows(nutrition);
            insert::<Nutrition>(connection, rows, &mut plan).await?;
            write(connection, plan.states).await?;
            QueryResult::Ok(plan.done)
        })
        .await
}

/// Locks the lines of the resources, those of resources never seen included,
/// in the order of their keys.
async fn lock(
    connection: &mut AsyncPgConnection,
    resources: &Resources,
) -> QueryResult<Vec<State>> {
    if resources
        .versions
        .iter()
        .any(|version| version.source.is_none())
    {
        // It is about lines of any source, those that others insert included.
        diesel::sql_query("lock table resource_versions in share row exclusive mode")
            .execute(&mut *connection)
            .await?;
    }
    let keys = resources.keys();
    let names: Vec<_> = keys.iter().map(|key| key.0).collect();
    diesel::sql_query(flat(include_str!("sql/lock_versions.sql")))
        .bind::<Array<Text>, _>(&names)
        .bind::<Array<BigInt>, _>(keys.iter().map(|key| key.1).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(keys.iter().map(|key| key.2).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
    let lines: Vec<Line> = diesel::sql_query(flat(include_str!("sql/read_versions.sql")))
        .bind::<Array<Text>, _>(&names)
        .load(connection)
        .await?;
    lines.into_iter().map(state).collect()
}

fn state(line: Line) -> QueryResult<State> {
    let rows = line
        .rows
        .map(|rows| serde_json::from_str(&rows))
        .transpose();
    Ok(State {
        resource: line.resource,
        scope: line.scope,
        source: line.source,
        last_updated: line.last_updated,
        number: line.version,
        retracted: line.retracted,
        rows: rows.map_err(|error| Error::DeserializationError(error.into()))?,
    })
}

async fn delete(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    plan: &Plan,
) -> QueryResult<u64> {
    let mut deleted = 0;
    let gone = plan.gone_from(domain);
    if !gone.is_empty() {
        let column = |of: fn(&RowName) -> &str| -> Vec<&str> {
            gone.iter().map(|(_, row)| of(row)).collect()
        };
        let text = of_domain(include_str!("sql/delete_versions.sql"), domain);
        deleted += diesel::sql_query(text)
            .bind::<Array<BigInt>, _>(gone.iter().map(|(_, row)| row.1).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(gone.iter().map(|(source, _)| source).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(column(|row| &row.2))
            .bind::<Array<Text>, _>(column(|row| &row.3))
            .bind::<Array<Nullable<Timestamptz>>, _>(
                gone.iter().map(|(_, row)| row.4).collect::<Vec<_>>(),
            )
            .execute(&mut *connection)
            .await?;
    }
    let unrecorded: &[(UserId, String, String)] = &plan.unrecorded;
    if !unrecorded.is_empty() {
        let text = of_domain(include_str!("sql/delete_unrecorded.sql"), domain);
        deleted += diesel::sql_query(text)
            .bind::<Array<BigInt>, _>(unrecorded.iter().map(|row| row.0).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(unrecorded.iter().map(|row| &row.1).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(unrecorded.iter().map(|row| &row.2).collect::<Vec<_>>())
            .execute(connection)
            .await?;
    }
    Ok(deleted as u64)
}

async fn insert<F: Fold>(
    connection: &mut AsyncPgConnection,
    rows: Vec<NewRow<F::Payload>>,
    plan: &mut Plan,
) -> QueryResult<()> {
    if !rows.is_empty() {
        plan.done
            .rows
            .add(raw::insert::<F>(connection, rows).await?);
    }
    Ok(())
}

async fn write(connection: &mut AsyncPgConnection, states: Vec<State>) -> QueryResult<()> {
    let rows = states
        .iter()
        .map(|state| serde_json::to_string(&state.rows));
    let rows: Vec<String> = rows
        .collect::<Result<_, _>>()
        .map_err(|error| Error::SerializationError(error.into()))?;
    diesel::sql_query(flat(include_str!("sql/write_versions.sql")))
        .bind::<Array<Text>, _>(
            states
                .iter()
                .map(|state| &state.resource)
                .collect::<Vec<_>>(),
        )
        .bind::<Array<BigInt>, _>(states.iter().map(|state| state.scope).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(states.iter().map(|state| &state.source).collect::<Vec<_>>())
        .bind::<Array<Nullable<Timestamptz>>, _>(
            states
                .iter()
                .map(|state| state.last_updated)
                .collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<BigInt>>, _>(
            states.iter().map(|state| state.number).collect::<Vec<_>>(),
        )
        .bind::<Array<Bool>, _>(
            states
                .iter()
                .map(|state| state.retracted)
                .collect::<Vec<_>>(),
        )
        .bind::<Array<Text>, _>(rows)
        .execute(connection)
        .await?;
    Ok(())
}
