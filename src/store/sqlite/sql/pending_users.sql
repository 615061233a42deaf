-- The lowest and the highest user with changes. Two probes of the index, which
-- begins with the domain here: min and max in one select would read all of it.
select (select min(user_id) from group_changes where domain = '{domain}') as lowest,
    (select max(user_id) from group_changes where domain = '{domain}') as highest
