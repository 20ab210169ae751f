-- Over which channels a member is told, and whether an alert was taken up: its deliveries are made from the choice of that moment.
ALTER TABLE members ADD COLUMN alert_channels text[] NOT NULL DEFAULT '{email}'
    CONSTRAINT members_alert_channels_vocabulary CHECK (alert_channels <@ ARRAY['email', 'webhook']);
ALTER TABLE members ADD CONSTRAINT members_alert_channels_not_null CHECK (array_position(alert_channels, NULL) IS NULL);
ALTER TABLE alerts ADD COLUMN taken_up_at timestamptz;
CREATE INDEX alerts_waiting ON alerts (site_id, id) WHERE taken_up_at IS NULL;
CREATE INDEX alerts_by_referral ON alerts (site_id, referral_id, id);
