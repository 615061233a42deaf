-- Groups whose day aggregates another version of the fold wrote, and those with
-- rejected rows: binds as in aggregate_page.sql, {version} is the fold's version.
select user_id, local_date
from (
    select a.user_id, a.local_date
    from {aggregates} a
    where a.period = 'day' and a.algorithm_version <> {version}
    union
    select j.user_id, j.local_date
    from rejected_rows j
    where j.domain = '{domain}'
) g
where (user_id, local_date) >= ($4::bigint, $5::date)
    and (cardinality($1::bigint[]) = 0 or user_id = any($1))
    and ($2::date is null or local_date >= $2) and ($3::date is null or local_date <= $3)
    and not exists (
        select from sealed_groups s
        where s.user_id = g.user_id and s.domain = '{domain}' and s.local_date = g.local_date
    )
order by user_id, local_date
limit $6
