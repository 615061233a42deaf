-- Writes a version of a resource: ?1 its name, ?2 scope, ?3 source, ?4 its time and ?5
-- its number or null, ?6 whether it is retracted, ?7 its rows as JSON.
insert into resource_versions (resource, scope, source, last_updated, version, retracted, rows)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7)
on conflict (resource, scope, source) do update
set last_updated = excluded.last_updated, version = excluded.version,
    retracted = excluded.retracted, rows = excluded.rows
