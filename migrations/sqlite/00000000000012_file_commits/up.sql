-- Commits of this program, and an id of the database. A note beside the file
-- holds both as well: a file that has fewer lost its WAL.
create table file_commits (
  only integer primary key default 1 check (only = 1),
  id text not null default (lower(hex(randomblob(16)))),
  commits integer not null default 0
);
insert into file_commits default values;
