drop function vitalfold_mark_deleted();
drop function vitalfold_mark_edited();
drop function vitalfold_utc_offset(bigint, timestamptz);
drop table aggregation_batches;
drop table aggregation_groups;
drop table worker_heartbeats;
drop table worker_control;
drop table patient_users;
drop table user_time_zones;
