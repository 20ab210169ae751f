-- A person who comes to the site's intake is never turned away for want of a partner: with an unknown tag, an altered one or none, the
-- referral has neither partner nor route, and nobody is credited, until the site corrects that. Partner and route go together.
ALTER TABLE referrals
    ALTER COLUMN partner_id DROP NOT NULL,
    ALTER COLUMN route_id DROP NOT NULL,
    -- NULL: none was sent, and no route was known.
    ALTER COLUMN source_tag DROP NOT NULL,
    ADD CONSTRAINT referrals_partner_has_route CHECK ((partner_id IS NULL) = (route_id IS NULL)),
    ADD CONSTRAINT referrals_verified_has_partner CHECK (attribution <> 'verified' OR (partner_id IS NOT NULL AND source_tag IS NOT NULL)),
    -- Where nobody referred, nobody has a reference, nobody can be waited for, and nothing was tested.
    ADD CONSTRAINT referrals_nobody_referred CHECK (partner_id IS NOT NULL OR (partner_reference IS NULL AND NOT is_test
        AND blocker IS DISTINCT FROM 'awaiting_partner_completion' AND held_blocker IS DISTINCT FROM 'awaiting_partner_completion'));
-- Those that somebody has to look at: few beside the others, and so an index of their own.
CREATE INDEX referrals_by_attribution ON referrals (site_id, attribution, id) WHERE attribution <> 'verified';

-- Beside a referral the partner stands for the policies alone: a partner's request writes rows of its own only. NULL is no partner's,
-- since it equals none.
ALTER TABLE referral_digests ALTER COLUMN partner_id DROP NOT NULL;
ALTER TABLE match_results ALTER COLUMN partner_id DROP NOT NULL;

-- The intake knows a route by its tag, also one that is retired.
CREATE INDEX handoff_routes_by_source_tag ON handoff_routes (site_id, source_tag);
