-- Executions: one row each, and everything that one transition of an execution writes (spec 3.8).
--
-- The state of an execution is the fold of its events. A long history has a snapshot now and then, so that no more than the
-- events after it are read.

CREATE TABLE process_executions (
    key            INTEGER PRIMARY KEY,
    id             BLOB    NOT NULL UNIQUE,
    definition     INTEGER NOT NULL REFERENCES process_definitions (key),
    name           INTEGER NOT NULL REFERENCES process_names (key),  -- of the process, for lists and limits
    status         INTEGER NOT NULL,              -- 0 pending, 1 running, 2 paused, 3 completed, 4 failed, 5 cancelled
    phase          INTEGER NOT NULL,              -- 1 while it rolls back, 2 while an operator holds it, else 0
    last_sequence  INTEGER NOT NULL,              -- the number of its last event: a commit is written only on the one it was decided on
    creation       TEXT    NOT NULL,              -- JSON: what was fixed when it was created
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,              -- the time of its last event
    started_at     INTEGER,
    completed_at   INTEGER,
    cost_nanos     INTEGER NOT NULL,
    cost_currency  TEXT    NOT NULL,
    cost_complete  INTEGER NOT NULL,              -- 0 when the cost of a call is unknown
    triggered_by   TEXT    NOT NULL,
    user_name      TEXT,                          -- the user who started it
    labels         TEXT,                          -- JSON object; NULL = none
    parent         INTEGER,                       -- the execution whose step it is; NULL for roots, which alone count for limits
    root           INTEGER NOT NULL,              -- the top of its tree, whose budget it uses
    priority       INTEGER NOT NULL,              -- 0 high, 1 normal, 2 low
    instance_limit INTEGER,                       -- how many executions of its process may be in work at once
    owner          INTEGER,                       -- the node that has it in memory, and the epoch of that node's lease
    owner_epoch    INTEGER,
    attention_at   INTEGER,                       -- the next time at which something can be done; NULL = only news from outside helps
    dismissed_at   INTEGER                        -- when a person put its failure aside
) STRICT;

-- Lists.
CREATE INDEX process_executions_by_age ON process_executions (created_at, id);
CREATE INDEX process_executions_by_status ON process_executions (status, created_at, id);
CREATE INDEX process_executions_by_definition ON process_executions (definition, created_at, id);
CREATE INDEX process_executions_by_name ON process_executions (name, created_at, id);
CREATE INDEX process_executions_by_parent ON process_executions (parent, created_at, id) WHERE parent IS NOT NULL;

-- The dispatcher: what is due, what waits to be admitted, what nodes have in work.
CREATE INDEX process_executions_due ON process_executions (attention_at)
    WHERE owner IS NULL AND attention_at IS NOT NULL;
CREATE INDEX process_executions_queue ON process_executions (priority, created_at, id, name, instance_limit)
    WHERE status = 0 AND owner IS NULL AND parent IS NULL;
CREATE INDEX process_executions_owned ON process_executions (owner, owner_epoch, attention_at, parent, name)
    WHERE owner IS NOT NULL;

-- How many executions wait to be admitted, so that a start need not count them.
CREATE TABLE queue_length (
    waiting INTEGER NOT NULL
) STRICT;

INSERT INTO queue_length (waiting) VALUES (0);

CREATE TRIGGER queue_is_joined AFTER INSERT ON process_executions
WHEN new.status = 0 AND new.owner IS NULL AND new.parent IS NULL
BEGIN
    UPDATE queue_length SET waiting = waiting + 1;
END;

CREATE TRIGGER queue_is_left_or_joined AFTER UPDATE OF status, owner ON process_executions
WHEN new.parent IS NULL AND (old.status = 0 OR new.status = 0)
 AND (old.status = 0 AND old.owner IS NULL) <> (new.status = 0 AND new.owner IS NULL)
BEGIN
    UPDATE queue_length SET waiting = waiting + iif(new.status = 0 AND new.owner IS NULL, 1, -1);
END;

CREATE TRIGGER queue_is_left_by_removal AFTER DELETE ON process_executions
WHEN old.status = 0 AND old.owner IS NULL AND old.parent IS NULL
BEGIN
    UPDATE queue_length SET waiting = waiting - 1;
END;

