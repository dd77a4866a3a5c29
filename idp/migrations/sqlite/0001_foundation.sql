-- One human. A password is a PHC string: the person's own, or a provisional one with an end.
CREATE TABLE accounts (
    id TEXT NOT NULL PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,
    profile TEXT NOT NULL,
    password TEXT,
    provisional_until TIMESTAMP,
    birth_date_failures BIGINT NOT NULL DEFAULT 0,
    birth_date_failed_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL,
    activated_at TIMESTAMP,
    closed_at TIMESTAMP
);

-- The directory records of an account; no foreign key, they live in the other database.
CREATE TABLE account_people (
    person TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    position BIGINT NOT NULL
);
CREATE INDEX account_people_account ON account_people (account);

CREATE TABLE throttles (
    login_hash BLOB NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_failure_at TIMESTAMP NOT NULL
);

CREATE TABLE sessions (
    token_hash BLOB NOT NULL PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL REFERENCES accounts (id),
    profile TEXT NOT NULL,
    browser BLOB NOT NULL,
    authenticated_at TIMESTAMP NOT NULL,
    seen_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    pending TEXT,
    on_shared_device BOOLEAN NOT NULL,
    ended_at TIMESTAMP
);
CREATE INDEX sessions_account ON sessions (account);
CREATE INDEX sessions_browser ON sessions (browser);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

CREATE TABLE parties (
    id TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);

-- request_id is the SAML request's ID: unique for its party, so that a replay is refused on every node.
CREATE TABLE interactions (
    id TEXT NOT NULL PRIMARY KEY,
    browser BLOB NOT NULL,
    party TEXT,
    request_id TEXT,
    asked TEXT NOT NULL,
    reply_to TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    answered_at TIMESTAMP,
    signed_in TEXT,
    confirmed BOOLEAN NOT NULL,
    UNIQUE (party, request_id)
);
CREATE INDEX interactions_created_at ON interactions (created_at);

-- An authorization code; the spent row stays until its end, so that a replay is known for one.
CREATE TABLE grants (
    code_hash BLOB NOT NULL PRIMARY KEY,
    party TEXT NOT NULL,
    account TEXT NOT NULL,
    session TEXT NOT NULL,
    terms TEXT NOT NULL,
    authenticated_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    spent_at TIMESTAMP,
    revoked_at TIMESTAMP
);
CREATE INDEX grants_session ON grants (session);
CREATE INDEX grants_expires_at ON grants (expires_at);

CREATE TABLE access_tokens (
    token_hash BLOB NOT NULL PRIMARY KEY,
    code_hash BLOB NOT NULL REFERENCES grants (code_hash),
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX access_tokens_code_hash ON access_tokens (code_hash);

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TIMESTAMP NOT NULL,
    event TEXT NOT NULL,
    outcome TEXT NOT NULL,
    account TEXT,
    party TEXT,
    address TEXT,
    reference TEXT NOT NULL
);
CREATE INDEX audit_reference ON audit (reference);
