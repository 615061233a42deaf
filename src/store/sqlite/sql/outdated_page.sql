-- Groups whose day aggregates another version of the fold wrote, and those with
-- rejected rows: binds as in aggregate_page.sql, {version} is the fold's version.
select user_id, local_date
from (
    select user_id, local_date from {aggregates}
    where period = 'day' and algorithm_version <> {version}
    union
    select user_id, local_date from rejected_rows where domain = '{domain}'
) g
where (user_id, local_date) >= (?4, ?5) and {within}
    and not exists (
        select 1 from sealed_groups s
        where s.user_id = g.user_id and s.domain = '{domain}' and s.local_date = g.local_date
    )
order by user_id, local_date
limit ?6
