//! Signs of life.

use diesel::QueryResult;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Double, Jsonb, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

use super::cached::Cached;
use super::control::COMMIT_SOON;
use super::pull::any_work;
use super::schema::worker_heartbeats;
use crate::store::{Control, Heartbeat, LastSeen, Probe};

#[derive(QueryableByName)]
struct Learnt {
    #[diesel(sql_type = Bool)]
    paused: bool,
    #[diesel(sql_type = Bool)]
    accompanied: bool,
    #[diesel(sql_type = Bool)]
    work_waits: bool,
}

pub(super) async fn heartbeat(
    connection: &mut AsyncPgConnection,
    beat: &Heartbeat,
    probe: Option<&Probe>,
) -> QueryResult<Control> {
    let work_waits = match probe {
        Some(probe) => any_work(&probe.domains, "$5"),
        None => "$5::float8 is null".to_owned(),
    };
    let learnt: Learnt = Cached(
        diesel::sql_query(format!(
            "with beat as ( \
               insert into worker_heartbeats (worker, mode, activity, folding) \
               values ($1, $2, $3, $4) \
               on conflict (worker) do update set \
                 activity = excluded.activity, folding = excluded.folding, seen_at = now()) \
             select paused, \
               exists (select from worker_heartbeats where worker <> $1) as accompanied, \
               ({work_waits}) as work_waits, {COMMIT_SOON} \
             from worker_control"
        ))
        .bind::<Text, _>(beat.worker.clone())
        .bind::<Text, _>(beat.mode)
        .bind::<Text, _>(beat.activity)
        .bind::<Jsonb, _>(serde_json::json!(beat.folding))
        .bind::<Double, _>(probe.map_or(0.0, |probe| probe.settle.as_secs_f64())),
    )
    .get_result(connection)
    .await?;
    Ok(Control {
        paused: learnt.paused,
        accompanied: learnt.accompanied,
        work_waits: learnt.work_waits,
    })
}

#[derive(QueryableByName)]
struct Seen {
    #[diesel(sql_type = Text)]
    worker: String,
    #[diesel(sql_type = BigInt)]
    seen_ago: i64,
    #[diesel(sql_type = Jsonb)]
    folding: Value,
}

pub(super) async fn seen(connection: &mut AsyncPgConnection) -> QueryResult<Vec<LastSeen>> {
    let rows: Vec<Seen> = diesel::sql_query(
        "select worker, extract(epoch from now() - seen_at)::bigint as seen_ago, folding \
         from worker_heartbeats order by worker",
    )
    .load(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| LastSeen {
            worker: row.worker,
            seen_seconds_ago: row.seen_ago,
            folding: serde_json::from_value(row.folding).unwrap_or_default(),
        })
        .collect())
}

pub(super) async fn forget(connection: &mut AsyncPgConnection, worker: &str) -> QueryResult<()> {
    diesel::delete(worker_heartbeats::table.find(worker))
        .execute(connection)
        .await
        .map(|_| ())
}
