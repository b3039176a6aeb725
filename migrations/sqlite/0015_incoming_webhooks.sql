-- Webhooks that start processes (spec 5.7): those of each process's active version, and their newest calls.

CREATE TABLE webhooks (
    key           INTEGER PRIMARY KEY,
    definition    INTEGER NOT NULL REFERENCES process_definitions (key) ON DELETE CASCADE,  -- the version that has it now
    name          TEXT    NOT NULL,                -- the process
    trigger_id    TEXT    NOT NULL,
    position      INTEGER NOT NULL,                -- its place in the definition
    description   TEXT,
    enabled       INTEGER NOT NULL CHECK (enabled IN (0, 1)),  -- by the definition
    switched      INTEGER CHECK (switched IN (0, 1)),          -- by a person since
    secret        TEXT,
    dedupe_header TEXT,
    owned_since   INTEGER NOT NULL,                -- of several with one trigger id the youngest has the short address
    UNIQUE (name, trigger_id)
) STRICT;

CREATE INDEX webhooks_by_trigger ON webhooks (trigger_id, owned_since);
CREATE INDEX webhooks_by_definition ON webhooks (definition);

CREATE TABLE webhook_calls (
    key          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           BLOB    NOT NULL UNIQUE,
    name         TEXT    NOT NULL,
    trigger_id   TEXT    NOT NULL,
    at           INTEGER NOT NULL,
    outcome      TEXT    NOT NULL CHECK (outcome IN ('started', 'duplicate', 'refused', 'disabled', 'failed')),
    status       INTEGER NOT NULL,                 -- what it was answered with
    execution_id BLOB,
    reason       TEXT,
    size         INTEGER NOT NULL,                 -- of its body, in bytes
    body         TEXT                              -- the beginning of it; NULL where the caller was not let in
) STRICT;

CREATE INDEX webhook_calls_by_trigger ON webhook_calls (name, trigger_id, key);

INSERT INTO webhooks (
    definition, name, trigger_id, position, description, enabled, secret, dedupe_header, owned_since)
SELECT
    definition.key,
    definition.name,
    json_extract(declared.value, '$.id'),
    declared.key,
    json_extract(declared.value, '$.description'),
    json_extract(declared.value, '$.enabled'),
    json_extract(declared.value, '$.kind.secret'),
    json_extract(declared.value, '$.kind.dedupe_header'),
    coalesce(definition.published_at, definition.updated_at)
FROM process_definitions AS definition, json_each(definition.model, '$.triggers') AS declared
WHERE definition.active = 1 AND json_extract(declared.value, '$.kind.type') = 'webhook';
