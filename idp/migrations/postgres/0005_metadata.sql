-- Addresses from which metadata is read again and again. due_at is the lease too: whoever moves it reads next.
CREATE TABLE sources (
    address TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL,
    mark TEXT,
    good_at TIMESTAMPTZ,
    failure TEXT,
    due_at TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

-- Which parties a source speaks for, and whether an operator named them instead of it.
CREATE TABLE party_sources (
    party TEXT NOT NULL PRIMARY KEY REFERENCES parties (id),
    source TEXT NOT NULL REFERENCES sources (address),
    own_name BOOLEAN NOT NULL
);
CREATE INDEX party_sources_source ON party_sources (source);

-- The newest copy of a party that waits for a person; id stands for what it says but for its end.
CREATE TABLE party_changes (
    party TEXT NOT NULL PRIMARY KEY REFERENCES parties (id),
    id TEXT NOT NULL,
    proposal TEXT NOT NULL,
    found_at TIMESTAMPTZ NOT NULL
);

-- What was told of an end that comes near, so that one node tells each stage once.
CREATE TABLE told (
    what TEXT NOT NULL PRIMARY KEY,
    stage BIGINT NOT NULL
);
