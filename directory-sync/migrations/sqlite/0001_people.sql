-- Who the people are, as the last complete delivery of each source said. `source` is `<academy>-<stage>`; identifiers
-- are `<academy>-<stage>-<key>`. No foreign keys: a delivery may name schools, trainings and adults that come later.
-- Least data: no address, no home or work phone, no scholarship.

CREATE TABLE schools (
    id TEXT NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    uai TEXT,
    name TEXT NOT NULL,
    kind TEXT,
    digest TEXT NOT NULL,
    left_at DATE
) WITHOUT ROWID;
CREATE INDEX schools_by_uai ON schools (uai);

CREATE TABLE mefs (
    id TEXT NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    level TEXT,
    digest TEXT NOT NULL,
    left_at DATE
) WITHOUT ROWID;

CREATE TABLE persons (
    id TEXT NOT NULL PRIMARY KEY,
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
    left_at DATE
) WITHOUT ROWID;
CREATE INDEX persons_by_school ON persons (school, id);

CREATE TABLE guardianships (
    student TEXT NOT NULL,
    guardian TEXT NOT NULL,
    link BIGINT NOT NULL,
    authority BIGINT NOT NULL,
    PRIMARY KEY (student, guardian)
) WITHOUT ROWID;
CREATE INDEX guardianships_by_guardian ON guardianships (guardian, student);

CREATE TABLE enrolments (
    person TEXT NOT NULL,
    position BIGINT NOT NULL,
    school TEXT NOT NULL,
    division TEXT NOT NULL,
    PRIMARY KEY (person, position)
) WITHOUT ROWID;
CREATE INDEX enrolments_by_division ON enrolments (school, division);

CREATE TABLE staff_functions (
    person TEXT NOT NULL,
    position BIGINT NOT NULL,
    school TEXT NOT NULL,
    code TEXT NOT NULL,
    PRIMARY KEY (person, position)
) WITHOUT ROWID;
CREATE INDEX staff_functions_by_school ON staff_functions (school);

CREATE TABLE contacts (
    person TEXT NOT NULL,
    position BIGINT NOT NULL,
    mobile TEXT NOT NULL,
    PRIMARY KEY (person, position)
) WITHOUT ROWID;
CREATE INDEX contacts_by_mobile ON contacts (mobile);

CREATE TABLE runs (
    id BIGINT PRIMARY KEY,
    source TEXT NOT NULL,
    outcome TEXT NOT NULL,
    delivery_date DATE NOT NULL,
    started_at TIMESTAMP NOT NULL,
    report TEXT NOT NULL
) WITHOUT ROWID;
