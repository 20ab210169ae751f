DROP FUNCTION directory.analyze_referrals(integer);
DELETE FROM alert_deliveries USING alerts WHERE alerts.site_id = alert_deliveries.site_id AND alerts.id = alert_deliveries.alert_id AND alerts.kind = 'referrals_imported';
DELETE FROM alerts WHERE kind = 'referrals_imported';
ALTER TABLE alerts DROP CONSTRAINT alerts_referral_if_about_one;
ALTER TABLE alerts ADD CONSTRAINT alerts_referral_if_about_one CHECK ((kind IN ('test', 'test_run', 'webhook_disabled')) = (referral_id IS NULL));
ALTER TABLE alerts DROP CONSTRAINT alerts_kind_vocabulary;
ALTER TABLE alerts ADD CONSTRAINT alerts_kind_vocabulary CHECK (kind IN
    ('referral_received', 'referral_assigned', 'action_due', 'escalated', 'test', 'test_run', 'webhook_disabled'));
ALTER TABLE referral_imports DROP COLUMN told_member_ids;
