-- What figures are made of (spec 4b 9): executions by the time at which they began, and each run of a step that ended.

CREATE INDEX process_executions_by_start ON process_executions (started_at) WHERE started_at IS NOT NULL;

-- Written with the commit that ended the step. A step that runs in several rounds has a row for each.
CREATE TABLE ended_steps (
    execution       INTEGER NOT NULL REFERENCES process_executions (key) ON DELETE CASCADE,
    sequence        INTEGER NOT NULL,             -- the number of the event that told it
    step            TEXT    NOT NULL,
    agent           TEXT,                         -- that did the work; NULL = none did
    completed       INTEGER NOT NULL CHECK (completed IN (0, 1)),
    started_at      INTEGER NOT NULL,
    ended_at        INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    failed_attempts INTEGER NOT NULL,
    cost_nanos      INTEGER,                      -- NULL = nothing to pay for
    cost_currency   TEXT,
    cost_complete   INTEGER,
    PRIMARY KEY (execution, sequence)
) STRICT, WITHOUT ROWID;

CREATE INDEX ended_steps_of_agents ON ended_steps (ended_at) WHERE agent IS NOT NULL;
