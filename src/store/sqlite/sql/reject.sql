-- Writes a rejection of a group: ?1 user, ?2 date, ?3 row id, ?4 reason, ?5 whether
-- it is poison.
insert into rejected_rows (user_id, domain, local_date, row_id, reason, poison)
values (?1, '{domain}', ?2, ?3, ?4, ?5)
on conflict (user_id, domain, local_date, row_id) do update
set reason = excluded.reason, poison = excluded.poison, rejected_at = excluded.rejected_at
