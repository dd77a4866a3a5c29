-- The signing keys and where each stands, so that all nodes agree. Of a key, its public half only: the private one is in
-- the folders of the nodes or in a token.
CREATE TABLE signing_keys (
    purpose TEXT NOT NULL,
    number BIGINT NOT NULL,
    place TEXT NOT NULL,
    public BLOB NOT NULL,
    made_at TIMESTAMP NOT NULL,
    published_at TIMESTAMP,
    activated_at TIMESTAMP,
    retired_at TIMESTAMP,
    withdrawn BOOLEAN NOT NULL,
    PRIMARY KEY (purpose, number)
);

-- That a party accepts a key, and how we know. No foreign key to parties: a proof outlives a registration harmlessly.
CREATE TABLE key_acceptances (
    party TEXT NOT NULL,
    purpose TEXT NOT NULL,
    number BIGINT NOT NULL,
    how TEXT NOT NULL,
    accepted_at TIMESTAMP NOT NULL,
    PRIMARY KEY (party, purpose, number, how),
    FOREIGN KEY (purpose, number) REFERENCES signing_keys (purpose, number)
);
