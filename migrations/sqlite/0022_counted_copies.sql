-- Executions that were removed after their time. Their figures stay, so that one that comes back from an archive is not
-- counted again.
CREATE TABLE removed_executions (
    id BLOB PRIMARY KEY                          -- 16 bytes
) STRICT, WITHOUT ROWID;
