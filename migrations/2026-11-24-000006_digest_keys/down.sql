REVOKE UPDATE (digest, key_id) ON referral_digests FROM handoff_app;
ALTER TABLE referral_digests DROP COLUMN key_id;
