-- The next users who have aggregates: ?1 user before them, ?2 users at most. One
-- probe of the primary key per user, however many rows each has.
with recursive u (user_id) as (
    select min(user_id) from {aggregates} where user_id > ?1
    union all
    select (select min(a.user_id) from {aggregates} a where a.user_id > u.user_id)
    from u
    where u.user_id is not null
)
select user_id from u where user_id is not null limit ?2
