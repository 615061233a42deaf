//! What `doctor` asks of a server. Reads only.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use super::{PgStore, Result};
use crate::domain::Domain;
use crate::store::sql::flat;

/// The server itself.
#[derive(Debug, Clone, QueryableByName)]
pub struct Server {
    #[diesel(sql_type = Text)]
    pub version: String,
    /// 150018 for 15.18.
    #[diesel(sql_type = Integer)]
    pub version_number: i32,
    #[diesel(sql_type = Text)]
    pub encoding: String,
    /// The owner of the tables, where it is a superuser.
    #[diesel(sql_type = Nullable<Text>)]
    pub superuser_owner: Option<String>,
    #[diesel(sql_type = Bool)]
    pub read_only: bool,
    #[diesel(sql_type = Timestamptz)]
    pub clock: DateTime<Utc>,
}

/// Other sessions of the same database, as far as the role may see them.
#[derive(Debug, Clone, Default, QueryableByName)]
pub struct Sessions {
    /// Idle in transaction for longer than asked.
    #[diesel(sql_type = BigInt)]
    pub idle: i64,
    #[diesel(sql_type = BigInt)]
    pub longest_idle_seconds: i64,
    /// Holding a snapshot, or prepared, for longer than asked.
    #[diesel(sql_type = BigInt)]
    pub pinning: i64,
    #[diesel(sql_type = BigInt)]
    pub longest_pinning_seconds: i64,
    /// Transactions begun since the oldest snapshot that is still held.
    #[diesel(sql_type = BigInt)]
    pub xmin_age: i64,
    /// Sessions of other roles, whose state this role may not see.
    #[diesel(sql_type = BigInt)]
    pub hidden: i64,
}

/// What would hide a change or a row from a worker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    /// Tables and events, as `raw_vitals: update`, that no enabled trigger
    /// follows.
    pub without_triggers: Vec<String>,
    /// Raw tables into which a subscription writes: its apply fires no trigger
    /// of statements.
    pub subscribed: Vec<String>,
    /// Tables with policies that apply to this role.
    pub hidden: Vec<String>,
}

#[derive(QueryableByName)]
struct Trouble {
    #[diesel(sql_type = Text)]
    trouble: String,
    #[diesel(sql_type = Text)]
    found: String,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// A right that the worker needs: a table and the right's name.
type Right = (&'static str, &'static str);

impl PgStore {
    pub async fn examine_server(&self) -> Result<Server> {
        const OPERATION: &str = "examine server";
        let mut lease = self.lease(OPERATION).await?;
        let server = diesel::sql_query(flat(include_str!("sql/server.sql")))
            .get_result(&mut *lease)
            .await;
        lease.finish(OPERATION, server)
    }

    /// Sessions that were idle in transaction for `idle_seconds`, and
    /// transactions open for `open_seconds`.
    pub async fn examine_sessions(&self, idle_seconds: f64, open_seconds: f64) -> Result<Sessions> {
        const OPERATION: &str = "examine sessions";
        let mut lease = self.lease(OPERATION).await?;
        let sessions = diesel::sql_query(flat(include_str!("sql/sessions.sql")))
            .bind::<Double, _>(idle_seconds)
            .bind::<Double, _>(open_seconds)
            .get_result(&mut *lease)
            .await;
        lease.finish(OPERATION, sessions)
    }

    /// Indexes that the migrations create and that are not there, or whose
    /// build was broken off.
    pub async fn broken_indexes(&self) -> Result<Vec<String>> {
        const OPERATION: &str = "examine indexes";
        let mut lease = self.lease(OPERATION).await?;
        let broken: diesel::QueryResult<Vec<Name>> =
            diesel::sql_query(flat(include_str!("sql/broken_indexes.sql")))
                .bind::<Array<Text>, _>(indexes())
                .load(&mut *lease)
                .await;
        let broken = lease.finish(OPERATION, broken)?;
        Ok(broken.into_iter().map(|row| row.name).collect())
    }

    /// What would hide a change or a row from a worker.
    pub async fn examine_tables(&self) -> Result<Tables> {
        const OPERATION: &str = "examine tables";
        let followed: Vec<_> = followed().collect();
        let mut lease = self.lease(OPERATION).await?;
        let found: diesel::QueryResult<Vec<Trouble>> =
            diesel::sql_query(flat(include_str!("sql/raw_tables.sql")))
                .bind::<Array<Text>, _>(of(&followed, |one| one.table))
                .bind::<Array<Integer>, _>(of(&followed, |one| one.events))
                .bind::<Array<Integer>, _>(of(&followed, |one| one.triggers))
                .load(&mut *lease)
                .await;
        let found = lease.finish(OPERATION, found)?;
        let all = |trouble: &str| {
            let found = found.iter().filter(|line| line.trouble == trouble);
            found.map(|line| line.found.clone()).collect()
        };
        Ok(Tables {
            without_triggers: all("triggers"),
            subscribed: all("subscriptions"),
            hidden: all("row security"),
        })
    }

