-- What lets an organization register clients by itself (RFC 7591 3). It is shown once and kept as a hash; policy is what its
-- clients may learn.
CREATE TABLE registration_tokens (
    token_hash BYTEA NOT NULL PRIMARY KEY,
    organization TEXT NOT NULL,
    purpose TEXT,
    environment TEXT NOT NULL,
    policy TEXT NOT NULL,
    issued_by TEXT NOT NULL,
    uses_left BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);

-- A client that registered by itself, under which token, for whom and what for. held is what it is to become once two
-- persons have said yes; first_yes is the first of them.
CREATE TABLE registrations (
    party TEXT NOT NULL PRIMARY KEY REFERENCES parties (id),
    token_hash BYTEA NOT NULL UNIQUE,
    organization TEXT NOT NULL,
    purpose TEXT NOT NULL,
    metadata TEXT NOT NULL,
    held TEXT,
    held_metadata TEXT,
    first_yes TEXT,
    registered_at TIMESTAMPTZ NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL
);
