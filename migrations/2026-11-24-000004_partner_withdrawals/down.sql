ALTER TABLE referrals DROP COLUMN partner_withdrawn_at;
