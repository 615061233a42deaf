-- The latest failed attempts of a group, oldest first: ?1 user, ?2 date, ?3 attempts
-- at most.
select failed_at, attempts, error_class, error, worker
from (
    select * from aggregation_errors
    where user_id = ?1 and domain = '{domain}' and local_date = ?2
    order by id desc
    limit ?3
)
order by id
