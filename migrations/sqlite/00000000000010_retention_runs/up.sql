-- What retention saw and did of each domain: the clock of its last round, the
-- share of the day, and why it was refused.
create table retention_runs (
    domain text primary key,
    -- The machine's clock at the last round that was not refused.
    ran_at text,
    refused text,
    refused_since text,
    -- Groups that were old at the first round of that day, how many of them
    -- may be sealed on that day, and how many were.
    waiting integer not null default 0,
    allowance integer not null default 0,
    removed integer not null default 0,
    -- Old groups that are dead and keep their raw rows.
    dead_groups integer not null default 0,
    oldest_dead text
);
