-- Inserts some aggregates and writes others: $1 user, $2 version, then keys and
-- measures of those to insert, then of the others. One statement, because each
-- costs an answer of its own.
with inserted as ({insert})
{replace}
