-- Deletes the oldest lines of a history: {table} with its {time}, ?1 the age that they
-- must have such as '-60.000 seconds', ?2 lines at most.
delete from {table}
where id in (
    select id from {table}
    where {time} < strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now', ?1)
    order by {time}
    limit ?2
)
