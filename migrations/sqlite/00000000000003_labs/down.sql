drop view labs_yearly;
drop view labs_quarterly;
drop view labs_monthly;
drop view labs_daily;
drop table lab_aggregates;
drop table raw_labs;
