-- What is purged when its time is over (spec 4c, retention).

-- What of an ended execution has gone before itself, added up: 1 = its events, 2 = its values; 4 = it is in the archive.
ALTER TABLE process_executions ADD COLUMN purged INTEGER NOT NULL DEFAULT 0;

CREATE INDEX process_executions_by_end ON process_executions (completed_at, id, purged) WHERE completed_at IS NOT NULL;

-- Up to where the audit trail may be purged, and the hash of that entry, to which the next one is chained. An entry of the
-- trail itself tells the same, so that a moved anchor shows.
CREATE TABLE audit_anchor (
    number INTEGER NOT NULL,                      -- 0 = nothing was ever purged
    hash   BLOB    NOT NULL
) STRICT;

INSERT INTO audit_anchor (number, hash) VALUES (0, zeroblob(32));

DROP TRIGGER audit_entries_never_go;

CREATE TRIGGER audit_entries_never_go BEFORE DELETE ON audit_entries
WHEN old.number > (SELECT number FROM audit_anchor)
BEGIN
    SELECT raise(ABORT, 'the audit trail is only appended to');
END;
