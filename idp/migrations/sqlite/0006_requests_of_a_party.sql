-- The latest requests of one party are looked up by its people, in a journal that grows by every sign-in.
CREATE INDEX audit_party ON audit (party, id);
