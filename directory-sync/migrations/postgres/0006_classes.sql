-- Nobody asks who is in a class, and an index of it is a sixth of the pages that a delta writes.
DROP INDEX enrolments_by_division;
