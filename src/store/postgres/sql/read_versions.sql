-- store_versions: $1 resources. Locks their lines in the order of their keys.
select resource, scope, source, last_updated, version, retracted, rows
from resource_versions
where resource = any($1)
order by resource, scope, source
for update
