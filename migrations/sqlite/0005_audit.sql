-- Who did what (spec 4, audit): only appended to, each row with a hash over all of it and the hash of the row before, so that
-- what is changed, removed or put in shows.

CREATE TABLE audit_entries (
    number        INTEGER PRIMARY KEY AUTOINCREMENT, -- from 1, without gaps; the highest ever is kept when its row is gone
    id            BLOB    NOT NULL UNIQUE,
    at            INTEGER NOT NULL,
    actor         TEXT    NOT NULL,               -- the user, or system
    via           TEXT    NOT NULL,               -- by what they came in: session, key, cookie, …
    key_id        TEXT,                           -- the API key
    address       TEXT,
    user_agent    TEXT,
    request_id    TEXT,
    action        TEXT    NOT NULL,               -- noun.verb
    resource_kind TEXT    NOT NULL,
    resource_id   TEXT,
    resource_name TEXT,
    outcome       TEXT    NOT NULL CHECK (outcome IN ('done', 'refused')),
    reason        TEXT,                           -- why it was refused
    previous      BLOB    NOT NULL,               -- the hash of the row before; zeros in the first
    hash          BLOB    NOT NULL
) STRICT;

CREATE INDEX audit_entries_by_age ON audit_entries (at, id);
CREATE INDEX audit_entries_by_actor ON audit_entries (actor, at, id);
CREATE INDEX audit_entries_by_action ON audit_entries (action, at, id);
CREATE INDEX audit_entries_by_resource ON audit_entries (resource_id, at, id);

CREATE TRIGGER audit_entries_never_change BEFORE UPDATE ON audit_entries
BEGIN
    SELECT raise(ABORT, 'the audit trail is only appended to');
END;

CREATE TRIGGER audit_entries_never_go BEFORE DELETE ON audit_entries
BEGIN
    SELECT raise(ABORT, 'the audit trail is only appended to');
END;
