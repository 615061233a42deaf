-- The latest batches: ?1 batches at most.
select replace(substr(started_at, 1, 23), ' ', 'T') || 'Z' as started_at, worker, domain,
    duration_ms, rows_pulled, rows_completed, rows_rejected, groups_ok, groups_failed,
    groups_skipped, pool_before, pool_after
from aggregation_batches
order by aggregation_batches.started_at desc
limit ?1
