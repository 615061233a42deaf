//! What `doctor` asks of a server. Reads only.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use super::{PgStore, Result};
use crate::domain::{Domain, Fold};
use crate::store::sql::flat;
use crate::with_domain;

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

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// A right that the worker needs: a table, a column where not the whole table
/// is meant, and the right's name.
type Right = (String, Option<&'static str>, &'static str);

impl PgStore {
    pub async fn examine_server(&self) -> Result<Server> {
        const OPERATION: &str = "examine server";
        let mut lease = self.lease(OPERATION).await?;
        let server = diesel::sql_query(
            "select current_setting('server_version') as version, \
               current_setting('server_version_num')::integer as version_number, \
               current_setting('server_encoding') as encoding, \
               (select rolname::text from pg_class c join pg_roles r on r.oid = relowner \
                where c.oid = to_regclass('raw_vitals') and rolsuper) as superuser_owner, \
               current_setting('transaction_read_only')::boolean as read_only, \
               clock_timestamp() as clock",
        )
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
        self.names(
            "examine indexes",
            "select name from unnest($1::text[]) as n (name) where not exists ( \
               select from pg_index where indexrelid = to_regclass(name) and indisvalid) \
             order by name",
            indexes(),
        )
        .await
    }

    /// Triggers, as `table.trigger`, that are not there or disabled.
    pub async fn broken_triggers(&self) -> Result<Vec<String>> {
        self.names(
            "examine triggers",
            "select name from unnest($1::text[]) as n (name) where not exists ( \
               select from pg_trigger where tgrelid = to_regclass(split_part(name, '.', 1)) \
                 and tgname = split_part(name, '.', 2) and tgenabled in ('O', 'A')) \
             order by name",
            triggers(),
        )
        .await
    }

    /// Rights that the worker needs and this role has not, as
    /// `update of status on raw_vitals`. Tables that do not exist are left out.
    /// `removes_rows`: retention does.
    pub async fn missing_rights(&self, removes_rows: bool) -> Result<Vec<String>> {
        const OPERATION: &str = "examine rights";
        let rights = rights(removes_rows);
        let tables: Vec<_> = rights.iter().map(|right| right.0.as_str()).collect();
        let columns: Vec<_> = rights.iter().map(|right| right.1).collect();
        let names: Vec<_> = rights.iter().map(|right| right.2).collect();
        let mut lease = self.lease(OPERATION).await?;
        let missing: diesel::QueryResult<Vec<Name>> = diesel::sql_query(
            "select name || coalesce(' of ' || of_column, '') || ' on ' || of_table as name \
             from unnest($1::text[], $2::text[], $3::text[]) as r (of_table, of_column, name) \
             where to_regclass(of_table) is not null and not case when of_column is null \
               then has_table_privilege(to_regclass(of_table), name) \
               else has_column_privilege(to_regclass(of_table), of_column, name) end",
        )
        .bind::<Array<Text>, _>(tables)
        .bind::<Array<Nullable<Text>>, _>(columns)
        .bind::<Array<Text>, _>(names)
        .load(&mut *lease)
        .await;
        let missing = lease.finish(OPERATION, missing)?;
        Ok(missing.into_iter().map(|row| row.name).collect())
    }

    async fn names(
        &self,
        operation: &'static str,
        text: &'static str,
        expected: Vec<String>,
    ) -> Result<Vec<String>> {
        let mut lease = self.lease(operation).await?;
        let names: diesel::QueryResult<Vec<Name>> = diesel::sql_query(text)
            .bind::<Array<Text>, _>(expected)
            .load(&mut *lease)
            .await;
        let names = lease.finish(operation, names)?;
        Ok(names.into_iter().map(|row| row.name).collect())
    }
}

/// Every index that the migrations create, those of primary keys included.
fn indexes() -> Vec<String> {
    let mut names: Vec<String> = [
        "aggregation_batches_pkey",
        "aggregation_batches_started_at",
        "aggregation_errors_failed_at",
        "aggregation_errors_group",
        "aggregation_errors_pkey",
        "aggregation_groups_due",
        "aggregation_groups_pkey",
        "patient_users_pkey",
        "resource_versions_pkey",
        "retention_runs_pkey",
        "sealed_groups_pkey",
        "user_time_zones_pkey",
        "worker_control_pkey",
        "worker_heartbeats_pkey",
    ]
    .map(str::to_owned)
    .into();
    for &domain in Domain::ALL {
        let (raw, aggregates) =
            with_domain!(domain, F => (F::DOMAIN.tables().raw, F::DOMAIN.tables().aggregates));
        names.push(format!("{aggregates}_pkey"));
        for index in ["pkey", "identity", "group", "pending", "refused"] {
            names.push(format!("{raw}_{index}"));
        }
    }
    names
}

fn triggers() -> Vec<String> {
    let mut names = Vec::new();
    for &domain in Domain::ALL {
        let raw = with_domain!(domain, F => F::DOMAIN.tables().raw);
        for trigger in ["complete", "edited", "deleted"] {
            names.push(format!("{raw}.{raw}_{trigger}"));
        }
    }
    names
}

fn rights(removes_rows: bool) -> Vec<Right> {
    let mut rights: Vec<Right> = Vec::new();
    let mut whole = |table: &str, names: &[&'static str]| {
        rights.extend(names.iter().map(|name| (table.to_owned(), None, *name)));
    };
    let every = ["select", "insert", "update", "delete"];
    whole("__diesel_schema_migrations", &["select"]);
    whole("aggregation_batches", &["select", "insert", "delete"]);
    whole("aggregation_errors", &["select", "insert", "delete"]);
    whole("aggregation_groups", &every);
    whole("retention_runs", &["select", "insert", "update"]);
    whole("sealed_groups", &["select"]);
    whole("user_time_zones", &["select"]);
    whole("worker_control", &["select"]);
    whole("worker_heartbeats", &every);
    for &domain in Domain::ALL {
        let (raw, aggregates) =
            with_domain!(domain, F => (F::DOMAIN.tables().raw, F::DOMAIN.tables().aggregates));
        whole(aggregates, &every);
        whole(raw, &["select"]);
        if removes_rows {
            whole(raw, &["delete"]);
        }
    }
    if removes_rows {
        whole("sealed_groups", &["insert"]);
    }
    for &domain in Domain::ALL {
        let raw = with_domain!(domain, F => F::DOMAIN.tables().raw);
        for column in ["status", "attempts", "error", "aggregated_at"] {
            rights.push((raw.to_owned(), Some(column), "update"));
        }
    }
    rights
}
