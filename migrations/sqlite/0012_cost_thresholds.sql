-- Costs from which on people are to be told (spec 4b 8).

CREATE TABLE cost_thresholds (
    id         BLOB    NOT NULL PRIMARY KEY,
    process    BLOB    NOT NULL,                  -- the id of the version; empty = the server as a whole
    kind       TEXT    NOT NULL CHECK (kind IN ('per_execution', 'daily', 'weekly')),
    nanos      INTEGER NOT NULL,
    currency   TEXT    NOT NULL,
    enabled    INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (process, kind)
) STRICT;
