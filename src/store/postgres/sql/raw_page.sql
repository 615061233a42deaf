-- Dates that a part of a raw table touches: $1 users, $2 first date, $3 last
-- date, $4 user and $5 time where the part begins, $6 rows that it has at most,
-- $7 first user and $8 first date that are wanted. The end of the part is on
-- every line; where nothing is wanted it comes alone.
with part as materialized (
    select r.user_id, r.{time} as at, {first} as first, {last} as last
    from {raw} r
    where (r.user_id, r.{time}) >= ($4::bigint, $5::timestamptz)
        and (cardinality($1::bigint[]) = 0 or r.user_id = any($1))
        and ($2::date is null or r.{time} >= ($2 - 4)::timestamp at time zone 'UTC')
        and ($3::date is null or r.{time} < ($3 + 2)::timestamp at time zone 'UTC')
    order by r.user_id, r.{time}
    limit $6
),
page_end as (
    select (select count(*) from part) as read, p.user_id as last_user, p.at as last_at
    from (select 1) one
        left join (select user_id, at from part order by user_id desc, at desc limit 1) p on true
),
touched as (
    select user_id, first + days as local_date, count(*) filter (where days = 0) as rows
    from (select user_id, first, generate_series(0, last - first) as days from part) d
    group by 1, 2
)
select e.read, e.last_user, e.last_at, t.user_id, t.local_date, t.rows
from page_end e
    left join (
        select t.*
        from touched t
        where (t.user_id, t.local_date) >= ($7::bigint, $8::date)
            and ($2 is null or t.local_date >= $2) and ($3 is null or t.local_date <= $3)
            and not exists (
                select from sealed_groups s
                where s.user_id = t.user_id and s.domain = '{domain}' and s.local_date = t.local_date
            )
    ) t on true
order by t.user_id, t.local_date
