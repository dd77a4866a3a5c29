-- Of the text of the delivery in which the record was read as it stands: the same text needs not be read again.
-- Empty where it was made of several.
ALTER TABLE schools ADD COLUMN print TEXT NOT NULL DEFAULT '';
ALTER TABLE former_schools ADD COLUMN print TEXT NOT NULL DEFAULT '';
ALTER TABLE mefs ADD COLUMN print TEXT NOT NULL DEFAULT '';
ALTER TABLE former_mefs ADD COLUMN print TEXT NOT NULL DEFAULT '';
ALTER TABLE persons ADD COLUMN print TEXT NOT NULL DEFAULT '';
ALTER TABLE former_persons ADD COLUMN print TEXT NOT NULL DEFAULT '';
