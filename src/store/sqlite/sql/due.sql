-- Failed groups whose next attempt is due: ?1 users as JSON, ?2 first and ?3 last
-- date, ?4 groups at most.
select user_id, local_date
from failed_groups
where domain = '{domain}' and state = 'waiting' and next_attempt_at <= {now} and {within}
order by next_attempt_at, user_id, local_date
limit ?4
