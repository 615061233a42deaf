-- workers_seen: every worker that did not remove itself.
select worker, extract(epoch from now() - seen_at)::bigint as seen_ago, folding
from worker_heartbeats
order by worker
