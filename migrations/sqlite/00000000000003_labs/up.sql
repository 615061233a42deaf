create table raw_labs (
    id integer primary key autoincrement,
    user_id integer not null,
    -- A LOINC code, or a local code with its system.
    code text,
    name text not null,
    category text,
    -- As reported.
    value text,
    unit text,
    reference_range text,
    interpretation text,
    collected_at text not null,
    -- Minutes east of UTC. SQLite knows no time zones: it must be given.
    utc_offset_minutes integer not null,
    source text not null default '',
    source_id text,
    device text,
    note text,
    created_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    -- Text order is time order; times that no clock shows are refused.
    check ((
        collected_at glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]+00:00'
        and strftime('%Y-%m-%d %H:%M:%S', substr(collected_at, 1, 19), '+0 days') is substr(collected_at, 1, 19)
        and collected_at >= '0001' and collected_at < '9999-12-31'
    ))
);

-- The rows of a group.
create index raw_labs_time on raw_labs (user_id, collected_at);

-- A row that is sent again.
create unique index raw_labs_source_id on raw_labs (user_id, source, source_id, (coalesce(code, name)), collected_at)
where source_id is not null;

-- The day of a row by its own offset. Seconds alone are read: SQLite rounds what
-- is behind them, to the next day too.
create trigger raw_labs_inserted after insert on raw_labs
begin
    insert into group_changes (user_id, domain, local_date, kind, rows) values (
        new.user_id, 'labs',
        date(substr(new.collected_at, 1, 19), max(-840, min(840, new.utc_offset_minutes)) || ' minutes'),
        'insert', 1
    );
end;

-- Every column: an edit of one that is missing here would go unseen.
create trigger raw_labs_edited after update on raw_labs
when
    old.id is not new.id or
    old.user_id is not new.user_id or
    old.code is not new.code or
    old.name is not new.name or
    old.category is not new.category or
    old.value is not new.value or
    old.unit is not new.unit or
    old.reference_range is not new.reference_range or
    old.interpretation is not new.interpretation or
    old.collected_at is not new.collected_at or
    old.utc_offset_minutes is not new.utc_offset_minutes or
    old.source is not new.source or
    old.source_id is not new.source_id or
    old.device is not new.device or
    old.note is not new.note or
    old.created_at is not new.created_at
begin
    insert into group_changes (user_id, domain, local_date, kind, rows)
    select user_id, 'labs', local_date, 'edit', max(rows) from (
        select old.user_id as user_id, 0 as rows,
            date(substr(old.collected_at, 1, 19), max(-840, min(840, old.utc_offset_minutes)) || ' minutes') as local_date
        union all
        select new.user_id, 1,
            date(substr(new.collected_at, 1, 19), max(-840, min(840, new.utc_offset_minutes)) || ' minutes')
    ) group by user_id, local_date;
end;

create trigger raw_labs_deleted after delete on raw_labs
begin
    insert into group_changes (user_id, domain, local_date, kind, rows) values (
        old.user_id, 'labs',
        date(substr(old.collected_at, 1, 19), max(-840, min(840, old.utc_offset_minutes)) || ' minutes'),
        'delete', 0
    );
end;

-- Each raw row with the day that it belongs to and its state.
create view raw_labs_states as
select r.*,
    case
        when j.row_id is not null then 'rejected'
        when f.user_id is not null then 'failed'
        when exists (
            select 1 from group_changes c
            where c.user_id = r.user_id and c.domain = 'labs' and c.local_date = r.local_date
        ) then 'pending'
        else 'completed'
    end as state,
    coalesce(j.reason, f.error) as reason
from (
    select *, date(substr(collected_at, 1, 19), max(-840, min(840, utc_offset_minutes)) || ' minutes') as local_date
    from raw_labs
) r
left join rejected_rows j on j.user_id = r.user_id and j.domain = 'labs'
    and j.local_date = r.local_date and j.row_id = cast(r.id as text)
left join failed_groups f on f.user_id = r.user_id and f.domain = 'labs'
    and f.local_date = r.local_date;

create table lab_aggregates (
    user_id integer not null,
    period text not null,
    local_date text not null,
    period_start text not null,
    analyte text not null,
    unit text not null,
    "code" text,
    "name" text not null,
    "count" integer not null,
    numeric_count integer not null,
    below_count integer not null,
    above_count integer not null,
    -- Specimens that gave no result: counted apart from results.
    no_result_count integer not null default 0,
    value_sum real,
    "mean" real,
    "min" real,
    "max" real,
    "first" real,
    "last" real,
    first_text text not null,
    last_text text not null,
    text_values text not null,
    reference_low real,
    reference_high real,
    flag text not null,
    worst_flag text not null,
    days_covered integer,
    sources text not null,
    rejected_count integer not null,
    algorithm_version integer not null,
    updated_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    primary key (user_id, period, local_date, period_start, analyte, unit)
) without rowid;

create view labs_daily as select * from lab_aggregates where period = 'day';
create view labs_monthly as select * from lab_aggregates where period = 'month';
create view labs_quarterly as select * from lab_aggregates where period = 'quarter';
create view labs_yearly as select * from lab_aggregates where period = 'year';
