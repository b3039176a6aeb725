-- What costs add up to by day, and the alerts that are raised when they pass a threshold (spec 4b 8). Both are written with
-- the commit that books the cost, and outlive their executions.

CREATE TABLE booked_costs (
    scope    INTEGER NOT NULL,                    -- the row of the process's name; 0 = the server
    day      INTEGER NOT NULL,                    -- days since 1970-01-01 by the calendar of alerts
    currency TEXT    NOT NULL,
    nanos    INTEGER NOT NULL,
    PRIMARY KEY (scope, day, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE cost_alerts (
    id              BLOB    NOT NULL PRIMARY KEY, -- the same for the same kind, process and period
    process         BLOB    NOT NULL,             -- the id of the version; empty = the server as a whole
    process_name    TEXT,
    kind            TEXT    NOT NULL CHECK (kind IN ('per_execution', 'daily', 'weekly')),
    execution       BLOB,                         -- its id, of an alert about one
    user_name       TEXT,                         -- the user who started that
    first_day       INTEGER,                      -- of an alert about a day or a week
    threshold_nanos INTEGER NOT NULL,
    actual_nanos    INTEGER NOT NULL,
    currency        TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    dismissed_at    INTEGER,
    dismissed_by    TEXT,
    tell_at         INTEGER,                      -- when people are to be told; NULL = they were, or are not to be
    tellings        INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX cost_alerts_by_age ON cost_alerts (created_at, id);
CREATE INDEX cost_alerts_active ON cost_alerts (created_at, id) WHERE dismissed_at IS NULL;
CREATE INDEX cost_alerts_to_tell ON cost_alerts (tell_at) WHERE tell_at IS NOT NULL;
