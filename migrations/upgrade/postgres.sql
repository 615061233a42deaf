-- Turns a database of the old shape (its twelve migrations), in which raw rows
-- held their own states, into what the four migrations make; in place, and in one
-- transaction. Every raw row and aggregate stays. What follows the tables in the
-- migrations (functions, triggers, views of states) is then run from their texts.
-- Every row is read, which takes as long as it takes.
set local statement_timeout = 0;

drop trigger raw_vitals_complete on raw_vitals;
drop trigger raw_vitals_edited on raw_vitals;
drop trigger raw_vitals_deleted on raw_vitals;
drop trigger raw_labs_complete on raw_labs;
drop trigger raw_labs_edited on raw_labs;
drop trigger raw_labs_deleted on raw_labs;
drop trigger raw_nutrition_complete on raw_nutrition;
drop trigger raw_nutrition_edited on raw_nutrition;
drop trigger raw_nutrition_deleted on raw_nutrition;
drop function vitalfold_complete_raw_vitals();
drop function vitalfold_complete_raw_labs();
drop function vitalfold_complete_raw_nutrition();
drop function vitalfold_mark_edited();
drop function vitalfold_mark_deleted();
drop function vitalfold_utc_offset(bigint, timestamptz);

create table group_changes (
    user_id bigint not null,
    domain text not null,
    local_date date not null,
    id bigint generated always as identity,
    kind text not null,
    rows integer not null,
    changed_at timestamptz not null default now(),
    primary key (user_id, domain, local_date, id)
)
with (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 50000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 10000,
    autovacuum_vacuum_cost_delay = 0
);
create table failed_groups (
    user_id bigint not null,
    domain text not null,
    local_date date not null,
    state text not null check (state in ('waiting', 'dead')),
    attempts integer not null,
    next_attempt_at timestamptz not null,
    error text not null,
    error_class text not null,
    rows integer not null,
    emptied boolean not null default false,
    since timestamptz not null,
    updated_at timestamptz not null default now(),
    primary key (user_id, domain, local_date)
);
create index failed_groups_due on failed_groups (domain, next_attempt_at) where state = 'waiting';
create table rejected_rows (
    user_id bigint not null,
    domain text not null,
    local_date date not null,
    row_id text not null,
    reason text not null,
    poison boolean not null default false,
    rejected_at timestamptz not null default now(),
    primary key (user_id, domain, local_date, row_id)
);

-- Rows that wait, and failed ones whose group has no failure.
insert into group_changes (user_id, domain, local_date, kind, rows)
select d.user_id, 'vitals', d.first_day + n, 'insert', count(*) filter (where n = 0)
from (
    select r.user_id, ((r.started_at at time zone 'UTC') + make_interval(mins => least(greatest(r.utc_offset_minutes, -840), 840)))::date as first_day,
        greatest(
            ((least(greatest(r.ended_at, r.started_at), r.started_at + interval '48 hours') at time zone 'UTC')
                + make_interval(mins => least(greatest(r.utc_offset_minutes, -840), 840)))::date,
            -- That of a night is the next day.
            r.local_date
        ) as last_day
    from raw_vitals r
    where r.status = 'pending' or (r.status = 'failed' and not exists (
        select from aggregation_groups g
        where g.user_id = r.user_id and g.domain = 'vitals' and g.local_date = r.local_date and g.error is not null
    ))
) d, (values (0), (1), (2)) later (n)
where n <= d.last_day - d.first_day
group by d.user_id, d.first_day + n
order by 1, 3;
-- Marked groups. An edit: whether rows were deleted is not known.
insert into group_changes (user_id, domain, local_date, kind, rows)
select g.user_id, g.domain, g.local_date, 'edit', count(r.id)
from aggregation_groups g
left join raw_vitals r on r.user_id = g.user_id and r.local_date = g.local_date and r.status <> 'pending'
where g.domain = 'vitals' and g.error is null
group by g.user_id, g.domain, g.local_date;
-- `emptied`: an edit or a delete may have been among what was marked.
insert into failed_groups (
    user_id, domain, local_date, state, attempts, next_attempt_at, error, error_class, rows, emptied, since, updated_at
)
select g.user_id, g.domain, g.local_date, case g.state when 'dead' then 'dead' else 'waiting' end, g.attempts,
    g.next_attempt_at, g.error, coalesce(g.error_class, 'data'), count(r.id), true,
    coalesce(min(r.created_at), g.updated_at), g.updated_at
