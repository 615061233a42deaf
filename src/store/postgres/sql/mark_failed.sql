-- Moves the changes of a group into its failure: $1 user, $2 domain, $3 date, $4
-- blame (0 or 1), $5 max attempts, $6 backoff and $7 longest backoff in seconds,
-- $8 jitter, $9 error, $10 class.
-- A group that is put off, or dead without changes, was tried by another worker
-- at the same time, which recorded it: the attempt counts once. A dead one with
-- changes begins anew.
with taken as (
    select coalesce(sum(rows), 0) as rows, coalesce(bool_or(kind in ('delete', 'edit')), false) as emptied,
        min(changed_at) as since, count(*) > 0 as has_lines
    from group_changes
    where user_id = $1 and domain = $2 and local_date = $3
),
marked as (
    insert into failed_groups as f
        (user_id, domain, local_date, state, attempts, next_attempt_at, error, error_class, rows,
         emptied, since)
    select $1, $2, $3, case when $4 >= $5 then 'dead' else 'waiting' end, $4,
        now() + make_interval(secs => least($6, $7) * $8), $9, $10, t.rows, t.emptied,
        coalesce(t.since, now())
    from taken t
    on conflict (user_id, domain, local_date) do update set
        state = case
            when case f.state when 'dead' then 0 else f.attempts end + $4 >= $5 then 'dead'
            else 'waiting'
        end,
        attempts = case f.state when 'dead' then 0 else f.attempts end + $4,
        next_attempt_at = now() + make_interval(
            secs => least($6 * power(2, least(case f.state when 'dead' then 0 else f.attempts end, 30)), $7) * $8
        ),
        error = excluded.error,
        error_class = excluded.error_class,
        rows = f.rows + excluded.rows,
        emptied = f.emptied or excluded.emptied,
        since = least(f.since, excluded.since),
        updated_at = now()
    where case f.state
        when 'dead' then (select has_lines from taken)
        else f.next_attempt_at <= now()
    end
    returning f.state, f.attempts
),
moved as (
    delete from group_changes
    where user_id = $1 and domain = $2 and local_date = $3 and exists (select from marked)
)
select state, attempts from marked
