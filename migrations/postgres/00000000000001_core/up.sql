-- Zones of users whose rows arrive without an offset.
create table user_time_zones (
    user_id bigint primary key,
    -- The server refuses a name that it does not know.
    time_zone text not null check (timezone(time_zone, timestamp '2000-01-01') is not null)
);

-- Patient references of imported files and the user ids they stand for.
create table patient_users (
    reference text primary key,
    user_id bigint not null
);

-- One row: what every worker obeys.
create table worker_control (
    id smallint primary key default 1 check (id = 1),
    paused boolean not null default false,
    paused_at timestamptz,
    default_time_zone text not null default 'UTC'
);
insert into worker_control default values;

-- Who runs. Nothing but status depends on it.
create table worker_heartbeats (
    worker text primary key,
    mode text not null,
    started_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    activity text not null,
    -- The groups that the worker folds now: after an unclean end, the suspects.
    folding jsonb not null default '[]'
);

-- One line for each group (user, domain, local date) that a statement touched.
-- Lines are only appended and deleted. The key is unique by its id: two
-- transactions that touch one group never wait for each other.
create table group_changes (
    user_id bigint not null,
    domain text not null,
    local_date date not null,
    id bigint generated always as identity,
    -- 'insert', 'edit', 'delete' or 'refold'. Not checked: every statement of the
    -- application would read and plan the check.
    kind text not null,
    -- Raw rows that start on the date; 0 where they only reach into it.
    rows integer not null,
    changed_at timestamptz not null default now(),
    primary key (user_id, domain, local_date, id)
)
-- A queue: as many lines die as are appended, and pulls scan what is left.
with (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 50000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 10000,
    autovacuum_vacuum_cost_delay = 0
);

-- Groups whose fold failed: their lines were taken out of `group_changes`.
create table failed_groups (
    user_id bigint not null,
    domain text not null,
    local_date date not null,
    -- A waiting group is folded again at `next_attempt_at`; a dead one has used
    -- up its attempts.
    state text not null check (state in ('waiting', 'dead')),
    attempts integer not null,
    next_attempt_at timestamptz not null,
    error text not null,
    error_class text not null,
    -- The sum of the lines that were taken.
    rows integer not null,
    -- An edit or a delete was among them.
    emptied boolean not null default false,
    -- When the oldest of them was appended.
    since timestamptz not null,
    updated_at timestamptz not null default now(),
    primary key (user_id, domain, local_date)
);
create index failed_groups_due on failed_groups (domain, next_attempt_at) where state = 'waiting';

-- Raw rows that no aggregate counts, and why.
create table rejected_rows (
    user_id bigint not null,
    domain text not null,
    local_date date not null,
    row_id text not null,
    reason text not null,
    -- The fold failed because of this row: it is left out.
    poison boolean not null default false,
    rejected_at timestamptz not null default now(),
    primary key (user_id, domain, local_date, row_id)
);

-- Every failed attempt, those of groups that succeeded later included.
create table aggregation_errors (
    user_id bigint not null,
    id bigint generated always as identity,
    domain text not null,
    local_date date not null,
    failed_at timestamptz not null default now(),
    -- Attempts counted against the group by then.
    attempts integer not null,
    error_class text not null,
    error text not null,
    worker text not null,
    primary key (user_id, id)
);
create index aggregation_errors_group on aggregation_errors (user_id, domain, local_date);
create index aggregation_errors_failed_at on aggregation_errors (failed_at);

-- Run history.
create table aggregation_batches (
    id uuid primary key,
    worker text not null,
    domain text not null,
    started_at timestamptz not null,
    duration_ms bigint not null,
    rows_pulled bigint not null,
    rows_completed bigint not null,
    rows_rejected bigint not null,
    groups_ok bigint not null,
    groups_failed bigint not null,
    groups_skipped bigint not null,
    pool_before jsonb not null,
    pool_after jsonb not null
);
create index aggregation_batches_started_at on aggregation_batches (started_at);

-- Groups whose raw rows were removed by retention: their aggregates stay as
-- they are, and rows that come later are rejected.
create table sealed_groups (
    user_id bigint not null,
    domain text not null,
    local_date date not null,
    sealed_at timestamptz not null default now(),
    raw_rows bigint not null,
    primary key (user_id, domain, local_date)
);

