-- clock: when the newest raw row arrived. Steps from user to user through the
-- primary key, so that it costs the number of users, not of rows.
with recursive newest as (
    (select user_id, created_at from {raw} order by user_id desc, id desc limit 1)
    union all
    select next.user_id, next.created_at
    from newest cross join lateral (
        select user_id, created_at from {raw} where user_id < newest.user_id order by user_id desc, id desc limit 1
    ) next
)
select max(created_at) from newest
