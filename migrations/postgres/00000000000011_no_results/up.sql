-- Specimens that gave no result: counted apart from results.
alter table lab_aggregates add column no_result_count bigint not null default 0;
-- Replaced, so that grants on them stay.
create or replace view labs_daily as select * from lab_aggregates where period = 'day';
create or replace view labs_monthly as select * from lab_aggregates where period = 'month';
create or replace view labs_quarterly as select * from lab_aggregates where period = 'quarter';
create or replace view labs_yearly as select * from lab_aggregates where period = 'year';
