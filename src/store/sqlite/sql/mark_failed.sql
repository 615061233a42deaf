-- Records a failed attempt: ?1 user, ?2 date, ?3 what the attempt counts, ?4 attempts
-- at most, ?5 first pause and ?6 longest pause in seconds, ?7 jitter, ?8 error, ?9 its
-- class. No row comes back where another process recorded the attempt: the group
-- waits, or is dead and nothing changed since. A dead group with changes begins
-- anew.
insert into failed_groups as f (
    user_id, domain, local_date, state, attempts, next_attempt_at, error, error_class, rows, emptied, since
)
select ?1, '{domain}', ?2, case when ?3 >= ?4 then 'dead' else 'waiting' end, ?3,
    strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now', (min(?5, ?6) * ?7) || ' seconds'),
    ?8, ?9, coalesce(sum(rows), 0), coalesce(max(kind in ('edit', 'delete')), 0),
    coalesce(min(changed_at), {now})
from group_changes
where user_id = ?1 and domain = '{domain}' and local_date = ?2
on conflict (user_id, domain, local_date) do update
set state = case
        when case f.state when 'dead' then 0 else f.attempts end + ?3 >= ?4 then 'dead'
        else 'waiting'
    end,
    attempts = case f.state when 'dead' then 0 else f.attempts end + ?3,
    next_attempt_at = strftime(
        '%Y-%m-%d %H:%M:%f000+00:00', 'now',
        (min(?5 * (1 << min(case f.state when 'dead' then 0 else f.attempts end, 30)), ?6) * ?7) || ' seconds'
    ),
    error = excluded.error, error_class = excluded.error_class, rows = f.rows + excluded.rows,
    emptied = max(f.emptied, excluded.emptied), since = min(f.since, excluded.since),
    updated_at = {now}
where case f.state
    when 'waiting' then f.next_attempt_at <= {now}
    else exists (
        select 1 from group_changes
        where user_id = ?1 and domain = '{domain}' and local_date = ?2
    )
end
returning state, attempts
