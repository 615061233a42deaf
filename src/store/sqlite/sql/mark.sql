-- Appends a change for each group: ?1 kind, ?2 groups as JSON, each an array of
-- user, date and rows.
insert into group_changes (user_id, domain, local_date, kind, rows)
select json_extract(value, '$[0]'), '{domain}', json_extract(value, '$[1]'), ?1,
    json_extract(value, '$[2]')
from json_each(?2)
