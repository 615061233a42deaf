-- A server keeps its own log: there is nothing to count here.
select 1;
