-- Deletes raw rows of a user that a sealed group rejected as too late: ?1 user, ?2
-- the age that they must have such as '-60 seconds', ?3 rows at most. Rows that
-- reach into a day that is not sealed stay until it is.
delete from {raw}
where id in (
    select r.id
    from rejected_rows j
        join sealed_groups s using (user_id, domain, local_date)
        join {raw} r on r.id = cast(j.row_id as integer)
    where j.user_id = ?1 and j.domain = '{domain}' and j.reason like 'too\_late:%' escape '\'
        and r.user_id = ?1
        and r.created_at < strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now', ?2)
        and {sealed_only}
    limit ?3
)
