-- In which respects a run changed a person: what hangs on them is kept, and put back, where it is another one now. -1 of
-- those that were kept whole.
ALTER TABLE former_persons ADD COLUMN moves BIGINT NOT NULL DEFAULT -1;
