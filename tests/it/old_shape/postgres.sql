-- A database of the old shape: what its twelve migrations made, and rows in every
-- state, groups that wait, failed and died, a sealed one.
create table __diesel_schema_migrations (
    version varchar(50) primary key not null,
    run_on timestamp not null default current_timestamp
);
insert into __diesel_schema_migrations (version) select lpad(n::text, 14, '0') from generate_series(1, 12) n;

-- 1 core
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
    activity text not null
);

-- A row exists only while a group must be folded again (due) or has used up
-- its attempts (dead).
create table aggregation_groups (
    user_id bigint not null,
    domain text not null,
    local_date date not null,
    state text not null default 'due' check (state in ('due', 'dead')),
    -- Rises with every mark. Begins at the clock's microseconds, so that a mark
    -- set after another was deleted is never taken for it.
    version bigint not null default (extract(epoch from now()) * 1000000)::bigint,
    attempts integer not null default 0,
    next_attempt_at timestamptz not null default now(),
    error text,
    error_class text,
    updated_at timestamptz not null default now(),
    primary key (user_id, domain, local_date)
);
create index aggregation_groups_due on aggregation_groups (domain, next_attempt_at) where state = 'due';

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

-- Minutes east of UTC at an instant, in the user's zone, else the default one.
create function vitalfold_utc_offset(p_user_id bigint, p_at timestamptz) returns smallint
language sql stable as $$
    select (extract(epoch from (p_at at time zone zone.name) - (p_at at time zone 'UTC')) / 60)::smallint
    from (
        select coalesce(
            (select time_zone from user_time_zones where user_id = p_user_id),
            (select default_time_zone from worker_control)
        ) as name
    ) as zone
$$;

-- Marks the group of an edited raw row, where it was and where it is now. A
-- waiting retry keeps its time; a dead group gets a new chance.
create function vitalfold_mark_edited() returns trigger
language plpgsql security definer set search_path from current as $$
begin
    insert into aggregation_groups as g (user_id, domain, local_date)
    select distinct k.user_id, tg_argv[0], k.local_date
    from (values (old.user_id, old.local_date), (new.user_id, new.local_date)) as k (user_id, local_date)
    order by k.user_id, k.local_date
    on conflict (user_id, domain, local_date) do update set
        version = greatest(g.version + 1, excluded.version),
        state = 'due',
        attempts = case g.state when 'dead' then 0 else g.attempts end,
        next_attempt_at = case g.state when 'dead' then excluded.next_attempt_at else g.next_attempt_at end,
        updated_at = excluded.updated_at;
    return null;
end
$$;

-- Marks the groups of deleted raw rows, once per statement and group.
create function vitalfold_mark_deleted() returns trigger
language plpgsql security definer set search_path from current as $$
begin
    insert into aggregation_groups as g (user_id, domain, local_date)
    select distinct deleted.user_id, tg_argv[0], deleted.local_date
    from deleted
    order by deleted.user_id, deleted.local_date
    on conflict (user_id, domain, local_date) do update set
        version = greatest(g.version + 1, excluded.version),
        state = 'due',
        attempts = case g.state when 'dead' then 0 else g.attempts end,
        next_attempt_at = case g.state when 'dead' then excluded.next_attempt_at else g.next_attempt_at end,
        updated_at = excluded.updated_at;
    return null;
