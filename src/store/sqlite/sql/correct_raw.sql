-- Updates a raw row that is stored, where it differs: binds as in insert_raw.sql,
-- {set} are assignments, {changed} is whether any of them changes something.
insert into {raw} as r ({columns}) values ({values})
on conflict (user_id, source, source_id, ({key}), {time}) where source_id is not null
    do update set {set} where {changed}
