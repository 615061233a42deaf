-- Failed groups in (user, date) order: ?1 users as JSON, ?2 first and ?3 last date,
-- ?4 class of error or null, ?5 whether only dead ones, ?6 user and ?7 date before the
-- first one or null, ?8 groups at most.
select user_id, local_date, state, attempts, next_attempt_at, updated_at, error_class, error
from failed_groups
where domain = '{domain}' and {within}
    and (?4 is null or error_class = ?4) and (not ?5 or state = 'dead')
    and (?6 is null or (user_id, local_date) > (?6, ?7))
order by user_id, local_date
limit ?8