-- What retention saw and did of each domain: the clock of its last round, the
-- share of the day, and why it was refused.
create table retention_runs (
    domain text primary key,
    -- The database's clock at the last round that was not refused.
    ran_at timestamptz,
    refused text,
    refused_since timestamptz,
    -- Groups that were old at the first round of that day, how many of them
    -- may be sealed on that day, and how many were.
    waiting bigint not null default 0,
    allowance bigint not null default 0,
    removed bigint not null default 0,
    -- Old groups that are dead and keep their raw rows.
    dead_groups bigint not null default 0,
    oldest_dead date
);

-- The newest version that was seen of each FHIR resource and the rows that it
-- gave: an older version never takes its place, and a corrected one takes the
-- rows of the one before with it.
create table resource_versions (
    -- Type and id: 'Observation/o1'.
    resource text not null,
    -- The user that the import was told, 0 for none: ids are unique within it.
    scope bigint not null,
    -- '' for a deletion that does not say which source it is of.
    source text not null,
    last_updated timestamptz,
    version bigint,
    -- Has no rows until a newer version comes.
    retracted boolean not null default false,
    -- JSON: domain, user, source_id, key and time of each row; null where
    -- nothing was seen yet.
    rows text,
    primary key (resource, scope, source)
);

-- Functions of triggers run with the rights of their owner. They find nothing
-- by a name that whoever calls them could put in front: the path is fixed,
-- `pg_temp` is its end, and every table and function is that of a named schema.
-- `jit = off`: plans are kept, and those made for a load of a million rows would
-- be compiled anew for every row that the session inserts later.
-- The upgrade of a database of the old shape runs this part of each migration.
do $migration$
declare
    home constant text := (
        select quote_ident(n.nspname) from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.oid = 'group_changes'::pg_catalog.regclass
    );
begin
    execute replace($create$
        -- Minutes east of UTC in a zone.
        create function {home}.vitalfold_zone_offset(zone text, instant timestamptz) returns integer
        language sql stable as $$
            select round(extract(epoch from (instant at time zone zone) - (instant at time zone 'UTC')) / 60)::integer
        $$;

        -- Minutes east of UTC in the user's zone, else in the default one. Not a
        -- subquery of the triggers: that would be prepared by every statement,
        -- and most rows bring their offset.
        create function {home}.vitalfold_utc_offset(of_user bigint, instant timestamptz) returns integer
        language plpgsql stable as $$
        begin
            return {home}.vitalfold_zone_offset(coalesce(
                (select z.time_zone from {home}.user_time_zones z where z.user_id = of_user),
                (select c.default_time_zone from {home}.worker_control c)
            ), instant);
        end
        $$;

        -- Appends lines for the rows without an offset, by the domain's
        -- `vitalfold_DOMAIN_rezone`, when the zone that gives theirs is another.
        create function {home}.vitalfold_rezone() returns trigger
        language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
        declare
            rezone constant text := format('select {home}.%I($1, $2, $3)', 'vitalfold_' || tg_argv[0] || '_rezone');
            otherwise text;
            zone record;
        begin
            if tg_table_name = 'worker_control' then
                execute rezone using null::bigint, old.default_time_zone, new.default_time_zone;
                return null;
            end if;
            select c.default_time_zone into otherwise from {home}.worker_control c;
            if tg_op = 'TRUNCATE' then
                for zone in select z.user_id, z.time_zone from {home}.user_time_zones z loop
                    execute rezone using zone.user_id, zone.time_zone, otherwise;
                end loop;
            elsif tg_op = 'UPDATE' and old.user_id = new.user_id then
                execute rezone using new.user_id, old.time_zone, new.time_zone;
            else
                if tg_op <> 'INSERT' then
                    execute rezone using old.user_id, old.time_zone, otherwise;
                end if;
                if tg_op <> 'DELETE' then
                    execute rezone using new.user_id, otherwise, new.time_zone;
                end if;
            end if;
            return null;
        end
        $$;

        -- A trigger needs no right to run its function; who creates one does. On
        -- a table of somebody else's, such a function would run that table's
        -- types and casts as the owner of these tables.
        revoke execute on function {home}.vitalfold_zone_offset(text, timestamptz),
            {home}.vitalfold_utc_offset(bigint, timestamptz), {home}.vitalfold_rezone()
        from public;
    $create$, '{home}', home);
end
$migration$;
