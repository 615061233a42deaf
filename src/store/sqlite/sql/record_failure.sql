-- Adds a failed attempt to the history: ?1 user, ?2 domain, ?3 date, ?4 attempts so far,
-- ?5 class of error, ?6 error, ?7 worker.
insert into aggregation_errors (user_id, domain, local_date, attempts, error_class, error, worker)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7)
