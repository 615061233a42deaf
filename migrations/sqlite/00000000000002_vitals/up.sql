create table raw_vitals (
    id integer primary key autoincrement,
    user_id integer not null,
    metric text not null,
    value real,
    -- `<40`, or `HI` where a meter has no number to show.
    comparator text check (comparator in ('<', '<=', '>', '>=')),
    unit text,
    started_at text not null,
    -- None: an instant.
    ended_at text,
    -- Minutes east of UTC. SQLite knows no time zones: it must be given.
    utc_offset_minutes integer not null,
    source text not null default '',
    source_id text,
    device text,
    note text,
    created_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    -- Text order is time order; times that no clock shows are refused.
    check ((
        started_at glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]+00:00'
        and strftime('%Y-%m-%d %H:%M:%S', substr(started_at, 1, 19), '+0 days') is substr(started_at, 1, 19)
        and started_at >= '0001' and started_at < '9999-12-31'
    )),
    check (ended_at is null or (
        ended_at glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]+00:00'
        and strftime('%Y-%m-%d %H:%M:%S', substr(ended_at, 1, 19), '+0 days') is substr(ended_at, 1, 19)
        and ended_at >= '0001' and ended_at < '9999-12-31'
    ))
);

-- The rows of a group.
create index raw_vitals_time on raw_vitals (user_id, started_at);

-- Rows that may reach into a day from long before it.
create index raw_vitals_long on raw_vitals (user_id, started_at)
where strftime('%s', ended_at) - strftime('%s', started_at) >= 1800;

-- A row that is sent again.
create unique index raw_vitals_source_id on raw_vitals (user_id, source, source_id, metric, started_at)
where source_id is not null;

-- The first day of a row by its own offset. Seconds alone are read: SQLite rounds
-- what is behind them, to the next day too.
create trigger raw_vitals_inserted after insert on raw_vitals
begin
    insert into group_changes (user_id, domain, local_date, kind, rows) values (
        new.user_id, 'vitals',
        date(substr(new.started_at, 1, 19), max(-840, min(840, new.utc_offset_minutes)) || ' minutes'),
        'insert', 1
    );
end;

-- The further days that a row touches, one line each. It reaches 48 hours far at
-- most (`LONGEST_HOURS`); what may be a sleep (`SLEEP_NAMES`) touches the day after its
-- end too, on which its night may end. Patterns: a list would be built anew for
-- each row.
create trigger raw_vitals_inserted_further after insert on raw_vitals
when new.ended_at > new.started_at or new.metric glob '*[Ss]leep*' or new.metric glob '938[23]?-?'
begin
    insert into group_changes (user_id, domain, local_date, kind, rows)
    select new.user_id, 'vitals', date(first, day || ' days'), 'insert', 0
    from (
        select date(substr(new.started_at, 1, 19), shift) as first, coalesce(date(
            substr(max(new.started_at, min(
                coalesce(new.ended_at, new.started_at),
                strftime('%Y-%m-%d %H:%M:%S', substr(new.started_at, 1, 19), '+48 hours')
            )), 1, 19), shift, (new.metric glob '*[Ss]leep*' or new.metric glob '938[23]?-?') || ' days'
        ), '9999-12-31') as last
        from (select max(-840, min(840, new.utc_offset_minutes)) || ' minutes' as shift)
    )
    join (select 1 as day union all select 2 union all select 3)
    where date(first, day || ' days') <= last;
end;

-- Every column: an edit of one that is missing here would go unseen.
create trigger raw_vitals_edited after update on raw_vitals
when
    old.id is not new.id or
    old.user_id is not new.user_id or
    old.metric is not new.metric or
    old.value is not new.value or
    old.comparator is not new.comparator or
    old.unit is not new.unit or
    old.started_at is not new.started_at or
    old.ended_at is not new.ended_at or
    old.utc_offset_minutes is not new.utc_offset_minutes or
    old.source is not new.source or
    old.source_id is not new.source_id or
    old.device is not new.device or
    old.note is not new.note or
    old.created_at is not new.created_at
begin
    insert into group_changes (user_id, domain, local_date, kind, rows)
    select user_id, 'vitals', local_date, 'edit', max(rows) from (
        select old.user_id as user_id, date(first, day || ' days') as local_date, 0 as rows
        from (
            select date(substr(old.started_at, 1, 19), shift) as first, coalesce(date(
                substr(max(old.started_at, min(
                    coalesce(old.ended_at, old.started_at),
                    strftime('%Y-%m-%d %H:%M:%S', substr(old.started_at, 1, 19), '+48 hours')
                )), 1, 19), shift, (old.metric glob '*[Ss]leep*' or old.metric glob '938[23]?-?') || ' days'
            ), '9999-12-31') as last
            from (select max(-840, min(840, old.utc_offset_minutes)) || ' minutes' as shift)
        )
        join (select 0 as day union all select 1 union all select 2 union all select 3)
        where date(first, day || ' days') <= last
        union all
        select new.user_id as user_id, date(first, day || ' days') as local_date, day = 0 as rows
        from (
            select date(substr(new.started_at, 1, 19), shift) as first, coalesce(date(
                substr(max(new.started_at, min(
                    coalesce(new.ended_at, new.started_at),
                    strftime('%Y-%m-%d %H:%M:%S', substr(new.started_at, 1, 19), '+48 hours')
                )), 1, 19), shift, (new.metric glob '*[Ss]leep*' or new.metric glob '938[23]?-?') || ' days'
            ), '9999-12-31') as last
            from (select max(-840, min(840, new.utc_offset_minutes)) || ' minutes' as shift)
        )
        join (select 0 as day union all select 1 union all select 2 union all select 3)
        where date(first, day || ' days') <= last
    ) group by user_id, local_date;
