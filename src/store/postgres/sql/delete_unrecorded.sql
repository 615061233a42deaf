-- store_versions: $1 users, $2 sources, $3 ids of resources that were retracted
-- and stored before versions were kept: all their rows.
delete from {raw} r
using unnest($1::bigint[], $2::text[], $3::text[]) as g (user_id, source, id)
where r.user_id = g.user_id and r.source = g.source
    and (r.source_id = g.id or starts_with(r.source_id, g.id || '#'))
