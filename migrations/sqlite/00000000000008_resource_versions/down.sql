drop table resource_versions;
