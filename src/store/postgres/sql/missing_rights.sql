-- missing_rights: $1 tables, $2 a right on each, $3 functions. Which of the
-- rights, and of those to execute, this role has not.
select name || ' on ' || of_table as name
from unnest($1::text[], $2::text[]) as r (of_table, name)
where not has_table_privilege(to_regclass(of_table), name)
union all
select 'execute on ' || name
from unnest($3::text[]) as f (name)
where not has_function_privilege(to_regprocedure(name), 'execute')
