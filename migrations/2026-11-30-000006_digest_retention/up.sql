-- Days that contact digests are kept once their referral has ended.
ALTER TABLE sites ADD COLUMN contact_digests_retention_days integer NOT NULL DEFAULT 730;
ALTER TABLE sites ADD CONSTRAINT sites_contact_digests_retention_days_range
    CHECK (contact_digests_retention_days BETWEEN 30 AND 3650) NOT VALID;
