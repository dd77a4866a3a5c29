-- The parties that were answered on a session, under the names that they know person (subject) and session (named) by;
-- format is that of a SAML NameID.
CREATE TABLE participants (
    session TEXT NOT NULL,
    party TEXT NOT NULL,
    subject TEXT NOT NULL,
    named TEXT NOT NULL,
    format TEXT,
    answered_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (session, party, subject)
);
CREATE INDEX participants_by_subject ON participants (party, subject);
CREATE INDEX participants_by_answered_at ON participants (answered_at);

-- A sign-out under way. A party's request for one is taken once.
CREATE TABLE logouts (
    id TEXT NOT NULL PRIMARY KEY,
    browser BYTEA NOT NULL,
    asked_by TEXT,
    request_id TEXT,
    reply TEXT,
    onward TEXT,
    began_at TIMESTAMPTZ NOT NULL,
    answered_at TIMESTAMPTZ,
    UNIQUE (asked_by, request_id)
);
CREATE INDEX logouts_by_began_at ON logouts (began_at);

-- What each party of a sign-out is told. channel: browser, service, none; told: not-yet, asked, done, failed.
CREATE TABLE farewells (
    id TEXT NOT NULL PRIMARY KEY,
    logout TEXT NOT NULL REFERENCES logouts (id),
    position BIGINT NOT NULL,
    party TEXT NOT NULL,
    subject TEXT NOT NULL,
    named TEXT NOT NULL,
    format TEXT,
    channel TEXT NOT NULL,
    told TEXT NOT NULL,
    tries BIGINT NOT NULL DEFAULT 0,
    next_at TIMESTAMPTZ
);
CREATE INDEX farewells_by_logout ON farewells (logout);
CREATE INDEX farewells_by_next_at ON farewells (next_at);

-- Sign-outs in a row that a party did not take part in.
CREATE TABLE silences (
    party TEXT NOT NULL PRIMARY KEY,
    count BIGINT NOT NULL,
    since TIMESTAMPTZ NOT NULL
);
