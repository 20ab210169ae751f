-- Possible same-person pairs. Whether a person is known is found out after the commit, by a job: a partner's request leaves one row
-- here whatever is known, so that neither its answer nor its timing can tell.
CREATE TABLE match_results (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    referral_id uuid NOT NULL,
    partner_id uuid NOT NULL,
    -- When it was sent, or when what it is matched by last changed.
    queued_at timestamptz NOT NULL,
    -- NULL: to be matched.
    matched_at timestamptz,
    -- How many records it may be the same person as; NULL: never matched yet.
    candidates integer CONSTRAINT match_results_candidates_range CHECK (candidates >= 0),
    PRIMARY KEY (site_id, referral_id),
    CONSTRAINT match_results_referral_exists FOREIGN KEY (site_id, referral_id) REFERENCES referrals (site_id, id) ON DELETE CASCADE,
    CONSTRAINT match_results_matched_is_counted CHECK (matched_at IS NULL OR candidates IS NOT NULL)
);
CREATE INDEX match_results_unmatched ON match_results (site_id, queued_at, referral_id) WHERE matched_at IS NULL;

-- Referrals that are open now are matched once. They count as matched before: nobody is told that they came. The owner sees no row
-- of a forced table, and the app role may not migrate.
ALTER TABLE referrals NO FORCE ROW LEVEL SECURITY;
INSERT INTO match_results SELECT site_id, id, partner_id, now(), NULL, 0 FROM referrals WHERE status <> 'closed';
ALTER TABLE referrals FORCE ROW LEVEL SECURITY;

ALTER TABLE match_results ENABLE ROW LEVEL SECURITY;
ALTER TABLE match_results FORCE ROW LEVEL SECURITY;
CREATE POLICY match_results_tenant ON match_results TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
-- A partner's request queues its own referrals and reads none.
CREATE POLICY match_results_partner ON match_results AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL)
    WITH CHECK ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()));
GRANT SELECT, INSERT, UPDATE (queued_at, matched_at, candidates) ON match_results TO handoff_app;

-- A pair that may be one person, until somebody of the site says whether it is. A pair is kept once and for ever, so that one that is
-- `different` is never flagged again.
CREATE TABLE duplicate_reviews (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    id uuid NOT NULL,
    -- In the order of their ids, and so of their recording.
    first_referral_id uuid NOT NULL,
    second_referral_id uuid NOT NULL,
    grounds text[] NOT NULL CONSTRAINT duplicate_reviews_grounds_vocabulary CHECK (grounds <@ ARRAY['email', 'phone', 'external_ref', 'staff']),
    status text NOT NULL CONSTRAINT duplicate_reviews_status_vocabulary CHECK (status IN ('open', 'same', 'different')),
    is_test boolean NOT NULL,
    opened_at timestamptz NOT NULL,
    resolved_at timestamptz,
    resolved_by uuid,
    -- The record that goes on, after `same`.
    kept_referral_id uuid,
    version integer NOT NULL CONSTRAINT duplicate_reviews_version_positive CHECK (version > 0),
    PRIMARY KEY (site_id, id),
    CONSTRAINT duplicate_reviews_one_per_pair UNIQUE (site_id, first_referral_id, second_referral_id),
    CONSTRAINT duplicate_reviews_first_exists FOREIGN KEY (site_id, first_referral_id) REFERENCES referrals (site_id, id) ON DELETE CASCADE,
    CONSTRAINT duplicate_reviews_second_exists FOREIGN KEY (site_id, second_referral_id) REFERENCES referrals (site_id, id) ON DELETE CASCADE,
    CONSTRAINT duplicate_reviews_kept_exists FOREIGN KEY (site_id, kept_referral_id) REFERENCES referrals (site_id, id),
    CONSTRAINT duplicate_reviews_resolver_exists FOREIGN KEY (site_id, resolved_by) REFERENCES members (site_id, id),
    CONSTRAINT duplicate_reviews_pair_in_order CHECK (first_referral_id < second_referral_id),
    CONSTRAINT duplicate_reviews_grounds_given CHECK (cardinality(grounds) > 0),
    CONSTRAINT duplicate_reviews_resolved_has_time CHECK ((status = 'open') = (resolved_at IS NULL) AND (resolved_by IS NULL OR resolved_at IS NOT NULL)),
    CONSTRAINT duplicate_reviews_same_keeps_one CHECK ((status = 'same') = (kept_referral_id IS NOT NULL))
);
-- The list in order of opening, and the reviews of a record.
CREATE INDEX duplicate_reviews_by_status ON duplicate_reviews (site_id, is_test, status, id);
CREATE INDEX duplicate_reviews_by_second ON duplicate_reviews (site_id, second_referral_id);
ALTER TABLE duplicate_reviews ENABLE ROW LEVEL SECURITY;
ALTER TABLE duplicate_reviews FORCE ROW LEVEL SECURITY;
CREATE POLICY duplicate_reviews_tenant ON duplicate_reviews TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
-- Whether a person is known is never visible to a partner.
CREATE POLICY duplicate_reviews_partner ON duplicate_reviews AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE ON duplicate_reviews TO handoff_app;
