-- The zones of users: ?1 users as JSON.
select user_id, time_zone from user_time_zones
where user_id in (select value from json_each(?1))
