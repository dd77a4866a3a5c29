//! The temporary tables of an import: nobody else sees them, and they end with its connection. No keys: filling them
//! fast is what they are for, and what must be found by a key is indexed once they are full.

pub(super) const TABLES: &[&str] = &[
    // Every record that was read, `deleteRequest`s too; `slice` and `record` order two with one key, `place` is file and line.
    "CREATE TEMPORARY TABLE seen (record BIGINT NOT NULL, category BIGINT NOT NULL, slice BIGINT NOT NULL, \
     place BIGINT NOT NULL, id TEXT NOT NULL, state BIGINT NOT NULL)",
    // What is to be written of those that are new or said otherwise: `differs` names the attributes, `moves` says in which
    // respects a person is another one.
    "CREATE TEMPORARY TABLE staged_schools (record BIGINT NOT NULL, category BIGINT NOT NULL, state BIGINT NOT NULL, \
     id TEXT NOT NULL, digest TEXT NOT NULL, told TEXT NOT NULL, print TEXT NOT NULL, differs TEXT NOT NULL, uai TEXT, name TEXT NOT NULL, kind TEXT)",
    "CREATE TEMPORARY TABLE staged_mefs (record BIGINT NOT NULL, category BIGINT NOT NULL, state BIGINT NOT NULL, \
     id TEXT NOT NULL, digest TEXT NOT NULL, told TEXT NOT NULL, print TEXT NOT NULL, differs TEXT NOT NULL, level TEXT)",
    "CREATE TEMPORARY TABLE staged_persons (record BIGINT NOT NULL, category BIGINT NOT NULL, state BIGINT NOT NULL, \
     id TEXT NOT NULL, digest TEXT NOT NULL, told TEXT NOT NULL, print TEXT NOT NULL, differs TEXT NOT NULL, moves BIGINT NOT NULL, digest_before_2020 TEXT, kind TEXT NOT NULL, \
     family TEXT NOT NULL, given TEXT NOT NULL, birth TEXT, title TEXT, birth_date DATE, ine TEXT, school_number TEXT, \
     mef TEXT, school TEXT, mail TEXT, level TEXT, folded TEXT NOT NULL)",
    // `is_other` of the rows of a person of whom some of these rows may be others than those that are known.
    "CREATE TEMPORARY TABLE staged_guardianships (record BIGINT NOT NULL, student TEXT NOT NULL, guardian TEXT NOT NULL, \
     link BIGINT NOT NULL, authority BIGINT NOT NULL, authority_before_2020 BIGINT NOT NULL, is_other BIGINT NOT NULL)",
    "CREATE TEMPORARY TABLE staged_enrolments (record BIGINT NOT NULL, person TEXT NOT NULL, position BIGINT NOT NULL, \
     school TEXT NOT NULL, division TEXT NOT NULL, is_other BIGINT NOT NULL)",
    "CREATE TEMPORARY TABLE staged_functions (record BIGINT NOT NULL, person TEXT NOT NULL, position BIGINT NOT NULL, \
     school TEXT NOT NULL, code TEXT NOT NULL, is_other BIGINT NOT NULL)",
    "CREATE TEMPORARY TABLE staged_contacts (record BIGINT NOT NULL, person TEXT NOT NULL, position BIGINT NOT NULL, \
     mobile TEXT NOT NULL, is_other BIGINT NOT NULL)",
    // Keys of rejected records: whoever they are, they have not left.
    "CREATE TEMPORARY TABLE spared (category BIGINT NOT NULL, id TEXT NOT NULL)",
    // Of records that say what they said, in other words: the text by which they are known from now on.
    "CREATE TEMPORARY TABLE reprinted (record BIGINT NOT NULL, family BIGINT NOT NULL, id TEXT NOT NULL, print TEXT NOT NULL)",
    // Those of them that were known.
    "CREATE TEMPORARY TABLE changed (family BIGINT NOT NULL, id TEXT NOT NULL, moves BIGINT NOT NULL)",
    "CREATE TEMPORARY TABLE leaving (family BIGINT NOT NULL, category BIGINT NOT NULL, id TEXT NOT NULL, \
     PRIMARY KEY (family, id))",
];

/// Those whose rows hang on a record that may be taken out again.
pub(super) const BY_RECORD: [&str; 9] = [
    "seen",
    "staged_schools",
    "staged_mefs",
    "staged_persons",
    "staged_guardianships",
    "staged_enrolments",
    "staged_functions",
    "staged_contacts",
    "reprinted",
];

/// What makes the comparison fast; made once the tables are full.
pub(super) const INDEXES: &[&str] = &[
    "CREATE INDEX seen_by_id ON seen (id)",
    "CREATE INDEX staged_persons_by_id ON staged_persons (id)",
    "CREATE INDEX spared_by_id ON spared (id)",
    "ANALYZE seen",
    "ANALYZE staged_persons",
    "ANALYZE staged_guardianships",
];

/// What makes it fast to find what changed about what hangs on a person; of no use where nobody was known.
pub(super) const INDEXES_OF_CHANGES: &[&str] = &[
    "CREATE INDEX staged_guardianships_by_student ON staged_guardianships (student, guardian) WHERE is_other = 1",
    "CREATE INDEX staged_enrolments_by_person ON staged_enrolments (person, position) WHERE is_other = 1",
    "CREATE INDEX staged_functions_by_person ON staged_functions (person, position) WHERE is_other = 1",
    "CREATE INDEX staged_contacts_by_person ON staged_contacts (person, position) WHERE is_other = 1",
    "ANALYZE staged_enrolments",
    "ANALYZE staged_functions",
    "ANALYZE staged_contacts",
];

/// Those whose digest had to wait for the meaning of field 4.
pub(super) const DECIDE: [&str; 8] = [
    "UPDATE staged_persons SET state = COALESCE((SELECT CASE WHEN k.digest = staged_persons.digest AND k.left_at IS NULL \
     THEN 2 ELSE 1 END FROM persons k WHERE k.id = staged_persons.id), 0) WHERE state = 3",
    // The planner would believe that still nobody is unchanged, and look for each of them through everybody.
    "ANALYZE staged_persons",
    "UPDATE seen SET state = (SELECT MAX(s.state) FROM staged_persons s WHERE s.id = seen.id AND s.record = seen.record) \
     WHERE state = 3",
    "DELETE FROM staged_guardianships WHERE record IN (SELECT record FROM staged_persons WHERE state = 2)",
    "DELETE FROM staged_enrolments WHERE record IN (SELECT record FROM staged_persons WHERE state = 2)",
    "DELETE FROM staged_functions WHERE record IN (SELECT record FROM staged_persons WHERE state = 2)",
    "DELETE FROM staged_contacts WHERE record IN (SELECT record FROM staged_persons WHERE state = 2)",
    "DELETE FROM staged_persons WHERE state = 2",
];
