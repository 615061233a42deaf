-- store_versions: $1 resources, $2 scopes, $3 sources, $4 times of the last
-- update, $5 numbers, $6 whether retracted, $7 their rows as JSON. Inserts the
-- lines of sources that only a deletion of every source named.
insert into resource_versions (resource, scope, source, last_updated, version, retracted, rows)
select *
from unnest($1::text[], $2::bigint[], $3::text[], $4::timestamptz[], $5::bigint[], $6::boolean[], $7::text[])
on conflict (resource, scope, source) do update set
    last_updated = excluded.last_updated,
    version = excluded.version,
    retracted = excluded.retracted,
    rows = excluded.rows
