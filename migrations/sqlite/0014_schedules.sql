-- Schedules of processes (spec 1.8): those of each process's active version. A due time starts once: its start and the
-- schedule's new standing are one transaction, on the revision that was read.

CREATE TABLE schedules (
    key          INTEGER PRIMARY KEY,
    id           BLOB    NOT NULL UNIQUE,          -- over all versions that have had it
    definition   INTEGER NOT NULL REFERENCES process_definitions (key) ON DELETE CASCADE,  -- the version that has it now
    name         TEXT    NOT NULL,                 -- the process
    trigger_id   TEXT    NOT NULL,
    position     INTEGER NOT NULL,                 -- its place in the definition
    description  TEXT,
    enabled      INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    schedule     TEXT    NOT NULL,                 -- JSON: when it is due and what is done then
    revision     INTEGER NOT NULL,
    standing     TEXT    NOT NULL,                 -- JSON: what has been dealt with, and what became of it
    attention_at INTEGER,                          -- when it is to be looked at next; NULL = nothing can come of that
    UNIQUE (name, trigger_id)
) STRICT;

CREATE INDEX schedules_due ON schedules (attention_at) WHERE attention_at IS NOT NULL;
CREATE INDEX schedules_by_definition ON schedules (definition);

-- The executions that a schedule has started, as long as they are under way (and a little longer).
CREATE TABLE schedule_runs (
    execution INTEGER PRIMARY KEY REFERENCES process_executions (key) ON DELETE CASCADE,
    schedule  INTEGER NOT NULL REFERENCES schedules (key) ON DELETE CASCADE
) STRICT;

CREATE INDEX schedule_runs_by_schedule ON schedule_runs (schedule);

-- What was published before begins now.
INSERT INTO schedules (
    id, definition, name, trigger_id, position, description, enabled, schedule, revision, standing, attention_at)
SELECT
    randomblob(16),
    definition.key,
    definition.name,
    json_extract(declared.value, '$.id'),
    declared.key,
    json_extract(declared.value, '$.description'),
    json_extract(declared.value, '$.enabled'),
    json_extract(declared.value, '$.kind'),
    1,
    json_object('handled_until', strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')),
    CASE WHEN json_extract(declared.value, '$.enabled') THEN CAST(unixepoch('subsec') * 1000000 AS INTEGER) END
FROM process_definitions AS definition, json_each(definition.model, '$.triggers') AS declared
WHERE definition.active = 1 AND json_extract(declared.value, '$.kind.type') = 'schedule';
