create table raw_nutrition (
    id integer primary key autoincrement,
    user_id integer not null,
    nutrient text not null,
    amount real,
    unit text,
    -- Breakfast, lunch, … as the source calls it.
    meal text,
    eaten_at text not null,
    -- Minutes east of UTC. SQLite knows no time zones: it must be given.
    utc_offset_minutes integer not null,
    -- The calendar day where the person was.
    local_date text not null generated always as (date(eaten_at, utc_offset_minutes || ' minutes')) stored,
    source text not null default '',
    source_id text,
    device text,
    note text,
    status text not null default 'pending' check (status in ('pending', 'completed', 'failed', 'rejected')),
    attempts integer not null default 0,
    error text,
    created_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    aggregated_at text,
    check (eaten_at glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]+00:00')
);
-- Find a re-sent row. Without the date: a row sent again from another time
-- zone is still the same row.
create unique index raw_nutrition_identity on raw_nutrition (
    user_id, nutrient, coalesce(amount, ''), coalesce(unit, ''), coalesce(meal, ''), eaten_at, source, coalesce(device, ''), coalesce(note, '')
) where source_id is null;
create unique index raw_nutrition_source_id on raw_nutrition (user_id, source, source_id, (nutrient)) where source_id is not null;
create index raw_nutrition_group on raw_nutrition (user_id, local_date);
create index raw_nutrition_pending on raw_nutrition (user_id, local_date) where status = 'pending';
create index raw_nutrition_refused on raw_nutrition (user_id, local_date) where status in ('failed', 'rejected');

create trigger raw_nutrition_edited after update of nutrient, amount, unit, meal, eaten_at, source, device, note, source_id, utc_offset_minutes, user_id on raw_nutrition
when old.nutrient is not new.nutrient or old.amount is not new.amount or old.unit is not new.unit or old.meal is not new.meal or old.eaten_at is not new.eaten_at or old.source is not new.source or old.device is not new.device or old.note is not new.note or old.source_id is not new.source_id or old.utc_offset_minutes is not new.utc_offset_minutes or old.user_id is not new.user_id
begin
    insert into aggregation_groups (user_id, domain, local_date)
    select user_id, domain, local_date from (
        select old.user_id as user_id, 'nutrition' as domain, old.local_date as local_date
        union select new.user_id, 'nutrition', new.local_date
    ) where true
    on conflict (user_id, domain, local_date) do update set
        version = version + 1,
        state = 'due',
        attempts = case state when 'dead' then 0 else attempts end,
        next_attempt_at = case state when 'dead' then excluded.next_attempt_at else next_attempt_at end,
        updated_at = excluded.updated_at;
end;
create trigger raw_nutrition_deleted after delete on raw_nutrition
begin
    insert into aggregation_groups (user_id, domain, local_date)
    values (old.user_id, 'nutrition', old.local_date)
    on conflict (user_id, domain, local_date) do update set
        version = version + 1,
        state = 'due',
        attempts = case state when 'dead' then 0 else attempts end,
        next_attempt_at = case state when 'dead' then excluded.next_attempt_at else next_attempt_at end,
        updated_at = excluded.updated_at;
end;

create table nutrition_aggregates (
    user_id integer not null,
    period text not null,
    local_date text not null,
    period_start text not null,
    nutrient text not null,
    unit text not null,
    "count" integer not null,
    "total" real not null,
    "value_sum" real not null,
    "mean" real not null,
    "min" real not null,
    "max" real not null,
    "first" real not null,
    "last" real not null,
    "meals" text not null,
    "days_covered" integer,
    "sources" text not null,
    "rejected_count" integer not null,
    algorithm_version integer not null,
    updated_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    primary key (user_id, period, local_date, period_start, nutrient, unit)
) without rowid;
create view nutrition_daily as select * from nutrition_aggregates where period = 'day';
create view nutrition_weekly as select * from nutrition_aggregates where period = 'week';
create view nutrition_monthly as select * from nutrition_aggregates where period = 'month';
