create table raw_nutrition (
    user_id bigint not null,
    id bigint generated always as identity,
    nutrient text not null,
    amount double precision,
    unit text,
    -- Breakfast, lunch, … as the source calls it.
    meal text,
    eaten_at timestamptz not null check (eaten_at <@ '[0001-01-01 00:00:00+00, 9999-12-31 00:00:00+00)'::tstzrange),
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
create index raw_nutrition_time on raw_nutrition (user_id, eaten_at);
-- A row that is sent again is the same row.
create unique index raw_nutrition_source_id on raw_nutrition (user_id, source, source_id, nutrient, eaten_at) where source_id is not null;

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

do $migration$
declare
    home constant text := (
        select quote_ident(n.nspname) from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.oid = 'raw_nutrition'::pg_catalog.regclass
    );
begin
    execute replace($create$
        -- The local day of a row.
        create function {home}.vitalfold_nutrition_day(eaten_at timestamptz, utc_offset_minutes integer) returns date
        language sql stable as $$
            select ((eaten_at at time zone 'UTC') + make_interval(mins => least(greatest(utc_offset_minutes, -840), 840)))::date
        $$;

        create function {home}.vitalfold_nutrition_inserted() returns trigger
        language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
        begin
            -- Nearly every statement is one person's day: one aggregate is
            -- cheaper than groups. `offset 0`: the day is found once a row.
            insert into {home}.group_changes (user_id, domain, local_date, kind, rows)
            select min(d.user_id), 'nutrition', min(d.day), 'insert', count(*)
            from (
                select r.user_id, {home}.vitalfold_nutrition_day(r.eaten_at,
                    coalesce(r.utc_offset_minutes, {home}.vitalfold_utc_offset(r.user_id, r.eaten_at))) as day
                from inserted r offset 0
            ) d
            having min(d.user_id) = max(d.user_id) and min(d.day) = max(d.day);
            if found then
                return null;
            end if;
            insert into {home}.group_changes (user_id, domain, local_date, kind, rows)
            select d.user_id, 'nutrition', d.day, 'insert', count(*)
            from (
                select r.user_id, {home}.vitalfold_nutrition_day(r.eaten_at,
                    coalesce(r.utc_offset_minutes, {home}.vitalfold_utc_offset(r.user_id, r.eaten_at))) as day
                from inserted r offset 0
            ) d
            group by d.user_id, d.day;
            return null;
        end
        $$;

        create function {home}.vitalfold_nutrition_updated() returns trigger
        language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
        begin
            -- Whole rows are compared, as images: no column is forgotten, and
            -- every type has one.
            insert into {home}.group_changes (user_id, domain, local_date, kind, rows)
            select d.user_id, 'nutrition', d.day, 'edit', count(*) filter (where d.is_new)
            from (
                select r.user_id, r.is_new, {home}.vitalfold_nutrition_day(r.eaten_at,
                    coalesce(r.utc_offset_minutes, {home}.vitalfold_utc_offset(r.user_id, r.eaten_at))) as day
                from deleted o full join inserted i on i.user_id = o.user_id and i.id = o.id,
                    lateral (values
                        (o.user_id, o.eaten_at, o.utc_offset_minutes, false),
                        (i.user_id, i.eaten_at, i.utc_offset_minutes, true)
                    ) r (user_id, eaten_at, utc_offset_minutes, is_new)
                where (o *<> i) is not false and r.user_id is not null
            ) d
            group by d.user_id, d.day;
            return null;
        end
        $$;

        create function {home}.vitalfold_nutrition_deleted() returns trigger
        language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
        begin
            insert into {home}.group_changes (user_id, domain, local_date, kind, rows)
            select distinct r.user_id, 'nutrition', {home}.vitalfold_nutrition_day(r.eaten_at,
                coalesce(r.utc_offset_minutes, {home}.vitalfold_utc_offset(r.user_id, r.eaten_at))), 'delete', 0
            from deleted r;
            return null;
        end
        $$;

        create function {home}.vitalfold_nutrition_truncated() returns trigger
        language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
        begin
            insert into {home}.group_changes (user_id, domain, local_date, kind, rows)
            select g.user_id, 'nutrition', g.local_date, 'delete', 0
            from (
                select a.user_id, a.local_date from {home}.nutrition_aggregates a where a.period = 'day'
                union select j.user_id, j.local_date from {home}.rejected_rows j where j.domain = 'nutrition'
                union select f.user_id, f.local_date from {home}.failed_groups f where f.domain = 'nutrition'
            ) g;
            return null;
        end
        $$;

        -- Of a user; of those who have no zone where none is given.
        create function {home}.vitalfold_nutrition_rezone(of_user bigint, before text, after text) returns void
        language sql as $$
            insert into {home}.group_changes (user_id, domain, local_date, kind, rows)
            select d.user_id, 'nutrition', d.day, 'edit', count(*) filter (where d.is_new)
            from (
                select r.user_id, z.is_new, {home}.vitalfold_nutrition_day(r.eaten_at, z.utc_offset_minutes) as day
                from {home}.raw_nutrition r,
                    lateral (values
                        ({home}.vitalfold_zone_offset(before, r.eaten_at), {home}.vitalfold_zone_offset(after, r.eaten_at))
                    ) o (before, after),
                    lateral (values (o.before, false), (o.after, true)) z (utc_offset_minutes, is_new)
                where r.utc_offset_minutes is null and o.before <> o.after
                    and (r.user_id = of_user
                        or of_user is null and not exists (select from {home}.user_time_zones u where u.user_id = r.user_id))
            ) d
            group by d.user_id, d.day
        $$;

        create trigger raw_nutrition_inserted after insert on {home}.raw_nutrition referencing new table as inserted
            for each statement execute function {home}.vitalfold_nutrition_inserted();
        create trigger raw_nutrition_updated after update on {home}.raw_nutrition referencing old table as deleted new table as inserted
            for each statement execute function {home}.vitalfold_nutrition_updated();
        create trigger raw_nutrition_deleted after delete on {home}.raw_nutrition referencing old table as deleted
            for each statement execute function {home}.vitalfold_nutrition_deleted();
        create trigger raw_nutrition_truncated after truncate on {home}.raw_nutrition
            for each statement execute function {home}.vitalfold_nutrition_truncated();
        create trigger raw_nutrition_rezoned after insert or update or delete on {home}.user_time_zones
            for each row execute function {home}.vitalfold_rezone('nutrition');
        create trigger raw_nutrition_rezoned_all before truncate on {home}.user_time_zones
            for each statement execute function {home}.vitalfold_rezone('nutrition');
        create trigger raw_nutrition_rezoned after update of default_time_zone on {home}.worker_control
            for each row when (old.default_time_zone <> new.default_time_zone)
            execute function {home}.vitalfold_rezone('nutrition');

        revoke execute on function {home}.vitalfold_nutrition_day(timestamptz, integer),
            {home}.vitalfold_nutrition_inserted(), {home}.vitalfold_nutrition_updated(),
            {home}.vitalfold_nutrition_deleted(), {home}.vitalfold_nutrition_truncated(),
            {home}.vitalfold_nutrition_rezone(bigint, text, text)
        from public;

        -- The day that a row is counted on, and what became of it.
        create view {home}.raw_nutrition_states as
        select r.*, l.local_date,
            case when j.row_id is not null then 'rejected'
                when f.user_id is not null then 'failed'
                when exists (
                    select from {home}.group_changes c
                    where c.user_id = r.user_id and c.domain = 'nutrition' and c.local_date = l.local_date
                ) then 'pending'
                else 'completed' end as state,
            coalesce(j.reason, f.error) as reason
        from {home}.raw_nutrition r
        cross join lateral (
            select ((r.eaten_at at time zone 'UTC') + make_interval(mins => least(greatest(
                coalesce(r.utc_offset_minutes, (
                    select round(extract(epoch from (r.eaten_at at time zone z.name) - (r.eaten_at at time zone 'UTC')) / 60)::integer
                    from (select coalesce(
                        (select u.time_zone from {home}.user_time_zones u where u.user_id = r.user_id),
                        (select w.default_time_zone from {home}.worker_control w)
                    ) as name) z
                )), -840), 840)))::date as local_date
        ) l
        left join {home}.rejected_rows j on j.user_id = r.user_id and j.domain = 'nutrition'
            and j.local_date = l.local_date and j.row_id = r.id::text
        left join {home}.failed_groups f on f.user_id = r.user_id and f.domain = 'nutrition' and f.local_date = l.local_date;
    $create$, '{home}', home);
end
$migration$;
