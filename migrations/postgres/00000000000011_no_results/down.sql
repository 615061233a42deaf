drop view labs_yearly;
drop view labs_quarterly;
drop view labs_monthly;
drop view labs_daily;
alter table lab_aggregates drop column no_result_count;
create view labs_daily as select * from lab_aggregates where period = 'day';
create view labs_monthly as select * from lab_aggregates where period = 'month';
create view labs_quarterly as select * from lab_aggregates where period = 'quarter';
create view labs_yearly as select * from lab_aggregates where period = 'year';