-- The state at an event of a long history.
CREATE TABLE execution_snapshots (
    execution INTEGER PRIMARY KEY REFERENCES process_executions (key) ON DELETE CASCADE,
    sequence  INTEGER NOT NULL,                   -- the number of that event
    snapshot  TEXT    NOT NULL                    -- JSON
) STRICT;

-- Inputs, outputs and expanded messages (spec 2.4), by their content: a row never changes.
CREATE TABLE execution_values (
    execution INTEGER NOT NULL REFERENCES process_executions (key) ON DELETE CASCADE,
    hash      BLOB    NOT NULL,                   -- of its JSON text
    content   TEXT    NOT NULL,                   -- its JSON text; the beginning of that if it is a blob
    blob      TEXT,                               -- its key in the blob store
    PRIMARY KEY (execution, hash)
) STRICT, WITHOUT ROWID;

-- What happened (spec 3.11). Ids rise in the order of commits and are never used again, so that "after event N" stays true.
CREATE TABLE execution_events (
    id        INTEGER PRIMARY KEY,
    execution INTEGER NOT NULL REFERENCES process_executions (key) ON DELETE CASCADE,
    sequence  INTEGER NOT NULL,                   -- within the execution, from 1, without gaps
    at        INTEGER NOT NULL,
    event     TEXT,                               -- JSON; NULL = the creation, which stands with the execution
    UNIQUE (execution, sequence)
) STRICT;

-- The highest number that an event ever had, if its row is gone.
CREATE TABLE last_purged_event (
    id INTEGER NOT NULL
) STRICT;

INSERT INTO last_purged_event (id) VALUES (0);

CREATE TRIGGER event_is_purged AFTER DELETE ON execution_events
WHEN old.id > (SELECT id FROM last_purged_event)
BEGIN
    UPDATE last_purged_event SET id = old.id;
END;

-- What completed attempts have cost, to estimate what the next one will (spec 3.10).
CREATE TABLE step_costs (
    name     INTEGER NOT NULL REFERENCES process_names (key),
    step     TEXT    NOT NULL,
    event    INTEGER NOT NULL,                    -- the number of the event that told it: the newest is the highest
    nanos    INTEGER NOT NULL,
    currency TEXT    NOT NULL,
    PRIMARY KEY (name, step, event)
) STRICT, WITHOUT ROWID;

-- Signals that executions have not taken yet. Numbers are never used again: commits name the last one they have seen.
CREATE TABLE execution_inbox (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    execution INTEGER NOT NULL REFERENCES process_executions (key) ON DELETE CASCADE,
    kind      TEXT    NOT NULL,                   -- such as cancel
    signal    TEXT    NOT NULL                    -- JSON
) STRICT;

CREATE INDEX execution_inbox_by_execution ON execution_inbox (execution, number);

-- The ledger of each tree that has a budget (spec 3.9).
CREATE TABLE budgets (
    root           INTEGER PRIMARY KEY REFERENCES process_executions (key) ON DELETE CASCADE,
    spent_nanos    INTEGER NOT NULL,
    reserved_nanos INTEGER NOT NULL,              -- set aside for calls in flight
    limit_nanos    INTEGER NOT NULL,
    currency       TEXT    NOT NULL,
    action         TEXT    NOT NULL CHECK (action IN ('stop', 'ask', 'warn')),
    waits          INTEGER NOT NULL DEFAULT 0 CHECK (waits IN (0, 1))  -- whether a call waits for what is set aside
) STRICT;

-- Keys that make repeated starts one (spec 3.7).
CREATE TABLE idempotency_keys (
    scope        TEXT    NOT NULL PRIMARY KEY,    -- whose key, for which process, and the key itself
    digest       TEXT    NOT NULL,                -- of what was asked
    execution_id BLOB    NOT NULL,                -- the execution to which it leads
    expires_at   INTEGER NOT NULL
) STRICT;

CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);

-- Servers that work on executions, each with one lease.
CREATE TABLE nodes (
    key         INTEGER PRIMARY KEY,
    id          BLOB    NOT NULL UNIQUE,
    epoch       INTEGER NOT NULL,                 -- counts how often the node took a lease
    lease_until INTEGER NOT NULL,
    ended       INTEGER NOT NULL DEFAULT 0 CHECK (ended IN (0, 1))  -- 1 = its lease is over: what it owns can be taken over
) STRICT;
