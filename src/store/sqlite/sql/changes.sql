-- The changes of a group and its failure: ?1 user, ?2 date.
select coalesce(c.ids, '[]') as ids,
    coalesce(c.rows, 0) + coalesce(f.rows, 0) as rows,
    coalesce(c.not_only_inserts, 0) as not_only_inserts,
    coalesce(c.may_be_empty, 0) or coalesce(f.emptied, 0) as may_be_empty,
    case
        when f.state = 'dead' then 'dead'
        when f.next_attempt_at > {now} then 'put_off'
        when f.state = 'waiting' then 'due'
    end as standing
from (
    select json_group_array(id) as ids, sum(rows) as rows,
        max(kind <> 'insert') as not_only_inserts, max(kind in ('edit', 'delete')) as may_be_empty
    from group_changes
    where domain = '{domain}' and user_id = ?1 and local_date = ?2
) c
    left join failed_groups f on f.user_id = ?1 and f.domain = '{domain}' and f.local_date = ?2
