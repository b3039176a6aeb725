-- Figures (spec 4b 9), added up by the quarter of an hour in which executions began, of which days in every zone are made,
-- those of steps by the hour.
-- An execution is counted with the commit that ends it, a step with the one that ends that; both stay counted when the
-- execution is removed. Each is counted twice: for who sees all executions, and for the user who started it.

ALTER TABLE process_executions ADD COLUMN own_nanos INTEGER NOT NULL DEFAULT 0;      -- what its own calls cost, without sub-processes
ALTER TABLE process_executions ADD COLUMN input_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE process_executions ADD COLUMN output_tokens INTEGER NOT NULL DEFAULT 0;

UPDATE process_executions
SET own_nanos = max(0, cost_nanos - coalesce(
    (SELECT sum(child.cost_nanos)
     FROM process_executions AS child
     WHERE child.parent = process_executions.key AND child.root <> child.key), 0));

ALTER TABLE ended_steps ADD COLUMN working INTEGER NOT NULL DEFAULT 0;               -- microseconds of work, the rest is waiting

CREATE TABLE run_figures (
    whole         INTEGER NOT NULL CHECK (whole IN (0, 1)),  -- 1 = of all users, 0 = of one
    user_name     TEXT    NOT NULL,               -- whose; empty with those of all
    quarter       INTEGER NOT NULL,               -- quarters of an hour since 1970
    definition    INTEGER NOT NULL,               -- the row of the version
    name          INTEGER NOT NULL,               -- the row of the process's name
    completed     INTEGER NOT NULL,
    failed        INTEGER NOT NULL,
    cancelled     INTEGER NOT NULL,
    took          INTEGER NOT NULL,               -- microseconds of completed ones together
    took_least    INTEGER,
    took_most     INTEGER,
    working       INTEGER NOT NULL,               -- how much of `took` was work
    durations     TEXT    NOT NULL,               -- counts of completed ones by length: `12:3 80:1 `
    cost_nanos    INTEGER NOT NULL,               -- with sub-processes
    cost_least    INTEGER,
    cost_most     INTEGER,
    own_nanos     INTEGER NOT NULL,               -- each call once
    incomplete    INTEGER NOT NULL,               -- how many have costs that are not known
    input_tokens  INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    PRIMARY KEY (whole, user_name, quarter, definition)
) STRICT, WITHOUT ROWID;

CREATE INDEX run_figures_by_definition ON run_figures (definition);

CREATE TABLE step_figures (
    whole      INTEGER NOT NULL CHECK (whole IN (0, 1)),
    user_name  TEXT    NOT NULL,
    hour       INTEGER NOT NULL,                  -- since 1970, in which the execution began
    definition INTEGER NOT NULL,
    step       TEXT    NOT NULL,
    name       INTEGER NOT NULL,
    ended      INTEGER NOT NULL,
    failed     INTEGER NOT NULL,
    took       INTEGER NOT NULL,                  -- microseconds together
    working    INTEGER NOT NULL,
    cost_nanos INTEGER NOT NULL,
    incomplete INTEGER NOT NULL,
    PRIMARY KEY (whole, user_name, hour, definition, step)
) STRICT, WITHOUT ROWID;

-- What ended before there were figures. Lengths are counted as the program does: by powers of two, in 32 steps each.
INSERT INTO run_figures
WITH RECURSIVE powers (low, shift) AS (
    VALUES (32, 0)
    UNION ALL
    SELECT low * 2, shift + 1 FROM powers WHERE shift < 45),
ended AS (
    SELECT
        run.*, completed_at - started_at AS took, max(0, completed_at - started_at) / 1000 AS millis,
        started_at / 900000000 AS quarter
    FROM process_executions AS run
    WHERE status >= 3 AND started_at IS NOT NULL),
placed AS (
    SELECT ended.*, coalesce((powers.shift + 1) * 32 + ((millis >> powers.shift) & 31), millis) AS place
    FROM ended
    LEFT JOIN powers ON millis >= powers.low AND millis < powers.low * 2),
seen AS (
    SELECT 1 AS whole, '' AS seen_by, placed.* FROM placed
    UNION ALL
    SELECT 0, user_name, placed.* FROM placed WHERE user_name IS NOT NULL)
SELECT
    whole, seen_by, quarter, definition, name,
    count(*) FILTER (WHERE status = 3),
    count(*) FILTER (WHERE status = 4),
    count(*) FILTER (WHERE status = 5),
    coalesce(sum(took) FILTER (WHERE status = 3), 0),
    min(took) FILTER (WHERE status = 3),
    max(took) FILTER (WHERE status = 3),
    0,
    coalesce(group_concat(place || ':1 ', '') FILTER (WHERE status = 3), ''),
    sum(cost_nanos), min(cost_nanos), max(cost_nanos), sum(own_nanos),
    count(*) FILTER (WHERE cost_complete = 0),
    0, 0
FROM seen
GROUP BY whole, seen_by, quarter, definition;

INSERT INTO step_figures
WITH ended AS (
    SELECT step.*, run.definition, run.name, run.user_name, run.started_at / 3600000000 AS hour
    FROM ended_steps AS step
    JOIN process_executions AS run ON run.key = step.execution
    WHERE run.started_at IS NOT NULL),
seen AS (
    SELECT 1 AS whole, '' AS seen_by, ended.* FROM ended
    UNION ALL
    SELECT 0, user_name, ended.* FROM ended WHERE user_name IS NOT NULL)
SELECT
    whole, seen_by, hour, definition, step, name,
    count(*),
    count(*) FILTER (WHERE NOT completed),
    sum(ended_at - started_at),
    0,
    coalesce(sum(cost_nanos), 0),
    count(*) FILTER (WHERE cost_complete = 0)
FROM seen
GROUP BY whole, seen_by, hour, definition, step;

-- Filters of lists that users keep.
CREATE TABLE saved_views (
    id         BLOB    NOT NULL PRIMARY KEY,
    user_name  TEXT    NOT NULL,
    page       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    filters    TEXT    NOT NULL,                  -- JSON, as the page understands it
    created_at INTEGER NOT NULL,
    UNIQUE (user_name, page, name)
) STRICT;

-- Lists of executions by who started them, and by labels: each label is a row in the order of the list.
CREATE INDEX process_executions_by_trigger ON process_executions (triggered_by, created_at, id);
CREATE INDEX process_executions_by_user ON process_executions (user_name, created_at, id) WHERE user_name IS NOT NULL;

-- With the start, so that a time is looked for without looking at the rows.
DROP INDEX process_executions_by_age;
CREATE INDEX process_executions_by_age ON process_executions (created_at, id, started_at);

CREATE TABLE execution_labels (
    label      TEXT    NOT NULL,
    value      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    id         BLOB    NOT NULL,
    execution  INTEGER NOT NULL REFERENCES process_executions (key) ON DELETE CASCADE,
    PRIMARY KEY (label, value, created_at, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX execution_labels_by_age ON execution_labels (label, created_at, id, execution);
CREATE INDEX execution_labels_by_execution ON execution_labels (execution);

INSERT INTO execution_labels (label, value, created_at, id, execution)
SELECT label.key, label.value, run.created_at, run.id, run.key
FROM process_executions AS run, json_each(run.labels) AS label
WHERE run.labels IS NOT NULL;

CREATE TRIGGER labels_are_listed AFTER INSERT ON process_executions
WHEN new.labels IS NOT NULL
BEGIN
    INSERT INTO execution_labels (label, value, created_at, id, execution)
    SELECT key, value, new.created_at, new.id, new.key FROM json_each(new.labels);
END;
