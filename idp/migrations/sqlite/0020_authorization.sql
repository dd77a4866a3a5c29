-- Authorization requests that clients pushed (RFC 9126): each is spent once, by the client that pushed it. parameters are
-- those that count, form-urlencoded.
CREATE TABLE pushed_requests (
    reference_hash BLOB NOT NULL PRIMARY KEY,
    party TEXT NOT NULL,
    parameters TEXT NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    spent_at TIMESTAMP
);
CREATE INDEX pushed_requests_by_expires_at ON pushed_requests (expires_at);

-- What a person agreed that a party is told: names of attributes, parted by spaces.
CREATE TABLE consents (
    account TEXT NOT NULL,
    party TEXT NOT NULL,
    told TEXT NOT NULL,
    given_at TIMESTAMP NOT NULL,
    PRIMARY KEY (account, party)
);

-- The person agreed for this very request.
ALTER TABLE interactions ADD COLUMN consented BOOLEAN NOT NULL DEFAULT FALSE;
