//! Roles that may do little try to do more: a tenant, who may write raw rows,
//! and the worker's own role.

use crate::cluster::{self, Cluster};
use crate::database::Database;
use crate::modes::count;
use crate::program::Program;

const ROLE_SCRIPT: &str = include_str!("../../scripts/worker-role.sql");
const RETENTION: &str = "grant insert on sealed_groups to vitalfold_worker; \
     grant delete on raw_vitals, raw_labs, raw_nutrition to vitalfold_worker";

/// What a role plants before it writes a raw row. Whatever runs any of it as
/// somebody else leaves that name in `loot`.
const PLANTED: &str = "
create function pg_temp.spy() returns text language plpgsql as $$
begin insert into public.loot values (current_user); return 'UTC'; end $$;
create function pg_temp.spy_row() returns trigger language plpgsql as $$
begin insert into public.loot values (current_user); return new; end $$;
create temp view user_time_zones as select g::bigint as user_id, pg_temp.spy() as time_zone
    from generate_series(1, 9) g;
create temp view worker_control as select pg_temp.spy() as default_time_zone;
create temp table group_changes (
    user_id bigint, domain text, local_date date, id bigint default 1, kind text, rows integer,
    changed_at timestamptz default now());
create trigger spy before insert on group_changes for each row execute function pg_temp.spy_row();
create temp view deleted as select 1::bigint as user_id, pg_temp.spy() as metric;
create temp view inserted as select 1::bigint as user_id, pg_temp.spy() as metric;
";

/// The same in a schema of the role's own.
const PLANTED_IN_SCHEMA: &str = "
create function own.vitalfold_utc_offset(bigint, timestamptz) returns integer language plpgsql as $$
begin insert into public.loot values (current_user); return 0; end $$;
create function own.timezone(text, timestamptz) returns timestamp language plpgsql as $$
begin insert into public.loot values (current_user); return now(); end $$;
create function own.plus(bigint, integer) returns bigint language plpgsql as $$
begin insert into public.loot values (current_user); return 1; end $$;
create operator own.+ (leftarg = bigint, rightarg = integer, function = own.plus);
create function own.later(date, integer) returns date language plpgsql as $$
begin insert into public.loot values (current_user); return now(); end $$;
create operator own.+ (leftarg = date, rightarg = integer, function = own.later);
set search_path = own, pg_temp, public, pg_catalog;
";

const INSERTS: &str = "
insert into public.raw_vitals (user_id, metric, value, unit, started_at) values (1, 'steps', 1, 'count', now());
insert into public.raw_labs (user_id, name, value, collected_at) values (1, 'Sodium', '140', now());
insert into public.raw_nutrition (user_id, nutrient, amount, unit, eaten_at) values (1, 'Protein', 1, 'g', now());
";
const EDITS: &str = "
update public.raw_vitals set value = 2; update public.raw_labs set value = '141';
update public.raw_nutrition set amount = 2;
";
const DELETES: &str =
    "delete from public.raw_vitals; delete from public.raw_labs; delete from public.raw_nutrition;";

struct Arena {
    db: Database,
    name: String,
    tenant: String,
}

impl Arena {
    /// A migrated database with a tenant who owns a schema, and no more fences
    /// than the migrations put up.
    fn new() -> Arena {
        let db = Database::postgres();
        Program::on(db.url()).ok(&["migrate"]);
        let name = db.url().rsplit('/').next().unwrap().to_owned();
        let tenant = format!("{name}_tenant");
        db.execute(&format!(
            "create role {tenant} login; create schema own authorization {tenant}; \
             create table loot (who text); grant select, insert on loot to public; \
             grant select, insert, update, delete on raw_vitals, raw_labs, raw_nutrition to {tenant}"
        ));
        Arena { db, name, tenant }
    }

    fn server(&self) -> &'static Cluster {
        cluster::shared()
    }

    fn attempt(&self, role: &str, statements: &str) -> Result<String, String> {
        self.server().attempt(&self.name, role, statements)
    }

    /// Whoever else ran what the role planted.
    fn loot(&self, role: &str) -> u64 {
        count(&self.db, &format!("loot where who <> '{role}'"))
    }
}

/// Every function with its owner's rights in any schema of ours, those of later
/// migrations included.
const DEFINERS: &str = "pg_proc p where prosecdef \
     and pronamespace <> all (array['pg_catalog', 'information_schema']::regnamespace[])";

