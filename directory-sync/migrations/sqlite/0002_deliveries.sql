-- Deltas, undo, review. `told` is what the record's attributes said (those that are kept), `run` the run that wrote
-- the row, `folded` the first name without case and accents.

ALTER TABLE schools ADD COLUMN told TEXT NOT NULL DEFAULT '';
ALTER TABLE schools ADD COLUMN run BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mefs ADD COLUMN told TEXT NOT NULL DEFAULT '';
ALTER TABLE mefs ADD COLUMN run BIGINT NOT NULL DEFAULT 0;
ALTER TABLE persons ADD COLUMN level TEXT;
ALTER TABLE persons ADD COLUMN folded TEXT NOT NULL DEFAULT '';
ALTER TABLE persons ADD COLUMN told TEXT NOT NULL DEFAULT '';
ALTER TABLE persons ADD COLUMN run BIGINT NOT NULL DEFAULT 0;
CREATE INDEX persons_by_ine ON persons (ine) WHERE ine IS NOT NULL;
CREATE INDEX persons_by_mail ON persons (mail) WHERE mail IS NOT NULL;
-- Who left, by day: accounts are suspended and purged from it. It holds nobody who is here, so an import pays for
-- departures only.
CREATE INDEX persons_by_left_at ON persons (left_at, id) WHERE left_at IS NOT NULL;
-- What one run wrote, and pupils without an INE: where the same human is looked for.
CREATE INDEX persons_by_run ON persons (run);
CREATE INDEX persons_by_birth ON persons (birth_date, folded) WHERE ine IS NULL AND kind = 'student';

-- What the last applied run of each source replaced, row by row, in the columns of the table it stood in: `undo`
-- puts it back. The next run of the source empties it.
CREATE TABLE former_schools (
    undo BIGINT NOT NULL,
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    uai TEXT,
    name TEXT NOT NULL,
    kind TEXT,
    digest TEXT NOT NULL,
    left_at DATE,
    told TEXT NOT NULL,
    run BIGINT NOT NULL,
    PRIMARY KEY (undo, id)
) WITHOUT ROWID;
CREATE TABLE former_mefs (
    undo BIGINT NOT NULL,
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    level TEXT,
    digest TEXT NOT NULL,
    left_at DATE,
    told TEXT NOT NULL,
    run BIGINT NOT NULL,
    PRIMARY KEY (undo, id)
) WITHOUT ROWID;
CREATE TABLE former_persons (
    undo BIGINT NOT NULL,
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    family TEXT NOT NULL,
    given TEXT NOT NULL,
    birth TEXT,
    title TEXT,
    birth_date DATE,
    ine TEXT,
    school_number TEXT,
    mef TEXT,
    school TEXT,
    mail TEXT,
    digest TEXT NOT NULL,
    left_at DATE,
    level TEXT,
    folded TEXT NOT NULL,
    told TEXT NOT NULL,
    run BIGINT NOT NULL,
    PRIMARY KEY (undo, id)
) WITHOUT ROWID;
CREATE TABLE former_guardianships (
    undo BIGINT NOT NULL,
    student TEXT NOT NULL,
    guardian TEXT NOT NULL,
    link BIGINT NOT NULL,
    authority BIGINT NOT NULL,
    PRIMARY KEY (undo, student, guardian)
) WITHOUT ROWID;
CREATE TABLE former_enrolments (
    undo BIGINT NOT NULL,
    person TEXT NOT NULL,
    position BIGINT NOT NULL,
    school TEXT NOT NULL,
    division TEXT NOT NULL,
    PRIMARY KEY (undo, person, position)
) WITHOUT ROWID;
CREATE TABLE former_staff_functions (
    undo BIGINT NOT NULL,
    person TEXT NOT NULL,
    position BIGINT NOT NULL,
    school TEXT NOT NULL,
    code TEXT NOT NULL,
    PRIMARY KEY (undo, person, position)
) WITHOUT ROWID;
CREATE TABLE former_contacts (
    undo BIGINT NOT NULL,
    person TEXT NOT NULL,
    position BIGINT NOT NULL,
    mobile TEXT NOT NULL,
    PRIMARY KEY (undo, person, position)
) WITHOUT ROWID;

