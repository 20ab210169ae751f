-- Who owns referrals of an import is told once of all of them, with the first batch that brings some, and not of each.
ALTER TABLE referral_imports ADD COLUMN told_member_ids uuid[] NOT NULL DEFAULT '{}';
ALTER TABLE alerts DROP CONSTRAINT alerts_kind_vocabulary;
ALTER TABLE alerts ADD CONSTRAINT alerts_kind_vocabulary CHECK (kind IN
    ('referral_received', 'referrals_imported', 'referral_assigned', 'action_due', 'escalated', 'test', 'test_run', 'webhook_disabled')) NOT VALID;
ALTER TABLE alerts DROP CONSTRAINT alerts_referral_if_about_one;
ALTER TABLE alerts ADD CONSTRAINT alerts_referral_if_about_one
    CHECK ((kind IN ('referrals_imported', 'test', 'test_run', 'webhook_disabled')) = (referral_id IS NULL)) NOT VALID;

-- A first import fills tables faster than autovacuum comes by, and until they have statistics the planner takes a site's thousands of rows
-- for a dozen. The service does not own the tables, and so it asks. Nothing is read and nothing is answered; what is locked is left out.
CREATE FUNCTION directory.analyze_referrals(rows_at_least integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    IF (SELECT c.reltuples FROM pg_class c WHERE c.oid = 'public.referrals'::regclass) < rows_at_least THEN
        ANALYZE (SKIP_LOCKED) public.referrals, public.referral_digests, public.referral_import_keys, public.match_results,
            public.audit_entries, public.audit_seals, public.events, public.event_positions, public.report_facts;
    END IF;
END $$;
REVOKE ALL ON FUNCTION directory.analyze_referrals(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION directory.analyze_referrals(integer) TO handoff_app;
