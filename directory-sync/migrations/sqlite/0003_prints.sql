-- Of the text of the delivery in which the record was read as it stands: the same text needs not be read again.
-- Empty where it was made of several.
ALTER TABLE schools ADD COLUMN print TEXT NOT NULL DEFAULT '';
ALTER TABLE former_schools ADD COLUMN print TEXT NOT NULL DEFAULT '';
ALTER TABLE mefs ADD COLUMN print TEXT NOT NULL DEFAULT '';
ALTER TABLE former_mefs ADD COLUMN print TEXT NOT NULL DEFAULT '';
ALTER TABLE persons ADD COLUMN print TEXT NOT NULL DEFAULT '';
ALTER TABLE former_persons ADD COLUMN print TEXT NOT NULL DEFAULT '';

-- Who is at a school: those who are there, so that counting them reads no row.
DROP INDEX persons_by_school;
CREATE INDEX persons_by_school ON persons (school, id) WHERE left_at IS NULL;
-- Every row changes its run whenever it changes: an index on it made each of these changes dearer.
DROP INDEX persons_by_run;
