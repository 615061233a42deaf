-- Deletes raw rows that touch no other day than this one and sealed ones, and their
-- rejections: $1 user, $2 ids, $3 date. Returns how many rows.
with removed as (
    delete from {raw} r
    where r.user_id = $1 and r.id = any($2)
        and not exists (
            select from generate_series(0, {last} - {first}) as days
            where {first} + days <> $3 and not exists (
                select from sealed_groups s
                where s.user_id = $1 and s.domain = '{domain}' and s.local_date = {first} + days
            )
        )
    returning r.id
),
forgotten as (
    delete from rejected_rows
    where user_id = $1 and domain = '{domain}' and local_date between $3 - 4 and $3 + 4
        and row_id in (select id::text from removed)
)
select count(*) as rows from removed
