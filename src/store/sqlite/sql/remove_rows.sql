-- Deletes raw rows that touch sealed days only: ?1 ids as JSON.
delete from {raw} as r
where r.id in (select value from json_each(?1)) and {sealed_only}
