-- What counts once on all nodes until its end: client assertions, proofs of possession.
CREATE TABLE spent_identifiers (
    hash BYTEA NOT NULL PRIMARY KEY,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX spent_identifiers_expires_at ON spent_identifiers (expires_at);
