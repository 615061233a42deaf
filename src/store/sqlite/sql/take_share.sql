-- Takes one group of the day's share, if it is not used up.
update retention_runs set removed = removed + 1 where domain = '{domain}' and removed < allowance