end
$$;
-- 2 vitals
create table raw_vitals (
    user_id bigint not null,
    id bigint generated always as identity,
    metric text not null,
    value double precision,
    unit text,
    started_at timestamptz not null,
    ended_at timestamptz not null,
    -- Minutes east of UTC; derived from the user's zone when not given.
    utc_offset_minutes smallint not null,
    -- The calendar day where the person was; sleep from 18:00 on counts to the next.
    local_date date not null generated always as ((((started_at at time zone 'UTC') + make_interval(mins => utc_offset_minutes + case when metric in (
        'sleep', 'sleep_core', 'sleep_deep', 'sleep_rem', 'sleep_awake', 'sleep_in_bed',
        'HKCategoryTypeIdentifierSleepAnalysis', 'HKCategoryValueSleepAnalysisInBed',
        'HKCategoryValueSleepAnalysisAsleep', 'HKCategoryValueSleepAnalysisAsleepUnspecified',
        'HKCategoryValueSleepAnalysisAsleepCore', 'HKCategoryValueSleepAnalysisAsleepDeep',
        'HKCategoryValueSleepAnalysisAsleepREM', 'HKCategoryValueSleepAnalysisAwake',
        '93832-4', '93831-6', '93830-8', '93829-0'
    ) then 360 else 0 end))::date)) stored,
    source text not null default '',
    source_id text,
    device text,
    note text,
    -- What makes a re-sent row the same row. It begins with the time where
    -- that is part of it: a day's rows are neighbours in the index.
    identity uuid not null generated always as ((
        case when source_id is null then
            encode(timestamptz_send(started_at), 'hex') || left(md5(
                quote_nullable(metric)
                || coalesce(encode(float8send(value), 'hex'), 'NULL')
                || quote_nullable(unit)
                || encode(timestamptz_send(ended_at), 'hex')
                || quote_nullable(source)
                || quote_nullable(device)
                || quote_nullable(note)
            ), 16)
        else
            md5('id' || quote_nullable(source) || quote_nullable(source_id) || quote_nullable(metric))
        end
    )::uuid) stored,
    status text not null default 'pending' check (status in ('pending', 'completed', 'failed', 'rejected')),
    attempts integer not null default 0,
    error text,
    created_at timestamptz not null default now(),
    aggregated_at timestamptz,
    check (started_at >= '0001-01-01 00:00:00+00' and started_at < '9999-12-31 00:00:00+00'),
    check (ended_at >= '0001-01-01 00:00:00+00' and ended_at < '9999-12-31 00:00:00+00'),
    primary key (user_id, id)
);
-- Finds a re-sent row. Without the date: a row sent again from another time
-- zone is still the same row.
create unique index raw_vitals_identity on raw_vitals (user_id, identity);
create index raw_vitals_group on raw_vitals (user_id, local_date);
create index raw_vitals_pending on raw_vitals (user_id, local_date) where status = 'pending';
create index raw_vitals_refused on raw_vitals (user_id, local_date) where status in ('failed', 'rejected');

create function vitalfold_complete_raw_vitals() returns trigger
language plpgsql security definer set search_path from current as $$
begin
    new.ended_at := coalesce(new.ended_at, new.started_at);
    new.utc_offset_minutes := coalesce(new.utc_offset_minutes, vitalfold_utc_offset(new.user_id, new.started_at));
    return new;
end
$$;
create trigger raw_vitals_complete before insert on raw_vitals
    for each row when (new.utc_offset_minutes is null or new.ended_at is null) execute function vitalfold_complete_raw_vitals();
create trigger raw_vitals_edited after update of metric, value, unit, started_at, ended_at, source, device, note, source_id, utc_offset_minutes, user_id on raw_vitals
    for each row when ((old.metric, old.value, old.unit, old.started_at, old.ended_at, old.source, old.device, old.note, old.source_id, old.utc_offset_minutes, old.user_id) is distinct from (new.metric, new.value, new.unit, new.started_at, new.ended_at, new.source, new.device, new.note, new.source_id, new.utc_offset_minutes, new.user_id))
    execute function vitalfold_mark_edited('vitals');
create trigger raw_vitals_deleted after delete on raw_vitals
    referencing old table as deleted
    for each statement execute function vitalfold_mark_deleted('vitals');

