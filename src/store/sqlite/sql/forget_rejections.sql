-- Deletes the rejections of raw rows that are gone: ?1 user, ?2 ids as JSON.
delete from rejected_rows
where user_id = ?1 and domain = '{domain}' and row_id in (select cast(value as text) from json_each(?2))
    and not exists (select 1 from {raw} r where r.id = cast(row_id as integer))
