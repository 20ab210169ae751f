DROP INDEX alerts_by_referral;
DROP INDEX alerts_waiting;
ALTER TABLE alerts DROP COLUMN taken_up_at;
ALTER TABLE members DROP COLUMN alert_channels;
