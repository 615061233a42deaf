-- Deletes rejections of a group: ?1 user, ?2 date, ?3 row ids as JSON.
delete from rejected_rows
where user_id = ?1 and domain = '{domain}' and local_date = ?2
    and row_id in (select cast(value as text) from json_each(?3))
