-- Records why a round was refused: ?1 reason.
insert into retention_runs as r (domain, refused, refused_since)
values ('{domain}', ?1, {now})
on conflict (domain) do update
set refused = excluded.refused, refused_since = coalesce(r.refused_since, excluded.refused_since)
