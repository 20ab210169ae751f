-- What is valid may stay so: the migration before this one takes the constraint away.
SELECT 1;
