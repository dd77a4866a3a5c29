-- Adults have no school: half of the rows need not stand in it.
DROP INDEX persons_by_school;
CREATE INDEX persons_by_school ON persons (school, id) WHERE left_at IS NULL AND school IS NOT NULL;
