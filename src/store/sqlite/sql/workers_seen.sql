-- Workers that did not remove themselves.
select worker, cast(unixepoch('now') - unixepoch(seen_at) as integer) as seen_ago, folding
from worker_heartbeats
order by worker
