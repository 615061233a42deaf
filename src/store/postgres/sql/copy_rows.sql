-- insert_rows: an array of texts for each column. table: the table; names: its
-- columns; values: the texts as the columns take them; arrays: the parameters.
insert into {table} ({names}) overriding system value
select {values}
from unnest({arrays}) as s ({names})