create table vitals_aggregates (
    user_id bigint not null,
    period text not null,
    local_date date not null,
    period_start timestamptz not null,
    metric text not null,
    unit text not null,
    "count" bigint not null,
    "total" double precision,
    "value_sum" double precision not null,
    "mean" double precision not null,
    "min" double precision not null,
    "max" double precision not null,
    "first" double precision not null,
    "last" double precision not null,
    "hours_covered" bigint,
    "days_covered" bigint,
    "sources" jsonb not null,
    "rejected_count" bigint not null,
    algorithm_version integer not null,
    updated_at timestamptz not null default now(),
    primary key (user_id, period, local_date, period_start, metric, unit)
);
create view vitals_hourly as select * from vitals_aggregates where period = 'hour';
create view vitals_daily as select * from vitals_aggregates where period = 'day';
create view vitals_weekly as select * from vitals_aggregates where period = 'week';
create view vitals_monthly as select * from vitals_aggregates where period = 'month';
-- 3 labs
create table raw_labs (
    user_id bigint not null,
    id bigint generated always as identity,
    code text,
    name text not null,
    category text,
    value text,
    unit text,
    reference_range text,
    interpretation text,
    collected_at timestamptz not null,
    -- Minutes east of UTC; derived from the user's zone when not given.
    utc_offset_minutes smallint not null,
    -- The calendar day where the person was.
    local_date date not null generated always as ((((collected_at at time zone 'UTC') + make_interval(mins => utc_offset_minutes))::date)) stored,
    source text not null default '',
    source_id text,
    device text,
    note text,
    -- What makes a re-sent row the same row. It begins with the time where
    -- that is part of it: a day's rows are neighbours in the index.
    identity uuid not null generated always as ((
        case when source_id is null then
            encode(timestamptz_send(collected_at), 'hex') || left(md5(
                quote_nullable(code)
                || quote_nullable(name)
                || quote_nullable(category)
                || quote_nullable(value)
                || quote_nullable(unit)
                || quote_nullable(reference_range)
                || quote_nullable(interpretation)
                || quote_nullable(source)
                || quote_nullable(device)
                || quote_nullable(note)
            ), 16)
        else
            md5('id' || quote_nullable(source) || quote_nullable(source_id) || quote_nullable(coalesce(code, name)))
        end
    )::uuid) stored,
    status text not null default 'pending' check (status in ('pending', 'completed', 'failed', 'rejected')),
    attempts integer not null default 0,
    error text,
    created_at timestamptz not null default now(),
    aggregated_at timestamptz,
    check (collected_at >= '0001-01-01 00:00:00+00' and collected_at < '9999-12-31 00:00:00+00'),
    primary key (user_id, id)
);
-- Finds a re-sent row. Without the date: a row sent again from another time
-- zone is still the same row.
create unique index raw_labs_identity on raw_labs (user_id, identity);
create index raw_labs_group on raw_labs (user_id, local_date);
create index raw_labs_pending on raw_labs (user_id, local_date) where status = 'pending';
create index raw_labs_refused on raw_labs (user_id, local_date) where status in ('failed', 'rejected');

create function vitalfold_complete_raw_labs() returns trigger
language plpgsql security definer set search_path from current as $$
begin
    new.utc_offset_minutes := coalesce(new.utc_offset_minutes, vitalfold_utc_offset(new.user_id, new.collected_at));
    return new;
end
$$;
create trigger raw_labs_complete before insert on raw_labs
    for each row when (new.utc_offset_minutes is null) execute function vitalfold_complete_raw_labs();
create trigger raw_labs_edited after update of code, name, category, value, unit, reference_range, interpretation, collected_at, source, device, note, source_id, utc_offset_minutes, user_id on raw_labs
    for each row when ((old.code, old.name, old.category, old.value, old.unit, old.reference_range, old.interpretation, old.collected_at, old.source, old.device, old.note, old.source_id, old.utc_offset_minutes, old.user_id) is distinct from (new.code, new.name, new.category, new.value, new.unit, new.reference_range, new.interpretation, new.collected_at, new.source, new.device, new.note, new.source_id, new.utc_offset_minutes, new.user_id))
    execute function vitalfold_mark_edited('labs');
create trigger raw_labs_deleted after delete on raw_labs
    referencing old table as deleted
    for each statement execute function vitalfold_mark_deleted('labs');

