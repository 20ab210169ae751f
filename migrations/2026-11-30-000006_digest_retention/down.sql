ALTER TABLE sites DROP COLUMN contact_digests_retention_days;
