-- A test referral's way over a route, before volume comes: opened by staff, completed by the partner's test key, and judged step by
-- step. A run that passed, without a persona, is the proof of a launch for the configuration that it names, and for no other.
CREATE TABLE test_runs (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    id uuid NOT NULL,
    route_id uuid NOT NULL,
    partner_id uuid NOT NULL,
    -- NULL: a real run.
    persona text CONSTRAINT test_runs_persona_vocabulary CHECK (persona IN ('alert_undelivered', 'tag_missing', 'duplicate', 'owner_away')),
    -- SHA-256 of the route's configuration when the run was opened.
    configuration_hash text NOT NULL CONSTRAINT test_runs_configuration_hash_format CHECK (configuration_hash ~ '^[0-9a-f]{64}$'),
    status text NOT NULL CONSTRAINT test_runs_status_vocabulary CHECK (status IN ('open', 'passed', 'failed', 'expired', 'cancelled')),
    opened_by uuid NOT NULL,
    opened_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    -- What the partner sent, and the second copy of it.
    referral_id uuid,
    copy_referral_id uuid,
    -- What the owner was told.
    alert_id uuid,
    -- When the server last looked at the intake link.
    looked_at timestamptz,
    version integer NOT NULL CONSTRAINT test_runs_version_positive CHECK (version > 0),
    PRIMARY KEY (site_id, id),
    CONSTRAINT test_runs_route_exists FOREIGN KEY (site_id, route_id) REFERENCES handoff_routes (site_id, id),
    CONSTRAINT test_runs_partner_exists FOREIGN KEY (site_id, partner_id) REFERENCES partners (site_id, id),
    CONSTRAINT test_runs_opener_exists FOREIGN KEY (site_id, opened_by) REFERENCES members (site_id, id),
    CONSTRAINT test_runs_referral_exists FOREIGN KEY (site_id, referral_id) REFERENCES referrals (site_id, id),
    CONSTRAINT test_runs_copy_exists FOREIGN KEY (site_id, copy_referral_id) REFERENCES referrals (site_id, id),
    CONSTRAINT test_runs_alert_exists FOREIGN KEY (site_id, alert_id) REFERENCES alerts (site_id, id),
    CONSTRAINT test_runs_copy_follows CHECK (copy_referral_id IS NULL OR referral_id IS NOT NULL),
    CONSTRAINT test_runs_order CHECK (expires_at > opened_at),
    CONSTRAINT test_runs_ended_has_time CHECK ((status = 'open') = (ended_at IS NULL))
);
-- One at a time: what the partner sends belongs to it.
CREATE UNIQUE INDEX test_runs_one_open_per_route ON test_runs (site_id, route_id) WHERE status = 'open';
CREATE INDEX test_runs_by_route ON test_runs (site_id, route_id, id);
ALTER TABLE test_runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE test_runs FORCE ROW LEVEL SECURITY;
CREATE POLICY test_runs_tenant ON test_runs TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
-- A partner's test key finds its open run, and says in it what it sent.
CREATE POLICY test_runs_partner ON test_runs AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()))
    WITH CHECK ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()));
GRANT SELECT, INSERT, UPDATE ON test_runs TO handoff_app;

-- Every step of a run from its opening on, with what came of it.
CREATE TABLE test_run_steps (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    run_id uuid NOT NULL,
    step text NOT NULL CONSTRAINT test_run_steps_step_vocabulary CHECK (step IN
        ('intake_link', 'referral_received', 'attribution', 'duplicate_check', 'owner_alert_delivered', 'owner_alert_confirmed', 'backup_reached')),
    partner_id uuid NOT NULL,
    result text NOT NULL CONSTRAINT test_run_steps_result_vocabulary CHECK (result IN ('waiting', 'passed', 'failed')),
    failure text CONSTRAINT test_run_steps_failure_vocabulary CHECK (failure IN
        ('intake_unreachable', 'missing_source_tag', 'wrong_source_tag', 'duplicate_missed', 'alert_undelivered', 'backup_unreachable')),
    happened_at timestamptz,
    PRIMARY KEY (site_id, run_id, step),
    CONSTRAINT test_run_steps_run_exists FOREIGN KEY (site_id, run_id) REFERENCES test_runs (site_id, id) ON DELETE CASCADE,
    CONSTRAINT test_run_steps_failed_has_failure CHECK ((result = 'failed') = (failure IS NOT NULL)),
    CONSTRAINT test_run_steps_known_has_time CHECK ((result = 'waiting') = (happened_at IS NULL))
);
ALTER TABLE test_run_steps ENABLE ROW LEVEL SECURITY;
ALTER TABLE test_run_steps FORCE ROW LEVEL SECURITY;
CREATE POLICY test_run_steps_tenant ON test_run_steps TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY test_run_steps_partner ON test_run_steps AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()))
    WITH CHECK ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()));
GRANT SELECT, INSERT, UPDATE ON test_run_steps TO handoff_app;

ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_subject_kind_vocabulary;
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_subject_kind_vocabulary CHECK (subject_kind IN
    ('site', 'member', 'api_key', 'study', 'partner', 'route', 'referral', 'contact_withdrawal', 'away_window', 'duplicate_review', 'alert',
     'language_version', 'approved_process', 'test_run'));

-- The owner of a tested route is told of its test referral by the real way of alerts.
ALTER TABLE alerts DROP CONSTRAINT alerts_kind_vocabulary;
ALTER TABLE alerts ADD CONSTRAINT alerts_kind_vocabulary CHECK (kind IN
    ('referral_received', 'referral_assigned', 'action_due', 'escalated', 'test', 'test_run'));
ALTER TABLE alerts DROP CONSTRAINT alerts_referral_unless_test;
ALTER TABLE alerts ADD CONSTRAINT alerts_referral_unless_test CHECK ((kind IN ('test', 'test_run')) = (referral_id IS NULL));
