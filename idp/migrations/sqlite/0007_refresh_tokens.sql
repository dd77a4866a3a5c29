-- A grant that lasts beyond the session it was given on: offline_access.
ALTER TABLE grants ADD COLUMN offline BOOLEAN NOT NULL DEFAULT FALSE;

-- One family for each grant; a spent token stays until its end, so that its reuse is known for one. holder: the key that
-- a public client must show again.
CREATE TABLE refresh_tokens (
    token_hash BLOB NOT NULL PRIMARY KEY,
    code_hash BLOB NOT NULL REFERENCES grants (code_hash),
    holder TEXT,
    expires_at TIMESTAMP NOT NULL,
    spent_at TIMESTAMP
);
CREATE INDEX refresh_tokens_code_hash ON refresh_tokens (code_hash);
CREATE INDEX refresh_tokens_expires_at ON refresh_tokens (expires_at);
