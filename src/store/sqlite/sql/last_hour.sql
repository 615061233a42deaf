-- Whether workers pause, and sums over the batches of the last hour.
select (select paused from worker_control) as paused, count(*) as batches,
    coalesce(sum(rows_completed), 0) as rows_completed,
    coalesce(sum(rows_rejected), 0) as rows_rejected,
    coalesce(sum(groups_ok), 0) as groups_ok, coalesce(sum(groups_failed), 0) as groups_failed
from aggregation_batches
where started_at > strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now', '-1 hour')
