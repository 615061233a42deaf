drop table aggregation_errors;
alter table worker_heartbeats drop column folding;