create table lab_aggregates (
    user_id bigint not null,
    period text not null,
    local_date date not null,
    period_start timestamptz not null,
    analyte text not null,
    unit text not null,
    "code" text,
    "name" text not null,
    "count" bigint not null,
    "numeric_count" bigint not null,
    "below_count" bigint not null,
    "above_count" bigint not null,
    "value_sum" double precision,
    "mean" double precision,
    "min" double precision,
    "max" double precision,
    "first" double precision,
    "last" double precision,
    "first_text" text not null,
    "last_text" text not null,
    "text_values" jsonb not null,
    "reference_low" double precision,
    "reference_high" double precision,
    "flag" text not null,
    "worst_flag" text not null,
    "days_covered" bigint,
    "sources" jsonb not null,
    "rejected_count" bigint not null,
    algorithm_version integer not null,
    updated_at timestamptz not null default now(),
    primary key (user_id, period, local_date, period_start, analyte, unit)
);
create view labs_daily as select * from lab_aggregates where period = 'day';
create view labs_monthly as select * from lab_aggregates where period = 'month';
create view labs_quarterly as select * from lab_aggregates where period = 'quarter';
create view labs_yearly as select * from lab_aggregates where period = 'year';
-- 4 nutrition
create table raw_nutrition (
    user_id bigint not null,
    id bigint generated always as identity,
    nutrient text not null,
    amount double precision,
    unit text,
    -- Breakfast, lunch, … as the source calls it.
    meal text,
    eaten_at timestamptz not null,
    -- Minutes east of UTC; derived from the user's zone when not given.
    utc_offset_minutes smallint not null,
    -- The calendar day where the person was.
    local_date date not null generated always as ((((eaten_at at time zone 'UTC') + make_interval(mins => utc_offset_minutes))::date)) stored,
    source text not null default '',
    source_id text,
    device text,
    note text,
    -- What makes a re-sent row the same row. It begins with the time where
    -- that is part of it: a day's rows are neighbours in the index.
    identity uuid not null generated always as ((
        case when source_id is null then
            encode(timestamptz_send(eaten_at), 'hex') || left(md5(
                quote_nullable(nutrient)
                || coalesce(encode(float8send(amount), 'hex'), 'NULL')
                || quote_nullable(unit)
                || quote_nullable(meal)
                || quote_nullable(source)
                || quote_nullable(device)
                || quote_nullable(note)
            ), 16)
        else
            md5('id' || quote_nullable(source) || quote_nullable(source_id) || quote_nullable(nutrient))
        end
    )::uuid) stored,
    status text not null default 'pending' check (status in ('pending', 'completed', 'failed', 'rejected')),
    attempts integer not null default 0,
    error text,
    created_at timestamptz not null default now(),
    aggregated_at timestamptz,
    check (eaten_at >= '0001-01-01 00:00:00+00' and eaten_at < '9999-12-31 00:00:00+00'),
    primary key (user_id, id)
);
-- Finds a re-sent row. Without the date: a row sent again from another time
-- zone is still the same row.
create unique index raw_nutrition_identity on raw_nutrition (user_id, identity);
create index raw_nutrition_group on raw_nutrition (user_id, local_date);
create index raw_nutrition_pending on raw_nutrition (user_id, local_date) where status = 'pending';
create index raw_nutrition_refused on raw_nutrition (user_id, local_date) where status in ('failed', 'rejected');

create function vitalfold_complete_raw_nutrition() returns trigger
language plpgsql security definer set search_path from current as $$
begin
    new.utc_offset_minutes := coalesce(new.utc_offset_minutes, vitalfold_utc_offset(new.user_id, new.eaten_at));
    return new;
end
$$;
create trigger raw_nutrition_complete before insert on raw_nutrition
    for each row when (new.utc_offset_minutes is null) execute function vitalfold_complete_raw_nutrition();
create trigger raw_nutrition_edited after update of nutrient, amount, unit, meal, eaten_at, source, device, note, source_id, utc_offset_minutes, user_id on raw_nutrition
    for each row when ((old.nutrient, old.amount, old.unit, old.meal, old.eaten_at, old.source, old.device, old.note, old.source_id, old.utc_offset_minutes, old.user_id) is distinct from (new.nutrient, new.amount, new.unit, new.meal, new.eaten_at, new.source, new.device, new.note, new.source_id, new.utc_offset_minutes, new.user_id))
    execute function vitalfold_mark_edited('nutrition');
create trigger raw_nutrition_deleted after delete on raw_nutrition
    referencing old table as deleted
    for each statement execute function vitalfold_mark_deleted('nutrition');

