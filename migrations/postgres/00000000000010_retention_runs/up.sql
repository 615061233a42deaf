-- What retention saw and did of each domain: the clock of its last round, the
-- share of the day, and why it was refused.
create table retention_runs (
    domain text primary key,
    -- The database's clock at the last round that was not refused.
    ran_at timestamptz,
    refused text,
    refused_since timestamptz,
    -- Groups that were old at the first round of that day, how many of them
    -- may be sealed on that day, and how many were.
    waiting bigint not null default 0,
    allowance bigint not null default 0,
    removed bigint not null default 0,
    -- Old groups that are dead and keep their raw rows.
    dead_groups bigint not null default 0,
    oldest_dead date
);
