ALTER TABLE sites DROP COLUMN escalation_hours, DROP COLUMN holidays, DROP COLUMN business_hours;
