-- Sealed groups: ?1 users as JSON, ?2 first and ?3 last date.
select count(*) as count from sealed_groups where domain = '{domain}' and {within}
