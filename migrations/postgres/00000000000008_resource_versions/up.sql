-- The newest version that was seen of each FHIR resource and the rows that it
-- gave: an older version never takes its place, and a corrected one takes the
-- rows of the one before with it.
create table resource_versions (
    -- Type and id: 'Observation/o1'.
    resource text not null,
    -- The user that the import was told, 0 for none: ids are unique within it.
    scope bigint not null,
    -- '' for a deletion that does not say which source it is of.
    source text not null,
    last_updated timestamptz,
    version bigint,
    -- Has no rows until a newer version comes.
    retracted boolean not null default false,
    -- JSON: domain, user, source_id and key of each row; null where nothing
    -- was seen yet.
    rows text,
    primary key (resource, scope, source)
);
