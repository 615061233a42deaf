-- A sign of life: ?1 worker, ?2 mode, ?3 activity, ?4 groups that it folds as JSON.
insert into worker_heartbeats (worker, mode, activity, folding) values (?1, ?2, ?3, ?4)
on conflict (worker) do update
set activity = excluded.activity, folding = excluded.folding,
    seen_at = strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')
