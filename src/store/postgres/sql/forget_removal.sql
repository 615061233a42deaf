-- Deletes the changes that this transaction's own deletes made: $1 user.
delete from group_changes
where user_id = $1 and domain = '{domain}' and xmin = pg_current_xact_id_if_assigned()::xid
