-- Fills the new tables from those of the old shape, then drops these.
insert into user_time_zones select * from old_user_time_zones;
insert into patient_users select * from old_patient_users;
insert into resource_versions select * from old_resource_versions;
insert into worker_heartbeats select * from old_worker_heartbeats;
insert into sealed_groups select * from old_sealed_groups;
insert into retention_runs select * from old_retention_runs;
insert into aggregation_errors select * from old_aggregation_errors;
insert into aggregation_batches select * from old_aggregation_batches;
update worker_control set (paused, paused_at, default_time_zone) =
    (select paused, paused_at, default_time_zone from old_worker_control);
-- The note beside the file holds the same numbers.
update file_commits set (id, commits) = (select id, commits from old_file_commits);

insert into vitals_aggregates (
    user_id, period, local_date, period_start, metric, unit, "count", total, value_sum, mean, min, max, first, last,
    hours_covered, days_covered, below_count, above_count, min_comparator, max_comparator, first_comparator,
    last_comparator, sources, rejected_count, algorithm_version, updated_at
)
select
    user_id, period, local_date, period_start, metric, unit, "count", total, value_sum, mean, min, max, first, last,
    hours_covered, days_covered, below_count, above_count, min_comparator, max_comparator, first_comparator,
    last_comparator, sources, rejected_count, algorithm_version, updated_at
from old_vitals_aggregates;

insert into lab_aggregates (
    user_id, period, local_date, period_start, analyte, unit, code, name, "count", numeric_count, below_count,
    above_count, no_result_count, value_sum, mean, min, max, first, last, first_text, last_text, text_values,
    reference_low, reference_high, flag, worst_flag, days_covered, sources, rejected_count, algorithm_version,
    updated_at
)
select
    user_id, period, local_date, period_start, analyte, unit, code, name, "count", numeric_count, below_count,
    above_count, no_result_count, value_sum, mean, min, max, first, last, first_text, last_text, text_values,
    reference_low, reference_high, flag, worst_flag, days_covered, sources, rejected_count, algorithm_version,
    updated_at
from old_lab_aggregates;
insert into nutrition_aggregates select * from old_nutrition_aggregates;

-- Rows that do not wait: without the lines that their triggers append. A failed
-- row waits with its group; where its group has no failure, it waits as new.
insert into raw_vitals (
    id, user_id, metric, value, comparator, unit, started_at, ended_at, utc_offset_minutes,
    source, source_id, device, note, created_at
)
select
    id, user_id, metric, value, comparator, unit, started_at, ended_at, utc_offset_minutes,
    source, source_id, device, note, created_at
from old_raw_vitals r where not (status = 'pending' or (status = 'failed' and not exists (
    select 1 from old_aggregation_groups g
    where g.user_id = r.user_id and g.domain = 'vitals' and g.local_date = r.local_date and g.error is not null
)));
insert into raw_labs (
    id, user_id, code, name, category, value, unit, reference_range, interpretation, collected_at, utc_offset_minutes,
    source, source_id, device, note, created_at
)
select
    id, user_id, code, name, category, value, unit, reference_range, interpretation, collected_at, utc_offset_minutes,
    source, source_id, device, note, created_at
from old_raw_labs r where not (status = 'pending' or (status = 'failed' and not exists (
    select 1 from old_aggregation_groups g
    where g.user_id = r.user_id and g.domain = 'labs' and g.local_date = r.local_date and g.error is not null
)));
insert into raw_nutrition (
    id, user_id, nutrient, amount, unit, meal, eaten_at, utc_offset_minutes,
    source, source_id, device, note, created_at
)
select
    id, user_id, nutrient, amount, unit, meal, eaten_at, utc_offset_minutes,
    source, source_id, device, note, created_at
from old_raw_nutrition r where not (status = 'pending' or (status = 'failed' and not exists (
    select 1 from old_aggregation_groups g
    where g.user_id = r.user_id and g.domain = 'nutrition' and g.local_date = r.local_date and g.error is not null
)));
delete from group_changes;

-- Rows that wait: their triggers append the lines.
insert into raw_vitals (
    id, user_id, metric, value, comparator, unit, started_at, ended_at, utc_offset_minutes,
    source, source_id, device, note, created_at
)
select
    id, user_id, metric, value, comparator, unit, started_at, ended_at, utc_offset_minutes,
    source, source_id, device, note, created_at
from old_raw_vitals r where status = 'pending' or (status = 'failed' and not exists (
    select 1 from old_aggregation_groups g
    where g.user_id = r.user_id and g.domain = 'vitals' and g.local_date = r.local_date and g.error is not null
));
insert into raw_labs (
    id, user_id, code, name, category, value, unit, reference_range, interpretation, collected_at, utc_offset_minutes,
    source, source_id, device, note, created_at
)
select
    id, user_id, code, name, category, value, unit, reference_range, interpretation, collected_at, utc_offset_minutes,
    source, source_id, device, note, created_at
from old_raw_labs r where status = 'pending' or (status = 'failed' and not exists (
    select 1 from old_aggregation_groups g
    where g.user_id = r.user_id and g.domain = 'labs' and g.local_date = r.local_date and g.error is not null
));
insert into raw_nutrition (
    id, user_id, nutrient, amount, unit, meal, eaten_at, utc_offset_minutes,
    source, source_id, device, note, created_at
)
select
    id, user_id, nutrient, amount, unit, meal, eaten_at, utc_offset_minutes,
    source, source_id, device, note, created_at
