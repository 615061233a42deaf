-- Groups that have day aggregates: ?1 users as JSON, ?2 first and ?3 last date, ?4
-- first user and ?5 his first date that are wanted, ?6 groups at most.
select distinct user_id, local_date
from {aggregates} a
where period = 'day' and (user_id, local_date) >= (?4, ?5) and {within}
    and not exists (
        select 1 from sealed_groups s
        where s.user_id = a.user_id and s.domain = '{domain}' and s.local_date = a.local_date
    )
order by user_id, local_date
limit ?6
