-- store_versions: $1 users, $2 sources, $3 source ids, $4 keys, $5 times of the
-- rows that a version has no more; a time of null is any.
delete from {raw} r
using unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
    as g (user_id, source, source_id, key, at)
where r.user_id = g.user_id and r.source = g.source and r.source_id = g.source_id and ({key}) = g.key
    and (g.at is null or r.{time} = g.at)
