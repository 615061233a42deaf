-- Values of which only a bound is known: `<40`, or `HI` where a meter has no
-- number to show.
alter table raw_vitals add column comparator text check (comparator in ('<', '<=', '>', '>='));
drop index raw_vitals_identity;
-- Find a re-sent row. Without the date: a row sent again from another time
-- zone is still the same row.
create unique index raw_vitals_identity on raw_vitals (
    user_id, metric, coalesce(value, ''), coalesce(comparator, ''), coalesce(unit, ''), started_at, ended_at, source, coalesce(device, ''), coalesce(note, '')
) where source_id is null;
drop trigger raw_vitals_edited;
create trigger raw_vitals_edited after update of metric, value, comparator, unit, started_at, ended_at, source, device, note, source_id, utc_offset_minutes, user_id on raw_vitals
when old.metric is not new.metric or old.value is not new.value or old.comparator is not new.comparator or old.unit is not new.unit or old.started_at is not new.started_at or old.ended_at is not new.ended_at or old.source is not new.source or old.device is not new.device or old.note is not new.note or old.source_id is not new.source_id or old.utc_offset_minutes is not new.utc_offset_minutes or old.user_id is not new.user_id
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

-- Where every sample is a bound there is no mean, and where a meter shows no
-- number there is no least, greatest, first or last one. SQLite cannot let a
-- column be null that was not: the table is made anew.
drop view vitals_monthly;
drop view vitals_weekly;
drop view vitals_daily;
drop view vitals_hourly;
alter table vitals_aggregates rename to vitals_aggregates_before;
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
    "mean" real,
    "min" real,
    "max" real,
    "first" real,
    "last" real,
    "hours_covered" integer,
    "days_covered" integer,
    "sources" text not null,
    "rejected_count" integer not null,
    algorithm_version integer not null,
    updated_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    below_count integer not null default 0,
    above_count integer not null default 0,
    min_comparator text,
    max_comparator text,
    first_comparator text,
    last_comparator text,
    primary key (user_id, period, local_date, period_start, metric, unit)
) without rowid;
insert into vitals_aggregates (user_id, period, local_date, period_start, metric, unit, "count", "total", "value_sum", "mean", "min", "max", "first", "last", "hours_covered", "days_covered", "sources", "rejected_count", algorithm_version, updated_at)
select user_id, period, local_date, period_start, metric, unit, "count", "total", "value_sum", "mean", "min", "max", "first", "last", "hours_covered", "days_covered", "sources", "rejected_count", algorithm_version, updated_at
from vitals_aggregates_before;
drop table vitals_aggregates_before;
create view vitals_hourly as select * from vitals_aggregates where period = 'hour';
create view vitals_daily as select * from vitals_aggregates where period = 'day';
create view vitals_weekly as select * from vitals_aggregates where period = 'week';
create view vitals_monthly as select * from vitals_aggregates where period = 'month';