-- Every run that was tried to its end: `outcome` is applied, held, repeated or undone.
ALTER TABLE runs ADD COLUMN kind TEXT NOT NULL DEFAULT 'complete';
ALTER TABLE runs ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '';
-- The same for the very same files on the disk, read the same way.
ALTER TABLE runs ADD COLUMN parcel TEXT NOT NULL DEFAULT '';
-- The run of the same source that stood when this one was compared; 0 where none did.
ALTER TABLE runs ADD COLUMN base BIGINT NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN asked_by TEXT NOT NULL DEFAULT '';
-- Who let a held delivery through, and which run had held it.
ALTER TABLE runs ADD COLUMN approved_by TEXT;
ALTER TABLE runs ADD COLUMN approves BIGINT;
ALTER TABLE runs ADD COLUMN fence BIGINT NOT NULL DEFAULT 0;
-- Present persons of the source after the run; counting them anew costs more than a delta.
ALTER TABLE runs ADD COLUMN persons BIGINT;
CREATE INDEX runs_by_source ON runs (source, id);

-- Records of a run that were not applied.
CREATE TABLE rejects (
    run BIGINT NOT NULL,
    number BIGINT NOT NULL,
    category TEXT NOT NULL,
    file TEXT NOT NULL,
    line BIGINT NOT NULL,
    source_key TEXT,
    reason TEXT NOT NULL,
    PRIMARY KEY (run, number)
) WITHOUT ROWID;

-- One importer at a time over all nodes: who takes the turn gets the next number, and nothing is written with an
-- older one. A turn that is not renewed may be taken over.
CREATE TABLE turns (
    name TEXT NOT NULL PRIMARY KEY,
    fence BIGINT NOT NULL,
    holder TEXT NOT NULL,
    -- Whether the holder also has the lock that ends with its process (1) or only the lease (0).
    locked BIGINT NOT NULL,
    expires_at TIMESTAMP NOT NULL
) WITHOUT ROWID;

-- Two records that may be one human. `rule` says why; `outcome` is open, joined or parted; only a certain rule, or a
-- person who decided, makes it joined.
CREATE TABLE proposals (
    id BIGINT NOT NULL PRIMARY KEY,
    run BIGINT NOT NULL,
    one TEXT NOT NULL,
    other TEXT NOT NULL,
    rule TEXT NOT NULL,
    evidence TEXT NOT NULL,
    outcome TEXT NOT NULL,
    decided_by TEXT,
    decided_at TIMESTAMP,
    UNIQUE (one, other)
) WITHOUT ROWID;
CREATE INDEX proposals_by_outcome ON proposals (outcome, id);
-- As they stood before a merger of academies renamed the records.
CREATE TABLE former_proposals (
    undo BIGINT NOT NULL,
    id BIGINT NOT NULL,
    run BIGINT NOT NULL,
    one TEXT NOT NULL,
    other TEXT NOT NULL,
    rule TEXT NOT NULL,
    evidence TEXT NOT NULL,
    outcome TEXT NOT NULL,
    decided_by TEXT,
    decided_at TIMESTAMP,
    PRIMARY KEY (undo, id)
) WITHOUT ROWID;

-- What accounts must follow, in order: `renamed` (former is now called current), `joined` (current is the same human as
-- former), `parted` (a join taken back).
CREATE TABLE identity_changes (
    number BIGINT NOT NULL PRIMARY KEY,
    run BIGINT NOT NULL,
    kind TEXT NOT NULL,
    former TEXT NOT NULL,
    current TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX identity_changes_by_former ON identity_changes (former);
CREATE INDEX identity_changes_by_run ON identity_changes (run);
