-- Inserts a raw row: its {columns} in order. One by one: SQLite takes no arrays, and
-- says of none of several whether it was inserted.
insert into {raw} ({columns}) values ({values}) on conflict do nothing