#[test]
fn functions_with_the_owners_rights_have_a_fixed_path_and_are_nobody_elses_to_run() {
    let arena = Arena::new();
    let all = count(&arena.db, DEFINERS);
    assert!(all >= 5, "{all}");
    let names = |wrong: &str| {
        arena.db.value(&format!(
            "(select coalesce(string_agg(proname, ', '), '') from {DEFINERS} and {wrong})"
        ))
    };
    let loose =
        "not exists (select from unnest(proconfig) s where s ~ '^search_path=.*, ?\"?pg_temp\"?$')";
    assert_eq!(names(loose), "", "pg_temp is not the end of their path");
    let open = format!(
        "has_function_privilege('{}', p.oid, 'execute')",
        arena.tenant
    );
    assert_eq!(names(&open), "", "a tenant may make a trigger of them");
}

#[test]
fn a_tenant_runs_nothing_as_the_owner_of_the_tables() {
    let arena = Arena::new();
    let tenant = arena.tenant.clone();
    let all = format!("{PLANTED}{PLANTED_IN_SCHEMA}{INSERTS}{EDITS}{DELETES}");
    arena.attempt(&tenant, &all).unwrap();
    assert_eq!(arena.loot(&tenant), 0, "it ran as somebody else");

    // The attack is real: without the fixed path it comes through.
    arena.db.execute(
        "drop schema own cascade; \
         create or replace function vitalfold_vitals_updated() returns trigger \
           language plpgsql security definer set search_path = public as $$ begin \
           insert into group_changes (user_id, domain, local_date, kind, rows) \
           select user_id, 'vitals', current_date, 'edit', 1 from inserted; return null; end $$",
    );
    let edits = format!("{PLANTED}{INSERTS}{EDITS}");
    arena.attempt(&tenant, &edits).unwrap();
    assert!(arena.loot(&tenant) > 0, "the attack does nothing");
}

#[test]
fn a_tenant_makes_no_trigger_of_the_owners_functions() {
    let arena = Arena::new();
    // A cast of the tenant's own would run as the owner.
    let own = "create type own.evil as (x integer); \
         create function own.cast(own.evil) returns bigint language plpgsql as $$ \
         begin insert into public.loot values (current_user); return 1; end $$; \
         create cast (own.evil as bigint) with function own.cast(own.evil) as implicit; \
         create table own.rows (user_id own.evil, metric text, started_at timestamptz, \
           ended_at timestamptz, utc_offset_minutes smallint);";
    let attack = "create trigger spy after delete on own.rows referencing old table as deleted \
           for each statement execute function public.vitalfold_vitals_deleted(); \
         insert into own.rows values (row(1), 'steps', now()); delete from own.rows";
    arena.attempt(&arena.tenant, own).unwrap();
    let error = arena.attempt(&arena.tenant, attack).unwrap_err();
    assert!(error.contains("permission denied for function"), "{error}");
    assert_eq!(arena.loot(&arena.tenant), 0);

    arena
        .db
        .execute("grant execute on function vitalfold_vitals_deleted() to public");
    arena.attempt(&arena.tenant, attack).unwrap();
    assert!(arena.loot(&arena.tenant) > 0, "the attack does nothing");
}

#[test]
fn the_workers_role_runs_nothing_as_the_owner_of_the_tables() {
    let arena = Arena::new();
    arena.db.execute(&format!("{ROLE_SCRIPT}{RETENTION}"));
    arena.db.execute(INSERTS);
    let role = "vitalfold_worker";
    let error = arena.attempt(role, PLANTED).unwrap_err();
    assert!(error.contains("permission denied"), "{error}");

    // With that fence down, the other one holds.
    arena.db.execute(&format!(
        "grant temporary on database {} to vitalfold_worker",
        arena.name
    ));
    // Of a raw row it may write nothing.
    for edit in INSERTS.lines().chain(EDITS.split_inclusive(';')) {
        if !edit.trim().is_empty() {
            let error = arena.attempt(role, edit).unwrap_err();
            assert!(
                error.contains("permission denied for table raw_"),
                "{error}"
            );
        }
    }
    arena.attempt(role, &format!("{PLANTED}{DELETES}")).unwrap();
    assert_eq!(count(&arena.db, "raw_vitals"), 0);
    assert_eq!(arena.loot(role), 0, "it ran as somebody else");
}

/// Every privilege of the worker's role, one a line. A migration that adds what
/// a worker needs adds it here.
const PRIVILEGES: &str = "
database: CONNECT
schema: USAGE
__diesel_schema_migrations: SELECT
aggregation_batches: DELETE INSERT SELECT UPDATE
aggregation_errors: DELETE INSERT SELECT UPDATE
failed_groups: DELETE INSERT SELECT UPDATE
function vitalfold_utc_offset
function vitalfold_zone_offset
group_changes: DELETE INSERT SELECT UPDATE
lab_aggregates: DELETE INSERT SELECT UPDATE
nutrition_aggregates: DELETE INSERT SELECT UPDATE
raw_labs: SELECT
raw_nutrition: SELECT
raw_vitals: SELECT
rejected_rows: DELETE INSERT SELECT UPDATE
retention_runs: INSERT SELECT UPDATE
sealed_groups: SELECT
user_time_zones: SELECT
vitals_aggregates: DELETE INSERT SELECT UPDATE
worker_control: SELECT
worker_control.paused: UPDATE
worker_control.paused_at: UPDATE
worker_heartbeats: DELETE INSERT SELECT UPDATE
";

