-- The date of the oldest hour aggregate of each of the next users: ?1 first user, ?2
-- users at most.
select user_id, min(local_date) as local_date
from {aggregates}
where period = 'hour' and user_id >= ?1
group by user_id
order by user_id
limit ?2
