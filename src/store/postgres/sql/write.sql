-- Inserts aggregates, and replaces others except where they are as they were:
-- their updated_at stays and nothing is written. $1 user, $2 version, then keys
-- and measures to insert, then those to replace. One statement, because each
-- costs an answer of its own.
with inserted as ({insert})
{replace}
on conflict ({key}) do update
set {set}, algorithm_version = excluded.algorithm_version, updated_at = excluded.updated_at
where (a.algorithm_version, {old}) is distinct from (excluded.algorithm_version, {new})
