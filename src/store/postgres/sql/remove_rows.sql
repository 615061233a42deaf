-- Deletes raw rows that touch sealed days only, and their rejections: $1 user, $2
-- ids, $3 a date that each of the rows touches. Returns how many rows.
with removed as (
    delete from {raw} r
    where r.user_id = $1 and r.id = any($2) and {sealed_only}
    returning r.id
),
forgotten as (
    delete from rejected_rows
    where user_id = $1 and domain = '{domain}' and local_date between $3 - 4 and $3 + 4
        and row_id in (select id::text from removed)
)
select count(*) as rows from removed
