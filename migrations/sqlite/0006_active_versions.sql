-- Which version of a process has its triggers and schedules (spec 3.1): the one published or activated last.

ALTER TABLE process_definitions ADD COLUMN active INTEGER NOT NULL DEFAULT 0 CHECK (active IN (0, 1));

UPDATE process_definitions
SET active = 1
WHERE key IN (
    SELECT key
    FROM (
        SELECT key, row_number() OVER (PARTITION BY name ORDER BY published_at DESC, key DESC) AS place
        FROM process_definitions
        WHERE status = 'published')
    WHERE place = 1);

CREATE UNIQUE INDEX process_definitions_active ON process_definitions (name) WHERE active = 1;
