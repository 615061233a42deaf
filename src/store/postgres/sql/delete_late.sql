-- delete_late: $1 user, $2 seconds that late rows are kept, $3 rows at most. Rows
-- that reach into a day that is not sealed stay until it is. The changes that the
-- delete makes have the rows' rejections deleted.
delete from {raw}
where user_id = $1 and id in (
    select r.id
    from rejected_rows j
        join sealed_groups s using (user_id, domain, local_date)
        join {raw} r on r.user_id = j.user_id and r.id = j.row_id::bigint
    where j.user_id = $1 and j.domain = '{domain}' and starts_with(j.reason, 'too_late:')
        and r.created_at < now() - make_interval(secs => $2)
        and {sealed_only}
    limit $3
)
