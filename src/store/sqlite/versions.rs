//! Versions of resources and their rows.

use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::raw;
use super::rows::{parse_time, time_text};
use super::texts::of_domain;
use crate::domain::labs::Labs;
use crate::domain::nutrition::Nutrition;
use crate::domain::vitals::Vitals;
use crate::domain::{Domain, Fold, NewRow};
use crate::store::sql::flat;
use crate::store::versions::{Plan, State};
use crate::store::{Resources, Versioned};

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    resource: String,
    #[diesel(sql_type = BigInt)]
    scope: i64,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = Nullable<Text>)]
    last_updated: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    version: Option<i64>,
    #[diesel(sql_type = Bool)]
    retracted: bool,
    #[diesel(sql_type = Nullable<Text>)]
    rows: Option<String>,
}

/// Runs in a transaction that has the write lock: no line needs another.
pub(super) fn store(
    connection: &mut SqliteConnection,
    resources: Resources,
) -> QueryResult<Versioned> {
    let names: Vec<_> = resources.keys().into_iter().map(|key| key.0).collect();
    let lines: Vec<Line> = diesel::sql_query(flat(include_str!("sql/read_versions.sql")))
        .bind::<Text, _>(serde_json::json!(names).to_string())
        .load(connection)?;
    let stored = lines.into_iter().map(state).collect::<QueryResult<_>>()?;
    let mut plan = resources.plan(stored);
    for domain in Domain::ALL {
        plan.done.retracted += delete(connection, *domain, &plan)?;
    }
    let Resources {
        vitals,
        labs,
        nutrition,
        ..
    } = resources;
    let rows = plan.rows(vitals);
    insert::<Vitals>(connection, rows, &mut plan)?;
    let rows = plan.rows(labs);
    insert::<Labs>(connection, rows, &mut plan)?;
    let rows = plan.rows(nutrition);
    insert::<Nutrition>(connection, rows, &mut plan)?;
    for state in plan.states {
        write(connection, state)?;
    }
    Ok(plan.done)
}

fn state(line: Line) -> QueryResult<State> {
    let rows = line
        .rows
        .map(|rows| serde_json::from_str(&rows))
        .transpose();
    let last_updated = line.last_updated.map(|text| parse_time(&text)).transpose();
    Ok(State {
        resource: line.resource,
        scope: line.scope,
        source: line.source,
        last_updated: last_updated.map_err(Error::DeserializationError)?,
        number: line.version,
        retracted: line.retracted,
        rows: rows.map_err(|error| Error::DeserializationError(error.into()))?,
    })
}

fn delete(connection: &mut SqliteConnection, domain: Domain, plan: &Plan) -> QueryResult<u64> {
    let mut deleted = 0;
    let text = of_domain(include_str!("sql/delete_version_row.sql"), domain);
    for (source, row) in plan.gone_from(domain) {
        deleted += diesel::sql_query(&text)
            .bind::<BigInt, _>(row.1)
            .bind::<Text, _>(source)
            .bind::<Text, _>(&row.2)
            .bind::<Text, _>(&row.3)
            .bind::<Nullable<Text>, _>(row.4.map(time_text))
            .execute(connection)?;
    }
    let text = of_domain(include_str!("sql/delete_unrecorded.sql"), domain);
    for (user, source, id) in &plan.unrecorded {
        deleted += diesel::sql_query(&text)
            .bind::<BigInt, _>(user)
            .bind::<Text, _>(source)
            .bind::<Text, _>(id)
            .execute(connection)?;
    }
    Ok(deleted as u64)
}

fn insert<F: Fold>(
    connection: &mut SqliteConnection,
    rows: Vec<NewRow<F::Payload>>,
    plan: &mut Plan,
) -> QueryResult<()> {
    plan.done.rows.add(raw::insert::<F>(connection, rows)?);
    Ok(())
}

fn write(connection: &mut SqliteConnection, state: State) -> QueryResult<()> {
    let rows = serde_json::to_string(&state.rows)
        .map_err(|error| Error::SerializationError(error.into()))?;
    diesel::sql_query(flat(include_str!("sql/write_version.sql")))
        .bind::<Text, _>(state.resource)
        .bind::<BigInt, _>(state.scope)
        .bind::<Text, _>(state.source)
        .bind::<Nullable<Text>, _>(state.last_updated.map(time_text))
        .bind::<Nullable<BigInt>, _>(state.number)
        .bind::<Bool, _>(state.retracted)
        .bind::<Text, _>(rows)
        .execute(connection)?;
    Ok(())
}
