-- Whether a group has changes, but for those of this very transaction, and whether
-- it failed: $1 user, $2 domain, $3 date.
select exists (
        select from group_changes
        where user_id = $1 and domain = $2 and local_date = $3
            and xmin is distinct from pg_current_xact_id_if_assigned()::xid
    ) as has_changes,
    exists (
        select from failed_groups where user_id = $1 and domain = $2 and local_date = $3
    ) as failed
