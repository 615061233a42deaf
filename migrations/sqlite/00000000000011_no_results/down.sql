alter table lab_aggregates drop column no_result_count;
