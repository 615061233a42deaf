-- Groups that have changes or wait for a retry: ?1 users as JSON, ?2 first and ?3
-- last date.
select count(*) as count
from (
    select user_id, local_date from group_changes where domain = '{domain}' and {within}
    union
    select user_id, local_date from failed_groups
    where domain = '{domain}' and state = 'waiting' and {within}
)
