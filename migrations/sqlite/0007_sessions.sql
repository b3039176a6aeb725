-- Sessions: tokens carry the user's id and this number, and are good for nothing once it is another.

ALTER TABLE users ADD COLUMN session_generation INTEGER NOT NULL DEFAULT 0;

-- Sessions that were ended one by one, until their tokens end themselves.
CREATE TABLE ended_sessions (
    token BLOB    NOT NULL PRIMARY KEY,           -- BLAKE3 of the token
    until INTEGER                                 -- NULL = the token is without end
) STRICT, WITHOUT ROWID;

CREATE INDEX ended_sessions_by_end ON ended_sessions (until) WHERE until IS NOT NULL;
