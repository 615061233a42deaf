-- What was reported, and nothing about folding. A check is read and planned by
-- every statement that inserts: these are as small as they can be.
create table raw_vitals (
    user_id bigint not null,
    id bigint generated always as identity,
    metric text not null,
    value double precision,
    -- The value is only a bound of what was measured.
    comparator text check (comparator ~ '^[<>]=?$'),
    unit text,
    started_at timestamptz not null check (started_at <@ '[0001-01-01 00:00:00+00, 9999-12-31 00:00:00+00)'::tstzrange),
    -- Null for an instant.
    ended_at timestamptz check (ended_at <@ '[0001-01-01 00:00:00+00, 9999-12-31 00:00:00+00)'::tstzrange),
    -- Minutes east of UTC; null: those of the user's zone, else of the default one.
    utc_offset_minutes smallint,
    source text not null default '',
    source_id text,
    device text,
    note text,
    created_at timestamptz not null default now(),
    primary key (user_id, id)
);
-- Reads the rows of a group.
create index raw_vitals_time on raw_vitals (user_id, started_at);
-- Reads those that reach into it from earlier days.
create index raw_vitals_long on raw_vitals (user_id, started_at) where ended_at - started_at > interval '30 minutes';
-- A row that is sent again is the same row.
create unique index raw_vitals_source_id on raw_vitals (user_id, source, source_id, metric, started_at) where source_id is not null;

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
    -- Null where every sample is a bound; so are the next four where a meter
    -- showed no number.
    "mean" double precision,
    "min" double precision,
    "max" double precision,
    "first" double precision,
    "last" double precision,
    "hours_covered" bigint,
    "days_covered" bigint,
    "sources" jsonb not null,
    "rejected_count" bigint not null,
    algorithm_version integer not null,
    updated_at timestamptz not null default now(),
    below_count bigint not null default 0,
    above_count bigint not null default 0,
    min_comparator text,
    max_comparator text,
    first_comparator text,
    last_comparator text,
    primary key (user_id, period, local_date, period_start, metric, unit)
);
create view vitals_hourly as select * from vitals_aggregates where period = 'hour';
create view vitals_daily as select * from vitals_aggregates where period = 'day';
create view vitals_weekly as select * from vitals_aggregates where period = 'week';
create view vitals_monthly as select * from vitals_aggregates where period = 'month';

do $migration$
declare
    home constant text := (
        select quote_ident(n.nspname) from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.oid = 'raw_vitals'::pg_catalog.regclass
    );
    -- Not `in`: from nine values on that builds a hash table in every statement.
    sleep constant text := $sql$strpos('|sleep|sleep_core|sleep_deep|sleep_rem|sleep_awake|sleep_in_bed'
        '|HKCategoryTypeIdentifierSleepAnalysis|HKCategoryValueSleepAnalysisInBed'
        '|HKCategoryValueSleepAnalysisAsleep|HKCategoryValueSleepAnalysisAsleepUnspecified'
        '|HKCategoryValueSleepAnalysisAsleepCore|HKCategoryValueSleepAnalysisAsleepDeep'
        '|HKCategoryValueSleepAnalysisAsleepREM|HKCategoryValueSleepAnalysisAwake'
        '|93832-4|93831-6|93830-8|93829-0|', '|' || metric || '|') > 0$sql$;
