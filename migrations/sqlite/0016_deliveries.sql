-- What is told outside: webhooks, agents, mails. A row is written in the transaction of what it tells of, and one worker
-- sends what is due.

CREATE TABLE deliveries (
    key             INTEGER PRIMARY KEY AUTOINCREMENT,  -- rises in the order of commits, and is never used again
    id              BLOB    NOT NULL UNIQUE,            -- the same at each try, so that receivers can tell
    kind            TEXT    NOT NULL CHECK (kind IN ('webhook', 'informed', 'monitor', 'mail', 'slack')),
    event           TEXT    NOT NULL,                   -- such as process_completed
    event_id        INTEGER,                            -- the number of the event that it tells of
    execution       INTEGER REFERENCES process_executions (key) ON DELETE CASCADE,
    process_name    TEXT,
    receiver        TEXT    NOT NULL,                   -- who must be up for it: a host, an agent, the mail server
    target          TEXT    NOT NULL,                   -- where it goes, as it is shown; the name of an agent
    content         TEXT    NOT NULL,                   -- JSON
    state           TEXT    NOT NULL CHECK (state IN ('waiting', 'retrying', 'delivered', 'dead', 'undeliverable')),
    attempts        INTEGER NOT NULL DEFAULT 0,
    tries           INTEGER NOT NULL DEFAULT 0,         -- attempts since it was written, or sent again by hand
    next_attempt_at INTEGER,                            -- NULL = nothing more is tried
    last_status     INTEGER,
    last_error      TEXT,
    created_at      INTEGER NOT NULL,
    delivered_at    INTEGER
) STRICT;

-- The worker.
CREATE INDEX deliveries_due ON deliveries (next_attempt_at, key, receiver) WHERE next_attempt_at IS NOT NULL;

-- Lists.
CREATE INDEX deliveries_by_age ON deliveries (created_at, id);
CREATE INDEX deliveries_by_state ON deliveries (state, created_at, id);
CREATE INDEX deliveries_by_execution ON deliveries (execution, created_at, id) WHERE execution IS NOT NULL;

-- What agents were told.
CREATE INDEX deliveries_by_agent ON deliveries (target, key) WHERE kind IN ('informed', 'monitor');

CREATE TABLE delivery_attempts (
    delivery INTEGER NOT NULL REFERENCES deliveries (key) ON DELETE CASCADE,
    number   INTEGER NOT NULL,                          -- from 1
    at       INTEGER NOT NULL,                          -- when it began
    took_ms  INTEGER NOT NULL,
    status   INTEGER,                                   -- what the receiver answered, where it answers with a number
    error    TEXT,                                      -- NULL = it was taken
    PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;
