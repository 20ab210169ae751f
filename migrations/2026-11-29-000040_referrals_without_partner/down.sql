-- Refuses as long as there are referrals without a partner: there is nobody whom an earlier version could credit them to.
DROP INDEX handoff_routes_by_source_tag;
ALTER TABLE match_results ALTER COLUMN partner_id SET NOT NULL;
ALTER TABLE referral_digests ALTER COLUMN partner_id SET NOT NULL;
DROP INDEX referrals_by_attribution;
ALTER TABLE referrals
    DROP CONSTRAINT referrals_nobody_referred,
    DROP CONSTRAINT referrals_verified_has_partner,
    DROP CONSTRAINT referrals_partner_has_route,
    ALTER COLUMN source_tag SET NOT NULL,
    ALTER COLUMN route_id SET NOT NULL,
    ALTER COLUMN partner_id SET NOT NULL;
