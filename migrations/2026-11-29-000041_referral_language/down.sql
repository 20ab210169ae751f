ALTER TABLE referrals DROP COLUMN language_version_id;
