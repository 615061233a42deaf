-- Appends a change for each group, and gives those that failed all their
-- attempts again: $1 domain, $2 kind, $3 users, $4 dates, $5 rows.
with marked as (
    select * from unnest($3::bigint[], $4::date[], $5::integer[]) as g (user_id, local_date, rows)
),
again as (
    update failed_groups f
    set state = 'waiting', attempts = 0, next_attempt_at = now(), updated_at = now()
    from marked m
    where f.user_id = m.user_id and f.domain = $1 and f.local_date = m.local_date
)
insert into group_changes (user_id, domain, local_date, kind, rows)
select m.user_id, $1, m.local_date, $2, m.rows
from marked m
order by m.user_id, m.local_date
