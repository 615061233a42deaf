//! Signs of life.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use super::pull::work_waits;
use super::rows::NOW;
use crate::store::{Control, Heartbeat, LastSeen, Probe};

#[derive(QueryableByName)]
struct Learnt {
    #[diesel(sql_type = Bool)]
    paused: bool,
    #[diesel(sql_type = Bool)]
    accompanied: bool,
}

pub(super) fn heartbeat(
    connection: &mut SqliteConnection,
    beat: &Heartbeat,
    probe: Option<&Probe>,
) -> QueryResult<Control> {
    diesel::sql_query(format!(
        "insert into worker_heartbeats (worker, mode, activity, folding) values (?, ?, ?, ?) \
         on conflict (worker) do update set activity = excluded.activity, \
           folding = excluded.folding, seen_at = {NOW}"
    ))
    .bind::<Text, _>(&beat.worker)
    .bind::<Text, _>(beat.mode)
    .bind::<Text, _>(beat.activity)
    .bind::<Text, _>(serde_json::json!(beat.folding).to_string())
    .execute(connection)?;
    let learnt: Learnt = diesel::sql_query(
        "select paused, \
           exists (select 1 from worker_heartbeats where worker <> ?) as accompanied \
         from worker_control",
    )
    .bind::<Text, _>(&beat.worker)
    .get_result(connection)?;
    Ok(Control {
        paused: learnt.paused,
        accompanied: learnt.accompanied,
        work_waits: match probe {
            Some(probe) => work_waits(connection, probe)?,
            None => false,
        },
    })
}

#[derive(QueryableByName)]
struct Seen {
    #[diesel(sql_type = Text)]
    worker: String,
    #[diesel(sql_type = BigInt)]
    seen_ago: i64,
    #[diesel(sql_type = Text)]
    folding: String,
}

pub(super) fn seen(connection: &mut SqliteConnection) -> QueryResult<Vec<LastSeen>> {
    let rows: Vec<Seen> = diesel::sql_query(
        "select worker, cast(unixepoch('now') - unixepoch(seen_at) as integer) as seen_ago, \
           folding \
         from worker_heartbeats order by worker",
    )
    .load(connection)?;
    Ok(rows
        .into_iter()
        .map(|row| LastSeen {
            worker: row.worker,
            seen_seconds_ago: row.seen_ago,
            folding: serde_json::from_str(&row.folding).unwrap_or_default(),
        })
        .collect())
}

pub(super) fn forget(connection: &mut SqliteConnection, worker: &str) -> QueryResult<()> {
    diesel::sql_query("delete from worker_heartbeats where worker = ?")
        .bind::<Text, _>(worker)
        .execute(connection)
        .map(|_| ())
}
