-- Writes an aggregate where it differs: {identity} are the columns of its key,
-- {columns} those behind the fold's version. One by one: SQLite takes no arrays.
insert into {aggregates} as a ({identity}, algorithm_version, {columns})
values ({values})
on conflict ({identity}) do update
set {set}, algorithm_version = excluded.algorithm_version, updated_at = {now}
where a.algorithm_version is not excluded.algorithm_version or {changed}