create table nutrition_aggregates (
    user_id bigint not null,
    period text not null,
    local_date date not null,
    period_start timestamptz not null,
    nutrient text not null,
    unit text not null,
    "count" bigint not null,
    "total" double precision not null,
    "value_sum" double precision not null,
    "mean" double precision not null,
    "min" double precision not null,
    "max" double precision not null,
    "first" double precision not null,
    "last" double precision not null,
    "meals" jsonb not null,
    "days_covered" bigint,
    "sources" jsonb not null,
    "rejected_count" bigint not null,
    algorithm_version integer not null,
    updated_at timestamptz not null default now(),
    primary key (user_id, period, local_date, period_start, nutrient, unit)
);
create view nutrition_daily as select * from nutrition_aggregates where period = 'day';
create view nutrition_weekly as select * from nutrition_aggregates where period = 'week';
create view nutrition_monthly as select * from nutrition_aggregates where period = 'month';
-- 5 survival
-- The groups that each worker folds now: after an unclean end, the suspects.
alter table worker_heartbeats add column folding jsonb not null default '[]';

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
-- 6 retention
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
-- 7 fences
-- A function that runs with its owner's rights finds nothing by a name that
-- whoever calls it could put in front: the path is fixed, `pg_temp` is its end,
-- and every table, function and operator is that of a named schema.
do $migration$
declare
    -- Where the tables are. Only what the owner sees now counts.
    home constant name := (
        select n.nspname from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.oid = 'aggregation_groups'::pg_catalog.regclass
    );
    domain record;
begin
    execute format($create$
        create or replace function %1$I.vitalfold_utc_offset(p_user_id bigint, p_at timestamptz) returns smallint
        language sql stable set search_path = pg_catalog, pg_temp as $$
            select (extract(epoch from (p_at at time zone zone.name) - (p_at at time zone 'UTC')) / 60)::smallint
            from (
                select coalesce(
                    (select z.time_zone from %1$I.user_time_zones z where z.user_id = p_user_id),
                    (select c.default_time_zone from %1$I.worker_control c)
                ) as name
            ) as zone
        $$
    $create$, home);
    execute format($create$
        create or replace function %1$I.vitalfold_mark_edited() returns trigger
        language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
        begin
            insert into %1$I.aggregation_groups as g (user_id, domain, local_date)
            select distinct k.user_id, tg_argv[0], k.local_date
            from (values (old.user_id, old.local_date), (new.user_id, new.local_date)) as k (user_id, local_date)
            order by k.user_id, k.local_date
            on conflict (user_id, domain, local_date) do update set
                version = greatest(g.version + 1, excluded.version),
                state = 'due',
                attempts = case g.state when 'dead' then 0 else g.attempts end,
                next_attempt_at = case g.state when 'dead' then excluded.next_attempt_at else g.next_attempt_at end,
                updated_at = excluded.updated_at;
            return null;
        end
        $$
    $create$, home);
    execute format($create$
        create or replace function %1$I.vitalfold_mark_deleted() returns trigger
        language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
        begin
            -- `deleted` is the trigger's transition table, which comes before
            -- any other of that name.
            insert into %1$I.aggregation_groups as g (user_id, domain, local_date)
            select distinct deleted.user_id, tg_argv[0], deleted.local_date
            from deleted
            order by deleted.user_id, deleted.local_date
            on conflict (user_id, domain, local_date) do update set
                version = greatest(g.version + 1, excluded.version),
                state = 'due',
                attempts = case g.state when 'dead' then 0 else g.attempts end,
                next_attempt_at = case g.state when 'dead' then excluded.next_attempt_at else g.next_attempt_at end,
                updated_at = excluded.updated_at;
            return null;
        end
        $$
    $create$, home);
    execute format($create$
        create or replace function %1$I.vitalfold_complete_raw_vitals() returns trigger
        language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
        begin
            new.ended_at := coalesce(new.ended_at, new.started_at);
            new.utc_offset_minutes := coalesce(new.utc_offset_minutes, %1$I.vitalfold_utc_offset(new.user_id, new.started_at));
            return new;
        end
        $$
    $create$, home);
    for domain in
        select * from (values ('raw_labs', 'collected_at'), ('raw_nutrition', 'eaten_at')) as d (raw, instant)
    loop
        execute format($create$
            create or replace function %1$I.%2$I() returns trigger
            language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
            begin
                new.utc_offset_minutes := coalesce(new.utc_offset_minutes, %1$I.vitalfold_utc_offset(new.user_id, new.%3$I));
                return new;
            end
            $$
        $create$, home, 'vitalfold_complete_' || domain.raw, domain.instant);
    end loop;
    -- A trigger needs no right to run its function; who creates one does. On a
    -- table of somebody else's, such a function would run that table's types
    -- and casts as the owner of these tables.
    execute format($revoke$
        revoke execute on function %1$I.vitalfold_utc_offset(bigint, timestamptz),
            %1$I.vitalfold_mark_edited(), %1$I.vitalfold_mark_deleted(),
            %1$I.vitalfold_complete_raw_vitals(), %1$I.vitalfold_complete_raw_labs(),
            %1$I.vitalfold_complete_raw_nutrition()
        from public
    $revoke$, home);
