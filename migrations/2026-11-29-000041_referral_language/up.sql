-- By which approved words a person was referred: the version that the partner had acknowledged when the referral was recorded. NULL:
-- nobody referred, or staff recorded late what happened without any.
ALTER TABLE referrals ADD COLUMN language_version_id uuid,
    ADD CONSTRAINT referrals_language_version_exists FOREIGN KEY (site_id, language_version_id) REFERENCES language_versions (site_id, id);
