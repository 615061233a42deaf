-- Sets the tables of the old shape (its twelve migrations) aside: the new
-- migrations then make theirs, and sqlite_bring_over.sql fills them. Indexes go
-- where a new one has the same name; the others help until their table goes.

-- The names of the rows of resources get the row's time; none where the row is
-- gone.
update resource_versions as v set rows = (
    select json_group_array(json_array(
        domain, user_id, source_id, key, replace(substr(at, 1, 26), ' ', 'T') || 'Z'
    ))
    from (
        select n.domain, n.user_id, n.source_id, n.key, case n.domain
                when 'vitals' then (
                    select r.started_at from raw_vitals r
                    where r.user_id = n.user_id and r.source = v.source and r.source_id = n.source_id
                        and r.metric = n.key
                )
                when 'labs' then (
                    select r.collected_at from raw_labs r
                    where r.user_id = n.user_id and r.source = v.source and r.source_id = n.source_id
                        and coalesce(r.code, r.name) = n.key
                )
                when 'nutrition' then (
                    select r.eaten_at from raw_nutrition r
                    where r.user_id = n.user_id and r.source = v.source and r.source_id = n.source_id
                        and r.nutrient = n.key
                )
            end as at
        from (
            select json_extract(value, '$[0]') as domain, json_extract(value, '$[1]') as user_id,
                json_extract(value, '$[2]') as source_id, json_extract(value, '$[3]') as key
            from json_each(v.rows)
        ) n
    )
)
where rows is not null;

drop view vitals_hourly;
drop view vitals_daily;
drop view vitals_weekly;
drop view vitals_monthly;
drop view labs_daily;
drop view labs_monthly;
drop view labs_quarterly;
drop view labs_yearly;
drop view nutrition_daily;
drop view nutrition_weekly;
drop view nutrition_monthly;
drop trigger raw_vitals_edited;
drop trigger raw_vitals_deleted;
drop index raw_vitals_source_id;
drop trigger raw_labs_edited;
drop trigger raw_labs_deleted;
drop index raw_labs_source_id;
drop trigger raw_nutrition_edited;
drop trigger raw_nutrition_deleted;
drop index raw_nutrition_source_id;
drop index aggregation_batches_started_at;
drop index aggregation_errors_group;
drop index aggregation_errors_failed_at;
alter table user_time_zones rename to old_user_time_zones;
alter table patient_users rename to old_patient_users;
alter table resource_versions rename to old_resource_versions;
alter table worker_control rename to old_worker_control;
alter table worker_heartbeats rename to old_worker_heartbeats;
alter table aggregation_groups rename to old_aggregation_groups;
alter table sealed_groups rename to old_sealed_groups;
alter table retention_runs rename to old_retention_runs;
alter table aggregation_errors rename to old_aggregation_errors;
alter table aggregation_batches rename to old_aggregation_batches;
alter table file_commits rename to old_file_commits;
alter table raw_vitals rename to old_raw_vitals;
alter table raw_labs rename to old_raw_labs;
alter table raw_nutrition rename to old_raw_nutrition;
alter table vitals_aggregates rename to old_vitals_aggregates;
alter table lab_aggregates rename to old_lab_aggregates;
alter table nutrition_aggregates rename to old_nutrition_aggregates;
delete from __diesel_schema_migrations;
