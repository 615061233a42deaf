create table raw_labs (
    id integer primary key autoincrement,
    user_id integer not null,
    code text,
    name text not null,
    category text,
    value text,
    unit text,
    reference_range text,
    interpretation text,
    collected_at text not null,
    -- Minutes east of UTC. SQLite knows no time zones: it must be given.
    utc_offset_minutes integer not null,
    -- The calendar day where the person was.
    local_date text not null generated always as (date(collected_at, utc_offset_minutes || ' minutes')) stored,
    source text not null default '',
    source_id text,
    device text,
    note text,
    status text not null default 'pending' check (status in ('pending', 'completed', 'failed', 'rejected')),
    attempts integer not null default 0,
    error text,
    created_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    aggregated_at text,
    check (collected_at glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]+00:00')
);
-- Find a re-sent row. Without the date: a row sent again from another time
-- zone is still the same row.
create unique index raw_labs_identity on raw_labs (
    user_id, coalesce(code, ''), name, coalesce(category, ''), coalesce(value, ''), coalesce(unit, ''), coalesce(reference_range, ''), coalesce(interpretation, ''), collected_at, source, coalesce(device, ''), coalesce(note, '')
) where source_id is null;
create unique index raw_labs_source_id on raw_labs (user_id, source, source_id, (coalesce(code, name))) where source_id is not null;
create index raw_labs_group on raw_labs (user_id, local_date);
create index raw_labs_pending on raw_labs (user_id, local_date) where status = 'pending';
create index raw_labs_refused on raw_labs (user_id, local_date) where status in ('failed', 'rejected');

create trigger raw_labs_edited after update of code, name, category, value, unit, reference_range, interpretation, collected_at, source, device, note, source_id, utc_offset_minutes, user_id on raw_labs
when old.code is not new.code or old.name is not new.name or old.category is not new.category or old.value is not new.value or old.unit is not new.unit or old.reference_range is not new.reference_range or old.interpretation is not new.interpretation or old.collected_at is not new.collected_at or old.source is not new.source or old.device is not new.device or old.note is not new.note or old.source_id is not new.source_id or old.utc_offset_minutes is not new.utc_offset_minutes or old.user_id is not new.user_id
begin
    insert into aggregation_groups (user_id, domain, local_date)
    select user_id, domain, local_date from (
        select old.user_id as user_id, 'labs' as domain, old.local_date as local_date
        union select new.user_id, 'labs', new.local_date
    ) where true
    on conflict (user_id, domain, local_date) do update set
        version = version + 1,
        state = 'due',
        attempts = case state when 'dead' then 0 else attempts end,
        next_attempt_at = case state when 'dead' then excluded.next_attempt_at else next_attempt_at end,
        updated_at = excluded.updated_at;
end;
create trigger raw_labs_deleted after delete on raw_labs
begin
    insert into aggregation_groups (user_id, domain, local_date)
    values (old.user_id, 'labs', old.local_date)
    on conflict (user_id, domain, local_date) do update set
        version = version + 1,
        state = 'due',
        attempts = case state when 'dead' then 0 else attempts end,
        next_attempt_at = case state when 'dead' then excluded.next_attempt_at else next_attempt_at end,
        updated_at = excluded.updated_at;
end;

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
    "numeric_count" integer not null,
    "below_count" integer not null,
    "above_count" integer not null,
    "value_sum" real,
    "mean" real,
    "min" real,
    "max" real,
    "first" real,
    "last" real,
    "first_text" text not null,
    "last_text" text not null,
    "text_values" text not null,
    "reference_low" real,
    "reference_high" real,
    "flag" text not null,
    "worst_flag" text not null,
    "days_covered" integer,
    "sources" text not null,
    "rejected_count" integer not null,
    algorithm_version integer not null,
    updated_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    primary key (user_id, period, local_date, period_start, analyte, unit)
) without rowid;
create view labs_daily as select * from lab_aggregates where period = 'day';
create view labs_monthly as select * from lab_aggregates where period = 'month';
create view labs_quarterly as select * from lab_aggregates where period = 'quarter';
create view labs_yearly as select * from lab_aggregates where period = 'year';
