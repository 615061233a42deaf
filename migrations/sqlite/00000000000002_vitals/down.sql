drop view vitals_monthly;
drop view vitals_weekly;
drop view vitals_daily;
drop view vitals_hourly;
drop table vitals_aggregates;
drop view raw_vitals_states;
drop table raw_vitals;
