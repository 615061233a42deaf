-- Seals a group: ?1 user, ?2 date, ?3 raw rows that were removed.
insert into sealed_groups (user_id, domain, local_date, raw_rows) values (?1, '{domain}', ?2, ?3)
