-- An alert on its way over one channel. Sending leaves the transaction: whoever sends holds the row until `leased_until`, and what
-- comes of it is written only while `attempts` is still its own. The receiver's answer before the row: at least once.
CREATE TABLE alert_deliveries (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    alert_id uuid NOT NULL,
    channel text NOT NULL CONSTRAINT alert_deliveries_channel_vocabulary CHECK (channel IN ('email', 'webhook')),
    status text NOT NULL CONSTRAINT alert_deliveries_status_vocabulary CHECK (status IN ('pending', 'delivered', 'failed', 'cancelled')),
    attempts integer NOT NULL CONSTRAINT alert_deliveries_attempts_range CHECK (attempts >= 0),
    -- NULL once it is not tried any more.
    next_attempt_at timestamptz,
    leased_until timestamptz,
    last_error text CONSTRAINT alert_deliveries_last_error_vocabulary CHECK (last_error IN
        ('email_not_configured', 'smtp_connection_failed', 'smtp_tls_failed', 'smtp_authentication_failed', 'smtp_recipient_refused',
         'smtp_refused', 'smtp_deferred', 'smtp_timed_out', 'webhook_not_configured', 'webhook_disabled', 'webhook_secret_lost',
         'webhook_address_refused', 'webhook_name_unknown', 'webhook_connection_failed', 'webhook_tls_failed', 'webhook_timed_out',
         'webhook_redirected', 'webhook_refused', 'webhook_gone')),
    -- When the first attempt failed, and when it was delivered, failed for good or was cancelled.
    first_failed_at timestamptz,
    ended_at timestamptz,
    PRIMARY KEY (site_id, alert_id, channel),
    CONSTRAINT alert_deliveries_alert_exists FOREIGN KEY (site_id, alert_id) REFERENCES alerts (site_id, id) ON DELETE CASCADE,
    CONSTRAINT alert_deliveries_pending_has_next CHECK ((status = 'pending') = (next_attempt_at IS NOT NULL)),
    CONSTRAINT alert_deliveries_ended_has_time CHECK ((status = 'pending') = (ended_at IS NULL)),
    CONSTRAINT alert_deliveries_failed_has_error CHECK (status <> 'failed' OR last_error IS NOT NULL)
);
CREATE INDEX alert_deliveries_due ON alert_deliveries (site_id, channel, next_attempt_at) WHERE status = 'pending';
ALTER TABLE alert_deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_deliveries FORCE ROW LEVEL SECURITY;
CREATE POLICY alert_deliveries_tenant ON alert_deliveries TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY alert_deliveries_partner ON alert_deliveries AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE ON alert_deliveries TO handoff_app;

-- Whether a member's channel works, so that nobody has to read all its deliveries to know. Without a row: nothing was tried, or the
-- address is a new one.
CREATE TABLE alert_channel_states (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    member_id uuid NOT NULL,
    channel text NOT NULL CONSTRAINT alert_channel_states_channel_vocabulary CHECK (channel IN ('email', 'webhook')),
    -- NULL: the last delivery that ended got through.
    failing_since timestamptz,
    PRIMARY KEY (site_id, member_id, channel),
    CONSTRAINT alert_channel_states_member_exists FOREIGN KEY (site_id, member_id) REFERENCES members (site_id, id) ON DELETE CASCADE
);
ALTER TABLE alert_channel_states ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_channel_states FORCE ROW LEVEL SECURITY;
CREATE POLICY alert_channel_states_tenant ON alert_channel_states TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY alert_channel_states_partner ON alert_channel_states AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON alert_channel_states TO handoff_app;