from aggregation_groups g
left join raw_vitals r on r.user_id = g.user_id and r.local_date = g.local_date and r.status = 'failed'
where g.domain = 'vitals' and g.error is not null
group by g.user_id, g.domain, g.local_date;
insert into rejected_rows (user_id, domain, local_date, row_id, reason, poison, rejected_at)
select r.user_id, 'vitals',
    -- An offset that is none counts as the nearest.
    ((r.started_at at time zone 'UTC') + make_interval(mins => least(greatest(r.utc_offset_minutes, -840), 840)))::date
        + (r.local_date - ((r.started_at at time zone 'UTC') + make_interval(mins => r.utc_offset_minutes))::date),
    r.id::text, coalesce(r.error, 'rejected'),
    starts_with(coalesce(r.error, ''), 'poison: '), coalesce(r.aggregated_at, r.created_at)
from raw_vitals r
where r.status = 'rejected';

-- Rows that wait, and failed ones whose group has no failure.
insert into group_changes (user_id, domain, local_date, kind, rows)
select r.user_id, 'labs', ((r.collected_at at time zone 'UTC') + make_interval(mins => least(greatest(r.utc_offset_minutes, -840), 840)))::date, 'insert', count(*)
from raw_labs r
where r.status = 'pending' or (r.status = 'failed' and not exists (
    select from aggregation_groups g
    where g.user_id = r.user_id and g.domain = 'labs' and g.local_date = r.local_date and g.error is not null
))
group by 1, 3
order by 1, 3;
-- Marked groups. An edit: whether rows were deleted is not known.
insert into group_changes (user_id, domain, local_date, kind, rows)
select g.user_id, g.domain, g.local_date, 'edit', count(r.id)
from aggregation_groups g
left join raw_labs r on r.user_id = g.user_id and r.local_date = g.local_date and r.status <> 'pending'
where g.domain = 'labs' and g.error is null
group by g.user_id, g.domain, g.local_date;
-- `emptied`: an edit or a delete may have been among what was marked.
insert into failed_groups (
    user_id, domain, local_date, state, attempts, next_attempt_at, error, error_class, rows, emptied, since, updated_at
)
select g.user_id, g.domain, g.local_date, case g.state when 'dead' then 'dead' else 'waiting' end, g.attempts,
    g.next_attempt_at, g.error, coalesce(g.error_class, 'data'), count(r.id), true,
    coalesce(min(r.created_at), g.updated_at), g.updated_at
from aggregation_groups g
left join raw_labs r on r.user_id = g.user_id and r.local_date = g.local_date and r.status = 'failed'
where g.domain = 'labs' and g.error is not null
group by g.user_id, g.domain, g.local_date;
insert into rejected_rows (user_id, domain, local_date, row_id, reason, poison, rejected_at)
select r.user_id, 'labs',
    -- An offset that is none counts as the nearest.
    ((r.collected_at at time zone 'UTC') + make_interval(mins => least(greatest(r.utc_offset_minutes, -840), 840)))::date
        + (r.local_date - ((r.collected_at at time zone 'UTC') + make_interval(mins => r.utc_offset_minutes))::date),
    r.id::text, coalesce(r.error, 'rejected'),
    starts_with(coalesce(r.error, ''), 'poison: '), coalesce(r.aggregated_at, r.created_at)
from raw_labs r
where r.status = 'rejected';

-- Rows that wait, and failed ones whose group has no failure.
insert into group_changes (user_id, domain, local_date, kind, rows)
select r.user_id, 'nutrition', ((r.eaten_at at time zone 'UTC') + make_interval(mins => least(greatest(r.utc_offset_minutes, -840), 840)))::date, 'insert', count(*)
from raw_nutrition r
where r.status = 'pending' or (r.status = 'failed' and not exists (
    select from aggregation_groups g
    where g.user_id = r.user_id and g.domain = 'nutrition' and g.local_date = r.local_date and g.error is not null
))
group by 1, 3
order by 1, 3;
-- Marked groups. An edit: whether rows were deleted is not known.
insert into group_changes (user_id, domain, local_date, kind, rows)
select g.user_id, g.domain, g.local_date, 'edit', count(r.id)
from aggregation_groups g
left join raw_nutrition r on r.user_id = g.user_id and r.local_date = g.local_date and r.status <> 'pending'
where g.domain = 'nutrition' and g.error is null
group by g.user_id, g.domain, g.local_date;
-- `emptied`: an edit or a delete may have been among what was marked.
insert into failed_groups (
    user_id, domain, local_date, state, attempts, next_attempt_at, error, error_class, rows, emptied, since, updated_at
)
select g.user_id, g.domain, g.local_date, case g.state when 'dead' then 'dead' else 'waiting' end, g.attempts,
    g.next_attempt_at, g.error, coalesce(g.error_class, 'data'), count(r.id), true,
    coalesce(min(r.created_at), g.updated_at), g.updated_at
