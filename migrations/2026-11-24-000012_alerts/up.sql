-- What a member has to be told: written in the transaction of what it tells of, delivered later and at least once. It holds ids
-- and codes; what it points at is read where it is kept.
CREATE TABLE alerts (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    -- Also the Message-ID of its e-mail and the id of its webhook message: the same in every attempt.
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    kind text NOT NULL CONSTRAINT alerts_kind_vocabulary CHECK (kind IN
        ('referral_received', 'referral_assigned', 'action_due', 'escalated', 'test')),
    -- What it is about; NULL for a test alert.
    referral_id uuid,
    created_at timestamptz NOT NULL,
    -- When its member said that it has it.
    confirmed_at timestamptz,
    PRIMARY KEY (site_id, id),
    CONSTRAINT alerts_member_exists FOREIGN KEY (site_id, member_id) REFERENCES members (site_id, id),
    CONSTRAINT alerts_referral_exists FOREIGN KEY (site_id, referral_id) REFERENCES referrals (site_id, id),
    CONSTRAINT alerts_referral_unless_test CHECK ((kind = 'test') = (referral_id IS NULL))
);
CREATE INDEX alerts_by_member ON alerts (site_id, member_id, id);
ALTER TABLE alerts ENABLE ROW LEVEL SECURITY;
ALTER TABLE alerts FORCE ROW LEVEL SECURITY;
CREATE POLICY alerts_tenant ON alerts TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY alerts_partner ON alerts AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE ON alerts TO handoff_app;
