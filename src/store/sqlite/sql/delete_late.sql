-- Deletes raw rows of a user that a sealed group rejected as too late: ?1 user, ?2
-- the age that they must have such as '-60 seconds', ?3 rows at most.
delete from {raw}
where id in (
    select r.id
    from rejected_rows j
        join sealed_groups s using (user_id, domain, local_date)
        join {raw} r on r.id = cast(j.row_id as integer)
    where j.user_id = ?1 and j.domain = '{domain}'
        and r.user_id = ?1
        and r.created_at < strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now', ?2)
    limit ?3
)
