-- history: $1 how many batches, the latest first.
select
    to_char(b.started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as started_at,
    worker, domain, duration_ms, rows_pulled, rows_completed, rows_rejected,
    groups_ok, groups_failed, groups_skipped,
    pool_before::text as pool_before, pool_after::text as pool_after
from aggregation_batches b
order by b.started_at desc
limit $1
