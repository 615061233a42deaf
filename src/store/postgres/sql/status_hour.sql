-- status: sums over the batches of the last hour.
select
    (select paused from worker_control) as paused,
    count(*) as batches,
    coalesce(sum(rows_completed), 0)::bigint as rows_completed,
    coalesce(sum(rows_rejected), 0)::bigint as rows_rejected,
    coalesce(sum(groups_ok), 0)::bigint as groups_ok,
    coalesce(sum(groups_failed), 0)::bigint as groups_failed
from aggregation_batches
where started_at > now() - interval '1 hour'
