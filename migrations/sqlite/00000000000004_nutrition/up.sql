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
    source text not null default '',
    source_id text,
    device text,
    note text,
    created_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    -- Text order is time order; times that no clock shows are refused.
    check ((
        eaten_at glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]+00:00'
        and strftime('%Y-%m-%d %H:%M:%S', substr(eaten_at, 1, 19), '+0 days') is substr(eaten_at, 1, 19)
        and eaten_at >= '0001' and eaten_at < '9999-12-31'
    ))
);

-- The rows of a group.
create index raw_nutrition_time on raw_nutrition (user_id, eaten_at);

-- A row that is sent again.
create unique index raw_nutrition_source_id on raw_nutrition (user_id, source, source_id, nutrient, eaten_at)
where source_id is not null;

-- The day of a row by its own offset. Seconds alone are read: SQLite rounds what
-- is behind them, to the next day too.
create trigger raw_nutrition_inserted after insert on raw_nutrition
begin
    insert into group_changes (user_id, domain, local_date, kind, rows) values (
        new.user_id, 'nutrition',
        date(substr(new.eaten_at, 1, 19), max(-840, min(840, new.utc_offset_minutes)) || ' minutes'),
        'insert', 1
    );
end;

-- Every column: an edit of one that is missing here would go unseen.
create trigger raw_nutrition_edited after update on raw_nutrition
when
    old.id is not new.id or
    old.user_id is not new.user_id or
    old.nutrient is not new.nutrient or
    old.amount is not new.amount or
    old.unit is not new.unit or
    old.meal is not new.meal or
    old.eaten_at is not new.eaten_at or
    old.utc_offset_minutes is not new.utc_offset_minutes or
    old.source is not new.source or
    old.source_id is not new.source_id or
    old.device is not new.device or
    old.note is not new.note or
    old.created_at is not new.created_at
begin
    insert into group_changes (user_id, domain, local_date, kind, rows)
    select user_id, 'nutrition', local_date, 'edit', max(rows) from (
        select old.user_id as user_id, 0 as rows,
            date(substr(old.eaten_at, 1, 19), max(-840, min(840, old.utc_offset_minutes)) || ' minutes') as local_date
        union all
        select new.user_id, 1,
            date(substr(new.eaten_at, 1, 19), max(-840, min(840, new.utc_offset_minutes)) || ' minutes')
    ) group by user_id, local_date;
end;

create trigger raw_nutrition_deleted after delete on raw_nutrition
begin
    insert into group_changes (user_id, domain, local_date, kind, rows) values (
        old.user_id, 'nutrition',
        date(substr(old.eaten_at, 1, 19), max(-840, min(840, old.utc_offset_minutes)) || ' minutes'),
        'delete', 0
    );
end;

-- Each raw row with the day that it belongs to and its state.
create view raw_nutrition_states as
select r.*,
    case
        when j.row_id is not null then 'rejected'
        when f.user_id is not null then 'failed'
        when exists (
            select 1 from group_changes c
            where c.user_id = r.user_id and c.domain = 'nutrition' and c.local_date = r.local_date
        ) then 'pending'
        else 'completed'
    end as state,
    coalesce(j.reason, f.error) as reason
from (
    select *, date(substr(eaten_at, 1, 19), max(-840, min(840, utc_offset_minutes)) || ' minutes') as local_date
    from raw_nutrition
) r
left join rejected_rows j on j.user_id = r.user_id and j.domain = 'nutrition'
    and j.local_date = r.local_date and j.row_id = cast(r.id as text)
left join failed_groups f on f.user_id = r.user_id and f.domain = 'nutrition'
    and f.local_date = r.local_date;

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
    meals text not null,
    days_covered integer,
    sources text not null,
    rejected_count integer not null,
    algorithm_version integer not null,
    updated_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    primary key (user_id, period, local_date, period_start, nutrient, unit)
) without rowid;

create view nutrition_daily as select * from nutrition_aggregates where period = 'day';
create view nutrition_weekly as select * from nutrition_aggregates where period = 'week';
create view nutrition_monthly as select * from nutrition_aggregates where period = 'month';