end
$migration$;
-- 8 resource_versions
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
    -- JSON: domain, user, source_id and key of each row; null where nothing
    -- was seen yet.
    rows text,
    primary key (resource, scope, source)
);
-- 9 comparators
-- Values of which only a bound is known: `<40`, or `HI` where a meter has no
-- number to show.
-- Every row is rewritten, which takes as long as it takes.
set local statement_timeout = 0;
drop trigger raw_vitals_edited on raw_vitals;
-- In one statement, so that the table is rewritten once: a generated column
-- cannot take another expression. Rows without a comparator keep their identity.
alter table raw_vitals
    add column comparator text check (comparator in ('<', '<=', '>', '>=')),
    drop column identity,
    -- What makes a re-sent row the same row. It begins with the time where
    -- that is part of it: a day's rows are neighbours in the index.
    add column identity uuid not null generated always as ((
        case when source_id is null then
            encode(timestamptz_send(started_at), 'hex') || left(md5(
                quote_nullable(metric)
                || coalesce(encode(float8send(value), 'hex'), 'NULL')
                || quote_nullable(unit)
                || encode(timestamptz_send(ended_at), 'hex')
                || quote_nullable(source)
                || quote_nullable(device)
                || quote_nullable(note)
                || coalesce('c' || quote_literal(comparator), '')
            ), 16)
        else
            md5('id' || quote_nullable(source) || quote_nullable(source_id) || quote_nullable(metric))
        end
    )::uuid) stored;
create unique index raw_vitals_identity on raw_vitals (user_id, identity);
create trigger raw_vitals_edited after update of metric, value, comparator, unit, started_at, ended_at, source, device, note, source_id, utc_offset_minutes, user_id on raw_vitals
    for each row when ((old.metric, old.value, old.comparator, old.unit, old.started_at, old.ended_at, old.source, old.device, old.note, old.source_id, old.utc_offset_minutes, old.user_id) is distinct from (new.metric, new.value, new.comparator, new.unit, new.started_at, new.ended_at, new.source, new.device, new.note, new.source_id, new.utc_offset_minutes, new.user_id))
    execute function vitalfold_mark_edited('vitals');

-- Where every sample is a bound there is no mean, and where a meter shows no
-- number there is no least, greatest, first or last one.
alter table vitals_aggregates
    alter column "mean" drop not null,
    alter column "min" drop not null,
    alter column "max" drop not null,
    alter column "first" drop not null,
    alter column "last" drop not null,
    add column below_count bigint not null default 0,
    add column above_count bigint not null default 0,
    add column min_comparator text,
    add column max_comparator text,
    add column first_comparator text,
    add column last_comparator text;
-- Replaced, so that grants on them stay.
create or replace view vitals_hourly as select * from vitals_aggregates where period = 'hour';
create or replace view vitals_daily as select * from vitals_aggregates where period = 'day';
create or replace view vitals_weekly as select * from vitals_aggregates where period = 'week';
create or replace view vitals_monthly as select * from vitals_aggregates where period = 'month';
-- 10 retention_runs
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
-- 11 no_results
-- Specimens that gave no result: counted apart from results.
alter table lab_aggregates add column no_result_count bigint not null default 0;
-- Replaced, so that grants on them stay.
create or replace view labs_daily as select * from lab_aggregates where period = 'day';
create or replace view labs_monthly as select * from lab_aggregates where period = 'month';
create or replace view labs_quarterly as select * from lab_aggregates where period = 'quarter';
create or replace view labs_yearly as select * from lab_aggregates where period = 'year';
-- 12 file_commits
-- A server keeps its own log: there is nothing to count here.
select 1;

