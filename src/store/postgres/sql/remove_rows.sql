-- Deletes raw rows that touch no other day than this one and sealed ones: $1 user,
-- $2 ids, $3 date.
delete from {raw} r
where r.user_id = $1 and r.id = any($2)
    and not exists (
        select from generate_series(0, {last} - {first}) as days
        where {first} + days <> $3 and not exists (
            select from sealed_groups s
            where s.user_id = $1 and s.domain = '{domain}' and s.local_date = {first} + days
        )
    )