begin
    execute replace(replace($create$
        -- The local days that a row touches: those of its interval, of which 48
        -- hours count; sleep may be of a night that ends on the next day.
        create function {home}.vitalfold_vitals_days(
            metric text, started_at timestamptz, ended_at timestamptz, utc_offset_minutes integer)
        returns table (first_day date, last_day date) language sql stable as $$
            select started::date, greatest(
                    (least(greatest(ended_at, started_at), started_at + interval '48 hours') at time zone 'UTC') + shift,
                    case when {sleep} then started + interval '1 day' end
                )::date
            from (select (started_at at time zone 'UTC') + shift as started, shift
                from (select make_interval(mins => least(greatest(utc_offset_minutes, -840), 840)) as shift) m) s
        $$;

        create function {home}.vitalfold_vitals_inserted() returns trigger
        language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
        begin
            -- Nearly every statement is one person's day: one aggregate is
            -- cheaper than groups. `offset 0`: the offset is found once a row.
            insert into {home}.group_changes (user_id, domain, local_date, kind, rows)
            select min(r.user_id), 'vitals', min(d.first_day), 'insert', count(*)
            from (
                select r.user_id, r.metric, r.started_at, r.ended_at,
                    coalesce(r.utc_offset_minutes, {home}.vitalfold_utc_offset(r.user_id, r.started_at)) as utc_offset_minutes
                from inserted r offset 0
            ) r, {home}.vitalfold_vitals_days(r.metric, r.started_at, r.ended_at, r.utc_offset_minutes) d
            having min(r.user_id) = max(r.user_id) and min(d.first_day) = max(d.last_day);
            if found then
                return null;
            end if;
            insert into {home}.group_changes (user_id, domain, local_date, kind, rows)
            select r.user_id, 'vitals', d.first_day + n, 'insert', count(*) filter (where n = 0)
            from (
                select r.user_id, r.metric, r.started_at, r.ended_at,
                    coalesce(r.utc_offset_minutes, {home}.vitalfold_utc_offset(r.user_id, r.started_at)) as utc_offset_minutes
                from inserted r offset 0
            ) r, {home}.vitalfold_vitals_days(r.metric, r.started_at, r.ended_at, r.utc_offset_minutes) d,
                (values (0), (1), (2)) later (n)
            where n <= d.last_day - d.first_day
            group by r.user_id, d.first_day + n;
            return null;
        end
        $$;

        create function {home}.vitalfold_vitals_updated() returns trigger
        language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
        begin
            -- Whole rows are compared, as images: no column is forgotten, and
            -- every type has one.
            insert into {home}.group_changes (user_id, domain, local_date, kind, rows)
            select r.user_id, 'vitals', d.first_day + n, 'edit', count(*) filter (where n = 0 and r.is_new)
            from deleted o full join inserted i on i.user_id = o.user_id and i.id = o.id,
                lateral (values
                    (o.user_id, o.metric, o.started_at, o.ended_at, o.utc_offset_minutes, false),
                    (i.user_id, i.metric, i.started_at, i.ended_at, i.utc_offset_minutes, true)
                ) r (user_id, metric, started_at, ended_at, utc_offset_minutes, is_new),
                {home}.vitalfold_vitals_days(r.metric, r.started_at, r.ended_at,
                    coalesce(r.utc_offset_minutes, {home}.vitalfold_utc_offset(r.user_id, r.started_at))) d,
                (values (0), (1), (2)) later (n)
            where (o *<> i) is not false and n <= d.last_day - d.first_day
            group by r.user_id, d.first_day + n;
            return null;
        end
        $$;

        create function {home}.vitalfold_vitals_deleted() returns trigger
        language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
        begin
            insert into {home}.group_changes (user_id, domain, local_date, kind, rows)
            select distinct r.user_id, 'vitals', d.first_day + n, 'delete', 0
            from deleted r, {home}.vitalfold_vitals_days(r.metric, r.started_at, r.ended_at,
                coalesce(r.utc_offset_minutes, {home}.vitalfold_utc_offset(r.user_id, r.started_at))) d,
                (values (0), (1), (2)) later (n)
            where n <= d.last_day - d.first_day;
            return null;
        end
        $$;

        create function {home}.vitalfold_vitals_truncated() returns trigger
        language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
        begin
            insert into {home}.group_changes (user_id, domain, local_date, kind, rows)
            select g.user_id, 'vitals', g.local_date, 'delete', 0
            from (
                select a.user_id, a.local_date from {home}.vitals_aggregates a where a.period = 'day'
                union select j.user_id, j.local_date from {home}.rejected_rows j where j.domain = 'vitals'
                union select f.user_id, f.local_date from {home}.failed_groups f where f.domain = 'vitals'
            ) g;
            return null;
        end
        $$;

        -- Of a user; of those who have no zone where none is given.
        create function {home}.vitalfold_vitals_rezone(of_user bigint, before text, after text) returns void
        language sql as $$
            insert into {home}.group_changes (user_id, domain, local_date, kind, rows)
            select r.user_id, 'vitals', d.first_day + n, 'edit', count(*) filter (where n = 0 and z.is_new)
            from {home}.raw_vitals r,
                lateral (values
                    ({home}.vitalfold_zone_offset(before, r.started_at), {home}.vitalfold_zone_offset(after, r.started_at))
                ) o (before, after),
                lateral (values (o.before, false), (o.after, true)) z (utc_offset_minutes, is_new),
                {home}.vitalfold_vitals_days(r.metric, r.started_at, r.ended_at, z.utc_offset_minutes) d,
                (values (0), (1), (2)) later (n)
            where r.utc_offset_minutes is null and o.before <> o.after and n <= d.last_day - d.first_day
                and (r.user_id = of_user
                    or of_user is null and not exists (select from {home}.user_time_zones u where u.user_id = r.user_id))
            group by r.user_id, d.first_day + n
        $$;

        create trigger raw_vitals_inserted after insert on {home}.raw_vitals referencing new table as inserted
            for each statement execute function {home}.vitalfold_vitals_inserted();
        create trigger raw_vitals_updated after update on {home}.raw_vitals referencing old table as deleted new table as inserted
            for each statement execute function {home}.vitalfold_vitals_updated();
        create trigger raw_vitals_deleted after delete on {home}.raw_vitals referencing old table as deleted
            for each statement execute function {home}.vitalfold_vitals_deleted();
        create trigger raw_vitals_truncated after truncate on {home}.raw_vitals
            for each statement execute function {home}.vitalfold_vitals_truncated();
        create trigger raw_vitals_rezoned after insert or update or delete on {home}.user_time_zones
            for each row execute function {home}.vitalfold_rezone('vitals');
        create trigger raw_vitals_rezoned_all before truncate on {home}.user_time_zones
            for each statement execute function {home}.vitalfold_rezone('vitals');
        create trigger raw_vitals_rezoned after update of default_time_zone on {home}.worker_control
            for each row when (old.default_time_zone <> new.default_time_zone)
            execute function {home}.vitalfold_rezone('vitals');

        revoke execute on function {home}.vitalfold_vitals_days(text, timestamptz, timestamptz, integer),
            {home}.vitalfold_vitals_inserted(), {home}.vitalfold_vitals_updated(),
            {home}.vitalfold_vitals_deleted(), {home}.vitalfold_vitals_truncated(),
            {home}.vitalfold_vitals_rezone(bigint, text, text)
        from public;

        -- The day that a row is counted on, and what became of it.
        create view {home}.raw_vitals_states as
        select r.*, l.local_date,
            case when j.row_id is not null then 'rejected'
                when f.user_id is not null then 'failed'
                when exists (
                    select from {home}.group_changes c
                    where c.user_id = r.user_id and c.domain = 'vitals' and c.local_date = l.local_date
                ) then 'pending'
                else 'completed' end as state,
            coalesce(j.reason, f.error) as reason
        from {home}.raw_vitals r
        cross join lateral (
            select ((r.started_at at time zone 'UTC') + make_interval(mins => least(greatest(
                coalesce(r.utc_offset_minutes, (
                    select round(extract(epoch from (r.started_at at time zone z.name) - (r.started_at at time zone 'UTC')) / 60)::integer
                    from (select coalesce(
                        (select u.time_zone from {home}.user_time_zones u where u.user_id = r.user_id),
                        (select w.default_time_zone from {home}.worker_control w)
                    ) as name) z
                )), -840), 840) + case when {sleep} then 360 else 0 end))::date as local_date
        ) l
        left join {home}.rejected_rows j on j.user_id = r.user_id and j.domain = 'vitals'
            and j.local_date = l.local_date and j.row_id = r.id::text
        left join {home}.failed_groups f on f.user_id = r.user_id and f.domain = 'vitals' and f.local_date = l.local_date;
    $create$, '{sleep}', sleep), '{home}', home);
end
$migration$;
