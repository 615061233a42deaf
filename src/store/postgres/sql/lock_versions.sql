-- store_versions: $1 resources, $2 scopes, $3 sources. Lines of resources never
-- seen, so that they can be locked.
insert into resource_versions (resource, scope, source)
select *
from unnest($1::text[], $2::bigint[], $3::text[]) as k (resource, scope, source)
order by resource, scope, source
on conflict do nothing