-- What was in it.
insert into user_time_zones values (1, 'Europe/Berlin');
insert into patient_users values ('p1', 2);
update worker_control set paused = true, paused_at = '2026-01-06 10:00:00+00', default_time_zone = 'Europe/Vienna';
insert into worker_heartbeats values ('w1', 'worker', '2026-01-06 10:00+00', '2026-01-06 10:00+00', 'idle', '[]');
insert into raw_vitals (user_id, metric, value, comparator, unit, started_at, ended_at, utc_offset_minutes, source, source_id, status, attempts, error, aggregated_at, created_at) values
    (1, 'steps', 100, null, 'count', '2026-01-05 08:00+00', '2026-01-05 08:10+00', 60, 'Watch', 's1', 'completed', 0, null, '2026-01-06 10:00+00', '2026-01-05 09:00+00'),
    (1, 'heart_rate', 40, '<', '/min', '2026-01-05 08:00+00', '2026-01-05 08:00+00', 60, 'Watch', null, 'completed', 0, null, '2026-01-06 10:00+00', '2026-01-05 09:00+00'),
    (1, 'nonsense', 1, null, null, '2026-01-05 08:00+00', '2026-01-05 08:00+00', 60, 'Watch', null, 'rejected', 0, 'unknown metric', '2026-01-06 10:00+00', '2026-01-05 09:00+00'),
    (1, 'steps', 3, null, 'count', '2026-01-06 08:00+00', '2026-01-06 08:00+00', 60, 'Watch', null, 'rejected', 1, 'poison: out of range', '2026-01-06 10:00+00', '2026-01-05 09:00+00'),
    -- Across midnight; a night; an evening's sleep.
    (1, 'steps', 50, null, 'count', '2026-01-07 22:50+00', '2026-01-07 23:10+00', 60, 'Watch', null, 'pending', 0, null, null, '2026-01-06 09:00+00'),
    (1, 'sleep', 1, null, null, '2026-01-08 21:00+00', '2026-01-09 05:00+00', 60, 'Watch', null, 'pending', 0, null, null, '2026-01-06 09:00+00'),
    (1, 'sleep', 1, null, null, '2026-01-10 19:00+00', '2026-01-10 20:00+00', 60, 'Watch', null, 'rejected', 0, 'overlong', '2026-01-06 10:00+00', '2026-01-06 09:00+00'),
    -- An offset that is none; a failed row whose group has no failure.
    (2, 'steps', 5, null, 'count', '2026-01-05 12:00+00', '2026-01-05 12:00+00', 9000, '', null, 'rejected', 0, 'offset', '2026-01-06 10:00+00', '2026-01-06 09:00+00'),
    (2, 'steps', 5, null, 'count', '2026-01-08 12:00+00', '2026-01-08 12:00+00', 0, '', null, 'failed', 1, 'gone', null, '2026-01-06 09:00+00');
insert into raw_labs (user_id, name, code, value, unit, collected_at, utc_offset_minutes, source, source_id, status, attempts, error, created_at) values
    (3, 'Sodium', '2951-2', '140', 'mmol/L', '2026-01-05 23:30+00', 60, 'Lab', 'o1', 'failed', 1, 'division by zero', '2026-01-05 23:40+00'),
    (3, 'Sodium', '2951-2', '141', 'mmol/L', '2026-01-06 09:30+00', 60, 'Lab', 'o2', 'failed', 1, 'division by zero', '2026-01-06 09:40+00'),
    (3, 'Sodium', '2951-2', '142', 'mmol/L', '2026-01-06 10:30+00', 60, 'Lab', null, 'pending', 0, null, '2026-01-06 10:40+00'),
    (1, 'Potassium', null, '4', 'mmol/L', '2026-01-05 09:30+00', 60, 'Lab', 'o3', 'completed', 0, null, '2026-01-06 09:40+00');
