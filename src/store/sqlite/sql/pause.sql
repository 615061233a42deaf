-- Pauses or resumes every worker: ?1 whether they pause.
update worker_control
set paused = ?1, paused_at = case when ?1 then strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now') end
