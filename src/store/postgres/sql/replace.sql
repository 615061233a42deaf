-- Writes aggregates, but for those that are as they were: their updated_at stays
-- and nothing is written. $1 user, $2 version, then keys and measures.
{insert}
on conflict ({key}) do update
set {set}, algorithm_version = excluded.algorithm_version, updated_at = excluded.updated_at
where (a.algorithm_version, {old}) is distinct from (excluded.algorithm_version, {new})
