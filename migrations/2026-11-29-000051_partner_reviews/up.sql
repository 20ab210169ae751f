-- What the site thinks of a partner's handoffs at a time, and why: a record that is added to and never changed. What follows from it,
-- such as a pause, is a move of its own.
CREATE TABLE partner_reviews (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    id uuid NOT NULL,
    partner_id uuid NOT NULL,
    decision text NOT NULL CONSTRAINT partner_reviews_decision_vocabulary CHECK (decision IN ('continue', 'adjust', 'pause', 'retarget', 'replace')),
    reason text NOT NULL CONSTRAINT partner_reviews_reason_vocabulary CHECK (reason IN
        ('works_well', 'routine', 'low_volume', 'over_capacity', 'incomplete_handoffs', 'wrong_study', 'expectation_gaps', 'sensitive_content',
         'stale_language', 'study_changed', 'partner_request')),
    reviewed_at timestamptz NOT NULL,
    reviewed_by uuid NOT NULL,
    PRIMARY KEY (site_id, id),
    CONSTRAINT partner_reviews_partner_exists FOREIGN KEY (site_id, partner_id) REFERENCES partners (site_id, id),
    CONSTRAINT partner_reviews_reviewer_exists FOREIGN KEY (site_id, reviewed_by) REFERENCES members (site_id, id)
);
CREATE INDEX partner_reviews_by_partner ON partner_reviews (site_id, partner_id, id);
ALTER TABLE partner_reviews ENABLE ROW LEVEL SECURITY;
ALTER TABLE partner_reviews FORCE ROW LEVEL SECURITY;
CREATE POLICY partner_reviews_tenant ON partner_reviews TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
-- A partner learns what follows, and not what was thought.
CREATE POLICY partner_reviews_partner ON partner_reviews AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT ON partner_reviews TO handoff_app;
