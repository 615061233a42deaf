-- The role that a worker runs as: it can fold, and nothing else.
--
--   psql -v ON_ERROR_STOP=1 -d DATABASE -f scripts/worker-role.sql
--
-- Run it as the owner of the tables, after every `vitalfold migrate`; it may be
-- run again. Then give the role a way to log in, such as
-- `alter role vitalfold_worker password '…'`, and name it in the worker's
-- database.url. `migrate` and `import` need the owner's rights instead. The
-- owner is a role of its own and no superuser: see docs/operations.md.
do $$
begin
    if not exists (select from pg_roles where rolname = 'vitalfold_worker') then
        create role vitalfold_worker login;
    end if;
exception when duplicate_object or unique_violation then
    raise notice 'another session has created the role meanwhile';
end
$$;

-- Nobody makes temporary objects in this database unless a role is granted it
-- by name: `temporary` is PUBLIC's by default, so that taking it from one role
-- would change nothing. Likewise `create` on the schema, before PostgreSQL 15.
do $$
declare
    home constant text := (select relnamespace::regnamespace from pg_class where oid = 'raw_vitals'::regclass);
begin
    execute format('revoke temporary on database %I from public, vitalfold_worker', current_database());
    execute format('revoke create on schema %s from public, vitalfold_worker', home);
    execute format('grant usage on schema %s to vitalfold_worker', home);
    if has_database_privilege('vitalfold_worker', current_database(), 'temporary') then
        raise warning 'the worker may still make temporary objects: as the owner of the database, revoke temporary on database % from public', current_database();
    end if;
    if has_schema_privilege('vitalfold_worker', home, 'create') then
        raise warning 'the worker may still create objects: as the owner of the schema, revoke create on schema % from public', home;
    end if;
end
$$;

-- Raw rows: read them, and nothing else. The functions say how far from UTC a
-- person was whose rows do not.
grant select on raw_vitals, raw_labs, raw_nutrition to vitalfold_worker;
grant execute on function vitalfold_utc_offset(bigint, timestamptz),
    vitalfold_zone_offset(text, timestamptz)
    to vitalfold_worker;

-- What it computes, and its own books.
grant select, insert, update, delete
    on vitals_aggregates, lab_aggregates, nutrition_aggregates,
       group_changes, failed_groups, rejected_rows, aggregation_batches, aggregation_errors, worker_heartbeats
    to vitalfold_worker;

-- What retention saw of the clock and did today.
grant select, insert, update on retention_runs to vitalfold_worker;

-- Which groups are sealed; and for `doctor`, where users are. Retention of raw
-- rows (`retention.raw_rows`) needs more:
--   grant insert on sealed_groups to vitalfold_worker;
--   grant delete on raw_vitals, raw_labs, raw_nutrition to vitalfold_worker;
grant select on sealed_groups, user_time_zones to vitalfold_worker;

-- Pause and resume, and nothing else of what workers obey.
grant select on worker_control, __diesel_schema_migrations to vitalfold_worker;
grant update (paused, paused_at) on worker_control to vitalfold_worker;
