-- Bytes of the log between two positions: all, of page images, and of records
-- that touch a table or its indexes.
--   {from}, {to}: the positions
--   {pages}: a pattern of the files' names
select coalesce(sum(record_length), 0) || ' ' || coalesce(sum(fpi_length), 0) || ' '
    || coalesce(sum(record_length) filter (where block_ref ~ '{pages}'), 0)
from pg_get_wal_records_info('{from}', '{to}');
