-- Executions: one row each, and everything that one transition of an execution writes (spec 3.8).

CREATE TABLE process_executions (
    id             TEXT    NOT NULL PRIMARY KEY,
    process_id     TEXT    NOT NULL REFERENCES process_definitions (id),
    process_name   TEXT    NOT NULL,              -- as in the definition, for lists and limits
    version_major  INTEGER NOT NULL,
    version_minor  INTEGER NOT NULL,
    status         TEXT    NOT NULL CHECK (status IN ('pending', 'running', 'paused', 'completed', 'failed', 'cancelled')),
    compensating   INTEGER NOT NULL,              -- 1 while it rolls back
    last_sequence  INTEGER NOT NULL,              -- the number of its last event: a commit is written only on the one it was decided on
    creation       TEXT    NOT NULL,              -- JSON: what was fixed when it was created
    state          TEXT    NOT NULL,              -- JSON: its state without its steps; the columns beside it are copies, for SQL
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,              -- the time of its last event
    started_at     INTEGER,
    completed_at   INTEGER,
    cost_nanos     INTEGER NOT NULL,
    cost_currency  TEXT    NOT NULL,
    cost_complete  INTEGER NOT NULL,              -- 0 when the cost of a call is unknown
    triggered_by   TEXT    NOT NULL,
    user_name      TEXT,                          -- the user who started it
    labels         TEXT    NOT NULL,              -- JSON object
    retry_of       TEXT,                          -- the execution it repeats; that may be purged before this one
    parent_id      TEXT,                          -- the execution whose step it is; NULL for roots, which alone count for limits
    root_id        TEXT    NOT NULL,              -- the top of its tree, whose budget it uses
    priority       INTEGER NOT NULL,              -- 0 high, 1 normal, 2 low
    instance_limit INTEGER,                       -- how many executions of its process may be in work at once
    owner          TEXT,                          -- the node that has it in memory, and the epoch of that node's lease
    owner_epoch    INTEGER,
    attention_at   INTEGER,                       -- the next time at which something can be done; NULL = only news from outside helps
    dismissed_at   INTEGER                        -- when a person put its failure aside
) STRICT;

-- Lists.
CREATE INDEX process_executions_by_age ON process_executions (created_at, id);
CREATE INDEX process_executions_by_status ON process_executions (status, created_at, id);
CREATE INDEX process_executions_by_process ON process_executions (process_id, created_at, id);
CREATE INDEX process_executions_by_name ON process_executions (process_name, created_at, id);
CREATE INDEX process_executions_by_parent ON process_executions (parent_id, created_at, id) WHERE parent_id IS NOT NULL;

-- The dispatcher: what is due, what waits to be admitted, what nodes have in work.
CREATE INDEX process_executions_due ON process_executions (attention_at, id)
    WHERE owner IS NULL AND attention_at IS NOT NULL;
CREATE INDEX process_executions_queue ON process_executions (priority, created_at, id, process_name, instance_limit)
    WHERE status = 'pending' AND owner IS NULL AND parent_id IS NULL;
CREATE INDEX process_executions_owned ON process_executions (owner, owner_epoch, attention_at, parent_id, process_name)
    WHERE owner IS NOT NULL;

-- Steps that have begun or ended; those without a row are as they were created.
CREATE TABLE step_executions (
    execution_id  TEXT    NOT NULL REFERENCES process_executions (id) ON DELETE CASCADE,
    step_id       TEXT    NOT NULL,
    status        TEXT    NOT NULL,
    state         TEXT    NOT NULL,               -- JSON: its whole state; the columns beside it are copies, for SQL
    started_at    INTEGER,
    completed_at  INTEGER,
    cost_nanos    INTEGER NOT NULL,
    cost_currency TEXT    NOT NULL,
    PRIMARY KEY (execution_id, step_id)
) STRICT;

-- Inputs, outputs and expanded messages (spec 2.4), by their content: a row never changes.
CREATE TABLE execution_values (
    execution_id TEXT    NOT NULL REFERENCES process_executions (id) ON DELETE CASCADE,
    key          TEXT    NOT NULL,                -- such as steps/write/output/HASH
    size         INTEGER NOT NULL,                -- of its JSON text, in bytes
    content      TEXT,                            -- JSON; NULL = in the blob store, under executions/EXECUTION/KEY
    PRIMARY KEY (execution_id, key)
) STRICT;

-- What happened (spec 3.11). Ids rise in the order of commits and are never used again, so that "after event N" stays true.
CREATE TABLE execution_events (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    execution_id TEXT    NOT NULL REFERENCES process_executions (id) ON DELETE CASCADE,
    sequence     INTEGER NOT NULL,                -- within the execution, from 1, without gaps
    at           INTEGER NOT NULL,
    event_type   TEXT    NOT NULL,
    step_id      TEXT,
    payload      TEXT    NOT NULL,                -- JSON
    UNIQUE (execution_id, sequence)
) STRICT;

-- Signals that executions have not taken yet. Numbers are never used again: commits name the last one they have seen.
CREATE TABLE execution_inbox (
    number       INTEGER PRIMARY KEY AUTOINCREMENT,
    execution_id TEXT    NOT NULL REFERENCES process_executions (id) ON DELETE CASCADE,
    kind         TEXT    NOT NULL,                -- such as cancel
    signal       TEXT    NOT NULL                 -- JSON
) STRICT;

CREATE INDEX execution_inbox_by_execution ON execution_inbox (execution_id, number);

-- The ledger of each tree that has a budget (spec 3.9).
CREATE TABLE budgets (
    root_id     TEXT    NOT NULL PRIMARY KEY REFERENCES process_executions (id) ON DELETE CASCADE,
    spent_nanos INTEGER NOT NULL,
    limit_nanos INTEGER NOT NULL,
    currency    TEXT    NOT NULL,
    action      TEXT    NOT NULL CHECK (action IN ('stop', 'ask', 'warn'))
) STRICT;

-- Keys that make repeated starts one (spec 3.7).
CREATE TABLE idempotency_keys (
    scope        TEXT    NOT NULL PRIMARY KEY,    -- whose key, for which process, and the key itself
    digest       TEXT    NOT NULL,                -- of what was asked
    execution_id TEXT    NOT NULL,                -- the execution to which it leads
    expires_at   INTEGER NOT NULL
) STRICT;

CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);

-- Servers that work on executions, each with one lease.
CREATE TABLE nodes (
    id          TEXT    NOT NULL PRIMARY KEY,
    epoch       INTEGER NOT NULL,                 -- counts how often the node took a lease
    lease_until INTEGER NOT NULL,
    ended       INTEGER NOT NULL DEFAULT 0 CHECK (ended IN (0, 1))  -- 1 = its lease is over: what it owns can be taken over
) STRICT;
