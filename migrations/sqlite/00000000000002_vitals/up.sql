create table raw_vitals (
    id integer primary key autoincrement,
    user_id integer not null,
    metric text not null,
    value real,
    unit text,
    started_at text not null,
    ended_at text not null,
    -- Minutes east of UTC. SQLite knows no time zones: it must be given.
    utc_offset_minutes integer not null,
    -- The calendar day where the person was; sleep from 18:00 on counts to the next.
    local_date text not null generated always as (date(started_at, (utc_offset_minutes + case when metric in (
        'sleep', 'sleep_core', 'sleep_deep', 'sleep_rem', 'sleep_awake', 'sleep_in_bed',
        'HKCategoryTypeIdentifierSleepAnalysis', 'HKCategoryValueSleepAnalysisInBed',
        'HKCategoryValueSleepAnalysisAsleep', 'HKCategoryValueSleepAnalysisAsleepUnspecified',
        'HKCategoryValueSleepAnalysisAsleepCore', 'HKCategoryValueSleepAnalysisAsleepDeep',
        'HKCategoryValueSleepAnalysisAsleepREM', 'HKCategoryValueSleepAnalysisAwake',
        '93832-4', '93831-6', '93830-8', '93829-0'
    ) then 360 else 0 end) || ' minutes')) stored,
    source text not null default '',
    source_id text,
    device text,
    note text,
    status text not null default 'pending' check (status in ('pending', 'completed', 'failed', 'rejected')),
    attempts integer not null default 0,
    error text,
    created_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    aggregated_at text,
    check (started_at glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]+00:00'),
    check (ended_at glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]+00:00')
);
-- Find a re-sent row. Without the date: a row sent again from another time
-- zone is still the same row.
create unique index raw_vitals_identity on raw_vitals (
    user_id, metric, coalesce(value, ''), coalesce(unit, ''), started_at, ended_at, source, coalesce(device, ''), coalesce(note, '')
) where source_id is null;
create unique index raw_vitals_source_id on raw_vitals (user_id, source, source_id, (metric)) where source_id is not null;
create index raw_vitals_group on raw_vitals (user_id, local_date);
create index raw_vitals_pending on raw_vitals (user_id, local_date) where status = 'pending';
create index raw_vitals_refused on raw_vitals (user_id, local_date) where status in ('failed', 'rejected');

create trigger raw_vitals_edited after update of metric, value, unit, started_at, ended_at, source, device, note, source_id, utc_offset_minutes, user_id on raw_vitals
when old.metric is not new.metric or old.value is not new.value or old.unit is not new.unit or old.started_at is not new.started_at or old.ended_at is not new.ended_at or old.source is not new.source or old.device is not new.device or old.note is not new.note or old.source_id is not new.source_id or old.utc_offset_minutes is not new.utc_offset_minutes or old.user_id is not new.user_id
begin
    insert into aggregation_groups (user_id, domain, local_date)
    select user_id, domain, local_date from (
        select old.user_id as user_id, 'vitals' as domain, old.local_date as local_date
        union select new.user_id, 'vitals', new.local_date
    ) where true
    on conflict (user_id, domain, local_date) do update set
        version = version + 1,
        state = 'due',
        attempts = case state when 'dead' then 0 else attempts end,
        next_attempt_at = case state when 'dead' then excluded.next_attempt_at else next_attempt_at end,
        updated_at = excluded.updated_at;
end;
create trigger raw_vitals_deleted after delete on raw_vitals
begin
    insert into aggregation_groups (user_id, domain, local_date)
    values (old.user_id, 'vitals', old.local_date)
    on conflict (user_id, domain, local_date) do update set
        version = version + 1,
        state = 'due',
        attempts = case state when 'dead' then 0 else attempts end,
        next_attempt_at = case state when 'dead' then excluded.next_attempt_at else next_attempt_at end,
        updated_at = excluded.updated_at;
end;

create table vitals_aggregates (
    user_id integer not null,
    period text not null,
    local_date text not null,
    period_start text not null,
    metric text not null,
    unit text not null,
    "count" integer not null,
    "total" real,
    "value_sum" real not null,
    "mean" real not null,
    "min" real not null,
    "max" real not null,
    "first" real not null,
    "last" real not null,
    "hours_covered" integer,
    "days_covered" integer,
    "sources" text not null,
    "rejected_count" integer not null,
    algorithm_version integer not null,
    updated_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    primary key (user_id, period, local_date, period_start, metric, unit)
) without rowid;
create view vitals_hourly as select * from vitals_aggregates where period = 'hour';
create view vitals_daily as select * from vitals_aggregates where period = 'day';
create view vitals_weekly as select * from vitals_aggregates where period = 'week';
create view vitals_monthly as select * from vitals_aggregates where period = 'month';
