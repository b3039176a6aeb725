-- Users, API keys and settings; their ids are text.

CREATE TABLE users (
    id            TEXT    NOT NULL PRIMARY KEY,
    name          TEXT    NOT NULL,
    name_lower    TEXT    NOT NULL UNIQUE,        -- names and addresses are compared in lower case
    email         TEXT,
    email_lower   TEXT    UNIQUE,
    role          TEXT    NOT NULL,
    password_hash TEXT,                           -- argon2; NULL = can't log in with a password
    created_at    INTEGER NOT NULL,
    last_login    INTEGER
) STRICT;

CREATE TABLE api_keys (
    id           TEXT    NOT NULL PRIMARY KEY,
    name         TEXT    NOT NULL,                -- what it is for
    prefix       TEXT    NOT NULL,                -- its first characters, to tell keys apart
    hash         TEXT    NOT NULL UNIQUE,         -- BLAKE3 of the key; the key itself is kept nowhere
    user_id      TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    scopes       TEXT    NOT NULL,                -- JSON array of permissions; empty = the user's
    created_at   INTEGER NOT NULL,
    revoked_at   INTEGER,
    last_used_at INTEGER                          -- to the hour
) STRICT;

CREATE INDEX api_keys_by_user ON api_keys (user_id);

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
