DELETE FROM alert_deliveries USING alerts WHERE alerts.site_id = alert_deliveries.site_id AND alerts.id = alert_deliveries.alert_id AND alerts.kind = 'webhook_disabled';
DELETE FROM alerts WHERE kind = 'webhook_disabled';
ALTER TABLE alerts DROP CONSTRAINT alerts_referral_if_about_one;
ALTER TABLE alerts ADD CONSTRAINT alerts_referral_unless_test CHECK ((kind IN ('test', 'test_run')) = (referral_id IS NULL));
ALTER TABLE alerts DROP CONSTRAINT alerts_kind_vocabulary;
ALTER TABLE alerts ADD CONSTRAINT alerts_kind_vocabulary CHECK (kind IN
    ('referral_received', 'referral_assigned', 'action_due', 'escalated', 'test', 'test_run'));
ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_subject_kind_vocabulary;
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_subject_kind_vocabulary CHECK (subject_kind IN
    ('site', 'member', 'api_key', 'study', 'partner', 'route', 'referral', 'contact_withdrawal', 'away_window', 'duplicate_review', 'alert',
     'language_version', 'approved_process', 'test_run'));
DROP TABLE webhook_deliveries;
DROP TABLE webhook_endpoints;
