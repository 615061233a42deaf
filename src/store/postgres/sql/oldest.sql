-- oldest_rows, oldest_hours: $1 lowest user, $2 users at most. source: a table
-- and a condition; at: what orders a user's rows in an index; date: of at.
-- Steps from user to user, so that it costs the number of users, not of rows.
with recursive oldest as (
    (select user_id, {at} as at from {source} and user_id >= $1 order by user_id, {at} limit 1)
    union all
    select next.user_id, next.at
    from oldest cross join lateral (
        select user_id, {at} as at from {source} and user_id > oldest.user_id order by user_id, {at} limit 1
    ) next
)
select user_id, {date} as local_date from oldest limit $2
