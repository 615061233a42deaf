-- heartbeat: $1 worker, $2 mode, $3 activity, $4 groups in flight, $5 seconds
-- that changes must be old. work_waits: a condition.
with beat as (
    insert into worker_heartbeats (worker, mode, activity, folding)
    values ($1, $2, $3, $4)
    on conflict (worker) do update set
        activity = excluded.activity,
        folding = excluded.folding,
        seen_at = now()
)
select
    paused,
    exists (select from worker_heartbeats where worker <> $1) as accompanied,
    ({work_waits}) as work_waits,
    -- Others see a sign of life at once, but its commit does not wait for the disk.
    set_config('synchronous_commit', 'off', true)
from worker_control
