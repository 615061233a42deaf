-- Dates that a part of a raw table touches: ?1 users as JSON, ?2 first and ?3 last
-- date, ?4 user and ?5 time where the part begins, ?6 rows that it has at most, ?7
-- first date of that user that is wanted. The end of the part is on every line;
-- where nothing is wanted it comes alone.
with part as materialized (
    select r.user_id, r.{time} as at, {first} as first, {last} as last
    from {raw} r
    where (r.user_id, r.{time}) >= (?4, ?5)
        and (?1 = '[]' or r.user_id in (select value from json_each(?1)))
        and (?2 is null or r.{time} >= date(?2, '-4 days'))
        and (?3 is null or r.{time} < date(?3, '+2 days'))
    order by r.user_id, r.{time}
    limit ?6
),
page_end as (
    select (select count(*) from part) as read, p.user_id as last_user, p.at as last_at
    from (select 1)
        left join (select user_id, at from part order by user_id desc, at desc limit 1) p
),
touched as (
    select p.user_id, date(p.first, d.day || ' days') as local_date, sum(d.day = 0) as rows
    from part p
        join (select 0 as day union all select 1 union all select 2 union all select 3) d
    where date(p.first, d.day || ' days') <= p.last
    group by 1, 2
)
select e.read, e.last_user, e.last_at, t.user_id, t.local_date, t.rows
from page_end e
    left join (
        select user_id, local_date, rows
        from touched
        where (user_id, local_date) >= (?4, ?7) and {within}
            and not exists (
                select 1 from sealed_groups s
                where s.user_id = touched.user_id and s.domain = '{domain}'
                    and s.local_date = touched.local_date
            )
    ) t
order by t.user_id, t.local_date
