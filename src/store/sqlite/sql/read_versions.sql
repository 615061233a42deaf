-- What is known of resources: ?1 their names as JSON.
select resource, scope, source, last_updated, version, retracted, rows
from resource_versions
where resource in (select value from json_each(?1))