/// Lists what `vitalfold_worker` holds, through PUBLIC included: rights on the
/// database and the schema, on tables, views and sequences, on columns beyond
/// their table's, and on functions; also memberships and what it owns.
const HELD: &str = "
with home as (select 'public'::regnamespace as oid),
relation as (select c.oid, relname, relkind from pg_class c, home
    where relnamespace = home.oid and relkind in ('r', 'p', 'v', 'm', 'f', 'S')),
held (line) as (
    select 'database: ' || string_agg(p, ' ' order by p) from unnest(array['CONNECT', 'CREATE', 'TEMPORARY']) p
        where has_database_privilege('vitalfold_worker', current_database(), p)
    union all
    select 'schema: ' || string_agg(p, ' ' order by p) from home, unnest(array['CREATE', 'USAGE']) p
        where has_schema_privilege('vitalfold_worker', home.oid, p)
    union all
    select relname || ': ' || string_agg(p, ' ' order by p) from relation,
        unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p
        where relkind <> 'S' and has_table_privilege('vitalfold_worker', oid, p) group by relname
    union all
    select relname || '.' || attname || ': ' || string_agg(p, ' ' order by p) from relation
        join pg_attribute on attrelid = relation.oid and not attisdropped and attnum > 0,
        unnest(array['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) p
        where relkind <> 'S' and has_column_privilege('vitalfold_worker', relation.oid, attnum, p)
          and not has_table_privilege('vitalfold_worker', relation.oid, p)
        group by relname, attname
    union all
    select 'sequence ' || relname || ': ' || p from relation, unnest(array['SELECT', 'UPDATE', 'USAGE']) p
        where relkind = 'S' and has_sequence_privilege('vitalfold_worker', oid, p)
    union all
    select 'function ' || proname from pg_proc, home
        where pronamespace = home.oid and has_function_privilege('vitalfold_worker', pg_proc.oid, 'execute')
    union all
    select 'member of ' || r.rolname from pg_auth_members m join pg_roles r on r.oid = m.roleid
        where m.member = 'vitalfold_worker'::regrole
    union all
    select 'attributes of a superuser' from pg_roles where rolname = 'vitalfold_worker'
        and (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)
    union all
    select 'owner of ' || objid::text from pg_shdepend
        where refobjid = 'vitalfold_worker'::regrole and deptype = 'o'
          and dbid in (0, (select oid from pg_database where datname = current_database()))
)
select line from held where line is not null order by line collate \"C\"
";

/// The owner is a plain role that has the database, as in the composition.
#[test]
fn an_owner_without_other_rights_migrates_and_gives_the_worker_its_own() {
    let arena = Arena::new();
    // As a superuser, so that the role exists.
    arena.db.execute(ROLE_SCRIPT);
    let owner = format!("{}_owner", arena.name);
    let plain = format!("{}_plain", arena.name);
    let server = arena.server();
    for statement in [
        format!("create role {owner} login"),
        format!("create database {plain} owner {owner}"),
    ] {
        server.psql("postgres", &statement);
    }
    let url = server
        .url(&plain)
        .replace("postgres@", &format!("{owner}@"));
    let program = Program::on(&url);
    program.ok(&["migrate"]);
    server.attempt(&plain, &owner, ROLE_SCRIPT).unwrap();
    assert_eq!(sorted(&server.psql(&plain, HELD)), sorted(PRIVILEGES));
    server.attempt(&plain, &owner, INSERTS).unwrap();
    let worker = url.replace(&format!("{owner}@"), "vitalfold_worker@");
    Program::on(&worker).ok(&["run-once"]);
    let done = "select count(*) from vitals_daily";
    assert_eq!(server.psql(&plain, done), "1");
}

fn sorted(text: &str) -> String {
    let mut lines: Vec<_> = text.trim().lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[test]
fn the_workers_role_holds_exactly_the_rights_that_it_needs() {
    let arena = Arena::new();
    arena.db.execute("revoke all on loot from public");
    for _ in 0..2 {
        arena.db.execute(ROLE_SCRIPT);
        let held = arena.server().psql(&arena.name, HELD);
        assert_eq!(sorted(&held), sorted(PRIVILEGES));
    }
}
