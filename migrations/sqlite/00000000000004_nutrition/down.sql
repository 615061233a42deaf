drop view nutrition_monthly;
drop view nutrition_weekly;
drop view nutrition_daily;
drop table nutrition_aggregates;
drop view raw_nutrition_states;
drop table raw_nutrition;
