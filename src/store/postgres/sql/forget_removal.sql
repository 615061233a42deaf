-- Deletes the changes that this transaction's own deletes made, and the rejections
-- of a group's rows that are gone: $1 user, $2 date.
with forgotten as (
    delete from group_changes
    where user_id = $1 and domain = '{domain}' and xmin = pg_current_xact_id_if_assigned()::xid
)
delete from rejected_rows j
where j.user_id = $1 and j.domain = '{domain}' and j.local_date = $2
    and not exists (select from {raw} r where r.user_id = $1 and r.id = j.row_id::bigint)
