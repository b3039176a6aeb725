-- Requests for people's decisions (spec 3.5): changed by conditional writes, so that one of vote, deadline and cancel wins.

CREATE TABLE approvals (
    id         BLOB    NOT NULL PRIMARY KEY,
    execution  INTEGER NOT NULL REFERENCES process_executions (key) ON DELETE CASCADE,
    step_id    TEXT    NOT NULL,                  -- _budget for a spent budget
    status     TEXT    NOT NULL CHECK (status IN ('pending', 'approved', 'rejected', 'changes_requested', 'expired', 'cancelled')),
    revision   INTEGER NOT NULL,                  -- counts the changes, from 1; a change is written only on the one it was made on
    assignees  TEXT    NOT NULL,                  -- JSON array; empty = everybody who may decide
    created_at INTEGER NOT NULL,
    approval   TEXT    NOT NULL                   -- JSON: the whole request with its votes; the columns beside it are copies
) STRICT;

CREATE INDEX approvals_by_age ON approvals (created_at, id);
CREATE INDEX approvals_by_status ON approvals (status, created_at, id);
CREATE INDEX approvals_by_step ON approvals (execution, step_id, created_at, id);