insert into raw_nutrition (user_id, nutrient, amount, unit, meal, eaten_at, utc_offset_minutes, status, attempts, error, created_at) values
    (4, 'Protein', 20, 'g', 'Lunch', '2026-01-05 11:00+00', 60, 'failed', 5, 'too much', '2026-01-05 12:00+00'),
    (4, 'Protein', 30, 'g', null, '2026-01-06 11:00+00', 60, 'completed', 0, null, '2026-01-06 12:00+00');
insert into aggregation_groups (user_id, domain, local_date, state, version, attempts, next_attempt_at, error, error_class, updated_at) values
    (3, 'labs', '2026-01-06', 'due', 1, 1, '2099-01-01 00:00+00', 'division by zero', 'data', '2026-01-06 10:00+00'),
    (4, 'nutrition', '2026-01-05', 'dead', 1, 5, '2026-01-06 10:00+00', 'too much', 'panic', '2026-01-06 10:00+00'),
    (1, 'vitals', '2026-01-06', 'due', 1, 0, '2026-01-07 08:00+00', null, null, '2026-01-07 08:00+00'),
    (1, 'labs', '2026-01-04', 'due', 1, 0, '2026-01-07 08:00+00', null, null, '2026-01-07 08:00+00');
insert into vitals_aggregates (user_id, period, local_date, period_start, metric, unit, "count", total, value_sum, mean, min, max, first, last, hours_covered, days_covered, sources, rejected_count, algorithm_version, updated_at, below_count) values
    (1, 'day', '2026-01-05', '2026-01-05 00:00+00', 'steps', 'count', 1, 100, 100, 100, 100, 100, 100, 100, 1, null, '["Watch"]', 0, 1, '2026-01-06 10:00+00', 0),
    (1, 'day', '2026-01-05', '2026-01-05 00:00+00', 'heart_rate', '/min', 1, null, 0, null, null, null, null, null, 1, null, '["Watch"]', 0, 1, '2026-01-06 10:00+00', 1);
insert into lab_aggregates (user_id, period, local_date, period_start, analyte, unit, name, "count", numeric_count, below_count, above_count, value_sum, mean, min, max, first, last, first_text, last_text, text_values, flag, worst_flag, sources, rejected_count, algorithm_version, updated_at, no_result_count) values
    (1, 'day', '2026-01-05', '2026-01-05 00:00+00', 'Potassium', 'mmol/L', 'Potassium', 1, 1, 0, 0, 4, 4, 4, 4, 4, 4, '4', '4', '{}', 'normal', 'normal', '["Lab"]', 0, 1, '2026-01-06 10:00+00', 0);
insert into nutrition_aggregates (user_id, period, local_date, period_start, nutrient, unit, "count", total, value_sum, mean, min, max, first, last, meals, sources, rejected_count, algorithm_version, updated_at) values
    (4, 'day', '2026-01-06', '2026-01-06 00:00+00', 'Protein', 'g', 1, 30, 30, 30, 30, 30, 30, 30, '{}', '[""]', 0, 1, '2026-01-06 12:00+00');
insert into sealed_groups values (1, 'vitals', '2025-01-01', '2026-01-06 10:00+00', 7);
insert into retention_runs (domain, ran_at) values ('vitals', '2026-01-06 10:00+00');
insert into aggregation_errors (user_id, domain, local_date, failed_at, attempts, error_class, error, worker) values
    (3, 'labs', '2026-01-06', '2026-01-06 10:00+00', 1, 'data', 'division by zero', 'w1');
insert into aggregation_batches values ('00000000-0000-0000-0000-000000000001', 'w1', 'vitals', '2026-01-06 10:00+00', 5, 1, 1, 0, 1, 0, 0, '{}', '{}');
insert into resource_versions (resource, scope, source, version, rows) values
    ('Observation/o2', 0, 'Lab', 1, '[["labs",3,"o2","2951-2"],["labs",3,"gone","2951-2"]]'),
    ('Observation/o9', 0, 'Lab', 1, '[]'),
    ('Observation/o8', 0, 'Lab', 1, null);
