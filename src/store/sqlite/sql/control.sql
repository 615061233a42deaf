-- What a worker obeys: ?1 worker.
select paused, exists (select 1 from worker_heartbeats where worker <> ?1) as accompanied
from worker_control
