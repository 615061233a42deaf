-- mark_failed: $1 user, $2 domain, $3 date, $4 blame (0 or 1), $5 max attempts,
-- $6 backoff and $7 longest backoff in seconds, $8 jitter, $9 error, $10 class.
-- A group that is put off or dead by now was tried by another worker at the same
-- time, which recorded it: the attempt counts once.
insert into aggregation_groups as g
    (user_id, domain, local_date, state, attempts, next_attempt_at, error, error_class)
values (
    $1, $2, $3,
    case when $4 >= $5 then 'dead' else 'due' end,
    $4,
    now() + make_interval(secs => least($6, $7) * $8),
    $9, $10
)
on conflict (user_id, domain, local_date) do update set
    state = case when g.attempts + $4 >= $5 then 'dead' else 'due' end,
    attempts = g.attempts + $4,
    next_attempt_at = now() + make_interval(secs => least($6 * power(2, least(g.attempts, 30)), $7) * $8),
    error = excluded.error,
    error_class = excluded.error_class,
    updated_at = excluded.updated_at
where g.state = 'due' and g.next_attempt_at <= now()
returning state, attempts