from aggregation_groups g
left join raw_nutrition r on r.user_id = g.user_id and r.local_date = g.local_date and r.status = 'failed'
where g.domain = 'nutrition' and g.error is not null
group by g.user_id, g.domain, g.local_date;
insert into rejected_rows (user_id, domain, local_date, row_id, reason, poison, rejected_at)
select r.user_id, 'nutrition',
    -- An offset that is none counts as the nearest.
    ((r.eaten_at at time zone 'UTC') + make_interval(mins => least(greatest(r.utc_offset_minutes, -840), 840)))::date
        + (r.local_date - ((r.eaten_at at time zone 'UTC') + make_interval(mins => r.utc_offset_minutes))::date),
    r.id::text, coalesce(r.error, 'rejected'),
    starts_with(coalesce(r.error, ''), 'poison: '), coalesce(r.aggregated_at, r.created_at)
from raw_nutrition r
where r.status = 'rejected';
drop table aggregation_groups;

alter table raw_vitals
    drop column identity,
    drop column local_date,
    drop column status,
    drop column attempts,
    drop column error,
    drop column aggregated_at,
    alter column utc_offset_minutes drop not null,
    alter column ended_at drop not null,
    drop constraint raw_vitals_ended_at_check,
    drop constraint raw_vitals_comparator_check,
    add constraint raw_vitals_ended_at_check
        check (ended_at <@ '[0001-01-01 00:00:00+00, 9999-12-31 00:00:00+00)'::tstzrange),
    add constraint raw_vitals_comparator_check check (comparator ~ '^[<>]=?$'),
    drop constraint raw_vitals_started_at_check,
    add constraint raw_vitals_started_at_check
        check (started_at <@ '[0001-01-01 00:00:00+00, 9999-12-31 00:00:00+00)'::tstzrange);
create index raw_vitals_time on raw_vitals (user_id, started_at);
create index raw_vitals_long on raw_vitals (user_id, started_at) where ended_at - started_at > interval '30 minutes';
create unique index raw_vitals_source_id on raw_vitals (user_id, source, source_id, metric, started_at) where source_id is not null;

alter table raw_labs
    drop column identity,
    drop column local_date,
    drop column status,
    drop column attempts,
    drop column error,
    drop column aggregated_at,
    alter column utc_offset_minutes drop not null,
    drop constraint raw_labs_collected_at_check,
    add constraint raw_labs_collected_at_check
        check (collected_at <@ '[0001-01-01 00:00:00+00, 9999-12-31 00:00:00+00)'::tstzrange);
create index raw_labs_time on raw_labs (user_id, collected_at);
create unique index raw_labs_source_id on raw_labs (user_id, source, source_id, coalesce(code, name), collected_at) where source_id is not null;

alter table raw_nutrition
    drop column identity,
    drop column local_date,
    drop column status,
    drop column attempts,
    drop column error,
    drop column aggregated_at,
    alter column utc_offset_minutes drop not null,
    drop constraint raw_nutrition_eaten_at_check,
    add constraint raw_nutrition_eaten_at_check
        check (eaten_at <@ '[0001-01-01 00:00:00+00, 9999-12-31 00:00:00+00)'::tstzrange);
create index raw_nutrition_time on raw_nutrition (user_id, eaten_at);
create unique index raw_nutrition_source_id on raw_nutrition (user_id, source, source_id, nutrient, eaten_at) where source_id is not null;

-- The names of the rows of resources get the row's time; none where the row is
-- gone.
update resource_versions v set rows = (
    select coalesce(jsonb_agg(jsonb_build_array(
        n.name -> 0, n.name -> 1, n.name -> 2, n.name -> 3,
        to_char(n.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    ) order by n.place), '[]')::text
    from (
        select e.name, e.place, case e.name ->> 0
                when 'vitals' then (
                    select r.started_at from raw_vitals r
                    where r.user_id = (e.name ->> 1)::bigint and r.source = v.source and r.source_id = e.name ->> 2
                        and r.metric = e.name ->> 3
                )
                when 'labs' then (
                    select r.collected_at from raw_labs r
                    where r.user_id = (e.name ->> 1)::bigint and r.source = v.source and r.source_id = e.name ->> 2
                        and coalesce(r.code, r.name) = e.name ->> 3
                )
                when 'nutrition' then (
                    select r.eaten_at from raw_nutrition r
                    where r.user_id = (e.name ->> 1)::bigint and r.source = v.source and r.source_id = e.name ->> 2
                        and r.nutrient = e.name ->> 3
                )
            end as at
        from jsonb_array_elements(v.rows::jsonb) with ordinality as e (name, place)
    ) n
)
where v.rows is not null;

delete from __diesel_schema_migrations;
insert into __diesel_schema_migrations (version)
values ('00000000000001'), ('00000000000002'), ('00000000000003'), ('00000000000004');
