drop view labs_yearly;
drop view labs_quarterly;
drop view labs_monthly;
drop view labs_daily;
drop table lab_aggregates;
drop view raw_labs_states;
drop table raw_labs;
