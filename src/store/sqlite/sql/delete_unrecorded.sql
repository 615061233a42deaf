-- Deletes the rows of a resource that was retracted and stored before versions were
-- kept: ?1 user, ?2 source, ?3 its id.
delete from {raw}
where user_id = ?1 and source = ?2 and source_id is not null
    and (source_id = ?3 or substr(source_id, 1, length(?3) + 1) = ?3 || '#')
