-- Idempotent: what has pending rows is computed again from all its rows. No
-- units are converted, no overlaps merged, no rows refused.
begin isolation level repeatable read;
create temp table touched on commit drop as
    select distinct user_id, local_date from group_changes where domain = 'vitals';
analyze touched;
insert into vitals_aggregates as a (user_id, period, local_date, period_start, metric, unit, count, total, value_sum, mean, min, max, first, last, hours_covered, sources, rejected_count, algorithm_version)
select user_id, 'hour', local_date, date_trunc('hour', started_at), metric, unit, count(*), sum(value), sum(value), avg(value), min(value), max(value), (array_agg(value order by started_at, id))[1], (array_agg(value order by started_at desc, id desc))[1], 1, to_jsonb(array_agg(distinct source)), 0, 1
from touched join raw_vitals using (user_id)
where started_at >= local_date - interval '14 hours' and started_at < local_date + interval '38 hours'
    and (started_at at time zone 'UTC' + make_interval(mins => utc_offset_minutes))::date = local_date
group by user_id, local_date, date_trunc('hour', started_at), metric, unit
on conflict (user_id, period, local_date, period_start, metric, unit) do update set count = excluded.count, total = excluded.total, value_sum = excluded.value_sum, mean = excluded.mean, min = excluded.min, max = excluded.max, first = excluded.first, last = excluded.last, sources = excluded.sources, updated_at = excluded.updated_at;
insert into vitals_aggregates as a (user_id, period, local_date, period_start, metric, unit, count, total, value_sum, mean, min, max, first, last, hours_covered, sources, rejected_count, algorithm_version)
select user_id, 'day', local_date, local_date::timestamptz, metric, unit, count(*), sum(value), sum(value), avg(value), min(value), max(value), (array_agg(value order by started_at, id))[1], (array_agg(value order by started_at desc, id desc))[1], count(distinct date_trunc('hour', started_at)), to_jsonb(array_agg(distinct source)), 0, 1
from touched join raw_vitals using (user_id)
where started_at >= local_date - interval '14 hours' and started_at < local_date + interval '38 hours'
    and (started_at at time zone 'UTC' + make_interval(mins => utc_offset_minutes))::date = local_date
group by user_id, local_date, metric, unit
on conflict (user_id, period, local_date, period_start, metric, unit) do update set count = excluded.count, total = excluded.total, value_sum = excluded.value_sum, mean = excluded.mean, min = excluded.min, max = excluded.max, first = excluded.first, last = excluded.last, hours_covered = excluded.hours_covered, sources = excluded.sources, updated_at = excluded.updated_at;
insert into vitals_aggregates as a (user_id, period, local_date, period_start, metric, unit, count, total, value_sum, mean, min, max, first, last, hours_covered, days_covered, sources, rejected_count, algorithm_version)
select d.user_id, 'week', t.first_date, t.first_date::timestamptz, metric, unit, sum(count), sum(total), sum(value_sum), sum(value_sum) / sum(count), min(min), max(max), (array_agg(first order by local_date))[1], (array_agg(last order by local_date desc))[1], sum(hours_covered), count(*), to_jsonb(array_agg(distinct d.sources ->> 0)), 0, 1
from (select distinct user_id, date_trunc('week', local_date)::date as first_date from touched) t
join vitals_aggregates d on d.user_id = t.user_id and d.period = 'day' and d.local_date between t.first_date and t.first_date + 6
group by d.user_id, t.first_date, metric, unit
on conflict (user_id, period, local_date, period_start, metric, unit) do update set count = excluded.count, total = excluded.total, value_sum = excluded.value_sum, mean = excluded.mean, min = excluded.min, max = excluded.max, first = excluded.first, last = excluded.last, hours_covered = excluded.hours_covered, days_covered = excluded.days_covered, sources = excluded.sources, updated_at = excluded.updated_at;
insert into vitals_aggregates as a (user_id, period, local_date, period_start, metric, unit, count, total, value_sum, mean, min, max, first, last, hours_covered, days_covered, sources, rejected_count, algorithm_version)
select d.user_id, 'month', t.first_date, t.first_date::timestamptz, metric, unit, sum(count), sum(total), sum(value_sum), sum(value_sum) / sum(count), min(min), max(max), (array_agg(first order by local_date))[1], (array_agg(last order by local_date desc))[1], sum(hours_covered), count(*), to_jsonb(array_agg(distinct d.sources ->> 0)), 0, 1
from (select distinct user_id, date_trunc('month', local_date)::date as first_date from touched) t
join vitals_aggregates d on d.user_id = t.user_id and d.period = 'day' and d.local_date between t.first_date and (t.first_date + interval '1 month - 1 day')::date
group by d.user_id, t.first_date, metric, unit
on conflict (user_id, period, local_date, period_start, metric, unit) do update set count = excluded.count, total = excluded.total, value_sum = excluded.value_sum, mean = excluded.mean, min = excluded.min, max = excluded.max, first = excluded.first, last = excluded.last, hours_covered = excluded.hours_covered, days_covered = excluded.days_covered, sources = excluded.sources, updated_at = excluded.updated_at;
delete from group_changes where domain = 'vitals';
commit;
