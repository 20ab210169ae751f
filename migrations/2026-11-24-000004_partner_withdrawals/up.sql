-- A partner may withdraw its own referral, also one that the site has closed without the partner being told: its answer must
-- not tell that. So the partner's act is a fact of its own beside the site's close reason. A reopen clears it.
ALTER TABLE referrals ADD COLUMN partner_withdrawn_at timestamptz
    CONSTRAINT referrals_partner_withdrawn_at_closed CHECK (partner_withdrawn_at IS NULL OR status = 'closed');
