-- Versions of processes (spec 3.1).
--
-- In all tables: what is known outside by a UUID is a row with an integer key of this database, which other tables name;
-- UUIDs and hashes are blobs; times are microseconds since 1970 in UTC; amounts of money are whole numbers of 10^-9 units
-- beside their currency; JSON is text, as the domain writes it.

CREATE TABLE process_names (
    key  INTEGER PRIMARY KEY,
    name TEXT    NOT NULL UNIQUE
) STRICT;

CREATE TABLE process_definitions (
    key               INTEGER PRIMARY KEY,
    id                BLOB    NOT NULL UNIQUE,
    name              TEXT    NOT NULL,
    version_major     INTEGER NOT NULL,
    version_minor     INTEGER NOT NULL,
    status            TEXT    NOT NULL CHECK (status IN ('draft', 'published', 'archived')),
    revision          INTEGER NOT NULL,           -- counts the edits, from 1; an edit is written only on the one it was made on
    yaml              TEXT    NOT NULL,           -- the author's text, byte for byte
    model             TEXT    NOT NULL,           -- JSON: the checked definition, on which executions run
    description       TEXT    NOT NULL,
    step_count        INTEGER NOT NULL,
    name_lower        TEXT    NOT NULL,           -- name and description in lower case, for search
    description_lower TEXT    NOT NULL,
    created_by        TEXT,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    published_at      INTEGER,
    hidden            INTEGER NOT NULL DEFAULT 0 CHECK (hidden IN (0, 1)),  -- deleted, but its ended executions are kept
    UNIQUE (name, version_major, version_minor)
) STRICT;

CREATE INDEX process_definitions_by_change ON process_definitions (updated_at, id) WHERE hidden = 0;

-- What happened to versions (spec 3.11), written with the change.
CREATE TABLE process_definition_events (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    definition INTEGER NOT NULL REFERENCES process_definitions (key) ON DELETE CASCADE,
    at         INTEGER NOT NULL,
    event      TEXT    NOT NULL                   -- JSON
) STRICT;

CREATE INDEX process_definition_events_by_definition ON process_definition_events (definition, id);