from old_raw_nutrition r where status = 'pending' or (status = 'failed' and not exists (
    select 1 from old_aggregation_groups g
    where g.user_id = r.user_id and g.domain = 'nutrition' and g.local_date = r.local_date and g.error is not null
));
-- Ids are never given twice.
delete from sqlite_sequence where name in ('raw_vitals', 'raw_labs', 'raw_nutrition');
update sqlite_sequence set name = substr(name, 5) where name in ('old_raw_vitals', 'old_raw_labs', 'old_raw_nutrition');

-- Groups that were marked. An edit: whether rows were deleted is not known.
insert into group_changes (user_id, domain, local_date, kind, rows)
select g.user_id, g.domain, g.local_date, 'edit', count(r.id)
from old_aggregation_groups g
left join old_raw_vitals r on r.user_id = g.user_id and r.local_date = g.local_date and r.status <> 'pending'
where g.domain = 'vitals' and g.error is null
group by g.user_id, g.domain, g.local_date;
insert into group_changes (user_id, domain, local_date, kind, rows)
select g.user_id, g.domain, g.local_date, 'edit', count(r.id)
from old_aggregation_groups g
left join old_raw_labs r on r.user_id = g.user_id and r.local_date = g.local_date and r.status <> 'pending'
where g.domain = 'labs' and g.error is null
group by g.user_id, g.domain, g.local_date;
insert into group_changes (user_id, domain, local_date, kind, rows)
select g.user_id, g.domain, g.local_date, 'edit', count(r.id)
from old_aggregation_groups g
left join old_raw_nutrition r on r.user_id = g.user_id and r.local_date = g.local_date and r.status <> 'pending'
where g.domain = 'nutrition' and g.error is null
group by g.user_id, g.domain, g.local_date;

-- `emptied`: an edit or a delete may have been among what was marked.
insert into failed_groups (
    user_id, domain, local_date, state, attempts, next_attempt_at, error, error_class, rows, emptied, since, updated_at
)
select g.user_id, g.domain, g.local_date, case g.state when 'dead' then 'dead' else 'waiting' end, g.attempts,
    g.next_attempt_at, g.error, coalesce(g.error_class, 'data'), count(r.id), 1,
    coalesce(min(r.created_at), g.updated_at), g.updated_at
from old_aggregation_groups g
left join old_raw_vitals r on r.user_id = g.user_id and r.local_date = g.local_date and r.status = 'failed'
where g.domain = 'vitals' and g.error is not null
group by g.user_id, g.domain, g.local_date;
insert into failed_groups (
    user_id, domain, local_date, state, attempts, next_attempt_at, error, error_class, rows, emptied, since, updated_at
)
select g.user_id, g.domain, g.local_date, case g.state when 'dead' then 'dead' else 'waiting' end, g.attempts,
    g.next_attempt_at, g.error, coalesce(g.error_class, 'data'), count(r.id), 1,
    coalesce(min(r.created_at), g.updated_at), g.updated_at
from old_aggregation_groups g
left join old_raw_labs r on r.user_id = g.user_id and r.local_date = g.local_date and r.status = 'failed'
where g.domain = 'labs' and g.error is not null
group by g.user_id, g.domain, g.local_date;
insert into failed_groups (
    user_id, domain, local_date, state, attempts, next_attempt_at, error, error_class, rows, emptied, since, updated_at
)
select g.user_id, g.domain, g.local_date, case g.state when 'dead' then 'dead' else 'waiting' end, g.attempts,
    g.next_attempt_at, g.error, coalesce(g.error_class, 'data'), count(r.id), 1,
    coalesce(min(r.created_at), g.updated_at), g.updated_at
from old_aggregation_groups g
left join old_raw_nutrition r on r.user_id = g.user_id and r.local_date = g.local_date and r.status = 'failed'
where g.domain = 'nutrition' and g.error is not null
group by g.user_id, g.domain, g.local_date;

insert into rejected_rows (user_id, domain, local_date, row_id, reason, poison, rejected_at)
select user_id, 'vitals', local_date, id, coalesce(error, 'rejected'), coalesce(error, '') like 'poison: %',
    coalesce(aggregated_at, created_at)
from old_raw_vitals where status = 'rejected';
insert into rejected_rows (user_id, domain, local_date, row_id, reason, poison, rejected_at)
select user_id, 'labs', local_date, id, coalesce(error, 'rejected'), coalesce(error, '') like 'poison: %',
    coalesce(aggregated_at, created_at)
from old_raw_labs where status = 'rejected';
insert into rejected_rows (user_id, domain, local_date, row_id, reason, poison, rejected_at)
select user_id, 'nutrition', local_date, id, coalesce(error, 'rejected'), coalesce(error, '') like 'poison: %',
    coalesce(aggregated_at, created_at)
from old_raw_nutrition where status = 'rejected';

drop table old_user_time_zones;
drop table old_patient_users;
drop table old_resource_versions;
drop table old_worker_control;
drop table old_worker_heartbeats;
drop table old_aggregation_groups;
drop table old_sealed_groups;
drop table old_retention_runs;
drop table old_aggregation_errors;
drop table old_aggregation_batches;
drop table old_file_commits;
drop table old_raw_vitals;
drop table old_raw_labs;
drop table old_raw_nutrition;
drop table old_vitals_aggregates;
drop table old_lab_aggregates;
drop table old_nutrition_aggregates;
