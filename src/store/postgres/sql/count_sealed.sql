-- count_sealed: $1 domain, $2 users (none is all), $3 first and $4 last date.
select count(*) as groups
from sealed_groups
where domain = $1
    and (cardinality($2::bigint[]) = 0 or user_id = any($2))
    and ($3::date is null or local_date >= $3)
    and ($4::date is null or local_date <= $4)
