-- A table without rowids keeps whole rows in the inner pages of its tree, and a row of a person is wide: five to a page,
-- nine pages from the root to a row, and as many read and written for each person that a delta changes. The key has a
-- tree of its own now, four pages deep. `told` stands last: whoever asks for anything else need not pass over it.
CREATE TABLE persons_found_quickly (
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
    left_at DATE,
    level TEXT,
    folded TEXT NOT NULL DEFAULT '',
    run BIGINT NOT NULL DEFAULT 0,
    print TEXT NOT NULL DEFAULT '',
    told TEXT NOT NULL DEFAULT ''
);
INSERT INTO persons_found_quickly SELECT id, source, kind, family, given, birth, title, birth_date, ine, school_number,
    mef, school, mail, digest, left_at, level, folded, run, print, told FROM persons ORDER BY id;
DROP TABLE persons;
ALTER TABLE persons_found_quickly RENAME TO persons;
CREATE INDEX persons_by_ine ON persons (ine) WHERE ine IS NOT NULL;
CREATE INDEX persons_by_mail ON persons (mail) WHERE mail IS NOT NULL;
CREATE INDEX persons_by_left_at ON persons (left_at, id) WHERE left_at IS NOT NULL;
CREATE INDEX persons_by_birth ON persons (birth_date, folded) WHERE ine IS NULL AND kind = 'student';

-- Adults have no school: half of the rows need not stand in it.
CREATE INDEX persons_by_school ON persons (school, id) WHERE left_at IS NULL AND school IS NOT NULL;
