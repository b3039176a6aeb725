-- Templates of users (spec 4c); those that come with the program are part of it.

CREATE TABLE process_templates (
    name       TEXT    NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    template   TEXT    NOT NULL                   -- JSON: all of it; the columns beside it are copies
) STRICT;
