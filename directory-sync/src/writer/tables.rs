//! The temporary tables of an import: they end with its transaction.

pub(super) const TABLES: &[&str] = &[
    "CREATE TEMPORARY TABLE staged_schools (record BIGINT PRIMARY KEY, priority BIGINT NOT NULL, file BIGINT NOT NULL, \
     line BIGINT NOT NULL, id TEXT NOT NULL, digest TEXT NOT NULL, uai TEXT, name TEXT NOT NULL, kind TEXT)",
    "CREATE TEMPORARY TABLE staged_mefs (record BIGINT PRIMARY KEY, priority BIGINT NOT NULL, file BIGINT NOT NULL, \
     line BIGINT NOT NULL, id TEXT NOT NULL, digest TEXT NOT NULL, level TEXT)",
    "CREATE TEMPORARY TABLE staged_persons (record BIGINT PRIMARY KEY, priority BIGINT NOT NULL, file BIGINT NOT NULL, \
     line BIGINT NOT NULL, id TEXT NOT NULL, digest TEXT NOT NULL, digest_before_2020 TEXT, kind TEXT NOT NULL, \
     family TEXT NOT NULL, given TEXT NOT NULL, birth TEXT, title TEXT, birth_date DATE, ine TEXT, \
     school_number TEXT, mef TEXT, school TEXT, mail TEXT)",
    "CREATE TEMPORARY TABLE staged_guardianships (record BIGINT NOT NULL, guardian TEXT NOT NULL, link BIGINT NOT NULL, \
     authority BIGINT NOT NULL, authority_before_2020 BIGINT NOT NULL)",
    "CREATE TEMPORARY TABLE staged_enrolments (record BIGINT NOT NULL, position BIGINT NOT NULL, school TEXT NOT NULL, \
     division TEXT NOT NULL)",
    "CREATE TEMPORARY TABLE staged_functions (record BIGINT NOT NULL, position BIGINT NOT NULL, school TEXT NOT NULL, \
     code TEXT NOT NULL)",
    "CREATE TEMPORARY TABLE staged_contacts (record BIGINT NOT NULL, position BIGINT NOT NULL, mobile TEXT NOT NULL)",
    // Keys of rejected records: whoever they are, they have not left.
    "CREATE TEMPORARY TABLE staged_rejects (record BIGINT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL)",
];

/// What makes the comparison fast; made once the tables are full.
pub(super) const INDEXES: &[&str] = &[
    "CREATE INDEX staged_schools_by_id ON staged_schools (id)",
    "CREATE INDEX staged_mefs_by_id ON staged_mefs (id)",
    "CREATE INDEX staged_persons_by_id ON staged_persons (id)",
    "CREATE INDEX staged_guardianships_by_record ON staged_guardianships (record)",
    "CREATE INDEX staged_enrolments_by_record ON staged_enrolments (record)",
    "CREATE INDEX staged_functions_by_record ON staged_functions (record)",
    "CREATE INDEX staged_contacts_by_record ON staged_contacts (record)",
    "CREATE INDEX staged_rejects_by_id ON staged_rejects (id)",
    "ANALYZE staged_schools",
    "ANALYZE staged_mefs",
    "ANALYZE staged_persons",
    "ANALYZE staged_guardianships",
];

pub(super) const STAGED: [&str; 8] = [
    "staged_schools",
    "staged_mefs",
    "staged_persons",
    "staged_guardianships",
    "staged_enrolments",
    "staged_functions",
    "staged_contacts",
    "staged_rejects",
];
