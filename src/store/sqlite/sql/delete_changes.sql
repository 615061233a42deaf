-- Deletes exactly the changes that were read: ?1 their ids as JSON.
delete from group_changes where id in (select value from json_each(?1))
