-- The date in UTC of the oldest raw row of each of the next users: ?1 first user, ?2
-- users at most. Two probes of the index per user, however many rows each has.
with recursive u (user_id) as (
    select min(user_id) from {raw} where user_id >= ?1
    union all
    select (select min(r.user_id) from {raw} r where r.user_id > u.user_id)
    from u
    where u.user_id is not null
)
select user_id, (
        select substr(min(r.{time}), 1, 10) from {raw} r where r.user_id = u.user_id
    ) as local_date
from u
where user_id is not null
limit ?2
