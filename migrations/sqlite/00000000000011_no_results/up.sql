-- Specimens that gave no result: counted apart from results.
alter table lab_aggregates add column no_result_count integer not null default 0;