end;

create trigger raw_vitals_deleted after delete on raw_vitals
begin
    insert into group_changes (user_id, domain, local_date, kind, rows) values (
        old.user_id, 'vitals',
        date(substr(old.started_at, 1, 19), max(-840, min(840, old.utc_offset_minutes)) || ' minutes'),
        'delete', 0
    );
end;

create trigger raw_vitals_deleted_further after delete on raw_vitals
when old.ended_at > old.started_at or old.metric glob '*[Ss]leep*' or old.metric glob '938[23]?-?'
begin
    insert into group_changes (user_id, domain, local_date, kind, rows)
    select old.user_id, 'vitals', date(first, day || ' days'), 'delete', 0
    from (
        select date(substr(old.started_at, 1, 19), shift) as first, coalesce(date(
            substr(max(old.started_at, min(
                coalesce(old.ended_at, old.started_at),
                strftime('%Y-%m-%d %H:%M:%S', substr(old.started_at, 1, 19), '+48 hours')
            )), 1, 19), shift, (old.metric glob '*[Ss]leep*' or old.metric glob '938[23]?-?') || ' days'
        ), '9999-12-31') as last
        from (select max(-840, min(840, old.utc_offset_minutes)) || ' minutes' as shift)
    )
    join (select 1 as day union all select 2 union all select 3)
    where date(first, day || ' days') <= last;
end;

-- Each raw row with the day that it belongs to (sleep from 18:00 on counts to the
-- next) and its state.
create view raw_vitals_states as
select r.*,
    case
        when j.row_id is not null then 'rejected'
        when f.user_id is not null then 'failed'
        when exists (
            select 1 from group_changes c
            where c.user_id = r.user_id and c.domain = 'vitals' and c.local_date = r.local_date
        ) then 'pending'
        else 'completed'
    end as state,
    coalesce(j.reason, f.error) as reason
from (
    select *,
        date(substr(started_at, 1, 19), (max(-840, min(840, utc_offset_minutes)) + case when metric in (
            'sleep', 'sleep_core', 'sleep_deep', 'sleep_rem', 'sleep_awake', 'sleep_in_bed',
            'HKCategoryTypeIdentifierSleepAnalysis', 'HKCategoryValueSleepAnalysisInBed',
            'HKCategoryValueSleepAnalysisAsleep', 'HKCategoryValueSleepAnalysisAsleepUnspecified',
            'HKCategoryValueSleepAnalysisAsleepCore', 'HKCategoryValueSleepAnalysisAsleepDeep',
            'HKCategoryValueSleepAnalysisAsleepREM', 'HKCategoryValueSleepAnalysisAwake',
            '93832-4', '93831-6', '93830-8', '93829-0'
        ) then 360 else 0 end) || ' minutes') as local_date
    from raw_vitals
) r
left join rejected_rows j on j.user_id = r.user_id and j.domain = 'vitals'
    and j.local_date = r.local_date and j.row_id = cast(r.id as text)
left join failed_groups f on f.user_id = r.user_id and f.domain = 'vitals'
    and f.local_date = r.local_date;

create table vitals_aggregates (
    user_id integer not null,
    period text not null,
    local_date text not null,
    period_start text not null,
    metric text not null,
    unit text not null,
    "count" integer not null,
    -- None where a meter showed no number, or where each sample is a bound.
    "total" real,
    "value_sum" real not null,
    "mean" real,
    "min" real,
    "max" real,
    "first" real,
    "last" real,
    hours_covered integer,
    days_covered integer,
    below_count integer not null default 0,
    above_count integer not null default 0,
    min_comparator text,
    max_comparator text,
    first_comparator text,
    last_comparator text,
    sources text not null,
    rejected_count integer not null,
    algorithm_version integer not null,
    updated_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    primary key (user_id, period, local_date, period_start, metric, unit)
) without rowid;

create view vitals_hourly as select * from vitals_aggregates where period = 'hour';
create view vitals_daily as select * from vitals_aggregates where period = 'day';
create view vitals_weekly as select * from vitals_aggregates where period = 'week';
create view vitals_monthly as select * from vitals_aggregates where period = 'month';
