-- status: the workers that were seen in the last minute.
select worker, mode, activity, folding, started_at, extract(epoch from now() - seen_at)::bigint as seen_ago
from worker_heartbeats
where seen_at > now() - interval '1 minute'
order by started_at, worker
