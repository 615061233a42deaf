-- Groups that have day aggregates: $1 users, $2 first date, $3 last date, $4
-- first user and $5 first date that are wanted, $6 groups at most.
select distinct a.user_id, a.local_date
from {aggregates} a
where a.period = 'day' and (a.user_id, a.local_date) >= ($4::bigint, $5::date)
    and (cardinality($1::bigint[]) = 0 or a.user_id = any($1))
    and ($2::date is null or a.local_date >= $2) and ($3::date is null or a.local_date <= $3)
    and not exists (
        select from sealed_groups s
        where s.user_id = a.user_id and s.domain = '{domain}' and s.local_date = a.local_date
    )
order by a.user_id, a.local_date
limit $6
