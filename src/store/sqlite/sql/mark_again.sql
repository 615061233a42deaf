-- Gives groups that failed all their attempts again: ?1 groups as in mark.sql.
update failed_groups
set state = 'waiting', attempts = 0, next_attempt_at = {now}, updated_at = {now}
where domain = '{domain}' and (user_id, local_date) in (
    select json_extract(value, '$[0]'), json_extract(value, '$[1]') from json_each(?1)
)