    /// Rights that the worker needs and this role has not, as `select on
    /// raw_vitals`. What does not exist is left out. `removes_rows`: retention
    /// does.
    pub async fn missing_rights(&self, removes_rows: bool) -> Result<Vec<String>> {
        let (tables, rights): (Vec<_>, Vec<_>) = rights(removes_rows).into_iter().unzip();
        let query = diesel::sql_query(flat(include_str!("sql/missing_rights.sql")))
            .bind::<Array<Text>, _>(tables)
            .bind::<Array<Text>, _>(rights)
            .bind::<Array<Text>, _>(FUNCTIONS);
        const OPERATION: &str = "examine rights";
        let mut lease = self.lease(OPERATION).await?;
        let missing: diesel::QueryResult<Vec<Name>> = query.load(&mut *lease).await;
        let missing = lease.finish(OPERATION, missing)?;
        Ok(missing.into_iter().map(|row| row.name).collect())
    }
}

/// Tables that workers share, each with the rights on it that they need.
const SHARED: [(&str, &[&str]); 11] = [
    ("__diesel_schema_migrations", &["select"]),
    ("aggregation_batches", &["select", "insert", "delete"]),
    ("aggregation_errors", &["select", "insert", "delete"]),
    ("failed_groups", EVERY),
    ("group_changes", EVERY),
    ("rejected_rows", EVERY),
    ("retention_runs", &["select", "insert", "update"]),
    ("sealed_groups", &["select"]),
    ("user_time_zones", &["select"]),
    ("worker_control", &["select"]),
    ("worker_heartbeats", EVERY),
];
const EVERY: &[&str] = &["select", "insert", "update", "delete"];

/// What finds the offset of a row that brings none.
const FUNCTIONS: &[&str] = &[
    "vitalfold_utc_offset(bigint, timestamptz)",
    "vitalfold_zone_offset(text, timestamptz)",
];

/// Which events of a table triggers follow.
struct Followed {
    table: &'static str,
    /// Bits of `pg_trigger.tgtype`.
    events: i32,
    /// How many triggers follow each event.
    triggers: i32,
}

fn of<T>(followed: &[Followed], column: impl Fn(&Followed) -> T) -> Vec<T> {
    followed.iter().map(column).collect()
}

fn followed() -> impl Iterator<Item = Followed> {
    const INSERT: i32 = 4;
    const DELETE: i32 = 8;
    const UPDATE: i32 = 16;
    const TRUNCATE: i32 = 32;
    let shared = SHARED.iter().map(|(table, _)| {
        let events = match *table {
            "user_time_zones" => INSERT | UPDATE | DELETE | TRUNCATE,
            "worker_control" => UPDATE,
            _ => 0,
        };
        // One for the rows of each domain.
        let triggers = i32::try_from(Domain::ALL.len()).unwrap_or(i32::MAX);
        Followed {
            table,
            events,
            triggers,
        }
    });
    let own = Domain::ALL.iter().flat_map(|domain| {
        let tables = domain.tables();
        let every = INSERT | UPDATE | DELETE | TRUNCATE;
        [(tables.raw, every), (tables.aggregates, 0)].map(|(table, events)| Followed {
            table,
            events,
            triggers: 1,
        })
    });
    shared.chain(own)
}

/// Every index that the migrations create, those of primary keys included.
fn indexes() -> Vec<String> {
    let mut names: Vec<String> = [
        "aggregation_batches_pkey",
        "aggregation_batches_started_at",
        "aggregation_errors_failed_at",
        "aggregation_errors_group",
        "aggregation_errors_pkey",
        "failed_groups_due",
        "failed_groups_pkey",
        "group_changes_pkey",
        "patient_users_pkey",
        "raw_vitals_long",
        "rejected_rows_pkey",
        "resource_versions_pkey",
        "retention_runs_pkey",
        "sealed_groups_pkey",
        "user_time_zones_pkey",
        "worker_control_pkey",
        "worker_heartbeats_pkey",
    ]
    .map(str::to_owned)
    .into();
    for domain in Domain::ALL {
        let tables = domain.tables();
        names.push(format!("{}_pkey", tables.aggregates));
        for index in ["pkey", "source_id", "time"] {
            names.push(format!("{}_{index}", tables.raw));
        }
    }
    names
}

fn rights(removes_rows: bool) -> Vec<Right> {
    let mut rights: Vec<Right> = Vec::new();
    let mut add = |table, names: &[&'static str]| {
        rights.extend(names.iter().map(|name| (table, *name)));
    };
    for (table, names) in SHARED {
        add(table, names);
    }
    for domain in Domain::ALL {
        let tables = domain.tables();
        add(tables.aggregates, EVERY);
        add(tables.raw, &["select"]);
        if removes_rows {
            add(tables.raw, &["delete"]);
        }
    }
    if removes_rows {
        add("sealed_groups", &["insert"]);
    }
    rights
}
