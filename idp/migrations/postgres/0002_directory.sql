-- The day the last of an account's people left the directory: nobody signs in meanwhile, and after a time of grace the
-- account is removed. A return empties it. closed_at is another thing, a person's decision, which no delivery undoes.
ALTER TABLE accounts ADD COLUMN departed_on DATE;
CREATE INDEX accounts_departed ON accounts (departed_on, id) WHERE departed_on IS NOT NULL;

-- The record that the directory joined this one to; null for those tied otherwise, which nothing parts again.
ALTER TABLE account_people ADD COLUMN joined_to TEXT;
CREATE INDEX account_people_joined ON account_people (joined_to) WHERE joined_to IS NOT NULL;

-- An account's end revokes its codes: without this each departure would read those of everyone.
CREATE INDEX grants_account ON grants (account);

-- How far accounts have followed the directory: its last identity change, its last run, how many runs stood applied.
CREATE TABLE followed (
    what TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL
);
INSERT INTO followed (what, number) VALUES ('changes', 0), ('run', 0), ('applied', 0);
