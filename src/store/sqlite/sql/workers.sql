-- Workers that were seen lately.
select worker, mode, activity, folding, started_at,
    cast(round((julianday('now') - julianday(seen_at)) * 86400) as integer) as seen_ago
from worker_heartbeats
where seen_at > strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now', '-1 minute')
order by started_at, worker
