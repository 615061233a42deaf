-- broken_indexes: $1 names. Those of a raw table that is a view of another are
-- the application's own.
select name
from unnest($1::text[]) as n (name)
where not exists (select from pg_index where indexrelid = to_regclass(name) and indisvalid)
    and not exists (
        select from pg_class v
        where v.relkind = 'v' and v.oid in ('raw_vitals'::regclass, 'raw_labs'::regclass, 'raw_nutrition'::regclass)
            and starts_with(name, v.relname || '_')
    )
order by name
