drop view nutrition_monthly;
drop view nutrition_weekly;
drop view nutrition_daily;
drop table nutrition_aggregates;
drop table raw_nutrition;
drop function vitalfold_complete_raw_nutrition();
