-- Deletes a row that a version has no more: ?1 user, ?2 source, ?3 source id, ?4 key, ?5
-- time or null for any.
delete from {raw}
where user_id = ?1 and source = ?2 and source_id = ?3 and {key} = ?4
    and (?5 is null or {time} = ?5)
