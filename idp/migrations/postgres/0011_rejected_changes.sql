-- A person's no to a change that waited: the same copy, read again, does not ask again.
ALTER TABLE party_changes ADD COLUMN rejected_at TIMESTAMPTZ;
