-- Where a site's systems want its events posted, and what became of each. The feed is the truth: an endpoint keeps how far it was
-- read, and every event up to there that the endpoint wants has one delivery. No secret stands here (see alert_webhooks).
CREATE TABLE webhook_endpoints (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    id uuid NOT NULL,
    url text NOT NULL CONSTRAINT webhook_endpoints_url_length CHECK (char_length(url) BETWEEN 10 AND 500),
    -- Which events it wants; none: all of them.
    event_types text[] NOT NULL CONSTRAINT webhook_endpoints_event_types_vocabulary CHECK (event_types <@ ARRAY[
         'referral.received', 'referral.transitioned', 'referral.reassigned', 'referral.blocked', 'referral.escalated', 'referral.merged',
         'referral.reopened', 'referral.erased', 'route.tested', 'route.launched', 'route.voided', 'route.paused', 'route.resumed',
         'language.approved', 'language.superseded', 'language.retired', 'language.acknowledged', 'partner.status_changed',
         'study.status_changed', 'member.deactivated', 'import.completed', 'key.rotated', 'key.revoked']),
    -- Whether it gets events of test referrals instead of live ones: test keys manage those, and see no others.
    is_test boolean NOT NULL,
    -- The last position of its feed up to which events have deliveries.
    position bigint NOT NULL CONSTRAINT webhook_endpoints_position_range CHECK (position >= 0),
    secret_id uuid NOT NULL,
    secret_key_id bytea NOT NULL CONSTRAINT webhook_endpoints_secret_key_id_length CHECK (octet_length(secret_key_id) = 8),
    -- The secret before, which signs too until then.
    previous_secret_id uuid,
    previous_key_id bytea CONSTRAINT webhook_endpoints_previous_key_id_length CHECK (octet_length(previous_key_id) = 8),
    previous_until timestamptz,
    -- Since when nothing gets through.
    failing_since timestamptz,
    disabled_at timestamptz,
    disabled_reason text CONSTRAINT webhook_endpoints_disabled_reason_vocabulary CHECK (disabled_reason IN ('switched_off', 'endpoint_gone', 'failing')),
    version integer NOT NULL CONSTRAINT webhook_endpoints_version_positive CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, id),
    CONSTRAINT webhook_endpoints_previous_is_whole CHECK
        ((previous_secret_id IS NULL) = (previous_until IS NULL) AND (previous_key_id IS NULL) = (previous_until IS NULL)),
    CONSTRAINT webhook_endpoints_disabled_has_reason CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
);
ALTER TABLE webhook_endpoints ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_endpoints FORCE ROW LEVEL SECURITY;
CREATE POLICY webhook_endpoints_tenant ON webhook_endpoints TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY webhook_endpoints_partner ON webhook_endpoints AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_endpoints TO handoff_app;

CREATE TABLE webhook_deliveries (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    endpoint_id uuid NOT NULL,
    position bigint NOT NULL CONSTRAINT webhook_deliveries_position_range CHECK (position > 0),
    event_id uuid NOT NULL,
    event_type text NOT NULL CONSTRAINT webhook_deliveries_event_type_vocabulary CHECK (event_type IN
        ('referral.received', 'referral.transitioned', 'referral.reassigned', 'referral.blocked', 'referral.escalated', 'referral.merged',
         'referral.reopened', 'referral.erased', 'route.tested', 'route.launched', 'route.voided', 'route.paused', 'route.resumed',
         'language.approved', 'language.superseded', 'language.retired', 'language.acknowledged', 'partner.status_changed',
         'study.status_changed', 'member.deactivated', 'import.completed', 'key.rotated', 'key.revoked')),
    status text NOT NULL CONSTRAINT webhook_deliveries_status_vocabulary CHECK (status IN ('pending', 'delivered', 'failed', 'cancelled')),
    -- Attempts that were begun: the fence of whoever sends. It never goes back.
    attempts integer NOT NULL CONSTRAINT webhook_deliveries_attempts_range CHECK (attempts >= 0),
    -- Those of them that failed since it was last begun anew.
    failures integer NOT NULL CONSTRAINT webhook_deliveries_failures_range CHECK (failures >= 0),
    next_attempt_at timestamptz,
    leased_until timestamptz,
    last_error text CONSTRAINT webhook_deliveries_last_error_vocabulary CHECK (last_error IN
        ('webhook_disabled', 'webhook_secret_lost', 'webhook_address_refused', 'webhook_name_unknown', 'webhook_connection_failed',
         'webhook_tls_failed', 'webhook_timed_out', 'webhook_redirected', 'webhook_refused', 'webhook_gone')),
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (site_id, endpoint_id, position),
    CONSTRAINT webhook_deliveries_endpoint_exists FOREIGN KEY (site_id, endpoint_id) REFERENCES webhook_endpoints (site_id, id) ON DELETE CASCADE,
    CONSTRAINT webhook_deliveries_pending_is_planned CHECK ((status = 'pending') = (next_attempt_at IS NOT NULL) AND (status = 'pending') = (ended_at IS NULL))
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (site_id, endpoint_id, next_attempt_at, position) WHERE status = 'pending';
-- What is forgotten once the feed's days are over.
CREATE INDEX webhook_deliveries_old ON webhook_deliveries (site_id, ended_at) WHERE status <> 'pending';
ALTER TABLE webhook_deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_deliveries FORCE ROW LEVEL SECURITY;
CREATE POLICY webhook_deliveries_tenant ON webhook_deliveries TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY webhook_deliveries_partner ON webhook_deliveries AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_deliveries TO handoff_app;

ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_subject_kind_vocabulary;
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_subject_kind_vocabulary CHECK (subject_kind IN
    ('site', 'member', 'api_key', 'study', 'partner', 'route', 'referral', 'contact_withdrawal', 'away_window', 'duplicate_review', 'alert',
     'language_version', 'approved_process', 'test_run', 'webhook_endpoint'));

-- The site lead is told when an endpoint is disabled.
ALTER TABLE alerts DROP CONSTRAINT alerts_kind_vocabulary;
ALTER TABLE alerts ADD CONSTRAINT alerts_kind_vocabulary CHECK (kind IN
    ('referral_received', 'referral_assigned', 'action_due', 'escalated', 'test', 'test_run', 'webhook_disabled'));
ALTER TABLE alerts DROP CONSTRAINT alerts_referral_unless_test;
ALTER TABLE alerts ADD CONSTRAINT alerts_referral_if_about_one CHECK ((kind IN ('test', 'test_run', 'webhook_disabled')) = (referral_id IS NULL));
