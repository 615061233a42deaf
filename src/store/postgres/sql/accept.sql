-- Deletes rejections of a group: $1 user, $2 domain, $3 date, $4 row ids.
delete from rejected_rows
where user_id = $1 and domain = $2 and local_date = $3
    and row_id in (select unnest($4::bigint[])::text)
