-- Who the people are, as the last complete delivery of each source said. `source` is `<academy>-<stage>`; identifiers
-- are `<academy>-<stage>-<key>`. No foreign keys: a delivery may name schools, trainings and adults that come later.
-- Least data: no address, no home or work phone, no scholarship.

CREATE TABLE schools (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    uai TEXT,
    name TEXT NOT NULL,
    kind TEXT,
    digest TEXT NOT NULL,
    left_at DATE
);
CREATE INDEX schools_by_uai ON schools (uai);

CREATE TABLE mefs (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    level TEXT,
    digest TEXT NOT NULL,
    left_at DATE
);

CREATE TABLE persons (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    family TEXT NOT NULL,
    given TEXT NOT NULL,
    birth TEXT,
    title TEXT,
    birth_date DATE,
    ine TEXT,
    school_number TEXT,
    mef TEXT COLLATE "C",
    school TEXT COLLATE "C",
    mail TEXT,
    digest TEXT NOT NULL,
    left_at DATE
);
CREATE INDEX persons_by_school ON persons (school, id);

CREATE TABLE guardianships (
    student TEXT COLLATE "C" NOT NULL,
    guardian TEXT COLLATE "C" NOT NULL,
    link BIGINT NOT NULL,
    authority BIGINT NOT NULL,
    PRIMARY KEY (student, guardian)
);
CREATE INDEX guardianships_by_guardian ON guardianships (guardian, student);

CREATE TABLE enrolments (
    person TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    school TEXT COLLATE "C" NOT NULL,
    division TEXT NOT NULL,
    PRIMARY KEY (person, position)
);
CREATE INDEX enrolments_by_division ON enrolments (school, division);

CREATE TABLE staff_functions (
    person TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    school TEXT COLLATE "C" NOT NULL,
    code TEXT NOT NULL,
    PRIMARY KEY (person, position)
);
CREATE INDEX staff_functions_by_school ON staff_functions (school);

CREATE TABLE contacts (
    person TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    mobile TEXT NOT NULL,
    PRIMARY KEY (person, position)
);
CREATE INDEX contacts_by_mobile ON contacts (mobile);

CREATE TABLE runs (
    id BIGINT PRIMARY KEY,
    source TEXT NOT NULL,
    outcome TEXT NOT NULL,
    delivery_date DATE NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    report TEXT NOT NULL
);
